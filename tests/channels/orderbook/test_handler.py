"""A book is shown while it can be trusted, the same one however its rows came in."""

from __future__ import annotations

from decimal import Decimal
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.orderbook.handler import BookHandler
from quant_channels.orderbook.ladder import FEW
from quant_channels.streams.trust import MOST_GAPS
from quant_contracts.blocks import BookBlock
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import BookDelta, BookGap, BookSnapshot, DataGap
from quant_contracts.instrument import Grid
from quant_contracts.protocols import StreamHandler
from quant_contracts.testing.seen import same_view

GRID = Grid(Decimal("0.1"), Decimal("0.001"))
SYMBOL = "BTCUSDT"


class Shelf:
    """A feed over events at hand; a frame is never divided."""

    domain = "orderbook"
    symbol = SYMBOL

    def __init__(self, events=()):
        self.events = events

    def blocks(self, start, end, rows):
        for row in range(0, len(self.events), rows):
            yield BookBlock.of(SYMBOL, GRID, self.events[row : row + rows])


def snapshot(ts, bids, asks, number=1):
    return BookSnapshot(ts, ts, SYMBOL, number, tuple(bids), tuple(asks))


def delta(ts, bids=(), asks=(), number=1):
    return BookDelta(ts, ts, SYMBOL, number, tuple(bids), tuple(asks))


def gap(ts, number=1):
    return BookGap(ts, ts, SYMBOL, number)


WHOLE = snapshot(1, [(99.0, 1.0), (98.0, 2.0)], [(101.0, 3.0), (102.0, 4.0)])


def pushed(events, **chosen):
    handler = BookHandler(Shelf(), **chosen)
    for event in events:
        handler.push(event)
    return handler


def said(handler, ts):
    book = handler.observe(0, ts)
    return book and [
        list(zip(prices.tolist(), sizes.tolist(), strict=True))
        for prices, sizes in ((book.bid_prices, book.bid_sizes), (book.ask_prices, book.ask_sizes))
    ]


def test_it_is_a_stream_handler_and_shows_nothing_before_a_snapshot():
    handler = pushed([delta(1, [(99.0, 1.0)], [(101.0, 1.0)])])
    assert isinstance(handler, StreamHandler)
    assert (handler.observe(0, 1), handler.freshness(1, None)) == (None, ("missing", "no snapshot yet"))


def test_changes_replace_sizes_and_the_book_is_sealed_best_first():
    handler = pushed([WHOLE, delta(2, [(99.0, 0.0), (98.5, 7.0)], [(100.5, 1.0)], 5)])
    book = handler.observe(0, 9)
    assert said(handler, 9) == [[(98.5, 7.0), (98.0, 2.0)], [(100.5, 1.0), (101.0, 3.0), (102.0, 4.0)]]
    assert (book.ts, book.ts_known, book.age, book.sequence, book.mid) == (9, 2, 7, 5, 99.5)
    with pytest.raises(ValueError, match="read-only"):
        book.bid_sizes[0] = 1.0


def test_only_the_best_levels_are_sealed_and_the_rest_is_counted():
    book = pushed([WHOLE, delta(2, asks=[(103.0, 1.0)])], depth=1).observe(0, 2)
    assert (book.bid_prices.tolist(), book.ask_prices.tolist()) == ([99.0], [101.0])
    assert (book.bids_below, book.asks_above) == (1, 2)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        pytest.param([WHOLE, gap(2)], "gap", id="a gap"),
        pytest.param([WHOLE, gap(2), delta(3, [(97.0, 1.0)])], "gap", id="changes behind a gap"),
        pytest.param([WHOLE, delta(2, [(101.0, 1.0)])], "crossed", id="a bid at the ask"),
        pytest.param([WHOLE, delta(2, [(99.0, 0.0), (98.0, 0.0)])], "no bids", id="no bids"),
        pytest.param([WHOLE, delta(2, asks=[(101.0, 0.0), (102.0, 0.0)])], "no asks", id="no asks"),
        pytest.param([WHOLE, snapshot(2, [], [])], "no bids", id="an empty snapshot"),
        pytest.param(
            [WHOLE, delta(2, [(97.0, 1.0), (96.0, 1.0)])], "more than 5 levels", id="too many levels"
        ),
    ],
)
def test_a_book_that_cannot_be_trusted_is_not_shown_and_says_why(events, reason):
    handler = pushed(events, most_levels=5)
    assert (handler.observe(0, 9), handler.freshness(9, None)) == (None, ("missing", reason))
    bulk = BookHandler(Shelf(events), most_levels=5)
    bulk.load_history(None, None, 100)
    bulk.advance(9)
    assert (bulk.observe(0, 9), bulk.freshness(9, None)) == (None, ("missing", reason))
    handler.push(snapshot(10, WHOLE.bids, WHOLE.asks))
    assert said(handler, 10) == [list(WHOLE.bids), list(WHOLE.asks)]
    assert handler.freshness(10, None) == ("fresh", "")


def test_a_hole_is_found_once_and_begins_behind_what_was_known_last():
    events = [gap(1), WHOLE, delta(3), gap(5), gap(6), snapshot(7, [], []), gap(8)]
    found = (
        DataGap(5, SYMBOL, "orderbook", 3, 5, "gap"),
        DataGap(8, SYMBOL, "orderbook", 7, 8, "gap"),
    )
    assert pushed(events).gaps() == found
    bulk = BookHandler(Shelf(events))
    bulk.load_history(None, None, 100)
    bulk.advance(100)
    assert bulk.gaps() == found


def test_holes_without_end_are_counted_and_not_all_kept():
    handler = BookHandler(Shelf())
    for ts in range(MOST_GAPS + 10):
        handler.push(snapshot(ts, [], []))
        handler.push(gap(ts))
    assert (len(handler.gaps()), handler._holes.count) == (MOST_GAPS, MOST_GAPS + 10)


def test_age_is_that_of_the_last_frame_even_one_without_levels():
    handler = pushed([WHOLE, delta(50)])
    assert handler.freshness(60, 10) == ("fresh", "")
    assert handler.freshness(61, 10) == ("stale", "last change 11ns ago")
    assert handler.last_known == 50


def test_a_second_look_at_one_moment_shows_what_came_in_between():
    handler = pushed([WHOLE])
    first = handler.observe(0, 1)
    handler.push(delta(1, [(99.0, 5.0)]))
    assert (first.bid_sizes[0], handler.observe(0, 1).bid_sizes[0]) == (1.0, 5.0)
    assert [book.bid_sizes[0] for book in handler.window(2)] == [5.0]


def test_a_window_holds_the_last_books_that_were_looked_at_one_a_moment():
    handler = pushed([WHOLE], keep=2)
    for ts in (5, 6, 6, 7):
        handler.observe(0, ts)
    assert [book.ts for book in handler.window(2)] == [6, 7]
    assert [book.ts for book in handler.window(1)] == [7]
    handler.push(gap(8))
    assert handler.observe(0, 8) is None
    assert [book.ts for book in handler.window(2)] == [6, 7]
    with pytest.raises(ConfigError, match="a window of 3 books was asked for; this handler keeps 2"):
        handler.window(3)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (BookDelta(1, 9, "ETHUSDT", 1, (), ()), "a row of ETHUSDT came to the handler of BTCUSDT orderbook"),
        (delta(4), "a row known at 4 came after one known at 5"),
    ],
)
def test_rows_of_another_symbol_or_out_of_order_are_refused(event, said):
    handler = pushed([snapshot(5, [], [])])
    with pytest.raises(DataError, match=said):
        handler.push(event)


@pytest.mark.parametrize("chosen", [{"depth": 0}, {"keep": -1}, {"most_levels": True}, {"depth": 2.0}])
def test_settings_that_make_no_sense_are_refused(chosen):
    with pytest.raises(ConfigError, match=f"{next(iter(chosen))} must be at least 1"):
        BookHandler(Shelf(), **chosen)


LEVELS = st.lists(
    st.tuples(st.integers(1, 14).map(float), st.integers(0, 2).map(float)),
    max_size=3,
    unique_by=lambda x: x[0],
)


@st.composite
def histories(draw):
    events, ts = [], 10
    for number in range(draw(st.integers(0, 25))):
        ts += draw(st.integers(0, 3))
        kind = draw(st.sampled_from("ddddddsg"))
        bids = [(price, size) for price, size in draw(LEVELS) if price < 9]
        asks = [(price, size) for price, size in draw(LEVELS) if price > 6]
        made = {"d": delta, "s": snapshot}.get(kind)
        events.append(gap(ts, number) if made is None else made(ts, bids, asks, number=number))
    return events


@settings(max_examples=150)
@given(histories(), st.integers(1, 30), st.lists(st.integers(5, 90), max_size=6).map(sorted), st.data())
def test_in_bulk_and_one_by_one_it_shows_the_same_to_the_bit(events, rows, looks, data):
    few = data.draw(st.sampled_from((0, FEW)))
    chosen = {"depth": data.draw(st.integers(1, 5)), "most_levels": data.draw(st.sampled_from((6, 12, 100)))}
    bulk, single = BookHandler(Shelf(events), **chosen), BookHandler(Shelf(events), **chosen)
    bulk.load_history(None, None, rows)
    single.load_history(None, None, 100)
    since = 0
    for ts in [*looks, 1_000]:
        with mock.patch("quant_channels.orderbook.ladder.FEW", few):
            if data.draw(st.booleans()):
                bulk.advance(ts - 3)
            bulk.advance(ts)
        for event in single.read(ts):
            single.push(event)
        assert same_view(bulk.observe(since, ts), single.observe(since, ts))
        assert bulk.freshness(ts, 5) == single.freshness(ts, 5)
        assert (bulk.gaps(), bulk.last_known) == (single.gaps(), single.last_known)
        since = ts
    assert bulk._sequence == single._sequence


def test_memory_is_bounded_by_its_settings():
    assert BookHandler(Shelf()).most_bytes < 40_000_000
    assert BookHandler(Shelf(), most_levels=1_000, keep=1).most_bytes < 1_000_000
