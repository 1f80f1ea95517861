"""Trades from a Parquet file with a row a trade, as it was received."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from quant_channels.frames.arrival import MOST_AHEAD, parse_offset
from quant_channels.frames.exact import EARLIEST_MS, LATEST_MS, size_step
from quant_channels.klines.historical import file_digest
from quant_channels.streams.findings import Findings
from quant_channels.streams.trade_ids import TradeIds
from quant_contracts.blocks import Block, TradeBlock
from quant_contracts.duration import Length
from quant_contracts.errors import DataError
from quant_contracts.instrument import Floats, Grid
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import MILLISECOND, Nanos

COLUMNS: Final = ("recv_ns", "trade_time_ms", "trade_id", "price", "qty", "buyer_is_maker")
CHUNK: Final = 65_536

FINDINGS: Final = {
    "missing_value": "a value is missing, NaN or infinite; row left out",
    "wild_time": "no time between 2009 and 2100; row left out",
    "not_positive": "a price or size of 0 or less; row left out",
    "off_grid": "a price between two ticks, or a size between two steps; row left out",
    "time_ahead": "more than 2 s ahead of the receiving clock; declare clock_offset; row left out",
    "early": "received before it happened by the venue's clock; known then",
    "clock_went_back": "receive time below the one before; time stood still",
}


class TradesFileFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The trades in a Parquet file with the columns `recv_ns`, `trade_time_ms`, `trade_id`, `price`, `qty`
    and `buyer_is_maker`.

    A trade is known when it was received, by the rules of `Arrival`. Rows that cannot be are left out and
    counted in `quality`, as are trades that come twice; where ids jump, trades are missing.
    """

    domain: str
    symbol: str
    path: str
    venue: str = ""
    """Not used: a file knows no venue."""
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")
    clock_offset: Length = "0s"
    """How far the receiving clock ran behind the venue's, such as 1.27s; it is added to `recv_ns`."""

    def __post_init__(self) -> None:
        if self.domain != "trades":
            raise ValueError(f"the file holds trades, not {self.domain!r}; declare it under trades")
        self._offset = parse_offset(self.clock_offset)
        self._grid = Grid(self.tick, size_step(self.lot))
        self._counts: dict[str, int] = {}
        self._ids = TradeIds()

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        """Trades known from `start` to `end`, `rows` at most at a time; one row group is held in memory."""
        if rows < 1:
            raise ValueError(f"a block has at least 1 row, not {rows}")
        self._counts = dict.fromkeys(FINDINGS, 0)
        self._ids = TradeIds()
        last = 0
        is_empty = True
        for batch in self._batches():
            block = self._block(batch, last)
            if not len(block):
                continue
            is_empty = False
            last = block.known.item(-1)
            first = 0 if start is None else int(block.known.searchsorted(start, side="left"))
            stop = len(block) if end is None else int(block.known.searchsorted(end, side="right"))
            for row in range(first, stop, rows):
                yield block.slice(row, min(row + rows, stop))
            if stop < len(block):
                return
        if is_empty:
            most = max(self._counts, key=lambda check: self._counts[check])
            why = f": {self._counts[most]} rows {most}, {FINDINGS[most]}" if self._counts[most] else ""
            raise DataError(f"{self.path}: not one usable trade in it{why}")

    def info(self) -> SourceInfo:
        return SourceInfo(Path(self.path).name, file_digest(Path(self.path)))

    def quality(self) -> tuple[QualityRow, ...]:
        """What was left out or found, by count."""
        found = Findings(self.symbol)
        for check, count in self._counts.items():
            found.add(check, count, FINDINGS[check])
        self._ids.report(found)
        return found.table()

    def _batches(self) -> Iterator[dict[str, Any]]:
        # Arrow takes 50 ms to import, which a command that reads no data should not pay for.
        import pyarrow as pa  # noqa: PLC0415 - see above
        import pyarrow.parquet as pq  # noqa: PLC0415 - see above

        from quant_channels.klines.arrow_columns import nanos, numbers, unreadable  # noqa: PLC0415 - see above

        path = Path(self.path)
        try:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                names = file.schema_arrow.names
                if missing := [name for name in COLUMNS if name not in names]:
                    raise DataError(
                        f"{path}: no column {', '.join(missing)}; it has {', '.join(names)}, "
                        f"and trades need {', '.join(COLUMNS)}"
                    )
                for name in COLUMNS:
                    kind = file.schema_arrow.field(name).type
                    if not (
                        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
                    ):
                        raise DataError(f"{path}: column {name} holds {kind}, not numbers")
                for batch in file.iter_batches(CHUNK, columns=list(COLUMNS)):
                    flag = batch.column("buyer_is_maker")
                    yield {
                        "recv_ns": nanos(batch.column("recv_ns")),
                        "trade_time_ms": nanos(batch.column("trade_time_ms")),
                        "trade_id": nanos(batch.column("trade_id")),
                        "price": numbers(batch.column("price")),
                        "qty": numbers(batch.column("qty")),
                        "buyer_is_maker": numbers(flag.cast(pa.int8())),
                    }
        except (pa.ArrowException, OSError) as error:
            raise unreadable(path, "Parquet", error) from None

    def _block(self, raw: dict[str, Any], last: Nanos) -> TradeBlock:
        """The usable trades of a batch; `last` is when the one before them was known."""
        price, quantity, maker = raw["price"], raw["qty"], raw["buyer_is_maker"]
        millis, recv = raw["trade_time_ms"], raw["recv_ns"]
        keep = np.ones(len(price), dtype=np.bool_)

        def drop(check: str, bad: Any) -> None:
            self._counts[check] += int((bad & keep).sum())
            np.logical_and(keep, ~bad, out=keep)

        drop(
            "missing_value",
            ~(np.isfinite(price) & np.isfinite(quantity) & np.isfinite(maker)) | (raw["trade_id"] < 0),
        )
        low, high = EARLIEST_MS, LATEST_MS
        received = recv // MILLISECOND
        drop("wild_time", (millis < low) | (millis > high) | (received < low) | (received > high))
        drop("not_positive", ~((price > 0) & (quantity > 0)))
        with np.errstate(invalid="ignore"):
            drop("off_grid", ~self._is_on_grid(np.where(keep, price, 1.0), np.where(keep, quantity, 1.0)))
        ts = np.where(keep, millis, low) * MILLISECOND
        now = recv + self._offset
        drop("time_ahead", ts - now > MOST_AHEAD)
        ids = raw["trade_id"].tolist()
        fresh = [
            bool(good) and self._ids.is_new(trade_id)
            for good, trade_id in zip(keep.tolist(), ids, strict=True)
        ]
        rows = np.flatnonzero(fresh)
        ts, now = ts[rows], now[rows]
        self._counts["early"] += int((ts > now).sum())
        if len(now):
            before = np.concatenate([[last], now[:-1]])
            self._counts["clock_went_back"] += int((now < before).sum())
        known = np.maximum.accumulate(np.maximum(np.maximum(now, ts), last))
        side = np.where(maker[rows] > 0, -1, 1).astype(np.int8)
        return TradeBlock(self.symbol, ts, known, price[rows], quantity[rows], side, raw["trade_id"][rows])

    def _is_on_grid(self, price: Floats, quantity: Floats) -> Any:
        grid = self._grid
        return (grid.price(grid.ticks(price)) == price) & (grid.size(grid.lots(quantity)) == quantity)
