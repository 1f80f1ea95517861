"""What every channel promises, whatever it computes."""

from __future__ import annotations

from functools import lru_cache, partial

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.klines import features
from quant_channels.klines.features import (
    ADX,
    ATR,
    EMA,
    MACD,
    RSI,
    SMA,
    Bollinger,
    CloseToClose,
    DailyVolume,
    EWMAVolatility,
    GarmanKlass,
    Parkinson,
    Return,
    RogersSatchell,
    Spread,
    Stochastic,
    YangZhang,
    ZScore,
)
from quant_contracts.blocks import COLUMNS, BarBlock
from quant_contracts.protocols import BlockChannel, BlockCrossChannel, FeatureChannel, ReadingChannel
from quant_contracts.testing.samples import random_bars
from quant_contracts.units import MINUTE

DEFAULT = [
    partial(Spread, "ETHUSDT") if name == "Spread" else getattr(features, name) for name in features.__all__
]
SMALL = [
    partial(ADX, window=2),
    partial(ATR, window=2),
    partial(EMA, window=2),
    partial(MACD, fast=2, slow=3, signal=2),
    partial(RSI, window=2),
    partial(SMA, window=1),
    partial(Bollinger, window=2, width=0.5),
    partial(CloseToClose, window=2),
    partial(DailyVolume, window=1),
    partial(EWMAVolatility, decay=0.01),
    partial(GarmanKlass, window=1),
    partial(Parkinson, window=1),
    partial(Return, window=3),
    partial(RogersSatchell, window=1),
    partial(Spread, "ETHUSDT", window=2),
    partial(Stochastic, window=1, smooth_k=1, smooth_d=1),
    partial(YangZhang, window=2),
    partial(ZScore, window=2),
]
CHANNELS = pytest.mark.parametrize(
    "make", [*DEFAULT, *SMALL], ids=lambda make: repr(make()).replace("'", "").replace(" ", "")
)

BOUNDS = {
    "rsi": (0.0, 100.0),
    "adx": (0.0, 100.0),
    "plus_di": (0.0, 100.0),
    "minus_di": (0.0, 100.0),
    "stoch": (0.0, 100.0),
    "atr": (0.0, np.inf),
    "vol": (0.0, np.inf),
    "return": (-1.0, np.inf),
    "daily_volume": (0.0, np.inf),
}


@lru_cache
def block_of(count, seed):
    return BarBlock.of(random_bars(count, seed))


def beside(channel, block):
    """What is handed over beside the bars: the other symbol of a `Spread`, nothing to the rest."""
    if not isinstance(channel, ReadingChannel):
        return None
    source = np.random.default_rng(len(block))
    factor = np.exp(source.normal(0.0, 0.01, len(block)))
    return msgspec.structs.replace(
        block, symbol="ETHUSDT", **{name: getattr(block, name) * factor for name in COLUMNS[:4]}
    )


@CHANNELS
def test_has_the_shape_of_its_contract(make) -> None:
    channel = make()
    if isinstance(channel, ReadingChannel):
        assert isinstance(channel, BlockCrossChannel)
    else:
        assert isinstance(channel, FeatureChannel)
        assert isinstance(channel, BlockChannel)


@CHANNELS
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 3),
    sizes=st.lists(st.sampled_from([0, 1, 2, 7, 63, 64, 65, 128, 301, 4096]), min_size=1, max_size=9),
)
def test_blocks_and_single_bars_in_any_mix_give_the_same_bits(make, seed, sizes, play, same_bits) -> None:
    block = block_of(700, seed)
    other = beside(make(), block)
    expected = play(make(), block, other=other)
    assert same_bits(play(make(), block, sizes, other=other), expected)


@CHANNELS
def test_large_blocks_give_the_bits_of_single_bars(make, play, same_bits) -> None:
    block = block_of(5000, 4)
    other = beside(make(), block)
    expected = play(make(), block, other=other)
    assert same_bits(play(make(), block, (4096, 0), other=other), expected)
    assert same_bits(play(make(), block, (5000,), other=other), expected)


@CHANNELS
def test_the_first_value_comes_with_bar_number_warmup_and_then_with_every_bar(make, play) -> None:
    channel = make()
    block = block_of(channel.warmup + 100, 5)
    for sizes in ((0,), (64,)):
        table = play(make(), block, sizes, other=beside(channel, block))
        assert np.isnan(table[: channel.warmup - 1]).all()
        assert np.isfinite(table[channel.warmup - 1 :]).all()


@CHANNELS
def test_what_comes_later_changes_nothing_said_before(make, play, same_bits) -> None:
    block = block_of(600, 6)
    cut = 401
    poisoned = msgspec.structs.replace(
        block,
        **{name: np.where(np.arange(600) < cut, getattr(block, name), 7e5) for name in COLUMNS},
    )
    for sizes in ((0,), (600,), (150,)):
        before = play(make(), block, sizes, other=beside(make(), block))
        after = play(make(), poisoned, sizes, other=beside(make(), poisoned))
        assert same_bits(after[:cut], before[:cut])


@CHANNELS
def test_an_empty_block_changes_nothing(make, play, same_bits) -> None:
    block = block_of(300, 7)
    channel, other = make(), beside(make(), block)
    parts = []
    for start in range(0, 300, 30):
        empty = block.slice(start, start)
        nothing = channel.update_many(*((empty,) if other is None else (empty, other.slice(start, start))))
        assert [len(column) for column in nothing] == [0] * len(channel.outputs)
        part = block.slice(start, start + 30)
        parts.append(
            play(channel, part, (30,), other=None if other is None else other.slice(start, start + 30))
        )
    assert same_bits(np.concatenate(parts), play(make(), block, other=other))


@CHANNELS
def test_keeps_no_view_of_a_block(make, play, same_bits) -> None:
    block = block_of(400, 8)
    channel, other = make(), beside(make(), block)
    expected = play(make(), block, other=other)
    parts = []
    for start in range(0, 400, 50):
        part = BarBlock.of(list(block.slice(start, start + 50).events()))
        beside_it = None if other is None else other.slice(start, start + 50)
        parts.append(play(channel, part, (50,), other=beside_it))
        for name in COLUMNS:
            getattr(part, name)[:] = 1.0
    assert same_bits(np.concatenate(parts), expected)


def hostile(kind, count, seed):
    """Prices no market has had, but that a bar may hold."""
    source = np.random.default_rng(seed)
    closes = {
        "constant": np.full(count, 0.1 + seed),
        "alternating": np.where(np.arange(count) % 2, 1e-6, 1e9),
        "huge": 1e100 * source.lognormal(0.0, 0.1, count),
        "tiny": 1e-100 * source.lognormal(0.0, 0.1, count),
        "any size at all": 10.0 ** source.uniform(-12.0, 12.0, count),
        "one step at the end of all digits": 1.0 + 2.0**-52 * source.integers(0, 3, count),
        "long stillness after a storm": np.where(
            np.arange(count) < 60, source.lognormal(3.0, 1.0, count), 20.1
        ),
    }[kind]
    opens = np.concatenate((closes[:1], closes[:-1]))
    stretch = 1.0 if kind in {"constant", "long stillness after a storm"} else 1.0 + source.uniform(0.0, 0.1)
    ts = np.arange(1, count + 1) * MINUTE
    return BarBlock(
        symbol="X",
        interval=MINUTE,
        ts=ts,
        open=opens,
        high=np.maximum(opens, closes) * stretch,
        low=np.minimum(opens, closes) / stretch,
        close=closes,
        volume=source.choice([0.0, 1e-8, 1.0, 1e12], count),
    )


@CHANNELS
@pytest.mark.parametrize(
    "kind",
    [
        "constant",
        "alternating",
        "huge",
        "tiny",
        "any size at all",
        "one step at the end of all digits",
        "long stillness after a storm",
    ],
)
def test_values_are_finite_and_within_bounds_at_any_prices(make, kind, play, same_bits) -> None:
    channel = make()
    block = hostile(kind, channel.warmup + 200, seed=1)
    other = beside(channel, block)
    table = play(make(), block, other=other)
    assert same_bits(play(make(), block, (50, 0), other=other), table)
    values = table[channel.warmup - 1 :]
    assert np.isfinite(values).all()
    for index, name in enumerate(channel.outputs):
        for start, (low, high) in BOUNDS.items():
            if name.startswith(start):
                assert values[:, index].min() >= low, name
                assert values[:, index].max() <= high, name


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["alternating", "any size at all", "one step at the end of all digits"])
@pytest.mark.parametrize("window", [2, 3, 20])
def test_averages_lie_among_what_they_average(kind, seed, window, play) -> None:
    block = hostile(kind, 200, seed)
    simple, exponential = (play(make(window=window), block)[window - 1 :, 0] for make in (SMA, EMA))
    windows = np.lib.stride_tricks.sliding_window_view(block.close, window)
    assert (simple <= windows.max(axis=1) * (1 + 1e-15)).all()
    assert (simple >= windows.min(axis=1) * (1 - 1e-15) - 1e-15 * windows.max(axis=1)).all()
    highest = np.maximum.accumulate(block.close)[window - 1 :]
    lowest = np.minimum.accumulate(block.close)[window - 1 :]
    assert (exponential <= highest * (1 + 1e-14)).all()
    assert (exponential >= lowest - 1e-14 * highest).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["alternating", "any size at all", "one step at the end of all digits"])
@pytest.mark.parametrize("window", [2, 3, 20])
def test_no_score_is_further_than_a_sample_allows(kind, seed, window, play) -> None:
    block = hostile(kind, 200, seed)
    scores = play(ZScore(window=window), block)[window - 1 :, 0]
    assert np.abs(scores).max() <= np.sqrt(window - 1) * (1 + 1e-12)


@pytest.mark.parametrize("make", DEFAULT, ids=lambda make: repr(make()).replace("'", "").replace(" ", ""))
def test_does_not_drift_over_300_000_bars(make, bitcoin_minutes, play) -> None:
    block = bitcoin_minutes
    channel = make()
    other = beside(channel, block)
    table = play(channel, block, (4096,), other=other)
    # A window knows nothing of what came before it; an average of the past has forgotten it.
    start = len(block) - 4000
    recent = play(make(), block.slice(start, len(block)), other=other and other.slice(start, len(block)))
    scale = np.abs(table[start + channel.warmup :]).max(axis=0)
    assert (np.abs(table[-1000:] - recent[-1000:]) <= 1e-11 * scale).all()
