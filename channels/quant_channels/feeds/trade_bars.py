"""Bars made of recorded trades, as the venue itself would draw them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal

import msgspec

from quant_channels.feeds.recording import RecordingFeed
from quant_channels.feeds.trades_file import TradesFileFeed
from quant_channels.frames.exact import size_step
from quant_channels.klines.cleaner import LONGEST_FILL, check_repairs
from quant_channels.streams.findings import Findings
from quant_contracts.blocks import BarBlock, Block, TradeBlock
from quant_contracts.duration import Length, interval_name, parse_interval, time_name
from quant_contracts.errors import DataError
from quant_contracts.events import Bar
from quant_contracts.instrument import Grid
from quant_contracts.protocols import QualityRow, SourceInfo, StreamFeed
from quant_contracts.units import SECOND, Nanos, Price

TRADES: Final = 16_384
"""Trades that are read at a time."""

PATIENCE: Final[Nanos] = 2 * SECOND
"""How far the venue's time must have passed an interval before nothing more is put into it: trades that come
over two connections, or in one batch, may come in another order than they happened."""

FINDINGS: Final = {
    "cut_interval": "the recording may have begun in the midst of its first interval; no bar of it",
    "flat_interval": "an interval without a trade: a flat bar without volume at the last price",
    "trades_stopped": f"intervals of more than {LONGEST_FILL:,} in a row without a trade; no bars of them",
    "late_trade": "came more than 2 s behind a later trade, to an interval that was closed; left out",
}


class TradeBarsFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True, rename={"timeframe": "interval"}):
    """The bars of the trades in a recording: frames, or a Parquet file with a row a trade.

    A trade belongs to the interval in which it happened by the venue's clock. An interval without one is a
    flat bar without volume at the last price, as exchanges draw it. The first interval, whose beginning may
    not have been recorded, and the last, which nothing shows to be over, are left out.

    A bar is known at its close, or when its last trade became known, where that is later: a venue sends a
    closed bar over the wire on which its trades come, and behind them. No bar is known before the one ahead
    of it. So a strategy never acts on a bar while a trade of it is still under way.
    """

    symbol: str
    path: str
    timeframe: Length | None = None
    """`interval` in a configuration: length of the bars, such as 10s. Required."""
    repair: list[str] = []
    """Not used: what cannot be a trade is left out and counted."""
    tick: Decimal | None = None
    """Trades at prices between two ticks are refused; None takes 0.01."""
    venue: str = "binance"
    """Whose frames they are, as `RecordingFeed` has it."""
    layout: Literal["frames", "parquet"] = "frames"
    """`frames` as `RecordingFeed` reads them, or the columns of `TradesFileFeed`."""
    instrument: str | None = None
    """The venue's own name in frames, where it differs: BTC-USDT."""
    kind: Literal["trade", "agg_trade"] = "trade"
    """Which frames to read."""
    lot: Decimal = Decimal("0.00001")
    """Sizes are read in steps of a millionth of it, not below 1e-8."""
    clock_offset: Length = "0s"
    """How far the receiving clock ran behind the venue's, such as 1.27s; it is added to receive times."""
    assume_received: str | None = None
    """Such as `venue+100ms`: when a frame without a receive time is taken to have come."""

    def __post_init__(self) -> None:
        check_repairs(self.repair)
        if self.timeframe is None:
            raise ValueError("trades have no interval of their own; declare one, such as 10s")
        if self.layout == "parquet":
            for name, value in (("instrument", self.instrument), ("assume_received", self.assume_received)):
                if value is not None:
                    raise ValueError(f"{name} is for frames; leave it out for a file of trades")
        self._interval = parse_interval(self.timeframe)
        tick = Decimal("0.01") if self.tick is None else self.tick
        self._grid = Grid(tick, size_step(self.lot))
        offset = self.clock_offset
        self._trades: StreamFeed
        if self.layout == "parquet":
            self._trades = TradesFileFeed("trades", self.symbol, self.path, "", tick, self.lot, offset)
        else:
            self._trades = RecordingFeed(
                "trades",
                self.symbol,
                self.path,
                venue=self.venue,
                tick=tick,
                lot=self.lot,
                instrument=self.instrument,
                clock_offset=offset,
                assume_received=self.assume_received,
                kind=self.kind,
            )
        self._maker = self._begin()

    @property
    def interval(self) -> Nanos:
        return self._interval

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        """Bars that opened at `start` or later and closed at `end` or earlier; reads from the beginning.

        Holds a few intervals and one block of trades.
        """
        if rows < 1:
            raise ValueError(f"a block has at least 1 row, not {rows}")
        maker = self._maker = self._begin()
        made: list[Bar] = []
        is_empty = True
        for bar in self._bars(maker):
            if end is not None and bar.ts_event > end:
                break
            if start is None or bar.ts_open >= start:
                made.append(bar)
                is_empty = False
                if len(made) == rows:
                    yield BarBlock.of(made)
                    made = []
        if made:
            yield BarBlock.of(made)
        if is_empty:
            raise self._holds_none(maker)

    def last_close(self) -> Nanos | None:
        """None: only reading every trade would tell."""
        return None

    def info(self) -> SourceInfo:
        return self._trades.info()

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found in the trades, and in the bars that they make."""
        found = Findings(self.symbol)
        for check, count in self._maker.found.items():
            found.add(check, count, FINDINGS[check])
        return (*self._trades.quality(), *found.table())

    def _begin(self) -> BarMaker:
        return BarMaker(self.symbol, self._interval, self._grid)

    def _bars(self, maker: BarMaker) -> Iterator[Bar]:
        for block in self._trades.blocks(None, None, TRADES):
            yield from maker.take(block)
        yield from maker.finish()

    def _holds_none(self, maker: BarMaker) -> DataError:
        first, last = time_name(maker.first), time_name(maker.latest)
        return DataError(
            f"{self.path}: not one whole bar of {interval_name(self._interval)} in the range asked for; "
            f"trades were read from {first} to {last}: ask for another range or for shorter bars"
        )


class BarMaker:
    """Puts trades, as they become known, into intervals of the time at which they happened.

    >>> from quant_contracts.events import Trade
    >>> maker = BarMaker("BTCUSDT", 10 * SECOND, Grid(Decimal("0.1"), Decimal("0.001")))
    >>> seconds = {9: 50.0, 12: 52.0, 17: 51.0, 31: 55.0, 40: 54.0}
    >>> trades = [Trade(s * SECOND, s * SECOND, "BTCUSDT", price, 0.2, 1) for s, price in seconds.items()]
    >>> bars = [*maker.take(TradeBlock.of("BTCUSDT", trades)), *maker.finish()]
    >>> [(bar.ts_event // SECOND, bar.open, bar.close, bar.volume) for bar in bars]
    [(20, 52.0, 51.0, 0.4), (30, 51.0, 51.0, 0.0), (40, 55.0, 55.0, 0.2)]
    """

    def __init__(self, symbol: str, interval: Nanos, grid: Grid) -> None:
        self.first: Nanos = 0
        """When the first trade happened, 0 before it."""
        self.latest: Nanos = 0
        """When the latest happened."""
        self.found = dict.fromkeys(FINDINGS, 0)
        self._symbol = symbol
        self._interval = interval
        self._grid = grid
        self._lot = grid.lot.as_integer_ratio()
        # Intervals by their number since 1970: those that are not over, and the next to be delivered.
        self._open: dict[int, _Interval] = {}
        self._next = 0
        self._price: Price = 0.0
        self._known: Nanos = 0

    def take(self, block: Block) -> Iterator[Bar]:
        """The bars that these trades show to be over."""
        assert isinstance(block, TradeBlock)
        lots = self._grid.lots(block.quantity).tolist()
        ids = block.trade_id.tolist()
        rows = zip(block.ts.tolist(), block.known.tolist(), block.price.tolist(), lots, ids, strict=True)
        if not self.first and len(block):
            self.first = block.ts.item(0)
            self._next = self.first // self._interval + 1
            self._price = block.price.item(0)
            self.found["cut_interval"] = 1
        for ts, known, price, size, number in rows:
            place = ts // self._interval
            if place >= self._next:
                interval = self._open.get(place)
                if interval is None:
                    interval = self._open[place] = _Interval()
                interval.add((ts, number), known, price, size)
            elif ts >= self.latest:
                # Before the first bar; all that is wanted of that time is the price at which it ended.
                self._price = price
            elif place > self.first // self._interval:
                self.found["late_trade"] += 1
            if ts > self.latest:
                self.latest = ts
                yield from self._deliver((ts - PATIENCE) // self._interval)

    def finish(self) -> Iterator[Bar]:
        """The bars that no trade will come for any more; one that is not over is not among them."""
        yield from self._deliver(self.latest // self._interval)

    def _deliver(self, stop: int) -> Iterator[Bar]:
        """The bars of the intervals before `stop`."""
        while self._next < stop:
            interval = self._open.pop(self._next, None)
            if interval is not None:
                yield self._bar(interval)
                self._next += 1
                continue
            # The trade that brought us here is in an interval that is open.
            empty = min(self._open) - self._next
            if empty > LONGEST_FILL:
                self.found["trades_stopped"] += empty
                self._next += empty
                continue
            for _ in range(min(empty, stop - self._next)):
                self.found["flat_interval"] += 1
                yield self._bar(_Interval(self._price))
                self._next += 1

    def _bar(self, interval: _Interval) -> Bar:
        close = (self._next + 1) * self._interval
        self._known = max(self._known, close, interval.known)
        self._price = interval.close
        over, under = self._lot
        return Bar(
            close,
            self._known,
            self._symbol,
            self._interval,
            interval.open,
            interval.high,
            interval.low,
            interval.close,
            interval.lots * over / under,
        )


class _Interval:
    """What traded in one interval; at first nothing, at the price at hand."""

    __slots__ = ("_first", "_last", "close", "high", "known", "lots", "low", "open")

    def __init__(self, price: Price = 0.0) -> None:
        self.open = self.high = self.low = self.close = price
        self.lots = 0
        """Whole lots, so that no order of adding matters."""
        self.known: Nanos = 0
        self._first = self._last = (0, 0)

    def add(self, moment: tuple[Nanos, int], known: Nanos, price: Price, lots: int) -> None:
        """Take a trade; `moment` is its time and number at the venue."""
        if not self.lots:
            self.open = self.high = self.low = self.close = price
            self._first = self._last = moment
        elif moment >= self._last:
            self.close, self._last = price, moment
        elif moment < self._first:
            self.open, self._first = price, moment
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.lots += lots
        # Never falls from trade to trade.
        self.known = known
