"""What was known of another symbol's bars at each row of a block."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


def known_bar(block: BarBlock, row: int) -> Bar | None:
    """The bar in `row` of what `as_of` made, None where none was known."""
    return block.bar(row) if block.ts[row] else None


def as_of(bars: BarBlock, tail: Bar | None, other: BarBlock | None) -> BarBlock:
    """For each row of `bars`, the last bar of another symbol known by then.

    `tail` is the other's last bar before this stretch of time, `other` its bars within it.
    """
    if other is None:
        symbol, interval = (tail.symbol, tail.interval) if tail else ("", 0)
        other = BarBlock(symbol, interval, *_blank(0))
    row = other.ts_known.searchsorted(bars.ts_known, side="right")
    first = BarBlock.of([tail]) if tail else BarBlock(other.symbol, other.interval, *_blank(1))
    joined = BarBlock.join([first, other]) if len(other) else first
    return BarBlock(
        joined.symbol,
        joined.interval,
        joined.ts[row],
        joined.open[row],
        joined.high[row],
        joined.low[row],
        joined.close[row],
        joined.volume[row],
        None if joined.known is None else joined.known[row],
    )


def _blank(
    rows: int,
) -> tuple[npt.NDArray[np.int64], Column, Column, Column, Column, Column]:
    nothing = np.full(rows, np.nan)
    return np.zeros(rows, dtype=np.int64), nothing, nothing, nothing, nothing, nothing
