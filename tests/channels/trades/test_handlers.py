"""Trades and best prices are shown as they became known, each once, the same however they came in."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.trades.handler import TradesHandler
from quant_channels.trades.quotes_handler import QuotesHandler
from quant_contracts.blocks import QuoteBlock, TradeBlock
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import DataGap, Quote, Trade
from quant_contracts.protocols import StreamHandler
from quant_contracts.testing.seen import same_view

SYMBOL = "BTCUSDT"


class Shelf:
    """A feed over events at hand."""

    symbol = SYMBOL

    def __init__(self, domain, events=()):
        self.domain = domain
        self.events = events

    def blocks(self, start, end, rows):
        kind = TradeBlock if self.domain == "trades" else QuoteBlock
        for row in range(0, len(self.events), rows):
            yield kind.of(SYMBOL, self.events[row : row + rows])


def trade(ts, number=0, price=100.0):
    return Trade(ts, ts, SYMBOL, price, 1.0, 1, number)


def quote(ts, bid=99.0, ask=101.0, bid_size=1.0, ask_size=1.0):
    return Quote(ts, ts, SYMBOL, bid, bid_size, ask, ask_size)


def trades_of(events, **chosen):
    handler = TradesHandler(Shelf("trades"), **chosen)
    for event in events:
        handler.push(event)
    return handler


def quotes_of(events, **chosen):
    handler = QuotesHandler(Shelf("quotes"), **chosen)
    for event in events:
        handler.push(event)
    return handler


def bulk_of(handler, events, ts=1_000):
    loaded = type(handler)(Shelf(handler.domain, events))
    loaded.load_history(None, None, 100)
    loaded.advance(ts)
    return loaded


def test_both_are_stream_handlers_and_show_nothing_before_the_first_row():
    trades, quotes = TradesHandler(Shelf("trades")), QuotesHandler(Shelf("quotes"))
    assert isinstance(trades, StreamHandler)
    assert isinstance(quotes, StreamHandler)
    assert (trades.observe(0, 9), trades.freshness(9, None)) == (None, ("missing", "no trade yet"))
    assert (quotes.observe(0, 9), quotes.freshness(9, None)) == (None, ("missing", "no quote yet"))
    assert trades.last_known is quotes.last_known is None


def test_a_view_of_trades_is_what_became_known_since():
    handler = trades_of([trade(1, 1), trade(2, 2), trade(2, 3), trade(4, 4)])
    view = handler.observe(1, 4)
    assert list(view.trades.events()) == [trade(2, 2), trade(2, 3), trade(4, 4)]
    assert (view.since, view.ts, view.last, view.is_whole) == (1, 4, trade(4, 4), True)
    later = handler.observe(4, 9)
    assert (len(later.trades), later.last, later.is_whole) == (0, trade(4, 4), True)
    with pytest.raises(ValueError, match="read-only"):
        view.trades.price[0] = 1.0


def test_a_span_of_more_trades_than_are_kept_is_not_whole():
    handler = trades_of([trade(ts, ts) for ts in range(1, 6)], keep=2)
    assert [handler.observe(since, 5).is_whole for since in (0, 2, 3, 4)] == [False, False, True, True]
    assert handler.observe(0, 5).trades.trade_id.tolist() == [4, 5]


def test_a_jump_of_ids_is_a_hole_of_the_span_in_which_it_shows():
    events = [trade(1, 7), trade(3, 8), trade(5, 12), trade(6, 13)]
    found = (DataGap(5, SYMBOL, "trades", 3, 5, "3 trades missing before trade 12"),)
    for handler in (trades_of(events), bulk_of(TradesHandler(Shelf("trades")), events)):
        assert handler.gaps() == found
        assert [handler.observe(since, 6).is_whole for since in (0, 3, 4, 5, 6)] == [False] * 3 + [True] * 2


def test_a_trade_that_comes_late_or_twice_is_refused_and_counted():
    events = [trade(1, 7), trade(2, 9), trade(3, 8), trade(4, 9), trade(5, 10), trade(6, 0)]
    for handler in (trades_of(events), bulk_of(TradesHandler(Shelf("trades")), events)):
        assert handler.observe(0, 6).trades.trade_id.tolist() == [7, 9, 10, 0]
        assert (handler.refused, len(handler.gaps())) == (2, 1)
        assert [(row.check, row.count) for row in handler.quality()] == [("repeated_trade", 2)]


def test_where_ids_are_not_consecutive_every_trade_is_taken():
    handler = trades_of([trade(1, 50), trade(2, 9), trade(3, 9)], consecutive_ids=False)
    assert handler.observe(0, 3).trades.trade_id.tolist() == [50, 9, 9]
    assert (handler.gaps(), handler.refused, handler.observe(0, 3).is_whole) == ((), 0, True)


def test_a_refused_trade_does_not_make_the_stream_fresh():
    handler = trades_of([trade(1, 7), trade(50, 7)])
    assert (handler.last_known, handler.freshness(50, 10)) == (1, ("stale", "last change 49ns ago"))


def test_a_view_of_quotes_begins_with_the_one_in_force():
    handler = quotes_of([quote(1), quote(3, bid=99.5), quote(5, bid=99.7)])
    view = handler.observe(2, 5)
    assert (view.before, view.last) == (quote(1), quote(5, bid=99.7))
    assert view.quotes.bid.tolist() == [99.5, 99.7]
    assert handler.observe(0, 5).before is None
    assert handler.observe(5, 9).before == handler.observe(5, 9).last


def test_a_span_of_more_quotes_than_are_kept_begins_where_they_do():
    view = quotes_of([quote(ts, bid=90.0 + ts) for ts in range(1, 7)], keep=2).observe(0, 6)
    assert (view.is_whole, view.before.bid, view.quotes.bid.tolist()) == (False, 94.0, [95.0, 96.0])


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (quote(2, bid=101.0), "crossed"),
        (quote(2, bid=102.0), "crossed"),
        (quote(2, bid_size=0.0), "no bids"),
        (quote(2, ask_size=0.0), "no asks"),
    ],
)
def test_a_quote_that_cannot_be_used_is_not_shown_and_says_why(last, reason):
    handler = quotes_of([quote(1), last])
    assert (handler.observe(0, 2), handler.freshness(2, None)) == (None, ("missing", reason))
    handler.push(quote(3))
    assert handler.observe(0, 3).last == quote(3)
    assert (handler.freshness(3, 0), handler.freshness(9, 5)) == (
        ("fresh", ""),
        ("stale", "last change 6ns ago"),
    )


@pytest.mark.parametrize(("make", "event"), [(trades_of, trade), (quotes_of, quote)])
def test_rows_of_another_symbol_or_out_of_order_are_refused(make, event):
    handler = make([event(5)])
    with pytest.raises(DataError, match="a row of ETHUSDT came to the handler of BTCUSDT"):
        handler.push(msgspec.structs.replace(event(6), symbol="ETHUSDT"))
    with pytest.raises(DataError, match="a row known at 4 came after one known at 5"):
        handler.push(event(4))


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="keep must be at least 1 trade, not 0"):
        TradesHandler(Shelf("trades"), keep=0)
    with pytest.raises(ConfigError, match=r"keep must be at least 1 quote, not 2\.0"):
        QuotesHandler(Shelf("quotes"), keep=2.0)
    with pytest.raises(ConfigError, match="consecutive_ids must be true or false, not 'yes'"):
        TradesHandler(Shelf("trades"), consecutive_ids="yes")


@st.composite
def trade_histories(draw):
    ts, number, events = 10, 5, []
    for _ in range(draw(st.integers(0, 30))):
        ts += draw(st.integers(0, 3))
        number = max(0, number + draw(st.sampled_from((1, 1, 1, 1, 0, -1, 2, 5))))
        events.append(trade(ts, draw(st.sampled_from((number, number, number, 0))), price=float(number + 1)))
    return events


@st.composite
def quote_histories(draw):
    ts, events = 10, []
    for _ in range(draw(st.integers(0, 30))):
        ts += draw(st.integers(0, 3))
        sizes = st.sampled_from((0.0, 1.0, 2.0))
        events.append(quote(ts, draw(st.sampled_from((99.0, 100.0, 101.0))), 101.0, draw(sizes), draw(sizes)))
    return events


@pytest.mark.parametrize(
    ("kind", "histories"), [(TradesHandler, trade_histories()), (QuotesHandler, quote_histories())]
)
@settings(max_examples=120)
@given(data=st.data())
def test_in_bulk_and_one_by_one_they_show_the_same_to_the_bit(kind, histories, data):
    events = data.draw(histories)
    domain = "trades" if kind is TradesHandler else "quotes"
    keep = data.draw(st.sampled_from((1, 3, 100)))
    bulk, single = kind(Shelf(domain, events), keep=keep), kind(Shelf(domain, events), keep=keep)
    bulk.load_history(None, None, data.draw(st.integers(1, 30)))
    single.load_history(None, None, 100)
    since = 0
    for ts in [*sorted(data.draw(st.lists(st.integers(5, 90), max_size=6))), 1_000]:
        bulk.advance(ts)
        for event in single.read(ts):
            single.push(event)
        assert same_view(bulk.observe(since, ts), single.observe(since, ts))
        assert bulk.freshness(ts, 5) == single.freshness(ts, 5)
        assert (bulk.gaps(), bulk.last_known) == (single.gaps(), single.last_known)
        since = ts
    if kind is TradesHandler:
        assert bulk.refused == single.refused


def test_memory_is_bounded_by_what_is_kept():
    assert TradesHandler(Shelf("trades")).most_bytes < 25_000_000
    assert QuotesHandler(Shelf("quotes"), keep=10).most_bytes < 2_000_000
