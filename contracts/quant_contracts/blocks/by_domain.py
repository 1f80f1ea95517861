"""Which block holds the events of which domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quant_contracts.blocks.book import BookBlock
from quant_contracts.blocks.chain import ChainBlock
from quant_contracts.blocks.columns import Block
from quant_contracts.blocks.rare import EventBlock
from quant_contracts.blocks.ticks import QuoteBlock, TradeBlock
from quant_contracts.instrument import Grid


def block_of(domain: str, symbol: str, events: Sequence[Any], grid: Grid | None = None) -> Block:
    """Events of one domain beside the bars as one block; a book needs its grid.

    ValueError where a price or a size of a book is not on the grid.
    """
    match domain:
        case "orderbook":
            assert grid is not None, "a block of a book has a grid"
            return BookBlock.of(symbol, grid, events)
        case "quotes":
            return QuoteBlock.of(symbol, events)
        case "trades":
            return TradeBlock.of(symbol, events)
        case "options":
            return ChainBlock.of(symbol, events)
        case _:
            return EventBlock(symbol, tuple(events))
