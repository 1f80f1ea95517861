"""What every handler of a stream has to say of how far it can be trusted: its age and its holes."""

from __future__ import annotations

from typing import Final

from quant_contracts.duration import age_name
from quant_contracts.errors import DataError
from quant_contracts.events import DataGap, Freshness
from quant_contracts.units import Nanos

MOST_GAPS: Final = 1_000
"""Holes that are kept one by one; those after it are only counted."""

GAP_BYTES: Final = 500
"""More than one of them takes."""


def by_age(known: Nanos, ts: Nanos, max_age: Nanos | None) -> tuple[Freshness, str]:
    """Fresh or stale, and why, of what became known last at `known` and is sound.

    >>> by_age(10, 25, 20), by_age(10, 40, 20)
    (('fresh', ''), ('stale', 'last change 30ns ago'))
    """
    if max_age is not None and ts - known > max_age:
        return "stale", f"last change {age_name(ts - known)} ago"
    return "fresh", ""


class Holes:
    """The holes of one stream, in the order in which they were found, in bounded memory."""

    __slots__ = ("_domain", "_found", "_symbol", "count")

    def __init__(self, domain: str, symbol: str) -> None:
        self._domain = domain
        self._symbol = symbol
        self._found: list[DataGap] = []
        self.count = 0
        """How many there were, kept or not."""

    def add(self, ts: Nanos, missing_from: Nanos, reason: str) -> None:
        """A hole that was found at `ts`, behind what became known at `missing_from`."""
        self.count += 1
        if len(self._found) < MOST_GAPS:
            self._found.append(DataGap(ts, self._symbol, self._domain, missing_from, ts, reason))

    def found(self) -> tuple[DataGap, ...]:
        """The first `MOST_GAPS` of them."""
        return tuple(self._found)


def refuse_out_of_turn(domain: str, symbol: str, last: Nanos, other: str, known: Nanos) -> None:
    """Raise DataError where a row is of another symbol, or known before the last one."""
    if other != symbol:
        raise DataError(f"a row of {other} came to the handler of {symbol} {domain}")
    if known < last:
        raise DataError(
            f"{symbol} {domain}: a row known at {known} came after one known at {last}; "
            "rows must come in the order in which they became known"
        )
