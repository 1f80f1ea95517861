"""Many bars at once, as columns: what feeds of bars deliver and block-wise parts read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Final

import msgspec
import numpy as np

from quant_contracts.blocks.columns import Column, Times
from quant_contracts.events.market import Bar
from quant_contracts.units import Nanos

COLUMNS = ("open", "high", "low", "close", "volume")

BLOCK_ROWS: Final = 16_384
"""Bars read at a time unless somebody asks for another number: larger blocks are no faster, and slower to
be had; no result depends on it."""


class BarBlock(msgspec.Struct, frozen=True, eq=False):
    """Closed bars of one symbol and interval; row i is one `Bar`."""

    symbol: str
    interval: Nanos
    ts: Times
    """Close times, strictly rising: `ts_event` of each bar."""
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    known: Times | None = None
    """`ts_known` of each bar where it differs from `ts` (late data); None means known at the close."""

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def ts_known(self) -> Times:
        """When each bar could first be known."""
        return self.ts if self.known is None else self.known

    def slice(self, start: int, stop: int) -> BarBlock:
        """Rows from `start` up to, not including, `stop`; shares memory with this block."""
        return BarBlock(
            self.symbol,
            self.interval,
            self.ts[start:stop],
            self.open[start:stop],
            self.high[start:stop],
            self.low[start:stop],
            self.close[start:stop],
            self.volume[start:stop],
            None if self.known is None else self.known[start:stop],
        )

    def bar(self, row: int) -> Bar:
        """Row `row` as an event."""
        ts = self.ts.item(row)
        return Bar(
            ts,
            ts if self.known is None else self.known.item(row),
            self.symbol,
            self.interval,
            self.open.item(row),
            self.high.item(row),
            self.low.item(row),
            self.close.item(row),
            self.volume.item(row),
        )

    def events(self) -> Iterator[Bar]:
        """Every row as an event, in order."""
        ts = self.ts.tolist()
        # map and repeat build the events without a line of Python for each.
        return map(
            Bar,
            ts,
            ts if self.known is None else self.known.tolist(),
            repeat(self.symbol),
            repeat(self.interval),
            self.open.tolist(),
            self.high.tolist(),
            self.low.tolist(),
            self.close.tolist(),
            self.volume.tolist(),
        )

    @classmethod
    def of(cls, bars: list[Bar]) -> BarBlock:
        """The block that holds `bars`, which must be of one symbol and interval and not be empty."""
        first = bars[0]
        ts = np.array([bar.ts_event for bar in bars], dtype=np.int64)
        known = np.array([bar.ts_known for bar in bars], dtype=np.int64)
        columns = {name: np.array([getattr(bar, name) for bar in bars], dtype=np.float64) for name in COLUMNS}
        late = None if bool((known == ts).all()) else known
        return cls(symbol=first.symbol, interval=first.interval, ts=ts, known=late, **columns)

    @classmethod
    def join(cls, blocks: list[BarBlock]) -> BarBlock:
        """One block with the rows of `blocks` in order; they must be of one symbol and not be empty."""
        if len(blocks) == 1:
            return blocks[0]
        first = blocks[0]
        columns = {name: np.concatenate([getattr(block, name) for block in blocks]) for name in COLUMNS}
        late = any(block.known is not None for block in blocks)
        return cls(
            symbol=first.symbol,
            interval=first.interval,
            ts=np.concatenate([block.ts for block in blocks]),
            known=np.concatenate([block.ts_known for block in blocks]) if late else None,
            **columns,
        )
