"""Indicators against what other programs computed: TA-Lib, and Stock.Indicators for .NET."""

from __future__ import annotations

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
    Return,
    Stochastic,
    ZScore,
)
from quant_contracts.blocks import BarBlock
from quant_contracts.testing.samples import random_bars
from quant_contracts.units import DAY

CHANNELS = [
    RSI(),
    RSI(window=2),
    RSI(window=50),
    ATR(),
    ATR(window=3),
    SMA(),
    SMA(window=1),
    EMA(),
    EMA(window=2),
    MACD(),
    MACD(fast=5, slow=35, signal=5),
    Bollinger(),
    Bollinger(window=5, width=2.5),
    ADX(),
    ADX(window=3),
    Stochastic(),
    Stochastic(window=5, smooth_k=1, smooth_d=4),
    Return(),
    Return(window=10),
]


def talib_says(channel, block):
    """What TA-Lib computes under the settings of a channel, one column per output."""
    import talib

    high, low, close = block.high, block.low, block.close
    match channel:
        case RSI(window=window):
            return [talib.RSI(close, window)]
        case ATR(window=window):
            return [talib.ATR(high, low, close, window)]
        case SMA(window=1):
            return [close]  # which TA-Lib refuses
        case SMA(window=window):
            return [talib.SMA(close, window)]
        case EMA(window=window):
            return [talib.EMA(close, window)]
        case MACD(fast=fast, slow=slow, signal=signal):
            return talib.MACD(close, fast, slow, signal)
        case Bollinger(window=window, width=width):
            upper, middle, lower = talib.BBANDS(close, window, width, width)
            return [upper, middle, lower, (close - lower) / (upper - lower)]
        case ADX(window=window):
            plus, minus = talib.PLUS_DI(high, low, close, window), talib.MINUS_DI(high, low, close, window)
            adx = talib.ADX(high, low, close, window)
            return [adx, *(np.where(np.isnan(adx), np.nan, column) for column in (plus, minus))]
        case Stochastic(window=window, smooth_k=smooth_k, smooth_d=smooth_d):
            return talib.STOCH(high, low, close, window, smooth_k, 0, smooth_d, 0)
        case Return(window=window):
            return [talib.ROCP(close, window)]
    raise AssertionError(channel)


def fresh(channel):
    """Another one with the same settings."""
    return type(channel)(**{name: getattr(channel, name) for name in channel.__struct_fields__})


def agree(channel, block, play) -> None:
    table = play(fresh(channel), block, (512, 1, 0))
    expected = np.column_stack(talib_says(channel, block))
    # TA-Lib keeps running sums and loses a little by it: up to 1e-9 of the price where bands are narrow.
    np.testing.assert_allclose(table, expected, rtol=1e-9, atol=1e-9 * np.abs(expected[-1]).max())
    assert np.isnan(expected).any(axis=1).sum() == channel.warmup - 1


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: "-".join(channel.outputs[:1]))
@pytest.mark.parametrize("seed", [1, 2])
def test_agrees_with_talib_on_random_bars(channel, seed, play) -> None:
    agree(channel, BarBlock.of(random_bars(1500, seed)), play)


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: "-".join(channel.outputs[:1]))
def test_agrees_with_talib_on_a_year_of_bitcoin(channel, bitcoin, play) -> None:
    agree(channel, bitcoin, play)


def test_agrees_with_the_stored_results_of_talib(bitcoin, shared_data, play) -> None:
    import pyarrow.parquet as pq

    stored = pq.read_table(shared_data("reference/indicators_talib_BTCUSDT_15m_2025_first2000.parquet"))
    block = bitcoin.slice(0, 2000)
    assert stored["close"].to_pylist() == block.close.tolist()
    for channel, names in (
        (RSI(), ["rsi_14"]),
        (ATR(), ["atr_14"]),
        (SMA(), ["sma_20"]),
        (EMA(window=12), ["ema_12"]),
        (EMA(window=26), ["ema_26"]),
        (MACD(), ["macd_12_26_9", "macd_signal", "macd_hist"]),
        (Bollinger(), ["bb_upper_20_2", "bb_mid_20_2", "bb_lower_20_2"]),
        (ADX(), ["adx_14"]),
        (Stochastic(), ["stoch_k_14_3", "stoch_d_3"]),
    ):
        table = play(channel, block, (2000,))
        for index, name in enumerate(names):
            expected = stored[name].to_numpy()
            np.testing.assert_allclose(table[:, index], expected, rtol=1e-9, atol=1e-9, err_msg=name)


def test_agrees_with_stock_indicators(shared_data, play) -> None:
    import pyarrow.parquet as pq

    stored = pq.read_table(shared_data("reference/indicators_stock_indicators_default502.parquet"))
    columns = {name: stored[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    block = BarBlock(symbol="X", interval=DAY, ts=np.arange(1, 503) * DAY, **columns)
    # Stock.Indicators warms ADX and MACD up in its own way; what is left of that after 400 bars is nothing.
    for channel, names, start in (
        (RSI(), ["rsi.rsi"], 0),
        (ATR(), ["atr.atr"], 0),
        (EMA(), ["ema.ema"], 0),
        (SMA(), ["sma.sma"], 0),
        (MACD(), ["macd.macd", "macd.signal", "macd.histogram"], 400),
        (Bollinger(), ["bb.upperBand", "bb.sma", "bb.lowerBand", "bb.percentB"], 0),
        (ZScore(), ["bb.zScore"], 0),
        (ZScore(window=14), ["stdev.zScore"], 0),
        (ADX(), ["adx.adx", "adx.pdi", "adx.mdi"], 450),
        (Stochastic(), ["stoch.oscillator", "stoch.signal"], 0),
    ):
        table = play(channel, block, (502,))
        for index, name in enumerate(names):
            expected = stored[name].to_numpy()
            both = ~np.isnan(expected) & ~np.isnan(table[:, index])
            assert both[channel.warmup :].all(), name
            both[:start] = False
            np.testing.assert_allclose(table[both, index], expected[both], rtol=1e-9, atol=1e-9, err_msg=name)
