"""Stochastic oscillator."""

from __future__ import annotations

from math import isnan

import msgspec
import numpy as np

from quant_channels.klines.features.columns import ratio
from quant_channels.klines.features.extremes import RollingMaximum
from quant_channels.klines.features.rolling import RollingMean
from quant_channels.klines.features.settings import check_window
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


class _Memory:
    __slots__ = ("d", "highest", "k", "lowest")

    def __init__(self, window: int, smooth_k: int, smooth_d: int) -> None:
        self.highest = RollingMaximum(window)
        self.lowest = RollingMaximum(window)
        """Of the lows' negatives."""
        self.k = RollingMean(smooth_k)
        self.d = RollingMean(smooth_d)


class Stochastic(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Stochastic oscillator (Lane, Lane's Stochastics, 1984): two values from 0 to 100.

    Where the close stands between the lowest low (0) and the highest high (100) of the last `window`
    bars; %K is its mean over `smooth_k` bars and %D the mean of %K over `smooth_d`. Where high and low
    have been the same price throughout, the close counts as in the middle: 50.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> stochastic = Stochastic(window=2, smooth_k=1, smooth_d=2)
    >>> [stochastic.update(bar) for bar in bars_from_closes(10, 12, 11)]
    [None, None, (50.0, 75.0)]
    """

    window: int = 14
    """Number of bars to find highest and lowest price in, at least 1."""
    smooth_k: int = 3
    """Bars in the mean that is %K; 1 leaves it raw."""
    smooth_d: int = 3
    """Values of %K in the mean that is %D."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        check_window(self.smooth_k, 1, "smooth_k")
        check_window(self.smooth_d, 1, "smooth_d")
        self._memory = _Memory(self.window, self.smooth_k, self.smooth_d)

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = f"{self.window}_{self.smooth_k}_{self.smooth_d}"
        return (f"stoch_k_{settings}", f"stoch_d_{settings}")

    @property
    def warmup(self) -> int:
        return self.window + self.smooth_k + self.smooth_d - 2

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        memory = self._memory
        lowest = -memory.lowest.push(-bar.low)
        span = memory.highest.push(bar.high) - lowest
        k = memory.k.push(100.0 * ((bar.close - lowest) / span) if span else 50.0)
        d = memory.d.push(k)
        return None if isnan(d) else (k, d)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        memory = self._memory
        lowest = -memory.lowest.push_many(-bars.low)
        span = memory.highest.push_many(bars.high) - lowest
        k = memory.k.push_many(100.0 * ratio(bars.close - lowest, span, 0.5))
        d = memory.d.push_many(k)
        # %K is there before %D is, but a row has all its values or none.
        return [np.where(np.isnan(d), d, k), d]
