"""Decimal text as whole steps, without a float in between; what cannot be read exactly is refused."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from math import gcd
from typing import Final, Literal

import msgspec

from quant_contracts.units import MICROSECOND, MILLISECOND, Nanos

REMEMBERED: Final = 1 << 14
"""Texts kept with their steps, some 2 MB: prices and sizes come back again and again."""
LONGEST: Final = 40
"""Characters of a number; no venue writes longer ones."""
MOST: Final = 1 << 53
"""Steps that still are exact as a float."""

LEAST: Final = 1e-12
"""Prices and amounts that no grid binds are not smaller; what is divided by such would overflow."""

MOST_LOTS: Final = 1 << 62
"""Steps that can be stored. A size need not be exact as a float, and some are of coins without worth."""

EARLIEST_MS: Final = 1_230_768_000_000
"""2009: no venue of coins is older."""
LATEST_MS: Final = 4_102_444_800_000
"""2100. Microseconds or nanoseconds in the place of milliseconds lie far beyond."""

NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


class Misfit(msgspec.Struct, frozen=True):
    """A number that lies between two steps.

    >>> Misfit("price", "0.35210", Decimal("0.001")).fits, Misfit("size", "105", Decimal(10)).fits
    (Decimal('0.0001'), Decimal('1'))
    """

    name: Literal["price", "size"]
    text: str
    step: Decimal

    @property
    def fits(self) -> Decimal:
        """The largest decimal unit that the number and the steps are whole in."""
        plain = (f"{value.normalize():f}".partition(".")[2] for value in (Decimal(self.text), self.step))
        return Decimal(1).scaleb(-max(map(len, plain)))


class Refusal(Exception):
    """A frame cannot be taken; `reason` is what is counted."""

    def __init__(self, reason: str, misfit: Misfit | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.misfit = misfit
        """What was off the grid, where that is the reason."""


def size_step(lot: Decimal) -> Decimal:
    """The steps in which a book's sizes are read: a millionth of the lot, not below 1e-8.

    Orders are in whole lots, what stands in a book is not: when a venue makes its lot larger, the crumbs of
    older orders stay.

    >>> size_step(Decimal("0.00001")), size_step(Decimal("10"))
    (Decimal('1E-8'), Decimal('0.000010'))
    """
    return max(lot.scaleb(-6), min(lot, Decimal("1e-8")))


class Steps(dict[str | bytes, int]):
    """How many whole steps a decimal text is; remembers the last ones it read, which is its only memory.

    Looking a text up costs a twentieth of reading it. Refuses what is no plain number, negative, between
    two steps, below `least` or too large.

    >>> ticks = Steps(Decimal("0.1"), least=1)
    >>> ticks["95000.10000000"], ticks[b"1e3"]
    (950001, 10000)
    >>> try:
    ...     ticks["95000.15"]
    ... except Refusal as refusal:
    ...     print(refusal.reason)
    off_grid
    """

    def __init__(
        self, step: Decimal, least: int, most: int = MOST, name: Literal["price", "size"] = "price"
    ) -> None:
        super().__init__()
        self._step = step
        self._name = name
        over, under = step.as_integer_ratio()
        # By how many decimals a text has: what its digits are multiplied and divided by.
        self._scales = [reduced(under, over * 10**decimals) for decimals in range(LONGEST)]
        self._least = least
        self._most = most

    def __missing__(self, text: str | bytes) -> int:
        count = self._count(text.decode("ascii", "replace") if isinstance(text, bytes) else text)
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = count
        return count

    def _count(self, text: str) -> int:
        whole, _, part = text.partition(".")
        digits = whole + part
        if not (digits.isdecimal() and digits.isascii() and whole and len(text) <= LONGEST):
            return self._odd(text)
        up, down = self._scales[len(part)]
        count = int(digits) * up
        if down != 1:
            count, rest = divmod(count, down)
            if rest:
                raise Refusal("off_grid", Misfit(self._name, text, self._step))
        if self._least <= count <= self._most:
            return count
        raise Refusal("too_large" if count > self._most else "not_positive")

    def _odd(self, text: str) -> int:
        """A number with an exponent, or none at all."""
        if len(text) > LONGEST or not NUMBER.fullmatch(text):
            raise Refusal("negative" if text.startswith("-") else "not_a_number")
        value = Decimal(text)
        if abs(value.adjusted()) > LONGEST // 2:
            raise Refusal("too_large" if value.adjusted() > 0 else "off_grid")
        plain = f"{value:f}"
        if len(plain) > LONGEST:
            raise Refusal("off_grid")
        return self._count(plain)


def reduced(over: int, under: int) -> tuple[int, int]:
    """A fraction in lowest terms."""
    common = gcd(over, under)
    return over // common, under // common


def millis(value: int) -> Nanos:
    """A time in milliseconds as nanoseconds; refused where it cannot be one."""
    if not EARLIEST_MS <= value <= LATEST_MS:
        raise Refusal("wild_time")
    return value * MILLISECOND


def whole(text: str) -> int:
    """A number of the venue written as text, such as a trade id or a time."""
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise Refusal("not_a_number")
    return int(text)


def iso(text: str) -> Nanos:
    """A time as ISO text in UTC, to the microsecond, as nanoseconds."""
    try:
        moment = datetime.fromisoformat(text)
        micros = int(moment.timestamp()) * 1_000_000 + moment.microsecond
    except (ValueError, OverflowError):
        raise Refusal("wild_time") from None
    if moment.tzinfo is None or not EARLIEST_MS <= micros // 1_000 <= LATEST_MS:
        raise Refusal("wild_time")
    return micros * MICROSECOND


def number(index: int) -> int:
    """A sequence number or an id: 0 or more, and storable."""
    if not 0 <= index < 1 << 62:
        raise Refusal("wild_number")
    return index


def priced(text: str) -> float:
    """A price that no grid binds, such as a mark: a float above 0, at least `LEAST`."""
    if not NUMBER.fullmatch(text) or len(text) > LONGEST:
        raise Refusal("negative" if text.startswith("-") else "not_a_number")
    value = float(text)
    if not LEAST <= value < MOST:
        raise Refusal("not_positive" if value == 0 else "too_small" if value < LEAST else "too_large")
    return value


def rate(text: str) -> float:
    """A share of either sign and below 1, such as a funding rate."""
    if not NUMBER.fullmatch(text.removeprefix("-")) or len(text) > LONGEST:
        raise Refusal("not_a_number")
    return share(float(text))


def share(value: float) -> float:
    """The same of a number."""
    if not -1 < value < 1:
        raise Refusal("too_large")
    return value


def amount(value: float | None) -> float | None:
    """A float of the venue that is 0 or more; None stays None."""
    if value is not None and value != 0 and not LEAST <= value < MOST:
        raise Refusal("negative" if value < 0 else "too_small" if value < LEAST else "too_large")
    return value
