"""One value a day: equity at 00:00 UTC, and the returns between those moments."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import Column, Times
from quant_contracts.duration import time_name
from quant_contracts.units import DAY, Nanos

Rows: TypeAlias = npt.NDArray[np.int64]


class Days(msgspec.Struct, frozen=True, eq=False):
    """Which samples make the daily series.

    The series begins with the first sample, the initial capital, and has every 00:00 UTC after it. A
    last sample at another hour ends it. So the first and the last return may cover less than a day,
    and each of them still counts as one daily return. A midnight without a sample of its own takes
    the last one before it.
    """

    ts: Times
    rows: Rows
    """For each point, the sample it is read from."""

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def returns(self) -> int:
        """How many daily returns there are."""
        return len(self.ts) - 1

    @property
    def first_span(self) -> Nanos:
        """What the first return covers."""
        return int(self.ts[1] - self.ts[0]) if self.returns else 0

    @property
    def last_span(self) -> Nanos:
        """What the last return covers."""
        return int(self.ts[-1] - self.ts[-2]) if self.returns else 0


def days_of(ts: Times) -> Days:
    """The daily series of samples taken at `ts`, which never falls.

    >>> hours = np.array([20, 22, 24, 26, 48, 50], dtype=np.int64)
    >>> days = days_of(hours * DAY // 24)
    >>> days.rows.tolist(), days.returns
    ([0, 2, 4, 5], 3)
    """
    first, last = int(ts[0]), int(ts[-1])
    times = np.arange(first // DAY + 1, last // DAY + 1, dtype=np.int64) * DAY
    if last % DAY and last > first:
        times = np.append(times, last)
    rows = np.searchsorted(ts, times, side="right") - 1
    return Days(np.insert(times, 0, first), np.insert(rows, 0, 0))


def simple_returns(equity: Column) -> Column:
    """E_t / E_(t-1) - 1 of a series that is above 0."""
    returns: Column = equity[1:] / equity[:-1] - 1.0
    return returns


def missing_returns(equity: Column, ts: Times) -> str:
    """Why a daily equity series has no returns, empty when it has."""
    if len(equity) < 2:
        return "no time passed"
    if equity[0] <= 0:
        return "the initial capital is not above 0"
    ruined = np.flatnonzero(equity <= 0)
    return f"equity was not above 0 on {time_name(int(ts[ruined[0]]))[:10]}" if len(ruined) else ""
