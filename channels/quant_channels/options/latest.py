"""The last quote of each option among many: all of the past that a chain needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from quant_contracts.blocks import ChainBlock, Times
from quant_contracts.units import Nanos


def last_of_each(block: ChainBlock) -> Times:
    """Numbers of the rows that hold the last quote of an option, rising.

    >>> from quant_contracts.events import OptionQuote
    >>> quotes = [OptionQuote(1, 1, "BTC", "inverse", 9, strike, 1) for strike in (90.0, 100.0, 90.0)]
    >>> last_of_each(ChainBlock.of("BTC", quotes)).tolist()
    [1, 2]
    """
    # Stable: the rows of one option stay in their order.
    order = np.lexsort((block.right, block.strike, block.expiry))
    is_last = np.ones(len(block), dtype=np.bool_)
    is_last[:-1] = False
    for column in (block.expiry, block.strike, block.right):
        sorted_ = column[order]
        is_last[:-1] |= sorted_[1:] != sorted_[:-1]
    rows: Times = np.sort(order[is_last])
    return rows


def within(blocks: Iterator[ChainBlock], start: Nanos | None, end: Nanos | None) -> Iterator[ChainBlock]:
    """The rows known up to `end`; of those known before `start` only the last of each option, ahead."""
    early: list[ChainBlock] = []
    for block in blocks:
        first = 0 if start is None else int(block.known.searchsorted(start))
        stop = len(block) if end is None else int(block.known.searchsorted(end, side="right"))
        if first:
            joined = ChainBlock.join(block.symbol, [*early, block.slice(0, min(first, stop))])
            early = [joined.take(last_of_each(joined))]
        if first < len(block):
            yield from early
            early = []
            start = None
        if first < stop:
            yield block.slice(first, stop)
        if stop < len(block):
            break
    yield from early
