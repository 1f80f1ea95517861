"""An order book that follows bars: a snapshot, then changes of its levels, on a grid that suits the price."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import floor, log10
from typing import Final

import numpy as np

from quant_contracts.blocks.book import BookEvent
from quant_contracts.events import Bar, BookDelta, BookGap, BookSnapshot, Levels
from quant_contracts.instrument import Grid
from quant_contracts.testing.samples.ticks import is_skipped, moments
from quant_contracts.units import Price

BOOK_TEMPERS: Final = (
    "calm",
    "quiet",
    "gaps",
    "resets",
    "one side empties",
    "crossed",
    "thin",
    "wide ticks",
    "tiny ticks",
    "late",
)

LEVELS: Final = 12
"""Of each side."""

LOT: Final = Decimal("0.001")

Sides = dict[int, dict[int, int]]
"""Lots by ticks, of bids (+1) and asks (-1)."""


def sample_grid(price: Price, temper: str = "calm") -> Grid:
    """The grid of a book around `price`.

    >>> sample_grid(40_000.0).tick, sample_grid(40_000.0, "wide ticks").tick
    (Decimal('0.01'), Decimal('1E+3'))
    """
    places = {"wide ticks": 1, "tiny ticks": 10}.get(temper, 6)
    return Grid(Decimal(1).scaleb(floor(log10(price)) - places), LOT)


def sample_book(bars: Sequence[Bar], temper: str = "calm", seed: int = 0) -> tuple[BookEvent, ...]:
    """Changes of a book around the closes of `bars`, by the moment at which they became known.

    It begins with a snapshot. Prices and sizes are those of `sample_grid(bars[0].close, temper)`.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> book = sample_book(bars_from_closes(10, 12))
    >>> [type(event).__name__ for event in book[:2]], len(book[0].bids)
    (['BookSnapshot', 'BookDelta'], 12)
    """
    grid = sample_grid(bars[0].close, temper)
    source = random.Random(f"book {seed}")  # noqa: S311 - repeatable, not secret
    made: list[BookEvent] = []
    sides: Sides = {}
    sequence = 0
    for row, bar in enumerate(bars):
        if is_skipped(temper, row):
            continue
        last = made[-1].ts_known if made else 0
        for index, (ts, known) in enumerate(moments(source, bar, 4, temper, last)):
            sequence += 1
            if temper == "gaps" and row % 9 == 5:
                if index == 2:
                    made.append(BookGap(ts, known, bar.symbol, sequence))
                continue
            is_whole = not sides or (temper == "resets" and row % 7 == 3 and index == 1)
            is_whole |= temper == "gaps" and row % 9 == 8 and index == 1
            if is_whole and sides:
                # A venue that starts anew counts anew.
                sequence = 1 + source.randrange(3)
            price = bar.open + (bar.close - bar.open) * index / 3
            wanted = _around(source, grid, price, sides, 1 if temper == "thin" else LEVELS)
            if row % 5 == 3 and index == 3:
                _spoil(temper, wanted, source)
            changed = wanted if is_whole else _changes(sides, wanted)
            kind = BookSnapshot if is_whole else BookDelta
            sides = wanted
            if changed[1] or changed[-1]:
                levels = [_levels(grid, changed[side]) for side in (1, -1)]
                made.append(kind(ts, known, bar.symbol, sequence, *levels))
    return tuple(made)


def _around(source: random.Random, grid: Grid, price: Price, held: Sides, count: int) -> Sides:
    """The book around `price`; a level that is held keeps its size, with luck."""
    middle = int(grid.ticks(np.array([price]))[0])
    step = max(1, middle // 2_000)
    place = middle // step
    wanted: Sides = {1: {}, -1: {}}
    for side, first in ((1, place), (-1, place + 1)):
        for level in range(count):
            ticks = (first - side * level) * step
            old = held.get(side, {}).get(ticks)
            if ticks > 0:
                wanted[side][ticks] = old if old and source.random() < 0.9 else source.randrange(1, 5_000)
    return wanted


def _spoil(temper: str, wanted: Sides, source: random.Random) -> None:
    """What must never be served as good."""
    if temper == "one side empties":
        wanted[source.choice((1, -1))].clear()
    if temper == "crossed" and wanted[1]:
        # Once beyond the best ask and once on it.
        wanted[1][min(wanted[-1]) + source.randrange(2)] = 7


def _changes(old: Sides, new: Sides) -> Sides:
    return {
        side: {ticks: 0 for ticks in old[side] if ticks not in new[side]}
        | {ticks: lots for ticks, lots in new[side].items() if old[side].get(ticks) != lots}
        for side in (1, -1)
    }


def _levels(grid: Grid, lots_by_ticks: Mapping[int, int]) -> Levels:
    prices = grid.price(np.array([*lots_by_ticks], dtype=np.int64)).tolist()
    sizes = grid.size(np.array([*lots_by_ticks.values()], dtype=np.int64)).tolist()
    return tuple(zip(prices, sizes, strict=True))
