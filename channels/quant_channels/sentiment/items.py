"""What a source yields: one text as it stands there now, with the times its source gives it."""

from __future__ import annotations

import calendar
import math
import re
import time
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from quant_channels.sentiment.fetching import FetchFailed, Reply
from quant_channels.sentiment.text.cleaning import LIMIT
from quant_contracts.units import MICROSECOND, MILLISECOND, SECOND, Nanos

EARLIEST: Final[Nanos] = 0
LATEST: Final[Nanos] = 9_214_646_400 * SECOND
"""2262-01-01: the last year that 64 bits reach."""
TITLE_LIMIT: Final = 1_000
URL_LIMIT: Final = 2_000
ID_LIMIT: Final = 500
UNITS: Final = {"s": SECOND, "ms": MILLISECOND, "us": MICROSECOND, "ns": 1}


class RawItem(msgspec.Struct, frozen=True):
    """One text at a source, as it is there now."""

    native_id: str
    """What the source calls it; the same for every version of it."""
    url: str
    title: str
    text: str
    """Without the title."""
    published: Nanos | None = None
    """By the source's clock; None where it does not say."""
    revised: Nanos | None = None
    is_deleted: bool = False


def make_item(
    native_id: object,
    *,
    url: object = "",
    title: object = "",
    text: object = "",
    published: Nanos | None = None,
    revised: Nanos | None = None,
    is_deleted: bool = False,
) -> RawItem | None:
    """An item of what a source sent, cut to size; None where it has no name, or neither text nor deletion.

    >>> item = make_item(7, title=" Bitcoin rises", url="javascript:alert(1)")
    >>> item.native_id, item.title, item.url
    ('7', 'Bitcoin rises', '')
    """
    named = isinstance(native_id, str | int) and not isinstance(native_id, bool)
    name = str(native_id).strip() if named else ""
    said_title, said_text = _written(title)[:TITLE_LIMIT].strip(), _written(text)[:LIMIT].strip()
    if not name or len(name) > ID_LIMIT or not (said_title or said_text or is_deleted):
        return None
    address = _written(url).strip()
    if len(address) > URL_LIMIT or not re.match(r"https?://[^\s]+\Z", address, re.IGNORECASE):
        address = ""
    if is_deleted:
        return RawItem(_writable(name), address, "", "", published, revised, is_deleted=True)
    return RawItem(_writable(name), address, said_title, said_text, published, revised)


def _written(value: object) -> str:
    return _writable(value) if isinstance(value, str) else ""


def _writable(text: str) -> str:
    # Half of a surrogate pair cannot be stored.
    return text.encode("utf-8", "replace").decode()


def moment(value: object, unit: str = "s") -> Nanos | None:
    """A time as sources write it: ISO 8601, as in mail, or a number in `unit`; None for anything else.

    >>> moment("2025-10-03T12:00:00Z") == moment("Fri, 03 Oct 2025 12:00:00 GMT") == moment(1759492800)
    True
    """
    if isinstance(value, str):
        return _moment_of_text(value.strip(), unit)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return lawful(int(Decimal(repr(value)) * UNITS[unit]))


def _moment_of_text(text: str, unit: str) -> Nanos | None:
    if re.fullmatch(r"\d{1,19}(\.\d{1,9})?", text, re.ASCII):
        try:
            return lawful(int(Decimal(text) * UNITS[unit]))
        except InvalidOperation:
            return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            when = parse(text[:64])
            aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
            whole = calendar.timegm(aware.astimezone(UTC).timetuple())
        except (ValueError, OverflowError):
            continue
        return lawful(whole * SECOND + aware.microsecond * MICROSECOND)
    return None


def moment_of_struct(parsed: time.struct_time | None) -> Nanos | None:
    """The same of a `struct_time` in UTC."""
    if parsed is None:
        return None
    try:
        return lawful(calendar.timegm(parsed) * SECOND)
    except (ValueError, OverflowError):
        return None


def lawful(ts: int) -> Nanos | None:
    """`ts` where it lies between 1970 and 2262, None elsewhere: nobody published anything then."""
    return ts if EARLIEST < ts < LATEST else None


def read_json(reply: Reply) -> Any:
    """The JSON of an answer; raises FetchFailed where it is none, or nested too deeply to be meant."""
    body = reply.body.removeprefix(b"\xef\xbb\xbf")
    charset = re.search(r"charset=\"?([\w.-]+)", reply.content_type, re.IGNORECASE)
    try:
        if charset is not None and charset[1].lower() not in {"utf-8", "utf8"}:
            body = body.decode(charset[1]).encode()
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, LookupError, RecursionError) as error:
        raise FetchFailed(
            "not_json",
            f"{reply.url} sent no JSON but {reply.content_type[:60]!r} ({type(error).__name__})",
        ) from None


def at_path(value: Any, path: str) -> Any:
    """What stands at a path such as `data.title` or `items.0`; None where nothing does.

    >>> at_path({"data": [{"title": "a"}]}, "data.0.title")
    'a'
    """
    for step in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
