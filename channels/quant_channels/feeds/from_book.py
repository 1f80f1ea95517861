"""Quotes out of an order book: its best prices, each time one of them or its size changed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from quant_channels.orderbook.ladder import ASK, BID, Ladder
from quant_channels.streams.findings import Findings
from quant_contracts.blocks import GAP, RESET, Block, BookBlock, QuoteBlock
from quant_contracts.errors import LifecycleError
from quant_contracts.events import Quote
from quant_contracts.instrument import Grid
from quant_contracts.protocols import QualityRow, SourceInfo, StreamFeed
from quant_contracts.units import Nanos

NOTHING: Final = (0.0, 0.0)


class FromBookFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The top of the order book that is declared under the same symbol.

    A side without levels has price and size 0. While the book cannot be trusted, behind a gap or crossed,
    both sides are 0: nothing can be had, as far as anybody knows. Holds the book and one block of it.
    """

    domain: str
    symbol: str
    venue: str = ""
    """Not used, as tick and lot: the book knows its own."""
    tick: Decimal | None = None
    lot: Decimal | None = None

    def __post_init__(self) -> None:
        if self.domain != "quotes":
            raise ValueError(f"a book gives quotes, not {self.domain!r}; declare it under quotes")
        self._feed: StreamFeed | None = None
        self._crossed = 0

    @property
    def derives_from(self) -> str:
        return "orderbook"

    def derive(self, feed: StreamFeed, /) -> None:
        if self._feed is not None:
            raise LifecycleError(f"{self.symbol} quotes: a book was given already")
        self._feed = feed

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        if rows < 1:
            raise ValueError(f"a block has at least 1 row, not {rows}")
        self._crossed = 0
        top = _Top(self.symbol)
        found: list[Quote] = []
        for block in self._source().blocks(start, end, rows):
            assert isinstance(block, BookBlock)
            for quote in top.read(block):
                if start is None or quote.ts_known >= start:
                    found.append(quote)
                    if len(found) >= rows:
                        yield QuoteBlock.of(self.symbol, found)
                        found = []
            self._crossed = top.crossed
        if found:
            yield QuoteBlock.of(self.symbol, found)

    def info(self) -> SourceInfo:
        return self._source().info()

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found in the book."""
        found = Findings(self.symbol)
        found.add("crossed_top", self._crossed, "a bid at or above an ask: no quote of it")
        return (*self._source().quality(), *found.table())

    def _source(self) -> StreamFeed:
        if self._feed is None:
            raise LifecycleError(f"{self.symbol} quotes: derive comes first; no book was given")
        return self._feed


class _Top:
    """The best prices of a book as they change."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._ladder: Ladder[int] = Ladder()
        self._is_whole = False
        self._last = (*NOTHING, *NOTHING)
        self.crossed = 0

    def read(self, block: BookBlock) -> Iterator[Quote]:
        """A quote for each frame of `block` after which the top is another one."""
        starts = block.frame_starts().tolist()
        sides, ticks, lots = block.side.tolist(), block.ticks.tolist(), block.lots.tolist()
        actions, ts, known = block.action.tolist(), block.ts.tolist(), block.known.tolist()
        for start, stop in zip(starts, [*starts[1:], len(block)], strict=True):
            action = actions[start]
            if action != GAP:
                if action == RESET:
                    self._ladder.clear()
                    self._is_whole = True
                for row in range(start, stop):
                    if sides[row]:
                        self._ladder.put(sides[row], ticks[row], lots[row])
            else:
                self._is_whole = False
            top = self._top(block.grid)
            if top != self._last:
                self._last = top
                yield Quote(ts[start], known[start], self._symbol, *top)

    def _top(self, grid: Grid) -> tuple[float, float, float, float]:
        ladder = self._ladder
        if not self._is_whole:
            return (*NOTHING, *NOTHING)
        if ladder.is_crossed:
            self.crossed += 1
            return (*NOTHING, *NOTHING)
        return (*_best(ladder, BID, grid), *_best(ladder, ASK, grid))


def _best(ladder: Ladder[int], side: int, grid: Grid) -> tuple[float, float]:
    ticks = ladder.best(side)
    if ticks is None:
        return NOTHING
    tick, lot = grid.tick.as_integer_ratio(), grid.lot.as_integer_ratio()
    # As `Grid` does it for columns.
    return ticks * tick[0] / tick[1], ladder.sides[side][ticks] * lot[0] / lot[1]
