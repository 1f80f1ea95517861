"""Flow, order flow, toxicity and impact agree with plain loops over the ticks of the same span."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import isfinite

import numpy as np
import pytest

from quant_channels.trades.features import (
    VPIN,
    VWAP,
    EffectiveSpread,
    KyleLambda,
    OrderFlowImbalance,
    RealisedSpread,
    SignedVolume,
    TradeCount,
    TradeFlowImbalance,
)
from quant_contracts.blocks import QuoteBlock, TradeBlock
from quant_contracts.events import Quote, Trade
from quant_contracts.protocols import ReadingChannel
from quant_contracts.testing.kit import run_checks
from quant_contracts.testing.samples import bars_from_closes
from quant_contracts.views import QuotesView, TradesView

[BAR] = bars_from_closes(100)
WINDOW = 3
ALL = (
    VPIN,
    VWAP,
    EffectiveSpread,
    KyleLambda,
    OrderFlowImbalance,
    RealisedSpread,
    SignedVolume,
    TradeCount,
    TradeFlowImbalance,
)


def windows(spans, events, window=WINDOW):
    """The events of the `window` spans that end with each step that has as many."""
    for row in range(window - 1, len(spans)):
        start, stop = spans[row - window + 1][0], spans[row][1]
        yield [event for event in events if start < event.ts_known <= stop]


def exact(number):
    return Fraction(Decimal(repr(number)))


def warm(channel, answers):
    assert answers[: channel.warmup - 1] == [None] * (channel.warmup - 1)
    return answers[channel.warmup - 1 :]


def test_signed_volume_and_its_share_are_exact_sums(ticks, spans, play):
    flow = warm(SignedVolume(WINDOW), play(SignedVolume(WINDOW)))
    share = warm(TradeFlowImbalance(WINDOW), play(TradeFlowImbalance(WINDOW)))
    count = warm(TradeCount(WINDOW), play(TradeCount(WINDOW)))
    vwap = warm(VWAP(WINDOW), play(VWAP(WINDOW)))
    for row, trades in enumerate(windows(spans, ticks[0])):
        bought = sum(exact(trade.quantity) * trade.side for trade in trades)
        volume = sum(exact(trade.quantity) for trade in trades)
        paid = sum(exact(trade.price) * exact(trade.quantity) for trade in trades)
        assert flow[row] == pytest.approx((float(bought),), rel=1e-12, abs=1e-9)
        assert count[row] == (float(len(trades)),)
        if trades:
            assert share[row] == pytest.approx((float(bought / volume),), rel=1e-12, abs=1e-9)
            assert vwap[row] == pytest.approx((float(paid / volume),), rel=1e-12)
        else:
            assert share[row] is vwap[row] is None
    assert row > 5


@pytest.mark.parametrize("window", [1, WINDOW])
def test_order_flow_imbalance_is_the_sum_of_the_papers_cases(ticks, spans, play, window):
    quotes = ticks[1]
    changes = []
    for old, new in pairwise(quotes):
        change = Fraction(0)
        # The three cases of each side, written out as in section 2 of the paper.
        if new.bid > old.bid:
            change += exact(new.bid_size)
        elif new.bid == old.bid:
            change += exact(new.bid_size) - exact(old.bid_size)
        else:
            change -= exact(old.bid_size)
        if new.ask < old.ask:
            change -= exact(new.ask_size)
        elif new.ask == old.ask:
            change -= exact(new.ask_size) - exact(old.ask_size)
        else:
            change += exact(old.ask_size)
        changes.append((new.ts_known, change))
    channel = OrderFlowImbalance(window)
    answers = warm(channel, play(channel))
    for row in range(window - 1, len(spans)):
        start, stop = spans[row - window + 1][0], spans[row][1]
        expected = sum(change for ts, change in changes if start < ts <= stop)
        assert answers[row - window + 1] == pytest.approx((float(expected),), rel=1e-12, abs=1e-9)


def test_toxicity_fills_buckets_of_equal_volume(ticks, spans, play):
    channel = VPIN(WINDOW, buckets=7)
    answers = warm(channel, play(channel))
    for row, trades in enumerate(windows(spans, ticks[0])):
        if not trades:
            assert answers[row] is None
            continue
        size = sum(exact(trade.quantity) for trade in trades) / 7
        room, bought, one_sided = size, Fraction(0), Fraction(0)
        for trade in trades:
            left = exact(trade.quantity)
            while left:
                part = min(left, room)
                bought += part * trade.side
                left -= part
                room -= part
                if not room:
                    one_sided += abs(bought)
                    room, bought = size, Fraction(0)
        assert answers[row] == pytest.approx((float(one_sided / (7 * size)),), rel=1e-9, abs=1e-9)


def test_lambda_is_the_slope_of_a_regression(ticks, steps, play):
    channel = KyleLambda(WINDOW)
    answers = warm(channel, play(channel))
    flows, changes, last = [], [], None
    for step, before in zip(steps, [0, *steps], strict=False):
        trades = [trade for trade in ticks[0] if before < trade.ts_known <= step]
        price = trades[-1].price if trades else last
        if last is not None:
            flows.append(sum(trade.quantity * trade.side for trade in trades))
            changes.append(price - last)
        last = price
    for row, answer in enumerate(answers):
        x, y = np.array(flows[row : row + WINDOW]), np.array(changes[row : row + WINDOW])
        if np.ptp(x):
            assert answer == pytest.approx((np.polyfit(x, y, 1)[0],), rel=1e-6, abs=1e-9)
        else:
            assert answer is None


def middle(quotes, ts, *, at):
    """Middle of the last quote known before `ts`, or by then where `at`."""
    known = [each for each in quotes if each.ts_known < ts or (at and each.ts_known == ts)]
    return exact(known[-1].bid) / 2 + exact(known[-1].ask) / 2 if known else None


def test_effective_spread_is_what_takers_paid_beside_the_middle_before(ticks, spans, play):
    trades, quotes = ticks[0][:600], ticks[1]
    channel = EffectiveSpread(WINDOW)
    answers = warm(channel, play(channel))
    for row, made in enumerate(windows(spans, trades)):
        if row > 8 or not made:
            continue
        paid = weight = Fraction(0)
        for trade in made:
            mid = middle(quotes, trade.ts_known, at=False)
            if mid is not None:
                paid += exact(trade.quantity) * 20_000 * trade.side * (exact(trade.price) - mid) / mid
                weight += exact(trade.quantity)
        assert answers[row] == pytest.approx((float(paid / weight),), rel=1e-7, abs=1e-9)


def test_realised_spread_counts_a_trade_when_its_later_middle_is_known(ticks, spans, steps, play):
    trades, quotes = ticks[0][:600], ticks[1]
    channel = RealisedSpread(WINDOW, delay="1s")
    answers = warm(channel, play(channel))
    delay = 1_000_000_000
    for row in range(WINDOW - 1, min(len(spans), 10)):
        start, stop = spans[row - WINDOW + 1][0], spans[row][1]
        paid = weight = Fraction(0)
        for trade in trades:
            # Trades of the first look, before the first step, do not count.
            if trade.ts_known <= steps[0] or not start < trade.ts_known + delay <= stop:
                continue
            mid, later = (
                middle(quotes, trade.ts_known, at=False),
                middle(quotes, trade.ts_known + delay, at=True),
            )
            paid += exact(trade.quantity) * 20_000 * trade.side * (exact(trade.price) - later) / mid
            weight += exact(trade.quantity)
        if weight:
            assert answers[row - WINDOW + 1] == pytest.approx((float(paid / weight),), rel=1e-7, abs=1e-9)


def trades_view(since, ts, *rows, is_whole=True):
    events = [Trade(known, known, "BTCUSDT", price, quantity, side) for known, price, quantity, side in rows]
    last = events[-1] if events else Trade(1, 1, "BTCUSDT", 100.0, 1.0, 1)
    return TradesView(ts, since, TradeBlock.of("BTCUSDT", events), last, is_whole)


def quotes_view(since, ts, before, *rows, is_whole=True):
    events = [Quote(row[0], row[0], "BTCUSDT", *row[1:]) for row in rows]
    first = None if before is None else Quote(since, since, "BTCUSDT", *before)
    last = events[-1] if events else first
    return QuotesView(ts, since, QuoteBlock.of("BTCUSDT", events), first, last, is_whole)


def test_a_hole_starts_the_window_anew():
    channel = SignedVolume(window=2)
    seen = [
        trades_view(0, 10, (5, 100.0, 9.0, 1)),
        trades_view(10, 20, (15, 100.0, 1.0, 1)),
        trades_view(20, 30, (25, 100.0, 2.0, 1)),
        trades_view(30, 40, (35, 100.0, 4.0, 1), is_whole=False),
        trades_view(40, 50, (45, 100.0, 8.0, 1)),
        None,
        trades_view(60, 70, (65, 100.0, 16.0, -1)),
        trades_view(70, 80),
    ]
    assert [channel.update(BAR, view) for view in seen] == [
        None,
        None,
        (3.0,),
        None,
        None,
        None,
        None,
        (-16.0,),
    ]


def test_quotes_that_cannot_be_used_are_passed_over():
    channel = OrderFlowImbalance()
    before = (99.0, 5.0, 101.0, 5.0)
    rows = [(3, 99.0, 0.0, 101.0, 5.0), (4, 102.0, 1.0, 101.0, 5.0), (5, 99.0, 7.0, 101.0, 5.0)]
    assert channel.update(BAR, quotes_view(1, 10, before, *rows)) == (2.0,)
    assert channel.update(BAR, quotes_view(10, 20, before)) == (0.0,)
    assert channel.update(BAR, quotes_view(20, 30, None, (25, 99.0, 1.0, 100.0, 1.0))) == (0.0,)


def test_a_trade_without_a_quote_before_it_is_left_out():
    quotes = quotes_view(1, 10, None, (5, 99.0, 1.0, 101.0, 1.0), (7, 99.0, 1.0, 101.0, 0.0))
    early, good, late = (5, 101.0, 1.0, 1), (6, 101.0, 1.0, 1), (8, 101.0, 1.0, 1)
    channel = EffectiveSpread(window=1)
    assert channel.update(BAR, trades_view(1, 10, early, good, late), quotes) == (200.0,)
    assert channel.update(BAR, trades_view(1, 10, early), quotes) is None


@pytest.mark.parametrize("size", [1e-8, 1e8])
@pytest.mark.parametrize("price", [1e-8, 1e8])
def test_extreme_ticks_give_finite_values(size, price):
    ask = price * 1.0001
    for kind in ALL:
        channel = kind(window=2)
        for since in range(4):
            ts = 10 * since + 5
            trades = trades_view(10 * since, ts + 5, (ts, price, size * (since + 1), 1), (ts, ask, 1e-8, -1))
            quotes = quotes_view(10 * since, ts + 5, (price, size, ask, 1e8), (ts - 1, price, 1e8, ask, 1e-8))
            seen = {"trades": trades, "quotes": quotes}
            values = channel.update(BAR, *(seen[stream.domain] for stream in channel.reads))
            assert values is None or all(type(value) is float and isfinite(value) for value in values)


def test_equal_flow_at_every_step_has_no_slope():
    channel = KyleLambda(window=3)
    for since in range(6):
        view = trades_view(10 * since, 10 * since + 10, (10 * since + 5, 100.0 + since, 0.1, 1))
        assert channel.update(BAR, view) is None


def test_names_carry_the_settings_and_warm_up_is_a_step_more_than_the_window():
    channels = (VPIN(5, 9), KyleLambda(7), OrderFlowImbalance(20), RealisedSpread(4, "1m"), VWAP(2))
    assert [channel.outputs for channel in channels] == [
        ("vpin_5_9",),
        ("kyle_lambda_7",),
        ("ofi_20",),
        ("realised_spread_bps_4_1m",),
        ("vwap_2",),
    ]
    assert [channel.warmup for channel in channels] == [6, 8, 21, 5, 3]
    assert all(isinstance(channel, ReadingChannel) for channel in channels)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        *[(lambda kind=kind: kind(window=0), "window must be a whole number") for kind in ALL],
        (lambda: KyleLambda(window=1), "window must be a whole number of bars from 2"),
        (lambda: VPIN(buckets=0), "buckets must be a whole number from 1"),
        (lambda: RealisedSpread(delay="soon"), "delay: 'soon' is not an interval"),
        (lambda: RealisedSpread(delay="2h"), "delay must be at most 1h, not 2h"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_channel_keeps_the_promises(kind):
    assert {result.verdict for result in run_checks("features", kind)} == {"kept", "not offered"}
