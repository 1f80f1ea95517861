"""Lengths of time as people write them: 15m, 4h, 1d."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

import msgspec

from quant_contracts.errors import ConfigError
from quant_contracts.units import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, Nanos

UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


AGES: Final = (
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("us", MICROSECOND),
)

Length: TypeAlias = Annotated[str, msgspec.Meta(description="length of time", examples=["5s"])]
"""A setting that is a length of time, as text: `5s`. A number alone is refused with an example."""

LONGEST: Final[Nanos] = 3650 * DAY

YEARS: Final = range(1970, 2262)
"""Whole years that nanoseconds in 64 bits reach."""


def parse_interval(text: str) -> Nanos:
    """Nanoseconds in a length such as `15m`.

    >>> parse_interval("15m") == 15 * MINUTE
    True
    """
    match = re.fullmatch(r"([1-9]\d{0,5})([smhdw])", text)
    if match is None:
        raise ConfigError(
            f"{text!r} is not an interval; write a number and one of s, m, h, d, w, such as 15m"
        )
    interval = int(match[1]) * UNITS[match[2]]
    if interval > LONGEST:
        raise ConfigError(f"{text!r} is too long an interval; {interval_name(LONGEST)} is the longest")
    return interval


def parse_setting(name: str, text: str) -> Nanos:
    """`parse_interval` of a part's setting, for its `__post_init__`: raises ValueError that names it."""
    try:
        return parse_interval(text)
    except ConfigError as error:
        raise ValueError(f"{name}: {error}") from None


def interval_name(interval: Nanos) -> str:
    """The shortest way to write a length.

    >>> interval_name(15 * MINUTE), interval_name(DAY), interval_name(90 * SECOND)
    ('15m', '1d', '90s')
    """
    for unit in ("d", "h", "m", "s"):
        if interval % UNITS[unit] == 0:
            return f"{interval // UNITS[unit]}{unit}"
    return f"{interval}ns"


def age_name(age: Nanos) -> str:
    """How long ago something was, as short as a person would say it: three digits, one unit.

    >>> age_name(4_218_000_000), age_name(61 * MINUTE), age_name(12 * HOUR + 9), age_name(49)
    ('4.22s', '61m', '12h', '49ns')
    """
    for unit, length in AGES:
        if age >= 2 * length:
            return f"{age / length:.3g}{unit}"
    return f"{age}ns"


def parse_time(text: str) -> Nanos:
    """UTC nanoseconds of an ISO date or date and time; one without a zone is UTC.

    >>> parse_time("1970-01-02")
    86400000000000
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not a date; write 2022-01-01 or 2022-01-01T12:30:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment.year not in YEARS:
        raise ConfigError(f"{text!r} is out of reach; write a date from {YEARS[0]} to {YEARS[-1]}")
    return int(moment.timestamp()) * SECOND + moment.microsecond * 1_000


def time_name(ts: Nanos) -> str:
    """A moment as people read it, to the second, in UTC.

    >>> time_name(86_400_000_000_000)
    '1970-01-02T00:00:00Z'
    """
    return datetime.fromtimestamp(ts // SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
