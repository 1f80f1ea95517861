"""What channels say of a market that does not move."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

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
    Stochastic,
    YangZhang,
    ZScore,
)
from quant_contracts.blocks import BarBlock
from quant_contracts.testing.samples import bars_from_closes, random_bars

PRICE = 100.1

STILL = pytest.mark.parametrize(
    ("channel", "values"),
    [
        pytest.param(RSI, (50.0,), id="as many gains as losses"),
        pytest.param(ATR, (0.0,), id="no range"),
        pytest.param(SMA, (PRICE,), id="the price itself"),
        pytest.param(EMA, (PRICE,), id="the price itself, smoothed"),
        pytest.param(MACD, (0.0, 0.0, 0.0), id="no difference between averages"),
        pytest.param(Bollinger, (PRICE, PRICE, PRICE, 0.5), id="in the middle of closed bands"),
        pytest.param(ZScore, (0.0,), id="no deviation from the mean"),
        pytest.param(ADX, (0.0, 0.0, 0.0), id="no direction"),
        pytest.param(Stochastic, (50.0, 50.0), id="in the middle of no range"),
        pytest.param(Return, (0.0,), id="no return"),
        pytest.param(CloseToClose, (0.0,), id="close to close"),
        pytest.param(EWMAVolatility, (0.0,), id="exponentially weighted"),
        pytest.param(Parkinson, (0.0,), id="Parkinson"),
        pytest.param(GarmanKlass, (0.0,), id="Garman and Klass"),
        pytest.param(RogersSatchell, (0.0,), id="Rogers and Satchell"),
        pytest.param(YangZhang, (0.0,), id="Yang and Zhang"),
        pytest.param(DailyVolume, (0.0,), id="nothing traded"),
    ],
)


@STILL
def test_a_price_that_never_moved(channel, values, play) -> None:
    block = BarBlock.of(bars_from_closes(*[PRICE] * 200, volume=0.0))
    for sizes in ((0,), (64,)):
        table = play(channel(), block, sizes)
        assert {tuple(row) for row in table[channel().warmup - 1 :].tolist()} == {values}


@pytest.mark.parametrize("channel", [SMA, Bollinger, ZScore, Stochastic, Return, CloseToClose, Parkinson])
def test_a_price_that_has_stood_still_for_a_window_is_as_if_it_never_moved(channel, play) -> None:
    moving = random_bars(100, 1, price=PRICE)
    still = bars_from_closes(
        *[PRICE] * 300, first_open=moving[-1].ts_event, symbol=moving[0].symbol, volume=0.0
    )
    table = play(channel(), BarBlock.of(moving + still), (40, 0))
    assert table[-1].tolist() == play(channel(), BarBlock.of(still))[-1].tolist()


def test_macd_dies_down_without_a_flicker_once_the_price_stands_still(play) -> None:
    moving = random_bars(100, 1, price=PRICE)
    still = bars_from_closes(*[PRICE] * 2000, first_open=moving[-1].ts_event, symbol=moving[0].symbol)
    table = play(MACD(), BarBlock.of(moving + still), (512,))
    assert table[-1, 0] == 0.0
    # Rounding noise in either average would make the histogram change its sign again and again.
    assert abs(table[-1, 2]) < 1e-100
    assert (np.diff(np.sign(table[200:, 2])) != 0.0).sum() <= 1


def test_rsi_keeps_its_last_value_while_nothing_moves_and_ends_at_50(play) -> None:
    closes = [10.0, 13.0, 12.0, *[12.0] * 3000]
    table = play(RSI(window=2), BarBlock.of(bars_from_closes(*closes)), (512,))
    assert set(table[2:900, 0].tolist()) == {75.0}
    assert table[-1].tolist() == [50.0]


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        pytest.param([10, 11, 12], 100.0, id="only gains"),
        pytest.param([12, 11, 10], 0.0, id="only losses"),
        pytest.param([10, 13, 12], 75.0, id="up 3, down 1"),
    ],
)
def test_rsi_after_two_changes(closes, expected) -> None:
    rsi = RSI(window=2)
    *_, values = [rsi.update(bar) for bar in bars_from_closes(*closes)]
    assert values == (expected,)


def test_adx_of_a_market_that_only_rises_is_100(play) -> None:
    closes = [100.0 * exp(0.01 * row) for row in range(300)]
    table = play(ADX(), BarBlock.of(bars_from_closes(*closes)))[ADX().warmup :]
    np.testing.assert_allclose(table, [[100.0, 100.0, 0.0]] * len(table), rtol=1e-12)
    assert table.max() <= 100.0
