"""What every source of the web asks of its settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from quant_channels.sentiment.tokens import Secret, read_token
from quant_contracts.duration import parse_setting

TokenCall = Callable[[], Secret]
"""Gives the token of the moment, for programs that keep it elsewhere than in a file."""


def check_label(name: str, value: str) -> None:
    """Raise ValueError unless `value` can stand in the name of a source."""
    if not re.fullmatch(r"[\w.-]{1,60}", value, re.ASCII):
        raise ValueError(f"{name} must be 1 to 60 of letters, digits, _ . and -, not {value!r}")


def check_every(every: str) -> int:
    """Nanoseconds of a cadence; raises ValueError for none."""
    return parse_setting("every", every)


def check_address(name: str, value: str) -> None:
    """Raise ValueError unless `value` is an address of the web without a password in it."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"{name} must be an address such as https://host/path without a name or password")


def check_count(name: str, value: int, most: int) -> None:
    """Raise ValueError unless `value` lies from 1 to `most`."""
    if not 1 <= value <= most:
        raise ValueError(f"{name} must be from 1 to {most}, not {value}")


def find_token(call: TokenCall | None, file: str) -> Secret | None:
    """The token, read anew at every look so that it can be changed under way; None where none is set up."""
    if call is not None:
        return call()
    return read_token(file) if file else None
