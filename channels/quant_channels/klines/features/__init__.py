"""Feature channels over bars: each turns closed bars into named numbers, one by one or a block at once.

    momentum     RSI, MACD, Stochastic, ADX, Return
    averages     SMA, EMA
    place        Bollinger, ZScore, Spread (to another symbol)
    volatility   ATR, CloseToClose, EWMAVolatility, Parkinson, GarmanKlass, RogersSatchell, YangZhang
    activity     DailyVolume

Under them lie three kernels that give the same bits in both forms: `smoothing` (exponential averages),
`rolling` (mean and variance of a window) and `extremes` (largest of a window). Prices may be of any
size from 1e-100 to 1e100.
"""

from quant_channels.klines.features.adx import ADX
from quant_channels.klines.features.atr import ATR
from quant_channels.klines.features.averages import EMA, MACD, SMA
from quant_channels.klines.features.bands import Bollinger, ZScore
from quant_channels.klines.features.returns import Return
from quant_channels.klines.features.rsi import RSI
from quant_channels.klines.features.spread import Spread
from quant_channels.klines.features.stochastic import Stochastic
from quant_channels.klines.features.volatility import (
    CloseToClose,
    EWMAVolatility,
    GarmanKlass,
    Parkinson,
    RogersSatchell,
    YangZhang,
)
from quant_channels.klines.features.volume import DailyVolume

__all__ = [
    "ADX",
    "ATR",
    "EMA",
    "MACD",
    "RSI",
    "SMA",
    "Bollinger",
    "CloseToClose",
    "DailyVolume",
    "EWMAVolatility",
    "GarmanKlass",
    "Parkinson",
    "Return",
    "RogersSatchell",
    "Spread",
    "Stochastic",
    "YangZhang",
    "ZScore",
]
