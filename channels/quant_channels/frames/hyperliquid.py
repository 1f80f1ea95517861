"""Frames of Hyperliquid: books of 20 levels, each whole, and trades.

Source: Hyperliquid's "WebSocket subscriptions": `l2Book` is sent whole with every block, `side` of a trade is
the aggressor's, B for a buyer. `tid` is a hash, not a number that counts, so trades have no id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from quant_channels.frames.exact import Refusal, millis
from quant_channels.frames.parser import Frame, Wanted
from quant_channels.frames.said import Depth, Said
from quant_contracts.events import Trade
from quant_contracts.units import Nanos

NOTHING: Final = msgspec.Raw(b"")


class Envelope(msgspec.Struct):
    channel: str = ""
    data: msgspec.Raw = NOTHING


class Level(msgspec.Struct):
    px: str
    sz: str


class Book(msgspec.Struct):
    coin: str
    time: int
    levels: tuple[list[Level], list[Level]]
    """Bids, then asks."""


class Print(msgspec.Struct):
    coin: str
    side: Literal["A", "B"]
    px: str
    sz: str
    time: int


_envelope = msgspec.json.Decoder(Envelope).decode
_book = msgspec.json.Decoder(Book).decode
_prints = msgspec.json.Decoder(list[Print]).decode


class HyperliquidReader:
    """Reads the frames of one coin."""

    __slots__ = ("wanted",)

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def read(self, frame: Frame, recv_ns: Nanos, /) -> Sequence[Said]:
        about = _envelope(frame)
        if about.channel == "l2Book":
            book = _book(about.data)
            return () if self.wanted.skips(book.coin, "depth") else (self._depth(book, recv_ns),)
        if about.channel == "trades":
            prints = _prints(about.data)
            if not prints or self.wanted.skips(prints[0].coin, "trade"):
                return ()
            return [self._trade(said, recv_ns) for said in prints]
        return ()

    def _depth(self, book: Book, recv_ns: Nanos) -> Depth:
        ticks, lots = self.wanted.ticks, self.wanted.lots
        bids, asks = ([(ticks[each.px], lots[each.sz]) for each in side] for side in book.levels)
        return Depth(millis(book.time), recv_ns, True, book.time, book.time, bids, asks)

    def _trade(self, said: Print, recv_ns: Nanos) -> Trade:
        if said.coin != self.wanted.instrument:
            raise Refusal("foreign_symbol")
        price, size = self.wanted.traded(said.px, said.sz)
        side: Literal[1, -1] = 1 if said.side == "B" else -1
        return Trade(millis(said.time), recv_ns, self.wanted.symbol, price, size, side)
