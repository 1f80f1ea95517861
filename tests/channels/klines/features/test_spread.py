"""The spread to another symbol, also where that symbol has no bar."""

from __future__ import annotations

from math import log, nan

import numpy as np
import pandas as pd
import pytest

from quant_channels.klines.features import Spread
from quant_contracts.blocks import BarBlock
from quant_contracts.protocols import Stream
from quant_contracts.testing.samples import bars_from_closes, random_bars
from quant_contracts.units import DAY, MINUTE


@pytest.fixture
def pair():
    """Two symbols over the same 400 minutes."""
    return (
        BarBlock.of(random_bars(400, 1)),
        BarBlock.of(random_bars(400, 2, symbol="ETHUSDT", price=3000.0)),
    )


def lacking(block, gone):
    """The block with no bar in the rows where `gone`."""
    prices = {name: np.where(gone, nan, getattr(block, name)) for name in ("open", "high", "low", "close")}
    return BarBlock(
        symbol=block.symbol,
        interval=block.interval,
        ts=np.where(gone, 0, block.ts),
        volume=block.volume,
        **prices,
    )


def one_by_one(channel, bars, others):
    rows = []
    for row in range(len(bars)):
        known = others.ts[row] > 0
        values = channel.update(bars.bar(row), others.bar(row) if known else None)
        rows.append((nan, nan) if values is None else values)
    return np.array(rows)


def test_is_the_log_ratio_and_its_z_score(pair, play) -> None:
    bars, others = pair
    ratio = pd.Series(np.log(bars.close / others.close))
    window = ratio.rolling(50)
    expected = np.column_stack((ratio, (ratio - window.mean()) / window.std(ddof=0)))
    expected[:49] = nan
    table = play(Spread("ETHUSDT", window=50), bars, (64,), other=others)
    np.testing.assert_allclose(table, expected, rtol=1e-8, atol=1e-8)
    assert Spread("ETHUSDT", window=50).reads == (Stream("klines", "ETHUSDT"),)


@pytest.mark.parametrize("sizes", [(1,), (7,), (64,), (400,)])
def test_a_bar_without_the_other_has_no_value_and_is_not_remembered(pair, sizes, play, same_bits) -> None:
    bars, others = pair
    gone = np.random.default_rng(0).random(400) < 0.3
    gone[:20] = True
    patchy = lacking(others, gone)
    table = play(Spread("ETHUSDT", window=30), bars, sizes, other=patchy)
    assert np.isnan(table[gone]).all()
    assert same_bits(table, one_by_one(Spread("ETHUSDT", window=30), bars, patchy))
    rows = np.flatnonzero(~gone)
    both = [BarBlock.of([block.bar(row) for row in rows]) for block in pair]
    assert same_bits(table[~gone], play(Spread("ETHUSDT", window=30), both[0], other=both[1]))


@pytest.mark.parametrize(
    ("max_age_bars", "late", "has_value"),
    [
        pytest.param(1, 0, True, id="the same close"),
        pytest.param(1, MINUTE, False, id="one bar old"),
        pytest.param(1, MINUTE // 2, True, id="half a bar old"),
        pytest.param(3, 2 * MINUTE, True, id="two bars old, of three"),
        pytest.param(3, 3 * MINUTE, False, id="three bars old, of three"),
        pytest.param(1, -MINUTE, False, id="one bar ahead"),
    ],
)
def test_the_others_bar_must_be_recent(max_age_bars, late, has_value) -> None:
    bars = BarBlock.of(bars_from_closes(10, 20, 40))
    others = BarBlock.of(bars_from_closes(10, 10, 10, symbol="ETHUSDT"))
    others = BarBlock(
        "ETHUSDT",
        MINUTE,
        others.ts - late,
        *(getattr(others, name) for name in ("open", "high", "low", "close", "volume")),
    )
    channel = Spread("ETHUSDT", window=2, max_age_bars=max_age_bars)
    both = zip(bars.events(), others.events(), strict=True)
    *_, values = [channel.update(bar, other) for bar, other in both]
    assert values == ((log(4.0), 1.0) if has_value else None)
    raw, score = Spread("ETHUSDT", window=2, max_age_bars=max_age_bars).update_many(bars, others)
    assert np.isfinite(raw[-1]) == np.isfinite(score[-1]) == has_value


def test_says_nothing_as_long_as_the_other_was_never_seen() -> None:
    channel = Spread("ETHUSDT", window=2)
    assert [channel.update(bar, None) for bar in bars_from_closes(10, 20, 40)] == [None] * 3


def test_never_seen_is_older_than_any_age(play) -> None:
    bars = BarBlock.of(bars_from_closes(10, 20, 40, interval=DAY))
    never = lacking(bars, np.ones(3, dtype=bool))
    assert np.isnan(play(Spread("ETHUSDT", window=2, max_age_bars=1_000_000), bars, (3,), other=never)).all()


def test_a_constant_ratio_has_no_deviation() -> None:
    channel = Spread("ETHUSDT", window=2)
    bars, others = bars_from_closes(10, 20, 40), bars_from_closes(5, 10, 20, symbol="ETHUSDT")
    values = [channel.update(bar, other) for bar, other in zip(bars, others, strict=True)]
    assert values == [None, (log(2.0), 0.0), (log(2.0), 0.0)]
