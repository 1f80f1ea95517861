"""What passes between the HTTP client and the sources: questions' terms, answers, and failures by kind."""

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
