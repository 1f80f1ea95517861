"""What a book says of itself agrees with exact arithmetic over its levels, on invented and recorded books."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.feeds.recording import RecordingFeed
from quant_channels.orderbook.features import (
    BidAskSpread,
    BookDepth,
    BookImbalance,
    BookSlope,
    DepthImbalance,
    Microprice,
    Mid,
)
from quant_channels.orderbook.handler import BookHandler
from quant_contracts.blocks import QuoteBlock
from quant_contracts.events import BookDelta, BookSnapshot, Quote
from quant_contracts.protocols import ReadingChannel, Stream
from quant_contracts.testing.kit import run_checks
from quant_contracts.testing.samples import bars_from_closes
from quant_contracts.units import SECOND
from quant_contracts.views import Book, QuotesView

[BAR] = bars_from_closes(100)
ALL = (BidAskSpread, BookDepth, BookImbalance, BookSlope, DepthImbalance, Microprice, Mid)


def book(bids, asks, below=0, above=0):
    columns = [np.array([level[place] for level in side]) for side in (bids, asks) for place in (0, 1)]
    return Book(2, 1, "BTCUSDT", 1, *columns, below, above)


def exact(levels):
    return [(Fraction(price), Fraction(size)) for price, size in levels]


def spread(bids, asks):
    width = asks[0][0] - bids[0][0]
    return width, 10_000 * width / middle(bids, asks)


def middle(bids, asks):
    return (bids[0][0] + asks[0][0]) / 2


def microprice(bids, asks):
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    price = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
    return price, 10_000 * (price / middle(bids, asks) - 1)


def imbalance(bids, asks, levels, decay):
    heavy, light = (
        sum(size * Fraction(decay) ** place for place, (_, size) in enumerate(side[:levels]))
        for side in (bids, asks)
    )
    return ((heavy - light) / (heavy + light),)


def depth(bids, asks, bps):
    mid, reach = middle(bids, asks), Fraction(bps) / 10_000
    return (
        sum(size for price, size in bids if price >= mid * (1 - reach)),
        sum(size for price, size in asks if price <= mid * (1 + reach)),
    )


def slope(bids, asks, levels):
    found = []
    for side in (bids, asks):
        mid, total, up, down = middle(bids, asks), Fraction(0), Fraction(0), Fraction(0)
        for price, size in side[:levels]:
            total += size
            distance = 10_000 * abs(price / mid - 1)
            up += distance * total
            down += distance * distance
        found.append(up / down)
    return tuple(found)


def check_all(bids, asks):
    """Every channel against the definitions above."""
    seen, bids, asks = book(bids, asks), exact(bids), exact(asks)

    def close(channel, expected):
        assert channel.update(BAR, seen) == pytest.approx(
            [float(value) for value in expected], rel=1e-9, abs=1e-6
        )

    close(BidAskSpread(), spread(bids, asks))
    close(Mid(), (middle(bids, asks),))
    close(Microprice(), microprice(bids, asks))
    for levels, decay in ((1, 1.0), (5, 1.0), (5, 0.5)):
        close(BookImbalance(levels=levels, decay=decay), imbalance(bids, asks, levels, decay))
    # A distance that no level has: which side of an edge a level is on would depend on rounding.
    bps = 7.0000013
    close(BookDepth(bps=bps), depth(bids, asks, bps))
    near, far = depth(bids, asks, bps)
    if near + far:
        close(DepthImbalance(bps=bps), ((near - far) / (near + far),))
    levels = min(3, len(bids), len(asks))
    close(BookSlope(levels=levels), slope(bids, asks, levels))


SIZES = st.integers(1, 10**10).map(lambda lots: lots / 10**5)
SIDE = st.lists(
    st.tuples(st.integers(1, 60), SIZES), min_size=1, max_size=8, unique_by=lambda level: level[0]
)


@settings(max_examples=100)
@given(SIDE, SIDE, st.integers(1_000, 10**7))
def test_every_channel_agrees_with_exact_arithmetic(bids, asks, mid):
    check_all(
        [((mid - step) / 100, size) for step, size in sorted(bids)],
        [((mid + step) / 100, size) for step, size in sorted(asks)],
    )


@settings(max_examples=60)
@given(
    st.sampled_from((1e-8, 1e-3, 1.0, 1e8)), st.sampled_from((1e-8, 1e8)), st.sampled_from((1e-7, 1.0, 1e7))
)
def test_extreme_sizes_and_prices_give_finite_values(size, other, price):
    seen = book([(price, size), (price * 0.5, other)], [(price * 1.0000001, other), (price * 2, size)])
    for kind in ALL:
        values = kind().update(BAR, seen)
        assert values is None or all(type(value) is float and isfinite(value) for value in values)
    ([share],) = [BookImbalance().update(BAR, seen)]
    assert -1.0 <= share <= 1.0
    price_, _ = Microprice().update(BAR, seen)
    assert seen.bid_prices[0] <= price_ <= seen.ask_prices[0]


def test_without_a_book_everything_is_missing():
    assert [kind().update(BAR, None) for kind in ALL] == [None] * len(ALL)
    assert all(isinstance(kind(), ReadingChannel) and kind().warmup == 1 for kind in ALL)


def test_a_book_of_which_too_little_is_sealed_is_missing_where_it_matters():
    cut = book([(99.0, 1.0)], [(101.0, 1.0)], below=3)
    assert BookDepth(bps=50.0).update(BAR, cut) == (0.0, 0.0)
    assert BookDepth(bps=200.0).update(BAR, cut) is None
    assert BookImbalance(levels=1).update(BAR, cut) == (0.0,)
    assert BookImbalance(levels=2).update(BAR, cut) is None
    assert BookSlope(levels=2).update(BAR, cut) is None
    whole = book([(99.0, 1.0)], [(101.0, 3.0)])
    assert BookDepth(bps=200.0).update(BAR, whole) == (1.0, 3.0)
    assert BookImbalance(levels=2).update(BAR, whole) == (-0.5,)
    assert BookSlope(levels=2).update(BAR, whole) is None


def test_an_imbalance_of_nothing_is_missing():
    assert DepthImbalance(bps=1.0).update(BAR, book([(99.0, 1.0)], [(101.0, 1.0)])) is None


def test_the_top_can_be_read_of_quotes():
    last = Quote(1, 1, "BTCUSDT", 99.0, 1.0, 101.0, 3.0)
    quotes = QuotesView(2, 1, QuoteBlock.of("BTCUSDT", [last]), None, last, is_whole=True)
    seen = book([(99.0, 1.0)], [(101.0, 3.0)])
    for kind in (BidAskSpread, Mid, Microprice, BookImbalance):
        channel = kind(of="quotes")
        assert channel.reads == (Stream("quotes"),)
        assert channel.update(BAR, quotes) == kind().update(BAR, seen)
        assert channel.outputs == tuple(f"quote_{name}" for name in kind().outputs)


def test_names_carry_the_settings():
    channels = (BookImbalance(5), BookImbalance(5, 0.5), BookDepth(2.5), DepthImbalance(10.0), BookSlope(3))
    assert [name for channel in channels for name in channel.outputs] == [
        "imbalance_5",
        "imbalance_5_d50",
        "bid_depth_2.5bps",
        "ask_depth_2.5bps",
        "depth_imbalance_10bps",
        "bid_slope_3",
        "ask_slope_3",
    ]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: BookImbalance(levels=0), "levels must be a whole number from 1 to 1000000, not 0"),
        (lambda: BookImbalance(decay=0.0), "decay must be above 0 and at most 1, not 0.0"),
        (lambda: BookImbalance(levels=2, of="quotes"), "quotes have 1 level, not 2"),
        (lambda: BookDepth(bps=0.0), "bps must be above 0 and below 10000, not 0.0"),
        (lambda: DepthImbalance(bps=float("nan")), "bps must be above 0"),
        (lambda: BookSlope(levels=0), "levels must be a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_channel_keeps_the_promises(kind):
    assert {result.verdict for result in run_checks("features", kind)} == {"kept", "not offered"}


def test_on_a_recorded_book_they_agree_with_a_plain_rebuild(shared_data):
    path = str(shared_data("l2/binance_usdm_BTCUSDT_frames_20240808T2354.jsonl.gz"))
    feed = RecordingFeed(
        "orderbook", "BTCUSDT", path, "binance_usdm", Decimal("0.1"), Decimal("0.001"), clock_offset="1.27s"
    )
    handler = BookHandler(feed, depth=100_000)
    end = 1_723_161_330 * SECOND
    handler.load_history(None, end, 16_384)
    sides, step, looks = ({}, {}), 0, 0
    for block in feed.blocks(None, end, 16_384):
        for event in block.events():
            while step and event.ts_known > step:
                handler.advance(step)
                seen = handler.observe(step - 10 * SECOND, step)
                bids, asks = sorted(sides[0].items(), reverse=True), sorted(sides[1].items())
                assert seen.bid_prices.tolist() == [price for price, _ in bids]
                assert seen.ask_sizes.tolist() == [size for _, size in asks]
                check_all(bids[:200], asks[:200])
                looks += 1
                step += 10 * SECOND
            assert isinstance(event, BookDelta | BookSnapshot)
            if isinstance(event, BookSnapshot):
                sides[0].clear()
                sides[1].clear()
                step = step or event.ts_known + 10 * SECOND
            for levels, changes in zip(sides, (event.bids, event.asks), strict=True):
                for price, size in changes:
                    levels[price] = size
                    if not size:
                        del levels[price]
    assert looks > 5
    assert handler.gaps() == ()
