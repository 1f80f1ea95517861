"""Volatility channels against the formulas of the papers, written out with pandas."""

from __future__ import annotations

from math import ceil, exp, log, sqrt

import numpy as np
import pandas as pd
import pytest

from quant_channels.klines.features import (
    CloseToClose,
    DailyVolume,
    EWMAVolatility,
    GarmanKlass,
    Parkinson,
    RogersSatchell,
    YangZhang,
)
from quant_contracts.blocks import BarBlock
from quant_contracts.testing.samples import bars_from_closes, random_bars
from quant_contracts.units import DAY, HOUR, MINUTE


def close_to_close(o, h, l, c, n):  # noqa: E741 - the letters of the papers
    return np.log(c / c.shift()).rolling(n).var(ddof=1)


def parkinson(o, h, l, c, n):  # noqa: E741
    return (np.log(h / l) ** 2).rolling(n).sum() / (4 * n * log(2))


def garman_klass(o, h, l, c, n):  # noqa: E741
    return (np.log(h / l) ** 2 / 2 - (2 * log(2) - 1) * np.log(c / o) ** 2).rolling(n).mean()


def rogers_satchell(o, h, l, c, n):  # noqa: E741
    return (np.log(h / c) * np.log(h / o) + np.log(l / c) * np.log(l / o)).rolling(n).mean()


def yang_zhang(o, h, l, c, n):  # noqa: E741
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    jumps = np.log(o / c.shift()).rolling(n).var(ddof=1)
    bodies = np.log(c / o).rolling(n).var(ddof=1)
    return jumps + k * bodies + (1 - k) * rogers_satchell(o, h, l, c, n)


FORMULAS = pytest.mark.parametrize(
    ("channel", "formula"),
    [
        (CloseToClose, close_to_close),
        (Parkinson, parkinson),
        (GarmanKlass, garman_klass),
        (RogersSatchell, rogers_satchell),
        (YangZhang, yang_zhang),
    ],
)


def prices(block):
    return [pd.Series(getattr(block, name)) for name in ("open", "high", "low", "close")]


@FORMULAS
@pytest.mark.parametrize("window", [2, 20, 96])
def test_is_the_formula_of_the_paper(channel, formula, window, play) -> None:
    block = BarBlock.of(random_bars(600, 3, interval=HOUR))
    expected = np.sqrt(formula(*prices(block), window) * 24)
    np.testing.assert_allclose(play(channel(window=window), block, (100,))[:, 0], expected, rtol=1e-9)


@FORMULAS
def test_is_the_formula_of_the_paper_on_a_year_of_bitcoin(channel, formula, bitcoin, play) -> None:
    values = play(channel(), bitcoin, (4096,))[:, 0]
    expected = np.sqrt(formula(*prices(bitcoin), 96) * 96)
    # pandas lets its running sums drift.
    np.testing.assert_allclose(values, expected, rtol=1e-7)
    # Bitcoin moved by one to ten percent a day, and all estimators saw it.
    assert 0.01 < np.nanmedian(values) < 0.1


@pytest.mark.parametrize("decay", [0.94, 0.5, 0.97])
def test_ewma_weighs_squared_returns_by_powers_of_its_decay(decay, play) -> None:
    block = BarBlock.of(random_bars(500, 5, interval=DAY))
    squares = np.log(block.close[1:] / block.close[:-1]) ** 2
    channel = EWMAVolatility(decay=decay)
    values = play(channel, block, (64,))[:, 0]
    first = ceil(log(0.01) / log(decay))
    weights = decay ** np.arange(first - 1, -1, -1)
    variance = weights @ squares[:first] / weights.sum()
    for row in range(first, len(block)):
        if row > first:
            variance = decay * variance + (1 - decay) * squares[row - 1]
        assert values[row] == pytest.approx(sqrt(variance), rel=1e-12)
    assert channel.warmup == first + 1


def test_volatility_is_that_of_a_day_whatever_the_interval(play) -> None:
    # The close goes up and down by 1%: a range of 1% every bar.
    closes = [100.0, 100.0 * exp(0.01)] * 60
    for interval, bars_a_day in ((MINUTE, 1440), (HOUR, 24), (DAY, 1)):
        block = BarBlock.of(bars_from_closes(*closes, interval=interval))
        value = play(Parkinson(window=50), block)[-1, 0]
        assert value == pytest.approx(0.01 / sqrt(4 * log(2)) * sqrt(bars_a_day))


@pytest.mark.parametrize("channel", [CloseToClose, Parkinson, GarmanKlass, RogersSatchell, YangZhang])
def test_recovers_the_volatility_of_a_random_walk(channel, play) -> None:
    # 600 days of 1,440 steps, 2% a day: four significant digits of range for every daily bar.
    steps = np.random.default_rng(0).normal(0.0, 0.02 / sqrt(1440), (600, 1440)).cumsum(axis=1)
    starts = np.concatenate(([0.0], steps[:-1, -1].cumsum()))
    paths = np.exp(np.column_stack((starts, steps + starts[:, None])))
    block = BarBlock(
        symbol="X",
        interval=DAY,
        ts=np.arange(1, 601) * DAY,
        open=paths[:, 0],
        high=paths.max(axis=1),
        low=paths.min(axis=1),
        close=paths[:, -1],
        volume=np.ones(600),
    )
    assert play(channel(window=500), block, (600,))[-1, 0] == pytest.approx(0.02, rel=0.08)


@pytest.mark.parametrize("window", [1, 20, 96])
def test_daily_volume_is_the_mean_volume_of_a_bar_times_bars_in_a_day(window, play) -> None:
    block = BarBlock.of(random_bars(400, 6, interval=15 * MINUTE))
    expected = pd.Series(block.volume).rolling(window).mean() * 96
    np.testing.assert_allclose(play(DailyVolume(window=window), block, (100,))[:, 0], expected, rtol=1e-9)
