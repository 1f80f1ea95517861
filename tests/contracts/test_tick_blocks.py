"""Trades, quotes and changes of a book are the same facts as rows and as events."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.blocks import BookBlock, QuoteBlock, TradeBlock
from quant_contracts.events import BookDelta, BookGap, BookSnapshot
from quant_contracts.instrument import Grid
from quant_contracts.testing.samples import random_bars, sample_quotes, sample_trades

GRID = Grid(Decimal("0.1"), Decimal("0.001"))
BARS = random_bars(20)

PRICES = st.integers(1, 10**7).map(lambda ticks: ticks / 10)
SIZES = st.integers(0, 10**9).map(lambda lots: lots / 1000)
LEVELS = st.lists(st.tuples(PRICES, SIZES), max_size=4).map(tuple)
KINDS = st.sampled_from((BookDelta, BookDelta, BookSnapshot, BookGap))


@st.composite
def books(draw):
    """Events of a book in order, snapshots and changes without levels and gaps among them."""
    events = []
    for number in range(draw(st.integers(0, 12))):
        kind, ts = draw(KINDS), 1_000 + number // 2
        stamp = (ts, ts, "BTCUSDT", number)
        events.append(kind(*stamp) if kind is BookGap else kind(*stamp, draw(LEVELS), draw(LEVELS)))
    return events


@settings(max_examples=60)
@given(books())
def test_a_book_comes_back_from_its_rows(events):
    block = BookBlock.of("BTCUSDT", GRID, events)
    assert list(block.events()) == events
    starts = [*block.frame_starts().tolist(), len(block)]
    pieces = [block.slice(start, stop) for start, stop in pairwise(starts)]
    assert [event for piece in pieces for event in piece.events()] == events
    assert list(BookBlock.join("BTCUSDT", GRID, pieces).events()) == events


def test_single_changes_come_back_each_on_its_side():
    events = [
        BookDelta(1, 2, "BTCUSDT", 7, ((100.1, 2.0),), ()),
        BookDelta(2, 3, "BTCUSDT", 8, (), ((100.3, 0.0),)),
        BookDelta(3, 3, "BTCUSDT", 9, (), ((100.2, 0.001),)),
    ]
    assert list(BookBlock.of("BTCUSDT", GRID, events).events()) == events


@pytest.mark.parametrize(
    ("kind", "events"), [(TradeBlock, sample_trades(BARS)), (QuoteBlock, sample_quotes(BARS))]
)
def test_ticks_come_back_from_their_rows_in_any_pieces(kind, events):
    block = kind.of("BTCUSDT", events)
    pieces = [block.slice(row, row + 7) for row in range(0, len(block), 7)]
    assert list(kind.join("BTCUSDT", pieces).events()) == list(events)
    assert kind.join("BTCUSDT", [block]) is block
    assert len(kind.join("BTCUSDT", [])) == 0
