"""Frames of Coinbase: the Exchange feed (snapshot, l2update, match, ticker) and Advanced Trade's l2_data.

Source: Coinbase's "Exchange WebSocket Channels" and "Advanced Trade WebSocket Channels". The Exchange feed
gives changes of a book no number, only a time; Advanced Trade numbers all messages of a connection, whatever
they are about, so a jump there may have been the book's. In `match` the side is the maker's, so the aggressor
is the other one; `last_match` is older than the connection and passed over. Trades of Advanced Trade are not
read: its documents do not say whose side they name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from quant_channels.frames.exact import iso, number
from quant_channels.frames.parser import Frame, Wanted
from quant_channels.frames.said import Depth, Kind, Lost, Said
from quant_contracts.events import Quote, Trade
from quant_contracts.units import MICROSECOND, Nanos

KINDS: Final[dict[str, Kind]] = {
    "snapshot": "depth",
    "l2update": "depth",
    "match": "trade",
    "ticker": "quote",
}


NO_SIZE: Final = msgspec.Raw(b'""')


class Envelope(msgspec.Struct):
    type: str = ""
    product_id: str = ""
    channel: str = ""
    sequence_num: int = -1
    best_bid_size: msgspec.Raw = NO_SIZE
    best_ask_size: msgspec.Raw = NO_SIZE

    @property
    def kind(self) -> Kind | None:
        """What it is about. Without sizes, as it was until 2022, a ticker makes no quote."""
        if self.type == "ticker" and NO_SIZE in (self.best_bid_size, self.best_ask_size):
            return "ticker"
        return KINDS.get(self.type)


class Snapshot(msgspec.Struct):
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class L2Update(msgspec.Struct):
    changes: list[tuple[Literal["buy", "sell"], str, str]]
    time: str


class Match(msgspec.Struct):
    trade_id: int
    side: Literal["buy", "sell"]
    size: str
    price: str
    time: str


class Ticker(msgspec.Struct):
    time: str
    best_bid: str
    best_ask: str
    best_bid_size: str
    best_ask_size: str


class Level(msgspec.Struct):
    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str


class L2Event(msgspec.Struct):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[Level]


class BestEvent(msgspec.Struct):
    product_id: str
    best_bid: str
    best_bid_quantity: str
    best_ask: str
    best_ask_quantity: str


class TickerEvent(msgspec.Struct):
    tickers: list[BestEvent]


class L2Data(msgspec.Struct):
    timestamp: str
    events: list[L2Event]


class Tickers(msgspec.Struct):
    timestamp: str
    events: list[TickerEvent]


_envelope = msgspec.json.Decoder(Envelope).decode
_snapshot = msgspec.json.Decoder(Snapshot).decode
_update = msgspec.json.Decoder(L2Update).decode
_match = msgspec.json.Decoder(Match).decode
_ticker = msgspec.json.Decoder(Ticker).decode
_l2_data = msgspec.json.Decoder(L2Data).decode
_tickers = msgspec.json.Decoder(Tickers).decode


class CoinbaseReader:
    """Reads both feeds. Remembers the number of the last message of an Advanced Trade connection."""

    __slots__ = ("_number", "wanted")

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._number = -1

    def read(self, frame: Frame, recv_ns: Nanos, /) -> Sequence[Said]:
        about = _envelope(frame)
        if about.sequence_num >= 0:
            return self._advanced(about, frame, recv_ns)
        kind = about.kind
        if kind is None or self.wanted.skips(about.product_id, kind):
            return ()
        if kind == "trade":
            return (self._trade(_match(frame), recv_ns),)
        if kind == "quote":
            return (self._quote(_ticker(frame), recv_ns),)
        if kind == "ticker":
            return ()
        return (self._depth(about.type == "snapshot", frame, recv_ns),)

    def _depth(self, is_snapshot: bool, frame: Frame, recv_ns: Nanos) -> Depth:
        ticks, lots = self.wanted.ticks, self.wanted.lots
        if is_snapshot:
            book = _snapshot(frame)
            bids = [(ticks[price], lots[size]) for price, size in book.bids]
            asks = [(ticks[price], lots[size]) for price, size in book.asks]
            return Depth(0, recv_ns, True, 0, 0, bids, asks)
        update = _update(frame)
        ts = iso(update.time)
        bids = [(ticks[price], lots[size]) for side, price, size in update.changes if side == "buy"]
        asks = [(ticks[price], lots[size]) for side, price, size in update.changes if side == "sell"]
        micros = ts // MICROSECOND
        return Depth(ts, recv_ns, False, micros, micros, bids, asks)

    def _trade(self, said: Match, recv_ns: Nanos) -> Trade:
        price, size = self.wanted.traded(said.price, said.size)
        side: Literal[1, -1] = 1 if said.side == "sell" else -1
        return Trade(iso(said.time), recv_ns, self.wanted.symbol, price, size, side, number(said.trade_id))

    def _quote(self, said: Ticker, recv_ns: Nanos) -> Quote:
        bid = self.wanted.best(said.best_bid, said.best_bid_size)
        ask = self.wanted.best(said.best_ask, said.best_ask_size)
        return self.wanted.quote(iso(said.time), recv_ns, bid, ask)

    def _advanced(self, about: Envelope, frame: Frame, recv_ns: Nanos) -> list[Said]:
        said: list[Said] = []
        before, self._number = self._number, number(about.sequence_num)
        # A new connection counts from 0 again.
        if before >= 0 and self._number != before + 1 and "depth" in self.wanted.kinds:
            said.append(Lost(recv_ns, "sequence_num"))
        if about.channel == "l2_data":
            data = _l2_data(frame)
            said += [
                self._l2(event, data.timestamp, recv_ns)
                for event in data.events
                if not self.wanted.skips(event.product_id, "depth")
            ]
        elif about.channel == "ticker":
            tickers = _tickers(frame)
            for best in (each for event in tickers.events for each in event.tickers):
                if not self.wanted.skips(best.product_id, "quote"):
                    bid = self.wanted.best(best.best_bid, best.best_bid_quantity)
                    ask = self.wanted.best(best.best_ask, best.best_ask_quantity)
                    said.append(self.wanted.quote(iso(tickers.timestamp), recv_ns, bid, ask))
        return said

    def _l2(self, event: L2Event, timestamp: str, recv_ns: Nanos) -> Depth:
        ticks, lots = self.wanted.ticks, self.wanted.lots
        ts = iso(timestamp)
        micros = ts // MICROSECOND
        bids, asks = (
            [
                (ticks[each.price_level], lots[each.new_quantity])
                for each in event.updates
                if each.side == side
            ]
            for side in ("bid", "offer")
        )
        return Depth(ts, recv_ns, event.type == "snapshot", micros, micros, bids, asks)
