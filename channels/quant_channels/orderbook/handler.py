"""The as-of view of one order book: its sealed top while it can be trusted, nothing while it cannot."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np

from quant_channels.orderbook.ladder import ASK, BID, Ladder
from quant_channels.streams.cursor import Cursor
from quant_channels.streams.trust import GAP_BYTES, MOST_GAPS, Holes, by_age, refuse_out_of_turn
from quant_contracts.blocks import GAP, RESET, BookBlock, Column
from quant_contracts.errors import ConfigError
from quant_contracts.events import BookDelta, BookGap, BookSnapshot, DataGap, Freshness, StreamEvent
from quant_contracts.protocols import QualityRow, StreamFeed
from quant_contracts.units import Nanos
from quant_contracts.views import Book

DOMAIN = "orderbook"

LEVEL_BYTES: Final = 300
"""More than one level takes: its price, its size, its places in a dictionary and in a sorted list."""

SEALED_BYTES: Final = 1_000
"""More than a sealed book takes beside its levels."""


class BookHandler:
    """Holds the book of its feed's symbol, as its rows say, and seals its best `depth` levels a side.

    A book is sound from a snapshot on, until a gap. Changes in between are taken in as they come, all of
    them, so that a look costs the same however many there were. Nothing is shown before the first
    snapshot, behind a gap, while a side is empty, and while the book is crossed. A book that comes to more
    than `most_levels`, both sides together, is given up like one with a gap, so that memory is bounded.

    `window` keeps the last `keep` books that were looked at, one per moment.
    """

    def __init__(
        self, feed: StreamFeed, depth: int = 20, keep: int = 100, most_levels: int = 100_000
    ) -> None:
        for name, value in (("depth", depth), ("keep", keep), ("most_levels", most_levels)):
            if type(value) is not int or value < 1:
                raise ConfigError(f"{feed.symbol} orderbook: {name} must be at least 1, not {value!r}")
        self.depth = depth
        self.keep = keep
        self.most_levels = most_levels
        self._symbol = feed.symbol
        self._cursor = Cursor(feed)
        self._ladder = Ladder[float](in_ticks=False)
        self._put = self._ladder.put_levels
        self._bids, self._asks = self._ladder.sides[BID], self._ladder.sides[ASK]
        self._holes = Holes(DOMAIN, feed.symbol)
        self._known: Nanos = 0
        self._sequence = 0
        # Why nothing can be trusted since the last snapshot; empty where it can.
        self._broken = "no snapshot yet"
        self._seen: deque[Book] = deque(maxlen=keep)

    @property
    def domain(self) -> str:
        return DOMAIN

    @property
    def symbol(self) -> str:
        return self._symbol

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        self._cursor.load(start, end, rows)

    def advance(self, ts: Nanos, /) -> None:
        for block in self._cursor.take(ts):
            assert isinstance(block, BookBlock)
            self._absorb(block)

    def read(self, ts: Nanos, /) -> Iterator[StreamEvent]:
        for block in self._cursor.take(ts):
            assert isinstance(block, BookBlock)
            yield from block.events()

    def push(self, event: StreamEvent, /) -> None:
        known = event.ts_known
        if known < self._known or event.symbol != self._symbol:
            refuse_out_of_turn(DOMAIN, self._symbol, self._known, event.symbol, known)
        # The commonest first: a test that fails costs more than one that succeeds.
        if not isinstance(event, BookDelta):
            if isinstance(event, BookGap):
                self._break("gap", known)
                self._known, self._sequence = known, event.sequence
                return
            assert isinstance(event, BookSnapshot)
            self._ladder.clear()
            self._broken = ""
        if not self._broken:
            if bids := event.bids:
                self._put(BID, bids)
            if asks := event.asks:
                self._put(ASK, asks)
            if len(self._bids) + len(self._asks) > self.most_levels:
                self._break(f"more than {self.most_levels} levels", known)
        self._known, self._sequence = known, event.sequence

    def _absorb(self, block: BookBlock) -> None:
        """Take in many rows: everything between two gaps at once."""
        refuse_out_of_turn(DOMAIN, self._symbol, self._known, block.symbol, block.known.item(0))
        start = 0
        if block.action.any():
            for row in (block.action == GAP).nonzero()[0].tolist():
                self._absorb_unbroken(block.slice(start, row))
                self._break("gap", block.known.item(row))
                self._sequence = block.sequence.item(row)
                start = row + 1
        self._absorb_unbroken(block.slice(start, len(block)))
        self._known = block.known.item(-1)

    def _absorb_unbroken(self, block: BookBlock) -> None:
        if not len(block):
            return
        if len(self._bids) + len(self._asks) + len(block) > self.most_levels:
            # It may be too many on the way, and that must not depend on where blocks are cut.
            for event in block.events():
                self.push(event)
            return
        known, sequence = block.known.item(-1), block.sequence.item(-1)
        if self._broken:
            resets = (block.action == RESET).nonzero()[0]
            if len(resets):
                block = block.slice(resets.item(0), len(block))
                self._broken = ""
        if not self._broken:
            self._ladder.absorb(block)
        self._known, self._sequence = known, sequence

    def _break(self, why: str, known: Nanos) -> None:
        """Trust nothing before the next snapshot."""
        if not self._broken:
            self._holes.add(known, self._known, why)
            self._ladder.clear()
        self._broken = why

    def observe(self, _since: Nanos, ts: Nanos, /) -> Book | None:
        if self._unsound():
            return None
        ladder = self._ladder
        bids, bid_sizes = ladder.top(BID, self.depth)
        asks, ask_sizes = ladder.top(ASK, self.depth)
        book = Book(
            ts,
            self._known,
            self._symbol,
            self._sequence,
            _sealed(bids),
            _sealed(bid_sizes),
            _sealed(asks),
            _sealed(ask_sizes),
            len(self._bids) - len(bids),
            len(self._asks) - len(asks),
        )
        if self._seen and self._seen[-1].ts == ts:
            self._seen.pop()
        self._seen.append(book)
        return book

    def window(self, count: int) -> tuple[Book, ...]:
        """The last `count` books that `observe` showed, oldest first; fewer where there were fewer."""
        if not 1 <= count <= self.keep:
            raise ConfigError(
                f"{self._symbol} orderbook: a window of {count} books was asked for; "
                f"this handler keeps {self.keep}: make it with a larger keep"
            )
        return tuple(self._seen)[-count:]

    def freshness(self, ts: Nanos, max_age: Nanos | None, /) -> tuple[Freshness, str]:
        reason = self._unsound()
        return ("missing", reason) if reason else by_age(self._known, ts, max_age)

    def _unsound(self) -> str:
        """Why the book cannot be shown, nothing where it can."""
        if self._broken:
            return self._broken
        bid, ask = self._ladder.best(BID), self._ladder.best(ASK)
        if bid is None or ask is None:
            return "no bids" if bid is None else "no asks"
        return "" if bid < ask else "crossed"

    def gaps(self) -> tuple[DataGap, ...]:
        return self._holes.found()

    def quality(self) -> tuple[QualityRow, ...]:
        return ()

    @property
    def last_known(self) -> Nanos | None:
        return self._known or None

    @property
    def most_bytes(self) -> int:
        sealed = self.keep * (SEALED_BYTES + 4 * 8 * self.depth)
        return self.most_levels * LEVEL_BYTES + sealed + MOST_GAPS * GAP_BYTES


def _sealed(values: list[float]) -> Column:
    column = np.array(values, dtype=np.float64)
    column.setflags(write=False)
    return column
