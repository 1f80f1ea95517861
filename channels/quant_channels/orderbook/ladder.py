"""Two sides of price levels: what a book is, without any opinion of its source."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

from quant_contracts.blocks import RESET, BookBlock, Column
from quant_contracts.instrument import Wholes

Number = TypeVar("Number", int, float)

BID: Final = 1
ASK: Final = -1

FEW: Final = 200
"""Rows up to which a loop is quicker than arrays."""


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

    def put(self, side: int, price: Number, size: Number) -> None:
        """One level has `size` from now on; 0 takes it away, and taking away what is not there is fine."""
        self.put_levels(side, ((price, size),))

    def put_levels(self, side: int, changes: Iterable[tuple[Number, Number]]) -> None:
        """The same for each price and size, in order."""
        levels, rising = self.sides[side], self._rising[side]
        for price, size in changes:
            if size:
                if rising is not None and price not in levels:
                    insort(rising, price)
                levels[price] = size
            elif levels.pop(price, None) is not None and rising is not None:
                del rising[bisect_left(rising, price)]

    def clear(self) -> None:
        """Forget every level."""
        for side in (BID, ASK):
            self.sides[side].clear()
            self._rising[side] = None

    def absorb(self, block: BookBlock) -> None:
        """Take in every row of a block without gaps, as if one by one."""
        if block.action.any():
            # Only what follows the first row of the last whole book counts.
            starts = block.frame_starts()
            last = (block.action == RESET).nonzero()[0].item(-1)
            first = starts[starts.searchsorted(last, side="right") - 1].item()
            block = block.slice(first, len(block))
            self.clear()
        prices: Wholes | Column
        sizes: Wholes | Column
        if self._in_ticks:
            prices, sizes = block.ticks, block.lots
        else:
            prices, sizes = block.grid.price(block.ticks), block.grid.size(block.lots)
        for side, chosen in ((BID, block.side > 0), (ASK, block.side < 0)):
            prices_here, sizes_here = prices[chosen], sizes[chosen]
            changes = zip(prices_here.tolist(), sizes_here.tolist(), strict=True)
            if len(block) < FEW:
                self.put_levels(side, changes)
                continue
            levels = self.sides[side]
            # A dictionary keeps the last size of each price, at a fraction of a loop's cost.
            levels.update(changes)
            for price in prices_here[sizes_here == 0].tolist():
                if levels.get(price) == 0:
                    del levels[price]
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
