"""Falls from a peak: how deep, how long, and whether they were made good."""

from __future__ import annotations

import msgspec
import numpy as np

from quant_contracts.blocks import Column, Times
from quant_contracts.duration import time_name
from quant_contracts.units import DAY, Fraction


class Drawdown(msgspec.Struct, frozen=True):
    """One fall, from its peak to the first moment that is no lower than the peak. Times are ISO, UTC."""

    depth: Fraction
    """Lowest equity over the peak minus one: below 0."""
    peak: str
    trough: str
    recovery: str | None
    """None while it is open."""
    days: float
    """From peak to recovery, or to the end while it is open."""

    @property
    def is_open(self) -> bool:
        """Not made good by the end."""
        return self.recovery is None


def depths(equity: Column) -> Column:
    """E / peak - 1 at every point, 0 at a new peak. The first point is the first peak and above 0.

    >>> depths(np.array([100.0, 110.0, 99.0, 121.0])).round(12).tolist()
    [0.0, 0.0, -0.1, 0.0]
    """
    below: Column = equity / np.maximum.accumulate(equity) - 1.0
    return below


def drawdowns(equity: Column, ts: Times) -> list[Drawdown]:
    """Every fall of the series, the deepest first; the earlier of two equal ones first."""
    depth = depths(equity)
    under = np.concatenate(([False], equity < np.maximum.accumulate(equity), [False]))
    starts = np.flatnonzero(under[1:] & ~under[:-1])
    stops = np.flatnonzero(under[:-1] & ~under[1:])
    found = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        lowest = start + int(np.argmin(depth[start:stop]))
        recovered = stop < len(equity)
        end = int(ts[stop]) if recovered else int(ts[-1])
        begin = int(ts[start - 1])
        found.append(
            Drawdown(
                depth=float(depth[lowest]),
                peak=time_name(begin),
                trough=time_name(int(ts[lowest])),
                recovery=time_name(end) if recovered else None,
                days=(end - begin) / DAY,
            )
        )
    return sorted(found, key=lambda drawdown: (drawdown.depth, drawdown.peak))
