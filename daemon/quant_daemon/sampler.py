"""Takes a picture of the account at equal spacing, the same in every mode."""

from __future__ import annotations

from typing import Final

from quant_contracts.events import PortfolioSnapshot
from quant_contracts.protocols import Portfolio
from quant_contracts.units import DAY, HOUR, MINUTE, SECOND, Nanos

SPACINGS: Final = (SECOND, 10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY)
"""Each divides a day, so that 00:00 UTC, which daily returns are taken at, is always among the samples."""

MOST_SAMPLES: Final = 4096
"""A finer picture than this is not seen in a chart."""


def spacing(start: Nanos, end: Nanos, interval: Nanos = MINUTE) -> Nanos:
    """The finest spacing that keeps a run from `start` to `end` within `MOST_SAMPLES`, at most a day.

    It is no finer than a minute, or than the shortest bars where those are shorter.

    >>> (
    ...     spacing(0, 365 * DAY) == 4 * HOUR,
    ...     spacing(0, HOUR) == MINUTE,
    ...     spacing(0, HOUR, 5 * SECOND) == 10 * SECOND,
    ... )
    (True, True, True)
    """
    for candidate in SPACINGS:
        if (end - start) // candidate <= MOST_SAMPLES and candidate >= min(interval, MINUTE):
            return candidate
    return DAY


class EquitySampler:
    """Collects account snapshots from the start of trading to its end.

    Between two moments at which anything becomes known the account stands still, so a sample is taken
    when time has moved past it: whoever moves time calls `take` until `next` is no longer behind. Where
    nobody knows the end, samples begin close together and are thinned out as the run goes on, so that at
    its end they are those of a run whose end was known.
    """

    __slots__ = ("_every", "_interval", "_portfolio", "_start", "next", "samples")

    def __init__(self, portfolio: Portfolio) -> None:
        self.samples: list[PortfolioSnapshot] = []
        self.next: Nanos = 0
        """The moment of the next sample: it sees what is known then, that of the moment itself included."""
        self._every: Nanos = DAY
        self._start: Nanos = 0
        self._interval: Nanos = MINUTE
        self._portfolio = portfolio

    def start(self, ts: Nanos, end: Nanos | None, interval: Nanos = MINUTE) -> None:
        """Take the first sample of a run over bars of `interval` that will end at `end`, if that is known."""
        self._start, self._interval = ts, interval
        self._every = spacing(ts, ts if end is None else end, interval)
        self.samples.append(self._portfolio.snapshot(ts))
        self.next = ts - ts % self._every + self._every

    def take(self) -> None:
        """Take the next sample, of the account as it stands."""
        self.samples.append(self._portfolio.snapshot(self.next))
        self.next += self._every
        if len(self.samples) > MOST_SAMPLES and self._every < DAY:
            self._thin_out(self.next - self._every)

    def stop(self, ts: Nanos) -> None:
        """Take the samples that are left up to `ts`, and one at `ts`."""
        while self.next <= ts:
            self.take()
        self._thin_out(ts)
        if self.samples[-1].ts != ts:
            self.samples.append(self._portfolio.snapshot(ts))

    def _thin_out(self, now: Nanos) -> None:
        """Keep those samples that a run would have which was known to last until `now`."""
        every = max(self._every, spacing(self._start, now, self._interval))
        if every != self._every:
            self._every = every
            self.samples[1:] = [sample for sample in self.samples[1:] if not sample.ts % every]
            self.next = now - now % every + every
