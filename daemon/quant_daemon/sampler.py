"""Takes a picture of the account at equal spacing, by timers of the clock, the same in every mode."""

from __future__ import annotations

from typing import Final

from quant_contracts.events import PortfolioSnapshot
from quant_contracts.protocols import Clock, Portfolio
from quant_contracts.units import DAY, HOUR, MINUTE, Nanos

SPACINGS: Final = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY)
"""Each divides a day, so that 00:00 UTC, which daily returns are taken at, is always among the samples."""

MOST_SAMPLES: Final = 4096
"""A finer picture than this is not seen in a chart."""


def spacing(start: Nanos, end: Nanos) -> Nanos:
    """The finest spacing that keeps a run from `start` to `end` within `MOST_SAMPLES`, at most a day.

    >>> spacing(0, 365 * DAY) == 4 * HOUR
    True
    """
    for candidate in SPACINGS:
        if (end - start) // candidate <= MOST_SAMPLES:
            return candidate
    return DAY


class EquitySampler:
    """Collects account snapshots from the start of trading to its end."""

    def __init__(self, portfolio: Portfolio, clock: Clock) -> None:
        self.samples: list[PortfolioSnapshot] = []
        self._portfolio = portfolio
        self._clock = clock
        self._every: Nanos = DAY

    def start(self, ts: Nanos, end: Nanos) -> None:
        """Take the first sample and set the timer of the next."""
        self._every = spacing(ts, end)
        self._take(ts)
        self._clock.at(ts - ts % self._every + self._every, self._on_timer)

    def stop(self, ts: Nanos) -> None:
        """Take the last sample, unless the timer has just done so."""
        if self.samples[-1].ts != ts:
            self._take(ts)

    def _on_timer(self, due: Nanos) -> None:
        self._take(due)
        self._clock.at(due + self._every, self._on_timer)

    def _take(self, ts: Nanos) -> None:
        self.samples.append(self._portfolio.snapshot(ts))
