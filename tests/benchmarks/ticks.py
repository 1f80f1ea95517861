"""Changes of an order book and trades per second of a whole backtest. Prints one JSON line.

usage: ticks.py EVENTS [every_event|steps] [1000|100]

every_event  a Python function is called with each change of the book and each trade
steps        parts read the book and the trades when a bar closes, and nobody asks for what lies between
1000, 100    milliseconds from bar to bar

The feed is seeded: 80 % changes of one level, 20 % trades, one event a millisecond on average, twenty
levels a side around a fixed middle. At each step a channel reads the sealed book and the trades since the
last one; `seen` is a digest of all it was shown, so it must be the same in both cases of the same bars.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from quant_channels.orderbook.features import BookImbalance, Microprice
from quant_channels.orderbook.handler import BookHandler
from quant_channels.trades.features import SignedVolume
from quant_channels.trades.handler import TradesHandler
from quant_contracts.blocks import RESET, SET, BarBlock, Block, BookBlock, TradeBlock
from quant_contracts.events import Bar, BookDelta, BookSnapshot, Event, Trade
from quant_contracts.instrument import Grid
from quant_contracts.protocols import FeatureSpec, QualityRow, SourceInfo, Stream
from quant_contracts.units import MILLISECOND, Nanos
from quant_contracts.views import Book, TradesView
from quant_daemon.loader import Loader
from quant_daemon.registry import Registry

SYMBOL = "BTCUSDT"
GRID = Grid(Decimal("0.1"), Decimal("0.001"))
MIDDLE = 950_000
"""In ticks."""
FIRST: Nanos = 1_700_000_000_000 * MILLISECOND


def ticks(events: int) -> tuple[BookBlock, TradeBlock]:
    """The changes of the book and the trades; the first two changes are a whole book."""
    source = np.random.default_rng(7)
    is_trade = source.random(events) < 0.2
    is_bid = source.random(events) < 0.5
    distance = np.where(is_trade, 1, 1 + np.minimum(source.geometric(0.2, events), 20))
    prices = MIDDLE + np.where(is_bid, -distance, distance)
    lots = 1 + np.rint(1000 * source.exponential(1.0, events)).astype(np.int64)
    lots[(source.random(events) < 0.15) & ~is_trade & (distance > 2)] = 0
    ts = FIRST + np.cumsum(source.integers(100_000, 1_900_000, events))
    side = np.where(is_bid, 1, -1).astype(np.int8)
    is_change, sequence = ~is_trade, np.arange(events)
    changes = BookBlock(
        SYMBOL,
        GRID,
        ts[is_change],
        ts[is_change],
        np.full(int(is_change.sum()), SET, dtype=np.int8),
        side[is_change],
        prices[is_change],
        lots[is_change],
        sequence[is_change],
    )
    begin = BookBlock(
        SYMBOL,
        GRID,
        np.full(2, FIRST),
        np.full(2, FIRST),
        np.full(2, RESET, dtype=np.int8),
        np.array([1, -1], dtype=np.int8),
        np.array([MIDDLE - 2, MIDDLE + 2]),
        np.full(2, 1000),
        np.full(2, -1),
    )
    trades = TradeBlock(
        SYMBOL,
        ts[is_trade],
        ts[is_trade],
        GRID.price(prices[is_trade]),
        GRID.size(lots[is_trade]),
        # Who trades at the bid sells.
        -side[is_trade],
        1 + np.arange(int(is_trade.sum())),
    )
    return BookBlock.join(SYMBOL, GRID, [begin, changes]), trades


def still_bars(last: Nanos, interval: Nanos) -> BarBlock:
    """Bars without movement until every event up to `last` is known: they only say when to step."""
    ts = np.arange(FIRST + interval, last + interval, interval)
    flat = np.full(len(ts), MIDDLE / 10)
    return BarBlock(SYMBOL, interval, ts, flat, flat, flat, flat, np.ones(len(ts)))


def bar_feed(bars: BarBlock) -> type:
    """A feed type over bars in memory."""

    class Bars(msgspec.Struct):
        symbol: str
        interval: Nanos | str | None = None
        repair: list[str] = []
        venue: str = ""
        tick: Decimal | None = None

        def __post_init__(self) -> None:
            self.interval = bars.interval

        def blocks(self, start: Nanos | None, end: Nanos | None, rows: int) -> Iterator[BarBlock]:
            for row in range(0, len(bars), rows):
                yield bars.slice(row, min(len(bars), row + rows))

        def last_close(self) -> Nanos | None:
            return int(bars.ts[-1])

        def info(self) -> SourceInfo:
            return SourceInfo("memory", "")

        def quality(self) -> tuple[QualityRow, ...]:
            return ()

    return Bars


def stream_feed(streams: Mapping[str, Block]) -> type:
    """A feed type over rows in memory, by domain."""

    class Rows(msgspec.Struct):
        domain: str
        symbol: str
        venue: str = ""
        tick: str = ""
        lot: str = ""

        def blocks(self, start: Nanos | None, end: Nanos | None, rows: int) -> Iterator[Block]:
            block = streams[self.domain]
            # No block of this size ends between the two rows that the first frame has.
            for row in range(0, len(block), rows):
                yield block.slice(row, min(len(block), row + rows))

        def info(self) -> SourceInfo:
            return SourceInfo("memory", "")

        def quality(self) -> tuple[QualityRow, ...]:
            return ()

    return Rows


DIGEST = hashlib.sha256()


class Looks(msgspec.Struct):
    """Takes a digest of everything that channels are shown, and counts the levels."""

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("levels",)

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("orderbook"), Stream("trades"))

    def update(self, bar: Bar, book: Book | None, trades: TradesView | None, /) -> tuple[float, ...] | None:
        assert book is not None
        assert trades is not None
        for column in (book.bid_prices, book.bid_sizes, book.ask_prices, book.ask_sizes):
            DIGEST.update(column)
        DIGEST.update(f"{book.ts} {book.ts_known} {book.sequence} {trades.last}".encode())
        DIGEST.update(trades.trades.price)
        DIGEST.update(trades.trades.quantity)
        return (float(len(book.bid_prices) + len(book.ask_prices)),)


class StillModel(msgspec.Struct, frozen=True):
    """Reads the book and the trades at every step and never wants anything."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (
            FeatureSpec("Looks"),
            FeatureSpec("Microprice"),
            FeatureSpec("BookImbalance", {"levels": 5}),
            FeatureSpec("SignedVolume", {"window": 1}),
        )

    def predict(self, features: Mapping[str, float], /) -> float:
        return 0.0


def strategy() -> dict[str, object]:
    return {
        SYMBOL: {
            "strategy": {
                "model": {"class": "StillModel"},
                "decision": {"class": "ThresholdDecision"},
                "risk": {"class": "ExposureLimit", "params": {"max_symbol": 1.0}},
                "execution": {"class": "ImmediatePolicy"},
                "slippage": {"class": "NoSlippage"},
            }
        },
        "data": {
            SYMBOL: {
                "source": {"class": "bars"},
                "tick": "0.1",
                "lot": "0.001",
                "orderbook": {"source": {"class": "rows"}},
                "trades": {"source": {"class": "rows"}},
            }
        },
    }


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    how = sys.argv[2] if len(sys.argv) > 2 else "steps"
    every = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    book, trades = ticks(events)
    bars = still_bars(max(book.known.item(-1), trades.known.item(-1)), every * MILLISECOND)
    registry = Registry(
        {
            "feeds": {"bars": bar_feed(bars)},
            "streams": {"rows": stream_feed({"orderbook": book, "trades": trades})},
            "stream_handlers": {"orderbook": BookHandler, "trades": TradesHandler},
            "models": {"StillModel": StillModel},
            "features": {kind.__name__: kind for kind in (Looks, Microprice, BookImbalance, SignedVolume)},
        }
    )
    told = 0

    def on_event(_event: Event) -> None:
        nonlocal told
        told += 1

    kinds = (BookSnapshot, BookDelta, Trade) if how == "every_event" else ()
    session = Loader.from_config(
        strategy(), registry=registry, observers=[(kind, on_event) for kind in kinds]
    )
    session.manifest()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        record = session.backtest(journal=Path(folder) / "journal")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if kinds:
        # What was known when warm-up ended went into the handlers without being told.
        expected = int((book.known > record.start).sum()) + int((trades.known > record.start).sum())
        assert told == expected, f"{told} events were told, not {expected}"
    line = {
        "name": "quant_engine",
        "workload": f"ticks_mix_{events}",
        "how": f"{how}_{every}ms",
        "step_ms": every,
        "n_events": events,
        "seconds": round(wall, 6),
        "rate": round(events / wall, 1),
        "cpu_seconds": round(cpu, 6),
        "peak_rss_mb": round(peak / 1024, 1),
        "run_rss_mb": round((peak - before) / 1024, 1),
        "told": told,
        "steps": record.counts[SYMBOL]["steps"],
        "seen": DIGEST.hexdigest()[:16],
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
