"""How far a fetched snapshot reaches: beyond its last level a book knows only what changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from quant_channels.frames.said import Depth
from quant_channels.orderbook.ladder import ASK, BID, Ladder

RESERVE: Final = 20
"""Levels a side that should still lie within what the snapshot showed."""

Reach: TypeAlias = Mapping[int, int]
"""The last level known of each side that may have more of them, in ticks."""


def reach_of(snapshot: Depth, limit: int) -> Reach:
    """The last level that a snapshot shows of each side, if it has all `limit` that were asked for."""
    sides = ((BID, snapshot.bids), (ASK, snapshot.asks))
    return {
        side: min(levels)[0] if side > 0 else max(levels)[0] for side, levels in sides if len(levels) >= limit
    }


def is_near_edge(ladder: Ladder[int], reach: Reach) -> bool:
    """True where fewer than `RESERVE` levels of a side are left within reach."""
    for side, edge in reach.items():
        prices = ladder.top(side, RESERVE)[0]
        if len(prices) < RESERVE or (prices[-1] - edge) * side < 0:
            return True
    return False


def differs(ladder: Ladder[int], reach: Reach, frames: Iterable[Depth], fresh_reach: Reach) -> bool:
    """True where a book is not the one that a fresh snapshot and the changes behind it make."""
    fresh: Ladder[int] = Ladder()
    for depth in frames:
        fresh.put_levels(BID, depth.bids)
        fresh.put_levels(ASK, depth.asks)
    for side in (BID, ASK):
        # Beyond the edge of either snapshot one of both books knows less.
        both = [edges[side] for edges in (fresh_reach, reach) if side in edges]
        edge = (max(both) if side > 0 else min(both)) if both else None
        old, new = (
            {ticks: lots for ticks, lots in levels.items() if edge is None or (ticks - edge) * side >= 0}
            for levels in (ladder.sides[side], fresh.sides[side])
        )
        if old != new:
            return True
    return False
