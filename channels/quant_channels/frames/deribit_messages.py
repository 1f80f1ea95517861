"""Messages of Deribit as they come, with the venue's own names; `deribit` says what they mean."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Action = Literal["new", "change", "delete"]

NOTHING: Final = msgspec.Raw(b"")


class Params(msgspec.Struct):
    channel: str
    data: msgspec.Raw


class Message(msgspec.Struct):
    method: str = ""
    params: Params | None = None
    result: msgspec.Raw = NOTHING


class Heartbeat(msgspec.Struct):
    method: str = ""
    result: msgspec.Raw = NOTHING


class Change(msgspec.Struct):
    instrument_name: str
    type: Literal["snapshot", "change"]
    timestamp: int
    change_id: int
    bids: list[tuple[Action, msgspec.Raw, msgspec.Raw]]
    asks: list[tuple[Action, msgspec.Raw, msgspec.Raw]]
    prev_change_id: int | None = None


class Grouped(msgspec.Struct):
    """The best levels again and again, without numbers that follow each other."""

    instrument_name: str
    timestamp: int
    change_id: int
    bids: list[tuple[msgspec.Raw, msgspec.Raw]]
    asks: list[tuple[msgspec.Raw, msgspec.Raw]]


class Print(msgspec.Struct):
    instrument_name: str
    timestamp: int
    price: msgspec.Raw
    amount: msgspec.Raw
    direction: Literal["buy", "sell"]
    trade_seq: int


class Best(msgspec.Struct):
    instrument_name: str
    timestamp: int
    best_bid_price: msgspec.Raw
    best_bid_amount: msgspec.Raw
    best_ask_price: msgspec.Raw
    best_ask_amount: msgspec.Raw


class Greeks(msgspec.Struct):
    """As the venue sends them: vega and theta in USD, gamma per USD."""

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class Ticker(msgspec.Struct):
    """The state of an option or a future. Volatilities are in percent, 0 or null where there is none."""

    instrument_name: str
    timestamp: int
    mark_price: float
    index_price: float
    best_bid_price: float | None = None
    best_bid_amount: float = 0.0
    best_ask_price: float | None = None
    best_ask_amount: float = 0.0
    open_interest: float | None = None
    mark_iv: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    greeks: Greeks | None = None
    underlying_price: float | None = None
    current_funding: float | None = None


class Summary(msgspec.Struct):
    """A row of `get_book_summary_by_currency`."""

    instrument_name: str
    creation_timestamp: int
    mark_price: float | None = None
    bid_price: float | None = None
    ask_price: float | None = None
    mark_iv: float | None = None
    underlying_price: float | None = None
    open_interest: float | None = None


read_heartbeat = msgspec.json.Decoder(Heartbeat).decode
read_message = msgspec.json.Decoder(Message).decode
read_change = msgspec.json.Decoder(Change).decode
read_grouped = msgspec.json.Decoder(Grouped).decode
read_prints = msgspec.json.Decoder(list[Print]).decode
read_best = msgspec.json.Decoder(Best).decode
read_ticker = msgspec.json.Decoder(Ticker).decode
read_summaries = msgspec.json.Decoder(list[Summary]).decode
