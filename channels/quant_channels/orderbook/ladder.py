"""Two sides of price levels: what a book is, without any opinion of its source."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import RESET, BookBlock, Column
from quant_contracts.instrument import Wholes

Number = TypeVar("Number", int, float)

BID: Final = 1
ASK: Final = -1


class Ladder(Generic[Number]):
    """Sizes by price of both sides; levels of size 0 are not there.

    A `Ladder[int]()` counts whole ticks and lots, as rules of sequence and checksums need; a
    `Ladder[float](in_ticks=False)` holds the prices and sizes of events as they are. Setting levels one
    by one, or many at once, leaves the same ladder: sizes replace what was there, so of many changes of
    one level the last counts.

    >>> ladder = Ladder[int]()
    >>> for ticks, lots in ((100, 5), (99, 7), (100, 0)):
    ...     ladder.put(BID, ticks, lots)
    >>> ladder.put(ASK, 101, 2)
    >>> ladder.best(BID), ladder.best(ASK), ladder.is_crossed
    (99, 101, False)
    """

    __slots__ = ("_in_ticks", "_rising", "sides")

    def __init__(self, *, in_ticks: bool = True) -> None:
        self.sides: dict[int, dict[Number, Number]] = {BID: {}, ASK: {}}
        """Size by price of each side."""
        self._in_ticks = in_ticks
        # Prices of each side from low to high, None until somebody asks.
        self._rising: dict[int, list[Number] | None] = {BID: None, ASK: None}

    def __len__(self) -> int:
        """How many levels there are on both sides together."""
        return len(self.sides[BID]) + len(self.sides[ASK])

    def put(self, side: int, price: Number, size: Number) -> None:
        """One level has `size` from now on; 0 takes it away, and taking away what is not there is fine."""
        levels = self.sides[side]
        if size:
            if price not in levels and (rising := self._rising[side]) is not None:
                insort(rising, price)
            levels[price] = size
        elif levels.pop(price, None) is not None and (rising := self._rising[side]) is not None:
            del rising[bisect_left(rising, price)]

    def clear(self) -> None:
        """Forget every level."""
        for side in (BID, ASK):
            self.sides[side].clear()
            self._rising[side] = None

    def absorb(self, block: BookBlock) -> None:
        """Take in every row of a block without gaps, as if one by one."""
        resets = (block.action == RESET).nonzero()[0]
        if len(resets):
            # Only what follows the first row of the last whole book counts.
            starts = block.frame_starts()
            last = starts.searchsorted(resets.item(-1), side="right") - 1
            block = block.slice(starts.item(last), len(block))
            self.clear()
        prices: Wholes | Column
        sizes: Wholes | Column
        if self._in_ticks:
            prices, sizes = block.ticks, block.lots
        else:
            prices, sizes = block.grid.price(block.ticks), block.grid.size(block.lots)
        for side in (BID, ASK):
            rows = (block.side == side).nonzero()[0]
            if len(rows):
                self._absorb_side(side, prices[rows], sizes[rows])

    def _absorb_side(
        self, side: int, prices: npt.NDArray[np.generic], sizes: npt.NDArray[np.generic]
    ) -> None:
        levels = self.sides[side]
        # A dictionary keeps the last size of each price, at a fraction of a loop's cost.
        levels.update(zip(prices.tolist(), sizes.tolist(), strict=True))
        for gone in prices[sizes == 0].tolist():
            if levels.get(gone) == 0:
                del levels[gone]
        self._rising[side] = None

    def order(self, side: int) -> list[Number]:
        """Prices of one side, best first."""
        rising = self._sorted(side)
        return rising[::-1] if side > 0 else rising[:]

    def best(self, side: int) -> Number | None:
        """Best price of one side, None where the side is empty."""
        rising = self._sorted(side)
        if not rising:
            return None
        return rising[-1] if side > 0 else rising[0]

    @property
    def is_crossed(self) -> bool:
        """True where somebody would pay as much as another asks, which no open market does."""
        bid, ask = self.best(BID), self.best(ASK)
        return bid is not None and ask is not None and bid >= ask

    def top(self, side: int, depth: int) -> tuple[list[Number], list[Number]]:
        """Prices and sizes of the best `depth` levels of one side, best first."""
        rising, levels = self._sorted(side), self.sides[side]
        best = rising[: -depth - 1 : -1] if side > 0 else rising[:depth]
        return best, [levels[price] for price in best]

    def _sorted(self, side: int) -> list[Number]:
        found = self._rising[side]
        if found is None:
            found = self._rising[side] = sorted(self.sides[side])
        return found
