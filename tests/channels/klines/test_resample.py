"""Longer bars are the same in blocks of any size and bar by bar, and never know more than their time."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.klines.resample import Resampler, resampled, whole
from quant_contracts.blocks import BarBlock
from quant_contracts.errors import DataError
from quant_contracts.testing.samples import FIRST_OPEN, bars_from_closes, random_bars
from quant_contracts.units import DAY, HOUR, MINUTE, SECOND


class Recorded:
    """A feed over bars in memory."""

    def __init__(self, bars):
        self.bars = bars
        self.symbol, self.interval = bars[0].symbol, bars[0].interval

    def blocks(self, start, end, rows):
        kept = [
            bar
            for bar in self.bars
            if (start is None or bar.ts_open >= start) and (end is None or bar.ts_event <= end)
        ]
        for first in range(0, len(kept), rows):
            yield BarBlock.of(kept[first : first + rows])


def without(bars, *minutes):
    return [bar for bar in bars if (bar.ts_open - FIRST_OPEN) // MINUTE not in minutes]


def one_by_one(bars, interval):
    sampler = Resampler(interval)
    return [made for bar in bars for made in sampler.push(bar)]


def in_blocks(bars, interval, cuts):
    sampler = Resampler(interval)
    ends = [0, *sorted(cut % (len(bars) + 1) for cut in cuts), len(bars)]
    made = []
    for start, stop in pairwise(ends):
        if start < stop and (block := sampler.push_many(BarBlock.of(bars[start:stop]))) is not None:
            made.extend(block.events())
    return made


def test_a_bucket_closes_with_its_last_bar():
    bars = bars_from_closes(*range(10, 20))
    made = one_by_one(bars, 5 * MINUTE)
    assert [bar.ts_event for bar in made] == [FIRST_OPEN + 5 * MINUTE, FIRST_OPEN + 10 * MINUTE]
    assert all(bar.ts_known == bar.ts_event for bar in made)
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in made] == [
        (10, 14, 10, 14, 5_000),
        (14, 19, 14, 19, 5_000),
    ]


def test_a_bucket_without_its_last_bar_closes_when_a_later_bar_arrives():
    made = one_by_one(without(bars_from_closes(*range(10, 21)), 4), 5 * MINUTE)
    assert made[0].ts_event == FIRST_OPEN + 5 * MINUTE
    assert made[0].ts_known == FIRST_OPEN + 6 * MINUTE
    assert made[0].close == 13
    assert made[1].ts_known == made[1].ts_event


def test_one_bar_can_close_two_buckets():
    bars = without(bars_from_closes(*range(10, 20)), 4, 5, 6, 7, 8)
    sampler = Resampler(5 * MINUTE)
    *none, two = [sampler.push(bar) for bar in bars]
    assert none == [(), (), (), ()]
    assert [bar.ts_event - FIRST_OPEN for bar in two] == [5 * MINUTE, 10 * MINUTE]
    assert {bar.ts_known for bar in two} == {FIRST_OPEN + 10 * MINUTE}


def test_the_bucket_that_never_closed_is_not_made():
    assert len(one_by_one(bars_from_closes(*range(10, 24)), 5 * MINUTE)) == 2
    assert one_by_one(bars_from_closes(10, 11), 5 * MINUTE) == []


def test_late_bars_make_late_buckets():
    late = [
        msgspec.structs.replace(bar, ts_known=bar.ts_known + SECOND)
        for bar in bars_from_closes(*range(10, 15))
    ]
    (made,) = one_by_one(late, 5 * MINUTE)
    assert made.ts_known == made.ts_event + SECOND
    (same,) = in_blocks(late, 5 * MINUTE, [3])
    assert same == made


BARS = random_bars(240, seed=3)


@settings(max_examples=150, deadline=None)
@given(
    missing=st.sets(st.integers(0, 239), max_size=200),
    factor=st.sampled_from([1, 2, 3, 5, 15, 60]),
    cuts=st.lists(st.integers(0, 240), max_size=12),
    late=st.booleans(),
)
def test_blocks_of_any_size_and_single_bars_give_the_same_bits(missing, factor, cuts, late):
    bars = without(BARS, *missing)
    if late:
        bars = [msgspec.structs.replace(bar, ts_known=bar.ts_known + 7 * SECOND) for bar in bars]
    expected = one_by_one(bars, factor * MINUTE)
    assert in_blocks(bars, factor * MINUTE, cuts) == expected
    assert all(bar.ts_known >= bar.ts_event for bar in expected)


@settings(max_examples=60, deadline=None)
@given(
    missing=st.sets(st.integers(0, 239), max_size=100), cut=st.integers(0, 239), switch=st.integers(0, 239)
)
def test_single_bars_and_blocks_may_take_turns(missing, cut, switch):
    bars = without(BARS, *missing)
    expected = one_by_one(bars, 15 * MINUTE)
    sampler = Resampler(15 * MINUTE)
    first, second = sorted((cut % len(bars), switch % len(bars)))
    made = []
    if first and (block := sampler.push_many(BarBlock.of(bars[:first]))) is not None:
        made.extend(block.events())
    made.extend(one for bar in bars[first:second] for one in sampler.push(bar))
    if (block := sampler.push_many(BarBlock.of(bars[second:]))) is not None:
        made.extend(block.events())
    assert made == expected


@settings(max_examples=60, deadline=None)
@given(
    missing=st.sets(st.integers(0, 239), max_size=100),
    now=st.integers(1, 239),
    factor=st.sampled_from([5, 15, 60]),
)
def test_what_was_known_is_not_changed_by_what_comes_later(missing, now, factor):
    """The poison test: garble everything after a moment, and nothing known at that moment may change."""
    moment = FIRST_OPEN + now * MINUTE
    bars = without(BARS, *missing)
    poisoned = [
        bar
        if bar.ts_known <= moment
        else msgspec.structs.replace(bar, open=9e9, high=9e9, low=1e-9, volume=9e9)
        for bar in bars
    ]
    known = [bar for bar in one_by_one(bars, factor * MINUTE) if bar.ts_known <= moment]
    assert [bar for bar in one_by_one(poisoned, factor * MINUTE) if bar.ts_known <= moment] == known
    # And it was really there by then: the bars up to the moment alone give it.
    assert one_by_one([bar for bar in bars if bar.ts_known <= moment], factor * MINUTE) == known


@pytest.mark.parametrize("interval", ["5min", "15min", "4h", "1D"])
def test_pandas_agrees(shared_data, read, interval):
    minutes, _ = read(shared_data("klines/bitfinex_XRPUSD_1m_2018-01_2018-03.parquet"))
    length = int(pd.Timedelta(interval).value)
    made = BarBlock.of(in_blocks(list(minutes.events()), length, range(0, len(minutes), 10_007)))
    columns = ("open", "high", "low", "close", "volume")
    frame = pd.DataFrame({name: getattr(minutes, name) for name in columns})
    frame.index = pd.to_datetime(minutes.ts - MINUTE)
    expected = frame.resample(interval).agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    expected = expected[expected["open"].notna()]
    # The last bucket closes only if its last minute is there.
    expected = expected.iloc[: len(made)]
    assert np.array_equal(made.ts, expected.index.as_unit("ns").asi8 + length)
    for name in columns[:4]:
        assert np.array_equal(getattr(made, name), expected[name].to_numpy())
    np.testing.assert_allclose(made.volume, expected["volume"].to_numpy(), rtol=1e-12)


def test_a_feed_delivers_whole_buckets_of_the_range_only():
    feed = Recorded(BARS)
    start, end = FIRST_OPEN + 7 * MINUTE, FIRST_OPEN + 50 * MINUTE
    (block,) = resampled(feed, 15 * MINUTE, start, end, 100)
    assert ((block.ts - FIRST_OPEN) // MINUTE).tolist() == [30, 45]
    every = list(resampled(feed, 15 * MINUTE, None, None, 3))
    assert [len(block) for block in every] == [3, 3, 3, 3, 3, 1]


def test_bars_that_do_not_fit_are_refused():
    feed = Recorded(BARS)
    with pytest.raises(DataError, match="bars of 1m cannot become bars of 90s; ask for a multiple of 1m"):
        list(resampled(feed, 90 * SECOND, None, None, 100))
    with pytest.raises(DataError, match="not one whole bar of 1d"):
        list(resampled(feed, DAY, None, None, 100))
    odd = bars_from_closes(1, 2, first_open=FIRST_OPEN + 30 * SECOND)
    with pytest.raises(DataError, match="do not fill bars of 5m"):
        Resampler(5 * MINUTE).push(odd[0])
    sampler = Resampler(5 * MINUTE)
    sampler.push(BARS[0])
    with pytest.raises(DataError, match="cannot take a bar of ETHUSDT of 1m"):
        sampler.push_many(BarBlock.of(bars_from_closes(1, 2, symbol="ETHUSDT")))


def test_the_end_of_whole_bars_is_told_without_reading():
    assert whole(FIRST_OPEN + 50 * MINUTE, 15 * MINUTE) == FIRST_OPEN + 45 * MINUTE
    assert whole(FIRST_OPEN + 50 * MINUTE, None) == FIRST_OPEN + 50 * MINUTE
    assert whole(None, 15 * MINUTE) is None


def test_volumes_are_added_in_order():
    closes = [1.0] * 60
    bars = [
        msgspec.structs.replace(bar, volume=volume)
        for bar, volume in zip(bars_from_closes(*closes), [0.1, 1e16, -0.0, 3.3] * 15, strict=True)
    ]
    total = 0.0
    for bar in bars:
        total += bar.volume
    (alone,) = one_by_one(bars, HOUR)
    (together,) = in_blocks(bars, HOUR, [17, 41])
    assert alone.volume == together.volume == total
    assert not math.isnan(total)
