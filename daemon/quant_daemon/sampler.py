"""Takes a picture of the account at equal spacing, the same in every mode."""

from __future__ import annotations

from typing import Final

from quant_contracts.events import PortfolioSnapshot
from quant_contracts.protocols import Portfolio
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
    """Collects account snapshots from the start of trading to its end.

    Between two moments at which anything becomes known the account stands still, so a sample is taken
    when time has moved past it: whoever moves time calls `take` until `next` is no longer behind.
    """

    __slots__ = ("_every", "_portfolio", "next", "samples")

    def __init__(self, portfolio: Portfolio) -> None:
        self.samples: list[PortfolioSnapshot] = []
        self.next: Nanos = 0
        """The moment of the next sample: it sees what is known then, that of the moment itself included."""
        self._every: Nanos = DAY
        self._portfolio = portfolio

    def start(self, ts: Nanos, end: Nanos) -> None:
        """Take the first sample of a run that will end at `end`, as far as anybody knows."""
        self._every = spacing(ts, end)
        self.samples.append(self._portfolio.snapshot(ts))
        self.next = ts - ts % self._every + self._every

    def take(self) -> None:
        """Take the next sample, of the account as it stands."""
        self.samples.append(self._portfolio.snapshot(self.next))
        self.next += self._every

    def stop(self, ts: Nanos) -> None:
        """Take the samples that are left up to `ts`, and one at `ts`."""
        while self.next <= ts:
            self.take()
        if self.samples[-1].ts != ts:
            self.samples.append(self._portfolio.snapshot(ts))
