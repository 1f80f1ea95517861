"""The largest of the last `window` values, many at once or one by one.

One by one it takes the halves of `rolling`: the largest of the end of one row and of the start of the
next. A block doubles instead: the largest of 2 neighbours, then of 4, of 8, and last of two stretches
that overlap to make `window`. A maximum does not round, so both give the same bits.
"""

from __future__ import annotations

from math import inf, nan

import numpy as np

from quant_contracts.blocks import Column


class RollingMaximum:
    """The largest of the last `window` values, NaN until there are as many.

    For the smallest, push the negatives and take the negative of what comes out: that is exact.

    >>> highest = RollingMaximum(2)
    >>> [highest.push(x) for x in (3.0, 1.0, 2.0)]
    [nan, 3.0, 2.0]
    >>> highest.push_many(np.array([0.0, 5.0])).tolist()
    [2.0, 5.0]
    """

    __slots__ = ("before", "largest", "left", "row", "suffixes", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        # Rows are kept newest value first, as in `rolling`.
        self.before = [nan] * window
        self.row = [nan] * window
        self.left = window
        self.largest = -inf
        self.suffixes = [nan] * window
        """Item i is the largest of the last i + 1 values of the row before."""

    def push(self, x: float) -> float:
        """The largest with `x` among them."""
        left = self.left - 1
        self.row[left] = x
        if not left:
            return self._turn()
        self.left = left
        largest = self.largest
        if x > largest:
            self.largest = largest = x
        suffix = self.suffixes[left - 1]
        # In this order NaN, the suffix of a row that never was, stays NaN.
        return largest if largest > suffix else suffix  # noqa: FURB136 - max costs a call

    def _turn(self) -> float:
        self.before, self.row = self.row, self.before
        largest = self.before[0]
        self.suffixes = suffixes = []
        for x in self.before:
            if x > largest:  # noqa: PLR1730 - max costs a call
                largest = x
            suffixes.append(largest)
        self.largest = -inf
        self.left = self.window
        return largest

    def push_many(self, x: Column) -> Column:
        """`push` for each value of a column."""
        window = self.window
        recent = (self.row[self.left :] + self.before)[:window]
        values = np.concatenate((recent[::-1], x))
        # Where rows begin is of no consequence to a maximum: let one begin after this block.
        self.before = values[: -window - 1 : -1].tolist()
        self.suffixes = np.maximum.accumulate(values[: -window - 1 : -1]).tolist()
        self.largest = -inf
        self.left = window

        covered = 1
        while covered < window:
            step = min(covered, window - covered)
            values = np.maximum(values[step:], values[:-step])
            covered += step
        return values[1:]
