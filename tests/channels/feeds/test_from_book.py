"""Quotes out of a book: the top of it after every frame, and nothing while there is no book."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quant_channels.feeds.from_book import FromBookFeed
from quant_channels.feeds.recording import RecordingFeed
from quant_contracts.blocks import BookBlock
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, LifecycleError
from quant_contracts.events import BookDelta, BookGap, BookSnapshot
from quant_contracts.instrument import Grid
from quant_contracts.protocols import DerivedFeed, SourceInfo, StreamFeed

GRID = Grid(Decimal("0.1"), Decimal("0.001"))
FROM_DATA = {"domain": "quotes", "symbol": "BTCUSDT", "venue": "binance", "tick": "0.01", "lot": "0.00001"}


class Books:
    """A feed of book events given one by one; `rows` of them to a block."""

    domain, symbol = "orderbook", "BTCUSDT"

    def __init__(self, *events):
        self.events = events

    def blocks(self, start, end, rows):
        kept = [event for event in self.events if end is None or event.ts_known <= end]
        for place in range(0, len(kept), rows):
            yield BookBlock.of("BTCUSDT", GRID, kept[place : place + rows])

    def info(self):
        return SourceInfo("books", "0" * 64)

    def quality(self):
        return ()


def book(kind, ts, bids=(), asks=()):
    return kind(ts, ts + 1, "BTCUSDT", ts, tuple(bids), tuple(asks))


EVENTS = (
    book(BookDelta, 1, [(99.0, 1.0)]),
    book(BookSnapshot, 2, [(100.0, 5.0), (99.0, 1.0)], [(101.0, 2.0)]),
    book(BookDelta, 3, [(99.0, 3.0)]),
    book(BookDelta, 4, [(100.0, 4.0)]),
    book(BookDelta, 5, [(100.0, 0.0)], [(101.0, 0.0)]),
    BookGap(6, 7, "BTCUSDT", 5),
    book(BookDelta, 7, [(100.0, 9.0)]),
    book(BookSnapshot, 8, [(100.0, 5.0)], [(100.5, 2.0)]),
    book(BookDelta, 9, [(100.5, 1.0)]),
    book(BookDelta, 10, [(100.5, 0.0)]),
)


def quotes_of(feed, start=None, end=None, rows=1_000):
    return [quote for block in feed.blocks(start, end, rows) for quote in block.events()]


def made(*events):
    feed = convert(FROM_DATA, FromBookFeed, "$.source")
    feed.derive(Books(*events))
    return feed


def test_it_is_a_derived_feed_of_quotes():
    feed = made(*EVENTS)
    assert isinstance(feed, StreamFeed)
    assert isinstance(feed, DerivedFeed)
    assert (feed.derives_from, feed.domain, feed.symbol) == ("orderbook", "quotes", "BTCUSDT")
    assert feed.info().name == "books"


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_a_row_for_each_change_of_the_top_and_empty_ones_while_there_is_no_book(rows):
    feed = made(*EVENTS)
    assert [
        (each.ts_event, each.bid, each.bid_size, each.ask, each.ask_size)
        for each in quotes_of(feed, rows=rows)
    ] == [
        (2, 100.0, 5.0, 101.0, 2.0),
        (4, 100.0, 4.0, 101.0, 2.0),
        (5, 99.0, 3.0, 0.0, 0.0),
        (6, 0.0, 0.0, 0.0, 0.0),
        (8, 100.0, 5.0, 100.5, 2.0),
        (9, 0.0, 0.0, 0.0, 0.0),
        (10, 100.0, 5.0, 100.5, 2.0),
    ]
    assert [(row.check, row.count) for row in feed.quality()] == [("crossed_top", 1)]


def test_rows_known_before_the_range_are_not_its_rows():
    assert [each.ts_event for each in quotes_of(made(*EVENTS), start=5, end=7)] == [4, 5, 6]


def test_it_serves_quotes_alone_and_only_of_a_book_given_once():
    with pytest.raises(ConfigError, match="a book gives quotes, not 'trades'"):
        convert({**FROM_DATA, "domain": "trades"}, FromBookFeed, "$.source")
    with pytest.raises(LifecycleError, match="no book was given"):
        quotes_of(convert(FROM_DATA, FromBookFeed, "$.source"))
    feed = made()
    with pytest.raises(LifecycleError, match="a book was given already"):
        feed.derive(Books())


def test_quotes_of_a_recorded_book_are_the_venues_own(shared_data):
    path = str(shared_data("l2/binance_spot_4sym_session.jsonl.gz"))
    settings = {"venue": "binance_spot", "tick": Decimal("0.0001"), "lot": Decimal(1)}
    derived = FromBookFeed("quotes", "NKNUSDT")
    derived.derive(RecordingFeed("orderbook", "NKNUSDT", path, price_step=Decimal("0.00001"), **settings))
    own = quotes_of(RecordingFeed("quotes", "NKNUSDT", path, **settings))
    tops = {(each.bid, each.bid_size, each.ask, each.ask_size) for each in own}
    found = quotes_of(derived)
    # Changes of a book come each 100 ms, so that it does not see every quote.
    agree = [each for each in found if (each.bid, each.bid_size, each.ask, each.ask_size) in tops]
    assert len(found) > 20
    assert len(agree) > 0.6 * len(found)
