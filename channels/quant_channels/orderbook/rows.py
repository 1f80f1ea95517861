"""Changes of a book, gathered until there are enough of them for a block."""

from __future__ import annotations

import msgspec
import numpy as np

from quant_channels.frames.said import Levels
from quant_contracts.blocks import BookBlock
from quant_contracts.instrument import Grid
from quant_contracts.units import Nanos


class Change(msgspec.Struct, frozen=True, gc=False):
    """What became true of the book at once: rows of a `BookBlock` that belong together."""

    action: int
    """`SET`, `RESET` or `GAP`."""
    ts: Nanos
    """When it was so at the venue; when it became known where the venue does not say."""
    known: Nanos
    sequence: int
    """The venue's number of it; rises from change to change except at a `RESET`."""
    bids: Levels
    asks: Levels


class BookRows:
    """Rows of one book; a change is never divided between two blocks."""

    __slots__ = ("_action", "_grid", "_known", "_lots", "_sequence", "_side", "_symbol", "_ticks", "_ts")

    def __init__(self, symbol: str, grid: Grid) -> None:
        self._symbol = symbol
        self._grid = grid
        self._clear()

    def _clear(self) -> None:
        self._ts: list[int] = []
        self._known: list[int] = []
        self._action: list[int] = []
        self._side: list[int] = []
        self._ticks: list[int] = []
        self._lots: list[int] = []
        self._sequence: list[int] = []

    def __len__(self) -> int:
        return len(self._ts)

    def add(self, change: Change) -> None:
        """Add the rows of one change; one without levels has a row of side 0."""
        bids, asks = len(change.bids), len(change.asks)
        for ticks, lots in change.bids:
            self._ticks.append(ticks)
            self._lots.append(lots)
        for ticks, lots in change.asks:
            self._ticks.append(ticks)
            self._lots.append(lots)
        sides = [1] * bids + [-1] * asks
        if not sides:
            sides = [0]
            self._ticks.append(0)
            self._lots.append(0)
        count = len(sides)
        self._side += sides
        self._ts += [change.ts] * count
        self._known += [change.known] * count
        self._action += [change.action] * count
        self._sequence += [change.sequence] * count

    def take(self) -> BookBlock:
        """The block of all rows since the last."""
        block = BookBlock(
            self._symbol,
            self._grid,
            np.array(self._ts, dtype=np.int64),
            np.array(self._known, dtype=np.int64),
            np.array(self._action, dtype=np.int8),
            np.array(self._side, dtype=np.int8),
            np.array(self._ticks, dtype=np.int64),
            np.array(self._lots, dtype=np.int64),
            np.array(self._sequence, dtype=np.int64),
        )
        self._clear()
        return block
