"""Frames of OKX: books with their numbers and checksum, the best few levels, trades and tickers.

Source: OKX's API v5, "Order book channel". The checksum is the CRC-32 of the 25 best levels as the venue
wrote them; since June 2026 it is always 0, which says nothing, and `seqId` and `prevSeqId` take its place.
Sizes of derivatives are in contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from quant_channels.frames.exact import Refusal, millis, number, whole
from quant_channels.frames.parser import Frame, Wanted
from quant_channels.frames.said import Depth, Kind, Said
from quant_contracts.events import Quote, Trade
from quant_contracts.units import Nanos

KINDS: Final[dict[str, Kind]] = {
    "books": "depth",
    "books-l2-tbt": "depth",
    "books50-l2-tbt": "depth",
    "books5": "partial_depth",
    "bbo-tbt": "quote",
    "tickers": "ticker",
    "trades": "trade",
}

NO_PREVIOUS: Final = -1
"""`prevSeqId` of a snapshot."""

Level = tuple[str, str, str, str]
"""Price, size, a number of old, and how many orders stand there."""


class Argument(msgspec.Struct):
    channel: str
    instrument: str = msgspec.field(name="instId", default="")


class Envelope(msgspec.Struct):
    arg: Argument | None = None
    event: str = ""
    action: Literal["snapshot", "update"] | None = None


class Levels(msgspec.Struct, rename={"number": "seqId", "previous": "prevSeqId"}):
    ts: str
    bids: list[Level]
    asks: list[Level]
    number: int | None = None
    previous: int | None = None
    checksum: int = 0


class Books(msgspec.Struct):
    data: tuple[Levels]


class Print(msgspec.Struct, rename={"instrument": "instId", "trade_id": "tradeId"}):
    instrument: str
    trade_id: str
    px: str
    sz: str
    side: Literal["buy", "sell"]
    ts: str


class Prints(msgspec.Struct):
    data: list[Print]


class Best(
    msgspec.Struct,
    rename={"instrument": "instId", "bid": "bidPx", "bid_size": "bidSz", "ask": "askPx", "ask_size": "askSz"},
):
    instrument: str
    bid: str
    bid_size: str
    ask: str
    ask_size: str
    ts: str


class Tickers(msgspec.Struct):
    data: list[Best]


_envelope = msgspec.json.Decoder(Envelope).decode
_books = msgspec.json.Decoder(Books).decode
_prints = msgspec.json.Decoder(Prints).decode
_tickers = msgspec.json.Decoder(Tickers).decode


class OkxReader:
    """Reads the frames of one instrument."""

    __slots__ = ("wanted",)

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def read(self, frame: Frame, recv_ns: Nanos, /) -> Sequence[Said]:
        about = _envelope(frame)
        # Replies to subscriptions name an event and hold no data.
        kind = KINDS.get(about.arg.channel) if about.arg is not None and not about.event else None
        if about.arg is None or kind is None or self.wanted.skips(about.arg.instrument, kind):
            return ()
        if kind == "trade":
            return [self._trade(said, recv_ns) for said in _prints(frame).data]
        if kind == "ticker":
            return [self._ticker(said, recv_ns) for said in _tickers(frame).data]
        (book,) = _books(frame).data
        if kind != "depth":
            return (self._top(book, recv_ns),)
        if about.action is None:
            raise Refusal("wrong_type")
        return (self._depth(book, about.action == "snapshot", recv_ns),)

    def _depth(self, book: Levels, is_snapshot: bool, recv_ns: Nanos) -> Depth:
        ticks, lots = self.wanted.ticks, self.wanted.lots
        ts = millis(whole(book.ts))
        if book.number is None:
            # Frames before 2023 have no number: they follow each other by time.
            last, previous = whole(book.ts), None
        else:
            last, previous = number(book.number), book.previous
            if previous is not None and previous != NO_PREVIOUS:
                number(previous)
        if not -(1 << 31) <= book.checksum < 1 << 31:
            raise Refusal("wild_number")
        return Depth(
            ts,
            recv_ns,
            is_snapshot,
            last,
            last,
            [(ticks[price], lots[size]) for price, size, _, _ in book.bids],
            [(ticks[price], lots[size]) for price, size, _, _ in book.asks],
            previous,
            book.checksum or None,
            (written(book.bids), written(book.asks)) if book.checksum else ([], []),
        )

    def _top(self, book: Levels, recv_ns: Nanos) -> Quote:
        """Best first, as the venue sends them."""
        bid = self.wanted.best(*book.bids[0][:2]) if book.bids else (0.0, 0.0)
        ask = self.wanted.best(*book.asks[0][:2]) if book.asks else (0.0, 0.0)
        return self.wanted.quote(millis(whole(book.ts)), recv_ns, bid, ask)

    def _ticker(self, said: Best, recv_ns: Nanos) -> Quote:
        self._check(said.instrument)
        bid = self.wanted.best(said.bid, said.bid_size)
        ask = self.wanted.best(said.ask, said.ask_size)
        return self.wanted.quote(millis(whole(said.ts)), recv_ns, bid, ask)

    def _trade(self, said: Print, recv_ns: Nanos) -> Trade:
        self._check(said.instrument)
        price, size = self.wanted.traded(said.px, said.sz)
        side: Literal[1, -1] = 1 if said.side == "buy" else -1
        ts, trade_id = millis(whole(said.ts)), whole(said.trade_id)
        return Trade(ts, recv_ns, self.wanted.symbol, price, size, side, trade_id)

    def _check(self, name: str) -> None:
        if name != self.wanted.instrument:
            raise Refusal("foreign_symbol")


def written(levels: list[Level]) -> list[str]:
    """Levels as the checksum has them."""
    return [f"{price}:{size}" for price, size, _, _ in levels]
