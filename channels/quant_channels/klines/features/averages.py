"""Moving averages of the close: simple, exponential, and the difference of two."""

from __future__ import annotations

from math import isnan

import msgspec
import numpy as np

from quant_channels.klines.features.rolling import RollingMean
from quant_channels.klines.features.settings import check_window
from quant_channels.klines.features.smoothing import Decay, Smoother, mean_of
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


class SMA(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Simple moving average of the close, a price.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> sma = SMA(window=2)
    >>> [sma.update(bar) for bar in bars_from_closes(10, 13, 12)]
    [None, (11.5,), (12.5,)]
    """

    window: int = 20
    """Number of closes, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._mean = RollingMean(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"sma_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        value = self._mean.push(bar.close)
        return None if isnan(value) else (value,)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        return [self._mean.push_many(bars.close)]


class EMA(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Exponential moving average of the close, a price.

    A plain mean of the first `window` closes, from then on the newest weighs 2 / (window + 1).

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> ema = EMA(window=3)
    >>> [ema.update(bar) for bar in bars_from_closes(1, 2, 3, 6)]
    [None, None, (2.0,), (4.0,)]
    """

    window: int = 20
    """Number of closes that the mean age would belong to in a simple average, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._average = Smoother(Decay.span(self.window), mean_of(self.window), level=True)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"ema_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        value = self._average.push(bar.close)
        return None if isnan(value) else (value,)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        return [self._average.push_many(bars.close)]


class MACD(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Moving average convergence divergence (Appel 1979), in units of the price.

    Three values: the fast exponential average of the close less the slow one, the exponential average
    of that difference (the signal), and the difference less its signal (the histogram). As in TA-Lib
    both averages begin at the same bar, the fast one with the mean of the last `fast` closes up to it.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> macd = MACD(fast=2, slow=4, signal=2)
    >>> [macd.update(bar) for bar in bars_from_closes(1, 2, 3, 4, 5)][-1]
    (1.0, 1.0, 0.0)
    """

    fast: int = 12
    """Window of the fast average, at least 2."""
    slow: int = 26
    """Window of the slow average, more than `fast`."""
    signal: int = 9
    """Window of the signal, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.fast, 2, "fast")
        check_window(self.slow, 2, "slow")
        check_window(self.signal, 2, "signal")
        if not self.fast < self.slow:
            raise ValueError(f"fast must be less than slow, not fast={self.fast}, slow={self.slow}")
        seed = mean_of(self.fast, skip=self.slow - self.fast)
        self._fast = Smoother(Decay.span(self.fast), seed, level=True)
        self._slow = Smoother(Decay.span(self.slow), mean_of(self.slow), level=True)
        self._signal = Smoother(Decay.span(self.signal), mean_of(self.signal), level=True)

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = f"{self.fast}_{self.slow}_{self.signal}"
        return (f"macd_{settings}", f"macd_signal_{settings}", f"macd_hist_{settings}")

    @property
    def warmup(self) -> int:
        return self.slow + self.signal - 1

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        close = bar.close
        difference = self._fast.push(close) - self._slow.push(close)
        signal = self._signal.push(difference)
        if isnan(signal):
            return None
        return difference, signal, difference - signal

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        difference = self._fast.push_many(bars.close) - self._slow.push_many(bars.close)
        signal = self._signal.push_many(difference)
        # The difference is there before its signal is, but a row has all its values or none.
        return [np.where(np.isnan(signal), signal, difference), signal, difference - signal]
