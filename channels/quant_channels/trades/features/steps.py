"""What the last steps said: totals over a window of steps that never spans a hole."""

from __future__ import annotations

from collections import deque
from math import fsum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import QuoteBlock
from quant_contracts.views import QuotesView, TradesView

V = TypeVar("V", TradesView, QuotesView)


class StepWindow:
    """Totals of some numbers over the last `window` steps, each exact but for one rounding.

    A step of which the numbers are missing empties it: what is said always covers `window` steps on end.

    >>> totals = StepWindow(2)
    >>> [totals.push(row) for row in ((1.0,), (2.0,), (4.0,), None, (8.0,))]
    [None, (3.0,), (6.0,), None, None]
    """

    __slots__ = ("_rows", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._rows: deque[tuple[float, ...]] = deque(maxlen=window)

    def push(self, row: tuple[float, ...] | None) -> tuple[float, ...] | None:
        """The totals with the numbers of this step; None until there are as many steps."""
        if row is None:
            self._rows.clear()
            return None
        self._rows.append(row)
        if len(self._rows) < self._window:
            return None
        return tuple(fsum(column) for column in zip(*self._rows, strict=True))


def whole(view: V | None) -> V | None:
    """A view of everything that happened in one step, or None.

    The first view of a run reaches back to wherever its stream began, not over one step.
    """
    return view if view is not None and view.since and view.is_whole else None


def in_force(view: QuotesView) -> tuple[QuoteBlock, npt.NDArray[np.bool_]]:
    """Every quote that was in force in the step, the one before it first, and which of them are sound.

    Others have an empty side or crossed prices.
    """
    quotes = view.quotes
    if view.before is not None:
        quotes = QuoteBlock.join(quotes.symbol, [QuoteBlock.of(quotes.symbol, [view.before]), quotes])
    return quotes, (quotes.bid_size > 0.0) & (quotes.ask_size > 0.0) & (quotes.bid < quotes.ask)


def quotient(totals: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The first total over the second: a mean by weight. None where there is none to divide by."""
    return None if totals is None or not totals[1] else (totals[0] / totals[1],)
