"""Two sides of price levels on whole ticks and lots: what a book is, without any opinion of its source."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import RESET, BookBlock

Wholes = npt.NDArray[np.int64]

BID: Final = 1
ASK: Final = -1


class Ladder:
    """Sizes by price of both sides; levels of size 0 are not there.

    Setting levels one by one, or many at once, leaves the same ladder: sizes replace what was there, so
    of many changes of one level the last counts.

    >>> ladder = Ladder()
    >>> for ticks, lots in ((100, 5), (99, 7), (100, 0)):
    ...     ladder.put(BID, ticks, lots)
    >>> ladder.put(ASK, 101, 2)
    >>> ladder.best(BID), ladder.best(ASK), ladder.is_crossed
    (99, 101, False)
    """

    __slots__ = ("_orders", "sides")

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, int]] = {BID: {}, ASK: {}}
        """Lots by ticks of each side."""
        # Prices best first, None where a level came or went since they were sorted.
        self._orders: dict[int, list[int] | None] = {BID: None, ASK: None}

    def put(self, side: int, ticks: int, lots: int) -> None:
        """One level has `lots` from now on; 0 takes it away, and taking away what is not there is fine."""
        levels = self.sides[side]
        if lots:
            if ticks not in levels:
                self._orders[side] = None
            levels[ticks] = lots
        elif levels.pop(ticks, None) is not None:
            self._orders[side] = None

    def clear(self) -> None:
        """Forget every level."""
        for side in (BID, ASK):
            self.sides[side].clear()
            self._orders[side] = None

    def absorb(self, block: BookBlock) -> None:
        """Take in every row of a block without gaps, as if one by one."""
        resets = (block.action == RESET).nonzero()[0]
        start = 0
        if len(resets):
            # Only what follows the first row of the last whole book counts.
            last = resets.item(-1)
            starts = block.frame_starts()
            start = starts[starts.searchsorted(last, side="right") - 1].item()
            self.clear()
        for side in (BID, ASK):
            rows = (block.side[start:] == side).nonzero()[0] + start
            if len(rows):
                self._absorb_side(side, block.ticks[rows], block.lots[rows])

    def _absorb_side(self, side: int, ticks: Wholes, lots: Wholes) -> None:
        levels = self.sides[side]
        # A dictionary keeps the last size of each price, at a fraction of a loop's cost.
        levels.update(zip(ticks.tolist(), lots.tolist(), strict=True))
        for gone in ticks[lots == 0].tolist():
            if levels.get(gone) == 0:
                del levels[gone]
        self._orders[side] = None

    def order(self, side: int) -> list[int]:
        """Prices of one side in ticks, best first. Not to be changed."""
        found = self._orders[side]
        if found is None:
            found = self._orders[side] = sorted(self.sides[side], reverse=side > 0)
        return found

    def best(self, side: int) -> int | None:
        """Best price of one side in ticks, None where the side is empty."""
        order = self.order(side)
        return order[0] if order else None

    @property
    def is_crossed(self) -> bool:
        """True where somebody would pay as much as another asks, which no open market does."""
        bid, ask = self.best(BID), self.best(ASK)
        return bid is not None and ask is not None and bid >= ask

    def top(self, side: int, depth: int) -> tuple[Wholes, Wholes]:
        """Ticks and lots of the best `depth` levels of one side, best first."""
        order, levels = self.order(side)[:depth], self.sides[side]
        return (
            np.array(order, dtype=np.int64),
            np.fromiter((levels[ticks] for ticks in order), dtype=np.int64, count=len(order)),
        )
