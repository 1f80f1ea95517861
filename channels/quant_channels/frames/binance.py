"""Frames of Binance, spot and USD-M: bare, in the wrapper of combined streams, and the REST snapshot.

Source: Binance's "Web Socket Streams" for spot and "Websocket Market Streams" for USD-M futures. The best
few levels of a futures book (`@depth5`, 10, 20) look exactly like changes of it; only the name of their
stream, so only the wrapper, tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from quant_channels.frames.binance_messages import (
    BookTicker,
    Envelope,
    Forced,
    Kline,
    Mark,
    Pairs,
    Print,
    read_depth,
    read_envelope,
    read_forced,
    read_kline,
    read_mark,
    read_print,
    read_ticker,
)
from quant_channels.frames.exact import Refusal, Steps, millis, number, priced, rate
from quant_channels.frames.parser import Frame, Wanted
from quant_channels.frames.said import Depth, Kind, Levels, Said
from quant_contracts.events import Bar, FormingBar, Liquidation, MarkPrice, Quote, Trade
from quant_contracts.units import Nanos

EVENTS: Final[dict[str, Kind]] = {
    "depthUpdate": "depth",
    "bookTicker": "quote",
    "trade": "trade",
    "aggTrade": "agg_trade",
    "kline": "kline",
    "markPriceUpdate": "mark",
    "forceOrder": "liquidation",
}

STREAMS: Final[dict[str, Kind]] = {
    "depth": "depth",
    "bookTicker": "quote",
    "trade": "trade",
    "aggTrade": "agg_trade",
    "kline": "kline",
    "markPrice": "mark",
    "forceOrder": "liquidation",
}

MOST_STREAMS: Final = 1_024


class BinanceReader:
    """Reads spot and USD-M messages alike: they differ in fields that are there or not."""

    __slots__ = ("_streams", "wanted")

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        # Of the streams seen so far: their names repeat with every frame.
        self._streams: dict[str, tuple[Kind | None, str]] = {}

    def read(self, frame: Frame, recv_ns: Nanos, /) -> Sequence[Said]:
        about = read_envelope(frame)
        if about.stream:
            frame = about.data
            kind, symbol = self._streams.get(about.stream) or self._stream(about.stream)
        else:
            kind, symbol = self._bare(about)
        if kind is None or self.wanted.skips(symbol, kind):
            return ()
        return (self._said(kind, frame, recv_ns),)

    def _stream(self, stream: str) -> tuple[Kind | None, str]:
        """Kind and symbol of a stream such as btcusdt@depth@100ms."""
        name, _, rest = stream.partition("@")
        topic = rest.partition("@")[0]
        sort, _, _ = topic.partition("_")
        kind = STREAMS.get(sort)
        if sort in {"depth5", "depth10", "depth20"}:
            kind = "partial_depth"
        if len(self._streams) >= MOST_STREAMS:
            self._streams.clear()
        self._streams[stream] = kind, name.upper()
        return kind, name.upper()

    def _bare(self, about: Envelope) -> tuple[Kind | None, str]:
        """Kind and symbol of a message that is not wrapped; None for replies and what is of no use here."""
        if about.event == "forceOrder":
            # The symbol stands within; `_liquidation` looks.
            return "liquidation", self.wanted.instrument
        if about.event:
            return EVENTS.get(about.event), about.symbol
        if about.state >= 0:
            # A REST reply does not say whose book it is; whoever asked knows.
            return "depth", self.wanted.instrument
        return ("quote" if about.symbol else None), about.symbol

    def _said(self, kind: Kind, frame: Frame, recv_ns: Nanos) -> Said:
        if kind == "quote":
            return self._quote(read_ticker(frame), recv_ns)
        if kind in {"trade", "agg_trade"}:
            return self._trade(read_print(frame), kind, recv_ns)
        if kind == "depth":
            return self._depth(frame, recv_ns)
        if kind == "partial_depth":
            return self._top(self._depth(frame, recv_ns))
        if kind == "kline":
            return self._bar(read_kline(frame), recv_ns)
        if kind == "mark":
            return self._mark(read_mark(frame), recv_ns)
        return self._liquidation(read_forced(frame).order, recv_ns)

    def _depth(self, frame: Frame, recv_ns: Nanos) -> Depth:
        ticks, lots = self.wanted.ticks, self.wanted.lots
        said = read_depth(frame)
        if said.state >= 0:
            ts = said.ts_ms or said.event_ms
            state = number(said.state)
            return Depth(
                millis(ts) if ts else 0,
                recv_ns,
                True,
                state,
                state,
                levels(said.whole_bids, ticks, lots),
                levels(said.whole_asks, ticks, lots),
            )
        self._check(said.symbol)
        if not 0 <= said.first <= number(said.last):
            raise Refusal("wild_number")
        return Depth(
            millis(said.ts_ms or said.event_ms),
            recv_ns,
            False,
            said.first,
            said.last,
            levels(said.bids, ticks, lots),
            levels(said.asks, ticks, lots),
            None if said.previous is None else number(said.previous),
        )

    def _check(self, symbol: str) -> None:
        if symbol != self.wanted.instrument:
            raise Refusal("foreign_symbol")

    def _top(self, depth: Depth) -> Quote:
        """The best prices of the few best levels; 0 where a side has none."""
        bid = self.wanted.top(*max(depth.bids, default=(0, 0)))
        ask = self.wanted.top(*min(depth.asks, default=(0, 0)))
        return self.wanted.quote(depth.ts or depth.recv_ns, depth.recv_ns, bid, ask)

    def _quote(self, said: BookTicker, recv_ns: Nanos) -> Quote:
        self._check(said.symbol)
        # Spot says no time.
        ts = millis(said.ts_ms) if said.ts_ms else recv_ns
        bid = self.wanted.best(said.bid, said.bid_size)
        ask = self.wanted.best(said.ask, said.ask_size)
        return self.wanted.quote(ts, recv_ns, bid, ask)

    def _trade(self, said: Print, kind: Kind, recv_ns: Nanos) -> Trade:
        self._check(said.symbol)
        if said.sort != "MARKET":
            # An insurance fund or a forced deleveraging: nobody took anything from the book.
            raise Refusal("no_market_trade")
        trade_id = said.trade_id if kind == "trade" else said.aggregate
        price, quantity = self.wanted.traded(said.price, said.quantity)
        side: Literal[1, -1] = -1 if said.buyer_is_maker else 1
        return Trade(millis(said.ts_ms), recv_ns, self.wanted.symbol, price, quantity, side, number(trade_id))

    def _bar(self, kline: Kline, recv_ns: Nanos) -> Bar | FormingBar:
        self._check(kline.symbol)
        said = kline.candle
        opened, closes = millis(said.open_ms), millis(said.last_ms + 1)
        first, high, low, last = (
            self.wanted.priced(text) for text in (said.open, said.high, said.low, said.close)
        )
        if closes <= opened or not low <= min(first, last) <= max(first, last) <= high:
            raise Refusal("inconsistent")
        volume = self.wanted.sized(said.volume)
        symbol, interval = self.wanted.symbol, closes - opened
        if said.is_closed:
            return Bar(closes, max(recv_ns, closes), symbol, interval, first, high, low, last, volume)
        return FormingBar(closes, recv_ns, symbol, interval, first, high, low, last, volume)

    def _mark(self, said: Mark, recv_ns: Nanos) -> MarkPrice:
        self._check(said.symbol)
        return MarkPrice(
            millis(said.event_ms),
            recv_ns,
            self.wanted.symbol,
            priced(said.mark),
            priced(said.index) if said.index else None,
            rate(said.rate) if said.rate else None,
            # 0 where a contract pays no funding.
            millis(said.next_ms) if said.next_ms else None,
        )

    def _liquidation(self, said: Forced, recv_ns: Nanos) -> Liquidation:
        self._check(said.symbol)
        price, quantity = self.wanted.traded(said.price, said.quantity)
        side: Literal[1, -1] = 1 if said.side == "BUY" else -1
        return Liquidation(millis(said.ts_ms), recv_ns, self.wanted.symbol, side, price, quantity)


def levels(pairs: Pairs | None, ticks: Steps, lots: Steps) -> Levels:
    """Price levels in whole ticks and lots. A side may be empty, but not absent."""
    if pairs is None:
        raise Refusal("wrong_type")
    return [(ticks[price], lots[size]) for price, size in pairs]
