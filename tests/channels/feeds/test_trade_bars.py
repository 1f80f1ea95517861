"""Bars made of trades: those of a reference that sees all trades at once, and never known too early."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_channels.feeds.trade_bars import PATIENCE, BarMaker, TradeBarsFeed
from quant_channels.klines.cleaner import LONGEST_FILL
from quant_contracts.blocks import TradeBlock
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import Trade
from quant_contracts.instrument import Grid
from quant_contracts.protocols import Feed
from quant_contracts.testing import run_checks
from quant_contracts.units import MILLISECOND, SECOND

FRAMES = "l2/binance_spot_BTCUSDT_frames_20240808T2354.jsonl.gz"
TRADES = "trades/binance_spot_BTCUSDT_trades_20240808T2354.parquet"
GRID = Grid(Decimal("0.01"), Decimal("0.001"))
START = 1_700_000_000 * SECOND
"""A multiple of ten seconds."""


def trade(seconds, price, quantity=1.0, *, late=0.0, number=0):
    """A trade `seconds` behind the start that became known `late` seconds after it happened."""
    ts = START + round(seconds * 1000) * MILLISECOND
    return Trade(ts, ts + round(late * 1000) * MILLISECOND, "BTCUSDT", price, quantity, 1, number)


def made(trades, interval=10 * SECOND, cut=1_000):
    """The bars of trades, which the maker is given `cut` at a time, and the maker."""
    maker = BarMaker("BTCUSDT", interval, GRID)
    bars = []
    for start in range(0, len(trades), cut):
        batch = trades[start : start + cut]
        bars += maker.take(TradeBlock.of("BTCUSDT", batch))
    return [*bars, *maker.finish()], maker


def rows(bars):
    return [
        ((bar.ts_event - START) / SECOND, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars
    ]


def test_open_high_low_close_and_volume_are_those_of_the_trades():
    trades = [
        trade(-1, 9.0),
        *(trade(at, price, 0.1) for at, price in ((0, 10), (4, 12), (5, 8), (9.999, 11))),
    ]
    bars, _ = made([*trades, trade(10, 50.0)])
    assert rows(bars) == [(10.0, 10.0, 12.0, 8.0, 11.0, 0.4)]


def test_an_interval_without_a_trade_is_flat_at_the_last_price():
    bars, maker = made([trade(-1, 9.0), trade(25, 10.0, 2.0), trade(31, 11.0), trade(50, 12.0)])
    assert rows(bars) == [
        (10.0, 9.0, 9.0, 9.0, 9.0, 0.0),
        (20.0, 9.0, 9.0, 9.0, 9.0, 0.0),
        (30.0, 10.0, 10.0, 10.0, 10.0, 2.0),
        (40.0, 11.0, 11.0, 11.0, 11.0, 1.0),
        (50.0, 11.0, 11.0, 11.0, 11.0, 0.0),
    ]
    assert maker.found["flat_interval"] == 3


def test_neither_the_interval_that_was_cut_nor_the_one_that_is_not_over_is_a_bar():
    bars, maker = made([trade(3, 9.0), trade(12, 10.0), trade(20, 11.0), trade(29.999, 12.0)])
    assert [bar.ts_event for bar in bars] == [START + 20 * SECOND]
    assert maker.found["cut_interval"] == 1


def test_trades_count_where_they_happened_and_not_where_they_arrived():
    trades = [
        trade(-1, 9.0),
        trade(9, 10.0),
        trade(10.5, 20.0),
        trade(9.5, 11.0, late=1.2),
        trade(8, 12.0, late=3),
    ]
    bars, _ = made([*trades, trade(30, 1.0)])
    assert rows(bars)[0] == (10.0, 12.0, 12.0, 10.0, 11.0, 3.0)
    assert bars[0].ts_known == START + 11 * SECOND


def test_of_two_trades_of_one_moment_the_number_tells_which_was_first():
    trades = [trade(-1, 9.0), trade(5, 11.0, number=8), trade(5, 10.0, number=7), trade(10, 1.0, number=9)]
    bars, _ = made(trades)
    assert rows(bars) == [(10.0, 10.0, 11.0, 10.0, 11.0, 2.0)]


def test_a_trade_that_comes_too_late_is_left_out_and_counted():
    trades = [trade(-1, 9.0), trade(5, 10.0), trade(12.1, 20.0), trade(6, 99.0, late=7), trade(20, 1.0)]
    bars, maker = made(trades)
    assert rows(bars)[0] == (10.0, 10.0, 10.0, 10.0, 10.0, 1.0)
    assert maker.found["late_trade"] == 1


def test_a_trade_of_long_ago_moves_no_flat_bar():
    bars, _ = made([trade(-1, 9.0), trade(15, 10.0), trade(-5, 70.0, late=21), trade(45, 11.0)])
    assert [bar.close for bar in bars] == [9.0, 10.0, 10.0, 10.0]


def test_a_stretch_without_trades_is_no_calm_market_for_ever():
    long = 10.0 * (LONGEST_FILL + 5)
    bars, maker = made([trade(-1, 9.0), trade(5, 10.0), trade(long, 11.0), trade(long + 10, 12.0)])
    assert [(bar.ts_event - START) / SECOND for bar in bars] == [10.0, long + 10]
    assert maker.found["trades_stopped"] == LONGEST_FILL + 4
    calm, _ = made([trade(-1, 9.0), trade(5, 10.0), trade(10.0 * (LONGEST_FILL + 1), 11.0)])
    assert len(calm) == LONGEST_FILL + 1


def test_a_bar_waits_for_its_last_trade_and_for_the_bar_before_it():
    trades = [trade(-1, 9.0), trade(9, 10.0, late=15), trade(15, 11.0, late=9), trade(40, 12.0)]
    known = [(bar.ts_known - START) / SECOND for bar in made(trades)[0]]
    assert known == [24.0, 24.0, 30.0, 40.0]


TAPE = st.lists(
    st.tuples(st.integers(0, 6_000), st.integers(0, 1_900), st.integers(1, 30), st.integers(1, 5)),
    min_size=2,
    max_size=60,
)
"""Time since the last trade and delay in milliseconds, price, size: nothing is later than is waited for."""


@given(TAPE, st.sampled_from([1, 2, 5, 10, 60]), st.integers(1, 7))
def test_they_are_the_bars_of_somebody_who_sees_all_trades_at_once(tape, seconds, cut):
    interval, at, trades = seconds * SECOND, 0, []
    for number, (wait, late, price, size) in enumerate(tape):
        at += wait
        trades.append(trade(at / 1000, float(price), size / 10, late=late / 1000, number=number + 1))
    trades.sort(key=lambda one: one.ts_known)
    bars, maker = made(trades, interval, cut)
    assert maker.found["late_trade"] == 0
    first, last = trades[0].ts_event // interval, max(one.ts_event for one in trades) // interval
    assert [bar.ts_event // interval for bar in bars] == [*range(first + 2, last + 1)]
    before = 0
    for bar in bars:
        own = [one for one in trades if bar.ts_open <= one.ts_event < bar.ts_event]
        own.sort(key=lambda one: (one.ts_event, one.trade_id))
        before = max(before, bar.ts_event, *(one.ts_known for one in own))
        assert bar.ts_known == before
        assert bar.volume == sum(round(one.quantity * 10) for one in own) / 10
        if own:
            prices = [one.price for one in own]
            assert (bar.open, bar.close) == (prices[0], prices[-1])
            assert (bar.high, bar.low) == (max(prices), min(prices))
        else:
            assert bar.open == bar.high == bar.low == bar.close


def frames_of(trades):
    """A recording of trades of Binance."""
    lines = [
        {
            "recv_ns": one.ts_known,
            "frame": {
                "e": "trade",
                "E": one.ts_event // MILLISECOND,
                "s": "BTCUSDT",
                "t": one.trade_id,
                "p": f"{one.price:.2f}",
                "q": f"{one.quantity:.5f}",
                "T": one.ts_event // MILLISECOND,
                "m": True,
            },
        }
        for one in trades
    ]
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


@pytest.fixture
def feed(tmp_path):
    """A function from trades and settings to the feed of their recording, as the loader makes it."""

    def make(trades, **settings):
        path = tmp_path / "frames.jsonl"
        path.write_bytes(frames_of(trades))
        given = {"symbol": "BTCUSDT", "venue": "binance", "interval": "10s", "repair": [], "tick": "0.01"}
        return convert({**given, "path": str(path), **settings}, TradeBarsFeed, "source")

    return make


def walk(count, every=0.7):
    source = np.random.default_rng(3)
    prices = 100 + np.cumsum(source.integers(-3, 4, count)) / 100
    return [
        trade(at * every, price, size / 1000, late=0.05, number=at + 1)
        for at, (price, size) in enumerate(
            zip(prices.round(2).tolist(), source.integers(1, 900, count).tolist(), strict=True)
        )
    ]


def bars_of(feed, start=None, end=None, size=100):
    return [bar for block in feed.blocks(start, end, size) for bar in block.events()]


def test_it_keeps_the_promises_of_a_feed(feed):
    trades = walk(3_000)
    assert isinstance(feed(trades), Feed)
    broken = [result for result in run_checks("feeds", lambda: feed(trades)) if result.verdict == "broken"]
    assert broken == []


@pytest.mark.parametrize("interval", ["1s", "10s", "1m"])
def test_frames_and_file_of_one_recording_make_the_bars_of_a_reference(shared_data, interval):
    own = {"timeframe": interval, "clock_offset": "1.27s"}
    feed = TradeBarsFeed("BTCUSDT", str(shared_data(FRAMES)), **own)
    bars = bars_of(feed)
    file = TradeBarsFeed("BTCUSDT", str(shared_data(TRADES)), layout="parquet", **own)
    assert bars_of(file) == bars

    table = pq.read_table(shared_data(TRADES)).to_pydict()
    place = np.array(table["trade_time_ms"]) * MILLISECOND // feed.interval
    price, ids = np.array(table["price"]), np.array(table["trade_id"])
    order = np.lexsort((ids, place))
    place, price = place[order], price[order]
    quantity = [Decimal(repr(table["qty"][row])) for row in order.tolist()]
    assert [bar.ts_event // feed.interval - 1 for bar in bars] == [*range(place[0] + 1, place[-1])]
    for bar in bars:
        own_rows = (place == bar.ts_open // feed.interval).nonzero()[0]
        volume = sum((quantity[row] for row in own_rows.tolist()), Decimal(0))
        assert bar.volume == float(volume)
        if len(own_rows):
            own_prices = price[own_rows]
            assert (bar.open, bar.close) == (own_prices[0], own_prices[-1])
            assert (bar.high, bar.low) == (own_prices.max(), own_prices.min())


def test_a_wrong_setting_is_refused(feed):
    for settings, says in (
        ({"interval": None}, "trades have no interval of their own; declare one, such as 10s"),
        ({"interval": "500ms"}, "'500ms' is not an interval"),
        ({"layout": "csv"}, "'csv' is not among 'frames', 'parquet'"),
        ({"layout": "parquet", "instrument": "BTC-USDT"}, "instrument is for frames"),
        ({"venue": "binanse"}, "no reader for the frames of venue 'binanse'; did you mean 'binance'"),
        ({"repair": ["sorted"]}, "no repair policy 'sorted'; did you mean 'sort'"),
        ({"clock_offset": "soon"}, "clock_offset must be a number and one of ns, us, ms, s"),
        ({"kind": "depth"}, "'depth' is not among 'trade', 'agg_trade'"),
    ):
        with pytest.raises(ConfigError, match=says):
            feed(walk(3), **settings)


def test_a_recording_without_bars_says_what_there_is(feed):
    with pytest.raises(
        DataError, match="not one whole bar of 1h in the range asked for; trades were read from"
    ):
        bars_of(feed(walk(50), interval="1h"))
    with pytest.raises(DataError, match="not one whole bar of 10s in the range asked for"):
        bars_of(feed(walk(50)), START + 3_600 * SECOND)
    with pytest.raises(
        DataError, match="no trades of ETHUSDT in it: no frame of that kind; it holds trade of BTC"
    ):
        bars_of(feed(walk(50), instrument="ETHUSDT"))
    with pytest.raises(DataError, match="no such file; check the path"):
        bars_of(feed(walk(3), path="elsewhere.jsonl"))


def test_what_was_found_stands_in_the_quality(feed):
    trades = [trade(-1, 9.0, number=1), trade(5, 10.0, number=2), trade(38, 11.0, number=5), trade(41, 12.0)]
    read = feed(trades)
    bars_of(read)
    found = {row.check: row.count for row in read.quality()}
    assert found == {"gap": 2, "cut_interval": 1, "flat_interval": 2}


def test_memory_does_not_grow_with_the_number_of_trades():
    def peak(seconds):
        maker, count = BarMaker("BTCUSDT", SECOND, GRID), 0
        tracemalloc.start()
        for start in range(0, seconds, 100):
            trades = [trade(start + at / 4, 10.0) for at in range(400)]
            count += len([*maker.take(TradeBlock.of("BTCUSDT", trades))])
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count > 0.9 * seconds
        return most

    peak(200)
    assert peak(8_000) < 1.2 * peak(1_000)


def test_it_waits_no_longer_than_it_says():
    """The shortest bars, each delivered as soon as nothing more is waited for."""
    maker = BarMaker("BTCUSDT", SECOND, GRID)
    count = 0
    for at in range(100):
        count += len([*maker.take(TradeBlock.of("BTCUSDT", [trade(at, 10.0)]))])
        assert at - count <= PATIENCE // SECOND + 1
