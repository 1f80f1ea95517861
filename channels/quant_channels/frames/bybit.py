"""Frames of Bybit v5: order books of any depth, public trades.

Source: Bybit's API v5, "Orderbook" and "Trade" of the public topics. `orderbook.1` is always the whole of the
best bid and ask, so it is read as quotes. Trade ids are numbers on spot and random text elsewhere, which
becomes 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from quant_channels.frames.exact import Refusal, millis, number, whole
from quant_channels.frames.parser import Frame, Wanted
from quant_channels.frames.said import Depth, Said
from quant_contracts.events import Quote, Trade
from quant_contracts.units import Nanos


class Envelope(msgspec.Struct):
    topic: str = ""


class Levels(msgspec.Struct, rename={"symbol": "s", "bids": "b", "asks": "a", "update": "u"}):
    symbol: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    update: int


class Book(msgspec.Struct):
    """`cts` is when the matching engine made it so, `ts` when it was sent."""

    type: Literal["snapshot", "delta"]
    ts: int
    data: Levels
    cts: int = 0


class Print(
    msgspec.Struct,
    rename={"ts_ms": "T", "symbol": "s", "side": "S", "size": "v", "price": "p", "trade_id": "i"},
):
    ts_ms: int
    symbol: str
    side: Literal["Buy", "Sell"]
    size: str
    price: str
    trade_id: str


class Prints(msgspec.Struct):
    data: list[Print]


_envelope = msgspec.json.Decoder(Envelope).decode
_book = msgspec.json.Decoder(Book).decode
_prints = msgspec.json.Decoder(Prints).decode


class BybitReader:
    """Reads the frames of one instrument."""

    __slots__ = ("wanted",)

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def read(self, frame: Frame, recv_ns: Nanos, /) -> Sequence[Said]:
        topic, _, rest = _envelope(frame).topic.partition(".")
        if topic == "publicTrade":
            if self.wanted.skips(rest, "trade"):
                return ()
            return [self._trade(said, recv_ns) for said in _prints(frame).data]
        depth, _, name = rest.partition(".")
        if topic != "orderbook" or self.wanted.skips(name, "quote" if depth == "1" else "depth"):
            return ()
        book = _book(frame)
        self._check(book.data.symbol)
        return (self._quote(book, recv_ns) if depth == "1" else self._depth(book, recv_ns),)

    def _depth(self, book: Book, recv_ns: Nanos) -> Depth:
        ticks, lots = self.wanted.ticks, self.wanted.lots
        update = number(book.data.update)
        return Depth(
            millis(book.cts or book.ts),
            recv_ns,
            book.type == "snapshot",
            update,
            update,
            [(ticks[price], lots[size]) for price, size in book.data.bids],
            [(ticks[price], lots[size]) for price, size in book.data.asks],
        )

    def _quote(self, book: Book, recv_ns: Nanos) -> Quote:
        if book.type != "snapshot":
            raise Refusal("wrong_type")
        bid = self.wanted.best(*book.data.bids[0]) if book.data.bids else (0.0, 0.0)
        ask = self.wanted.best(*book.data.asks[0]) if book.data.asks else (0.0, 0.0)
        return self.wanted.quote(millis(book.cts or book.ts), recv_ns, bid, ask)

    def _trade(self, said: Print, recv_ns: Nanos) -> Trade:
        self._check(said.symbol)
        price, size = self.wanted.traded(said.price, said.size)
        side: Literal[1, -1] = 1 if said.side == "Buy" else -1
        trade_id = whole(said.trade_id) if said.trade_id.isdecimal() else 0
        return Trade(millis(said.ts_ms), recv_ns, self.wanted.symbol, price, size, side, trade_id)

    def _check(self, name: str) -> None:
        if name != self.wanted.instrument:
            raise Refusal("foreign_symbol")
