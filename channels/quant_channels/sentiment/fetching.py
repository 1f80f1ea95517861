"""What passes between the HTTP client and the sources: terms of asking, answers, and failures by kind."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from quant_contracts.errors import Recoverable

FailureKind: TypeAlias = Literal[
    "connection",
    "timeout",
    "truncated",
    "rate_limited",
    "server_error",
    "status",
    "refused",
    "redirect",
    "too_large",
    "encoding",
    "not_a_feed",
    "not_json",
    "layout",
]
"""Why there is no answer, for the health of a source and its metrics: few, and none of them free text."""


class FetchFailed(Recoverable):
    """A source gave no answer that can be used. The others go on, and it is asked again at its next turn."""

    def __init__(self, kind: FailureKind, text: str, *, again: bool = False) -> None:
        super().__init__(text)
        self.kind: FailureKind = kind
        self.again = again
        """Whether the same question may be asked again at once, after a pause."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long, how much and how often."""

    timeout_seconds: float = 20.0
    """For one request with its answer, connecting included."""
    most_bytes: int = 8 * 2**20
    """Of an answer, as sent and as unpacked."""
    redirects: int = 5
    tries: int = 4
    """Requests in all before an answer is given up."""
    first_wait_seconds: float = 1.0
    """Before the second try; doubles from try to try, times a random factor from 0.5 to 1.5."""
    longest_wait_seconds: float = 120.0
    """A server that asks for more is not waited for: the request fails, and none is sent until then."""
    spacing_seconds: float = 1.0
    """Between two requests to one host."""
    user_agent: str = "quant-engine/0.1"

    def __post_init__(self) -> None:
        for name, least in (("most_bytes", 1), ("redirects", 0), ("tries", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        for name in ("timeout_seconds", "first_wait_seconds", "longest_wait_seconds", "spacing_seconds"):
            value = getattr(self, name)
            if not 0 <= value <= 86_400 or (name == "timeout_seconds" and not value):
                raise ValueError(f"{name} must be from 0 to 86400 seconds, not {value}")
        if not (self.user_agent.isascii() and self.user_agent.isprintable()):
            raise ValueError(f"user_agent must be printable ASCII, not {self.user_agent!r}")


class Validators(msgspec.Struct, frozen=True):
    """What a server tells of an answer so that it need not send it again; empty where it told nothing."""

    etag: str = ""
    modified: str = ""

    def headers(self) -> dict[str, str]:
        """The headers of a conditional request."""
        told = (("If-None-Match", self.etag), ("If-Modified-Since", self.modified))
        # They come from a server and go back to one: what could break a header stays out.
        return {name: value for name, value in told if value and value.isascii() and value.isprintable()}


class RateLimit(msgspec.Struct, frozen=True):
    """The headers in which a server tells how many requests are left, in small letters."""

    remaining: str
    reset: str
    is_epoch: bool
    """Whether `reset` is a moment in seconds since 1970, or seconds from now."""


class Reply(msgspec.Struct, frozen=True):
    """A good answer."""

    status: int
    """200, or 304 where nothing changed."""
    url: str
    """Where it came from, without anything secret."""
    content_type: str
    body: bytes
    validators: Validators
