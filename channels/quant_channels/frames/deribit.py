"""Frames of Deribit: books, trades, tickers of options and futures, quotes, and the REST book summary.

Source: Deribit's API v2, "Subscriptions". Prices are JSON numbers; those that must be exact are read from
their text. Sizes are as the venue counts them: coins for options, USD for inverse futures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from quant_channels.frames.deribit_messages import (
    Action,
    Summary,
    Ticker,
    read_best,
    read_change,
    read_grouped,
    read_heartbeat,
    read_message,
    read_prints,
    read_summaries,
    read_ticker,
)
from quant_channels.frames.exact import Refusal, Steps, amount, millis, number, share
from quant_channels.frames.parser import Frame, Wanted
from quant_channels.frames.said import Depth, Kind, Levels, Said
from quant_contracts.events import MarkPrice, OptionQuote, Quote, Trade
from quant_contracts.events.options import Premium, Right
from quant_contracts.units import SECOND, Nanos

OPTION: Final = re.compile(r"([A-Z0-9_]+)-(\d{1,2})([A-Z]{3})(\d{2})-(\d{1,9}(?:d\d{1,9})?)-([CP])")
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
EXPIRES: Final = 8
"""Hour of the day, UTC."""
MOST_IV: Final = 1_000.0
"""Percent; the venue caps its own far below."""


class Option(msgspec.Struct, frozen=True):
    """What the name of an option says."""

    underlying: str
    premium: Premium
    expiry: Nanos
    strike: float
    right: Right


def parse_option(name: str) -> Option | None:
    """What `name` says of an option, None where it names none.

    >>> parse_option("BTC-24SEP21-34000-P")
    Option(underlying='BTC', premium='inverse', expiry=1632470400000000000, strike=34000.0, right=-1)
    >>> parse_option("XRP_USDC-30JUN23-0d525-C").strike, parse_option("BTC-PERPETUAL")
    (0.525, None)
    """
    match = OPTION.fullmatch(name)
    if match is None or match[3] not in MONTHS:
        return None
    try:
        day = datetime(2000 + int(match[4]), MONTHS.index(match[3]) + 1, int(match[2]), EXPIRES, tzinfo=UTC)
    except ValueError:
        return None
    strike = float(match[5].replace("d", "."))
    if not strike:
        return None
    premium: Premium = "linear" if "_" in match[1] else "inverse"
    return Option(match[1], premium, int(day.timestamp()) * SECOND, strike, 1 if match[6] == "C" else -1)


class DeribitReader:
    """Reads the frames of one contract; or, where the instrument is a coin, of all options on it."""

    __slots__ = ("wanted",)

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def read(self, frame: Frame, recv_ns: Nanos, /) -> Sequence[Said]:
        about = read_heartbeat(frame)
        if about.method not in {"", "subscription"}:
            return ()
        if not about.method:
            return self._reply(about.result, recv_ns)
        params = read_message(frame).params
        if params is None:
            raise Refusal("wrong_type")
        topic, _, rest = params.channel.partition(".")
        name = rest.partition(".")[0]
        if topic == "book":
            # book.BTC-PERPETUAL.none.10.100ms is grouped, book.BTC-PERPETUAL.100ms is not.
            kind: Kind = "partial_depth" if rest.count(".") > 1 else "depth"
            return () if self.wanted.skips(name, kind) else (self._book(params.data, kind, recv_ns),)
        if topic == "trades":
            return () if self.wanted.skips(name, "trade") else self._trades(params.data, recv_ns)
        if topic == "quote":
            return () if self.wanted.skips(name, "quote") else (self._quote(params.data, recv_ns),)
        if topic == "ticker":
            return () if self._skips(name, "ticker") else self._tickers(params.data, recv_ns)
        return ()

    def _skips(self, name: str, kind: Kind) -> bool:
        """As `Wanted.skips`; a coin stands for its options."""
        option = parse_option(name)
        if option is not None and self._is_of_coin(option):
            return self.wanted.skips(self.wanted.instrument, kind)
        return self.wanted.skips(name, kind)

    def _is_of_coin(self, option: Option) -> bool:
        return option.underlying == self.wanted.instrument

    def _reply(self, result: msgspec.Raw, recv_ns: Nanos) -> Sequence[Said]:
        """Replies to requests; only a book summary, a list of rows with prices, is of use."""
        text = bytes(result)
        if not text.startswith(b"[{") or b'"creation_timestamp"' not in text or b'"mark_price"' not in text:
            return ()
        rows = read_summaries(text)
        return [
            quote
            for row in rows
            if (option := parse_option(row.instrument_name)) is not None
            and not self._skips(row.instrument_name, "summary")
            for quote in (self._summary(row, option, recv_ns),)
        ]

    def _book(self, data: msgspec.Raw, kind: Kind, recv_ns: Nanos) -> Said:
        ticks, lots = self.wanted.ticks, self.wanted.lots
        if kind == "partial_depth":
            few = read_grouped(data)
            self._check(few.instrument_name)
            bids = [(ticks[bytes(price)], lots[bytes(size)]) for price, size in few.bids]
            asks = [(ticks[bytes(price)], lots[bytes(size)]) for price, size in few.asks]
            best = self.wanted.top(*max(bids, default=(0, 0))), self.wanted.top(*min(asks, default=(0, 0)))
            return self.wanted.quote(millis(few.timestamp), recv_ns, *best)
        change = read_change(data)
        self._check(change.instrument_name)
        return Depth(
            millis(change.timestamp),
            recv_ns,
            change.type == "snapshot",
            number(change.change_id),
            change.change_id,
            levels(change.bids, ticks, lots),
            levels(change.asks, ticks, lots),
            None if change.prev_change_id is None else number(change.prev_change_id),
        )

    def _trades(self, data: msgspec.Raw, recv_ns: Nanos) -> list[Said]:
        trades: list[Said] = []
        for said in read_prints(data):
            self._check(said.instrument_name)
            price, size = self.wanted.traded(bytes(said.price), bytes(said.amount))
            side: Literal[1, -1] = 1 if said.direction == "buy" else -1
            ts, trade_id = millis(said.timestamp), number(said.trade_seq)
            trades.append(Trade(ts, recv_ns, self.wanted.symbol, price, size, side, trade_id))
        return trades

    def _quote(self, data: msgspec.Raw, recv_ns: Nanos) -> Quote:
        said = read_best(data)
        self._check(said.instrument_name)
        bid = self._best_level(said.best_bid_price, said.best_bid_amount)
        ask = self._best_level(said.best_ask_price, said.best_ask_amount)
        return self.wanted.quote(millis(said.timestamp), recv_ns, bid, ask)

    def _best_level(self, price: msgspec.Raw, size: msgspec.Raw) -> tuple[float, float]:
        text = bytes(price)
        return (0.0, 0.0) if text == b"null" else self.wanted.best(text, bytes(size))

    def _tickers(self, data: msgspec.Raw, recv_ns: Nanos) -> Sequence[Said]:
        said = read_ticker(data)
        option = parse_option(said.instrument_name)
        ts = millis(said.timestamp)
        if option is not None:
            if not self._is_of_coin(option):
                self._check(said.instrument_name)
            return (self._option(said, option, ts, recv_ns),)
        self._check(said.instrument_name)
        mark = MarkPrice(
            ts,
            recv_ns,
            self.wanted.symbol,
            positive(said.mark_price),
            positive(said.index_price),
            None if said.current_funding is None else share(said.current_funding),
        )
        bid = (amount(said.best_bid_price) or 0.0, amount(said.best_bid_amount) or 0.0)
        ask = (amount(said.best_ask_price) or 0.0, amount(said.best_ask_amount) or 0.0)
        return (self.wanted.quote(ts, recv_ns, there(bid), there(ask)), mark)

    def _option(self, said: Ticker, option: Option, ts: Nanos, recv_ns: Nanos) -> OptionQuote:
        for each in (said.bid_iv, said.ask_iv):
            volatility(each)
        bid = there((amount(said.best_bid_price) or 0.0, amount(said.best_bid_amount) or 0.0))
        ask = there((amount(said.best_ask_price) or 0.0, amount(said.best_ask_amount) or 0.0))
        if bid[1] and ask[1] and bid[0] >= ask[0]:
            raise Refusal("crossed")
        return OptionQuote(
            ts,
            recv_ns,
            self.wanted.symbol,
            option.premium,
            option.expiry,
            option.strike,
            option.right,
            bid[0] or None,
            bid[1] or None,
            ask[0] or None,
            ask[1] or None,
            amount(said.mark_price) or None,
            volatility(said.mark_iv),
            amount(said.underlying_price) or None,
            amount(said.open_interest),
        )

    def _summary(self, said: Summary, option: Option, recv_ns: Nanos) -> OptionQuote:
        bid, ask = amount(said.bid_price) or None, amount(said.ask_price) or None
        if bid is not None and ask is not None and bid >= ask:
            raise Refusal("crossed")
        return OptionQuote(
            millis(said.creation_timestamp),
            recv_ns,
            self.wanted.symbol,
            option.premium,
            option.expiry,
            option.strike,
            option.right,
            bid,
            None,
            ask,
            None,
            amount(said.mark_price) or None,
            volatility(said.mark_iv),
            amount(said.underlying_price) or None,
            amount(said.open_interest),
        )

    def _check(self, name: str) -> None:
        if name != self.wanted.instrument:
            raise Refusal("foreign_symbol")


def levels(triples: list[tuple[Action, msgspec.Raw, msgspec.Raw]], ticks: Steps, lots: Steps) -> Levels:
    """Price levels in whole ticks and lots; a deleted level has none, whatever stands beside it."""
    return [
        (ticks[bytes(price)], 0 if action == "delete" else lots[bytes(size)])
        for action, price, size in triples
    ]


def there(level: tuple[float, float]) -> tuple[float, float]:
    """A best level; nothing where either its price or its size is 0."""
    return level if level[0] and level[1] else (0.0, 0.0)


def positive(value: float) -> float:
    """A float above 0."""
    if not amount(value):
        raise Refusal("not_positive")
    return value


def volatility(percent: float | None) -> float | None:
    """Percent a year as a fraction; None where the venue found none, which it says with 0."""
    if percent is None or not amount(percent):
        return None
    if percent > MOST_IV:
        raise Refusal("too_large")
    return percent / 100
