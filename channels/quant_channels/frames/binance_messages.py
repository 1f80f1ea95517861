"""Messages of Binance as they come, their letters spelt out; `binance` says what they mean."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Pairs = list[tuple[str, str]]

NOTHING: Final = msgspec.Raw(b"")


class Envelope(msgspec.Struct, rename={"event": "e", "symbol": "s", "state": "lastUpdateId"}):
    """As much of any message as tells what it is."""

    stream: str = ""
    data: msgspec.Raw = NOTHING
    event: str = ""
    symbol: str = ""
    state: int = -1


class Sent(msgspec.Struct, rename={"event_ms": "E", "symbol": "s"}):
    """When a message of any kind was sent, 0 where it does not say."""

    event_ms: int = 0
    symbol: str = ""


class SentWithin(Sent):
    """The same of a message that may stand in the wrapper of combined streams."""

    data: Sent | None = None


class Book(
    msgspec.Struct,
    rename={
        "state": "lastUpdateId",
        "whole_bids": "bids",
        "whole_asks": "asks",
        "event_ms": "E",
        "ts_ms": "T",
        "symbol": "s",
        "first": "U",
        "last": "u",
        "previous": "pu",
        "bids": "b",
        "asks": "a",
    },
):
    """A whole book (`lastUpdateId`, `bids`, `asks`) or changes of one (`U`, `u`, `b`, `a`)."""

    state: int = -1
    whole_bids: Pairs | None = None
    whole_asks: Pairs | None = None
    event_ms: int = 0
    ts_ms: int = 0
    symbol: str = ""
    first: int = -1
    last: int = -1
    previous: int | None = None
    bids: Pairs | None = None
    asks: Pairs | None = None


class BookTicker(
    msgspec.Struct,
    rename={
        "bid": "b",
        "bid_size": "B",
        "ask": "a",
        "ask_size": "A",
        "ts_ms": "T",
        "symbol": "s",
        "update": "u",
    },
):
    update: int
    symbol: str
    bid: str
    bid_size: str
    ask: str
    ask_size: str
    ts_ms: int = 0


class Print(
    msgspec.Struct,
    rename={
        "trade_id": "t",
        "aggregate": "a",
        "price": "p",
        "quantity": "q",
        "ts_ms": "T",
        "buyer_is_maker": "m",
        "sort": "X",
        "symbol": "s",
    },
):
    """A trade (`t`) or an aggregated one (`a`)."""

    symbol: str
    price: str
    quantity: str
    ts_ms: int
    buyer_is_maker: bool
    trade_id: int = -1
    aggregate: int = -1
    sort: str = "MARKET"


class Candle(
    msgspec.Struct,
    rename={
        "open_ms": "t",
        "last_ms": "T",
        "open": "o",
        "high": "h",
        "low": "l",
        "close": "c",
        "volume": "v",
        "is_closed": "x",
    },
):
    open_ms: int
    last_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    is_closed: bool


class Kline(msgspec.Struct, rename={"candle": "k", "symbol": "s"}):
    symbol: str
    candle: Candle


class Mark(
    msgspec.Struct,
    rename={"event_ms": "E", "symbol": "s", "mark": "p", "index": "i", "rate": "r", "next_ms": "T"},
):
    event_ms: int
    symbol: str
    mark: str
    index: str = ""
    rate: str = ""
    next_ms: int = 0


class Forced(
    msgspec.Struct, rename={"symbol": "s", "side": "S", "price": "p", "quantity": "q", "ts_ms": "T"}
):
    symbol: str
    side: Literal["BUY", "SELL"]
    price: str
    quantity: str
    ts_ms: int


class ForceOrder(msgspec.Struct, rename={"order": "o"}):
    order: Forced


read_envelope = msgspec.json.Decoder(Envelope).decode
read_sent = msgspec.json.Decoder(SentWithin).decode
read_depth = msgspec.json.Decoder(Book).decode
read_ticker = msgspec.json.Decoder(BookTicker).decode
read_print = msgspec.json.Decoder(Print).decode
read_kline = msgspec.json.Decoder(Kline).decode
read_mark = msgspec.json.Decoder(Mark).decode
read_forced = msgspec.json.Decoder(ForceOrder).decode
