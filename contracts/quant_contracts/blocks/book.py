"""Many changes of an order book, as columns of whole ticks and lots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final, TypeAlias

import msgspec
import numpy as np

from quant_contracts.blocks.columns import Flags, Times, Whole
from quant_contracts.events.market import BookDelta, BookGap, BookSnapshot, Levels
from quant_contracts.instrument import Grid

SET: Final = 0
"""A level has `lots` now; 0 lots take it away."""
RESET: Final = 1
"""As `SET`, of a whole new book: what was there before its first row is forgotten."""
GAP: Final = 2
"""Something was lost: the book is not to be trusted before the next `RESET`. Price and size are 0."""

BookEvent: TypeAlias = BookSnapshot | BookDelta | BookGap


class BookBlock(msgspec.Struct, frozen=True, eq=False):
    """Changes of the levels of one symbol's book.

    Rows of one frame of the venue share `sequence`, `ts`, `known` and action and stand together: they
    become true at once, and one frame is one event. Sizes replace what was there. A frame without levels
    still says that the venue is there, and a snapshot without any that the book is empty: it has one row
    of side 0.
    """

    symbol: str
    grid: Grid
    """What one tick and one lot are."""
    ts: Times
    known: Times
    action: Flags
    """`SET`, `RESET` or `GAP`."""
    side: Flags
    """+1 for bids, -1 for asks, 0 for a gap and for a frame without levels."""
    ticks: Whole
    """Price of the level."""
    lots: Whole
    """Size of the level from now on, 0 or more."""
    sequence: Whole
    """The venue's number of the frame; rises from frame to frame, except at a reset."""

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def ts_known(self) -> Times:
        return self.known

    def slice(self, start: int, stop: int, /) -> BookBlock:
        return BookBlock(
            self.symbol,
            self.grid,
            self.ts[start:stop],
            self.known[start:stop],
            self.action[start:stop],
            self.side[start:stop],
            self.ticks[start:stop],
            self.lots[start:stop],
            self.sequence[start:stop],
        )

    def frame_starts(self) -> Whole:
        """The row at which each frame begins."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        sequence, action, known = self.sequence, self.action, self.known
        new = (sequence[1:] != sequence[:-1]) | (action[1:] != action[:-1]) | (known[1:] != known[:-1])
        return np.concatenate([[0], new.nonzero()[0] + 1])

    def events(self) -> Iterator[BookEvent]:
        starts = self.frame_starts()
        prices = self.grid.price(self.ticks).tolist()
        levels = list(zip(prices, self.grid.size(self.lots).tolist(), strict=True))
        if len(starts) < len(self) or self.action.any() or not self.side.all():
            return self._frames(starts.tolist(), levels)
        # A feed of single changes, which is most of the rows there are: no loop over frames.
        bids: list[Levels] = list(zip(levels, strict=True))
        asks = bids.copy()
        for row in (self.side < 0).nonzero()[0].tolist():
            bids[row] = ()
        for row in (self.side > 0).nonzero()[0].tolist():
            asks[row] = ()
        return map(
            BookDelta,
            self.ts.tolist(),
            self.known.tolist(),
            repeat(self.symbol),
            self.sequence.tolist(),
            bids,
            asks,
        )

    def _frames(self, starts: Sequence[int], levels: Sequence[tuple[float, float]]) -> Iterator[BookEvent]:
        sides, actions = self.side.tolist(), self.action.tolist()
        for start, stop in zip(starts, [*starts[1:], len(self)], strict=True):
            stamp = (self.ts.item(start), self.known.item(start), self.symbol, self.sequence.item(start))
            if actions[start] == GAP:
                yield BookGap(*stamp)
                continue
            rows = range(start, stop)
            bids = tuple(levels[row] for row in rows if sides[row] > 0)
            asks = tuple(levels[row] for row in rows if sides[row] < 0)
            yield (BookDelta if actions[start] == SET else BookSnapshot)(*stamp, bids, asks)

    @classmethod
    def of(cls, symbol: str, grid: Grid, events: Sequence[BookEvent]) -> BookBlock:
        """The block that holds `events`, all of `symbol`; none make an empty block.

        ValueError where a price or a size is not on the grid.
        """
        rows: list[tuple[int, int, int, int, float, float, int]] = []
        for event in events:
            stamp = (event.ts_event, event.ts_known)
            if isinstance(event, BookGap):
                rows.append((*stamp, GAP, 0, 0.0, 0.0, event.sequence))
                continue
            action = SET if isinstance(event, BookDelta) else RESET
            if not event.bids and not event.asks:
                rows.append((*stamp, action, 0, 0.0, 0.0, event.sequence))
            sides: tuple[tuple[int, Levels], ...] = ((1, event.bids), (-1, event.asks))
            rows += [
                (*stamp, action, side, price, size, event.sequence)
                for side, levels in sides
                for price, size in levels
            ]
        columns = list(zip(*rows, strict=True)) or [()] * 7
        return cls(
            symbol,
            grid,
            np.array(columns[0], dtype=np.int64),
            np.array(columns[1], dtype=np.int64),
            np.array(columns[2], dtype=np.int8),
            np.array(columns[3], dtype=np.int8),
            grid.exact_ticks(np.array(columns[4], dtype=np.float64)),
            grid.exact_lots(np.array(columns[5], dtype=np.float64)),
            np.array(columns[6], dtype=np.int64),
        )

    @classmethod
    def join(cls, symbol: str, grid: Grid, blocks: Sequence[BookBlock]) -> BookBlock:
        """One block with the rows of `blocks` in order, which have one grid; none make an empty block."""
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return cls.of(symbol, grid, ())
        return cls(
            symbol,
            grid,
            np.concatenate([block.ts for block in blocks]),
            np.concatenate([block.known for block in blocks]),
            np.concatenate([block.action for block in blocks]),
            np.concatenate([block.side for block in blocks]),
            np.concatenate([block.ticks for block in blocks]),
            np.concatenate([block.lots for block in blocks]),
            np.concatenate([block.sequence for block in blocks]),
        )
