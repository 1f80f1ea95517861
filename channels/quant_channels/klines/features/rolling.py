"""Mean and variance of the last `window` values, many at once or one by one, with the same bits.

A running sum that adds the newest value and takes away the oldest drifts: what rounding did to it
stays for ever. Here the stream is cut into rows of `window` values, so that every window is the end of
one row and the start of the next (van Herk 1992; Gil and Werman 1993, there for maxima):

    row before                      row being filled
    . . . . . . [x x x x x x x x x | x x x x x x x x] . . . . .
                 `-- suffix ----'   `-- prefix ---'

Suffix sums of a row are taken once it is full, prefix sums as it fills; a window's sum is one of each.
Nothing is ever taken away, and nothing outside a window has a part in its sums.

All values count as distances to a pivot, the last value of the row before, which lies in every window
that crosses into the next row. A window of equal values so has exactly that mean and a variance of
exactly 0. And the textbook formula (Q - S*S/n)/n, with S and Q the sums of distances and of their
squares, loses little by cancellation: no value of a sample is further than sqrt(n - 1) deviations from
its mean (Samuelson 1968), so Q is at most n times what is left of it.

A block takes all its rows together: two `np.add.accumulate`, which add in the order of a loop.
"""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import Column

Grid = npt.NDArray[np.float64]


class RollingMean:
    """Mean of the last `window` values; NaN until there are as many.

    A NaN pushed gives NaN and leaves no trace.

    >>> mean = RollingMean(2)
    >>> [mean.push(x) for x in (1.0, 2.0, 4.0)]
    [nan, 1.5, 3.0]
    >>> mean.push_many(np.array([8.0, 16.0])).tolist()
    [6.0, 12.0]
    """

    __slots__ = ("before", "left", "pivot", "row", "sum", "sums", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        # Rows are kept newest value first. A row of NaN before the first makes all NaN that looks back.
        self.before = [nan] * window
        self.row = [nan] * window
        self.left = window
        self.pivot = nan
        self.sum = 0.0
        self.sums = [nan] * (window + 1)
        """Item i is the sum of the last i values of the row before."""

    def push(self, x: float) -> float:
        """The mean with `x` in it."""
        if isnan(x):
            return x
        left = self.left - 1
        self.row[left] = x
        if not left:
            return self._turn()
        self.left = left
        self.sum = total = self.sum + (x - self.pivot)
        return self.pivot + (self.sums[left] + total) / self.window

    def _turn(self) -> float:
        """The row is full: it becomes the row before."""
        self.before, self.row = self.row, self.before
        self.pivot = pivot = self.before[0]
        total = 0.0
        self.sums = sums = [0.0]
        for x in self.before:
            total += x - pivot
            sums.append(total)
        self.sum = 0.0
        self.left = self.window
        return pivot + total / self.window

    def push_many(self, x: Column) -> Column:
        """`push` for each value of a column."""
        known = ~np.isnan(x)
        if not known.all():
            y = np.full(len(x), nan)
            y[known] = self.push_many(x[known])
            return y
        window = self.window
        start = window - self.left
        stop = start + len(x)
        rows = _rows(self.before, self.row, start, x)
        suffixes, prefixes = _distances(rows)
        np.add.accumulate(suffixes, axis=1, out=suffixes)
        np.add.accumulate(prefixes, axis=1, out=prefixes)
        y = (_pivots(rows) + _windows(suffixes, prefixes) / window).reshape(-1)[start:stop]

        full, filled = divmod(stop, window)
        self.before, self.row = _kept(rows, full, filled)
        self.left = window - filled
        self.pivot = self.before[0]
        self.sums = [0.0, *suffixes[full].tolist()]
        self.sum = float(prefixes[full, filled - 1]) if filled else 0.0
        return y


class RollingMoments:
    """Mean and variance of the last `window` values, at least 2; NaN until there are as many.

    The mean comes in two parts, a pivot and the distance of the mean from it, because the distance of a
    value from the mean is more exact as (value - pivot) - distance. The variance is that of a population:
    the sum of squares is divided by `window`. It is never negative. A NaN pushed leaves no trace.

    >>> moments = RollingMoments(2)
    >>> [moments.push(x) for x in (1.0, 3.0, 3.0)]
    [(nan, nan, nan), (3.0, -1.0, 1.0), (3.0, 0.0, 0.0)]
    """

    __slots__ = ("before", "left", "pivot", "row", "square", "squares", "sum", "sums", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.before = [nan] * window
        self.row = [nan] * window
        self.left = window
        self.pivot = nan
        self.sum = self.square = 0.0
        self.sums = self.squares = [nan] * (window + 1)

    def push(self, x: float) -> tuple[float, float, float]:
        """Pivot, distance of the mean from the pivot, and variance, with `x` in them."""
        if isnan(x):
            return x, x, x
        left = self.left - 1
        self.row[left] = x
        if not left:
            return self._turn()
        self.left = left
        pivot, window = self.pivot, self.window
        distance = x - pivot
        self.sum = total = self.sum + distance
        self.square = square = self.square + distance * distance
        total += self.sums[left]
        mean = total / window
        variance = (square + self.squares[left] - total * mean) / window
        return pivot, mean, 0.0 if variance < 0.0 else variance  # noqa: FURB136 - max costs a call

    def _turn(self) -> tuple[float, float, float]:
        self.before, self.row = self.row, self.before
        self.pivot = pivot = self.before[0]
        total = square = 0.0
        self.sums, self.squares = sums, squares = [0.0], [0.0]
        for x in self.before:
            distance = x - pivot
            total += distance
            square += distance * distance
            sums.append(total)
            squares.append(square)
        self.sum = self.square = 0.0
        self.left = window = self.window
        mean = total / window
        variance = (square - total * mean) / window
        return pivot, mean, 0.0 if variance < 0.0 else variance  # noqa: FURB136 - max costs a call

    def push_many(self, x: Column) -> tuple[Column, Column, Column]:
        """`push` for each value of a column."""
        known = ~np.isnan(x)
        if not known.all():
            columns = tuple(np.full(len(x), nan) for _ in range(3))
            for column, values in zip(columns, self.push_many(x[known]), strict=True):
                column[known] = values
            return columns[0], columns[1], columns[2]
        window = self.window
        start = window - self.left
        stop = start + len(x)
        rows = _rows(self.before, self.row, start, x)
        suffixes, prefixes = _distances(rows)
        squared_suffixes = np.add.accumulate(suffixes * suffixes, axis=1)
        squared_prefixes = np.add.accumulate(prefixes * prefixes, axis=1)
        np.add.accumulate(suffixes, axis=1, out=suffixes)
        np.add.accumulate(prefixes, axis=1, out=prefixes)
        totals = _windows(suffixes, prefixes)
        means = totals / window
        variances = (_windows(squared_suffixes, squared_prefixes) - totals * means) / window
        variances[variances < 0.0] = 0.0

        full, filled = divmod(stop, window)
        self.before, self.row = _kept(rows, full, filled)
        self.left = window - filled
        self.pivot = self.before[0]
        self.sums = [0.0, *suffixes[full].tolist()]
        self.squares = [0.0, *squared_suffixes[full].tolist()]
        self.sum = float(prefixes[full, filled - 1]) if filled else 0.0
        self.square = float(squared_prefixes[full, filled - 1]) if filled else 0.0
        return (
            _pivots(rows).reshape(-1)[start:stop],
            means.reshape(-1)[start:stop],
            variances.reshape(-1)[start:stop],
        )


def _rows(before: list[float], row: list[float], filled: int, x: Column) -> Grid:
    """The row before, what is in the row being filled, and `x`, in rows that begin where theirs do."""
    window = len(before)
    grid = np.zeros((1 - (-(filled + len(x)) // window), window))
    flat = grid.reshape(-1)
    flat[:window] = before[::-1]
    flat[window : window + filled] = row[: window - filled - 1 : -1]
    flat[window + filled : window + filled + len(x)] = x
    return grid


def _distances(rows: Grid) -> tuple[Grid, Grid]:
    """Distances to sum: backwards from the end of each row, and forwards through the row after it."""
    pivots = rows[:, -1:]
    return rows[:, ::-1] - pivots, rows[1:, :-1] - pivots[:-1]


def _windows(suffixes: Grid, prefixes: Grid) -> Grid:
    """Sums over each window that ends in the second row or later."""
    totals = np.empty((len(prefixes), suffixes.shape[1]))
    np.add(suffixes[:-1, -2::-1], prefixes, out=totals[:, :-1])
    totals[:, -1] = suffixes[1:, -1]
    return totals


def _pivots(rows: Grid) -> Grid:
    """The pivot of each window that ends in the second row or later."""
    pivots = np.empty((len(rows) - 1, rows.shape[1]))
    pivots[:, :-1] = rows[:-1, -1:]
    pivots[:, -1] = rows[1:, -1]
    return pivots


def _kept(rows: Grid, full: int, filled: int) -> tuple[list[float], list[float]]:
    """The last full row and the one being filled, newest value first."""
    row = [nan] * rows.shape[1]
    if filled:
        row[-filled:] = rows[full + 1, :filled][::-1].tolist()
    return rows[full, ::-1].tolist(), row
