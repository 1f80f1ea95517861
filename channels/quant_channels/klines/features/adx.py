"""Average directional index, and the two directional indicators it is made from."""

from __future__ import annotations

from math import isnan, nan

import msgspec
import numpy as np

from quant_channels.klines.features.atr import true_range
from quant_channels.klines.features.columns import earlier, ratio
from quant_channels.klines.features.settings import check_window
from quant_channels.klines.features.smoothing import Decay, Smoother, mean_of
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


class _Memory:
    __slots__ = ("average", "close", "high", "low", "minus", "plus", "range")

    def __init__(self, window: int) -> None:
        self.high = self.low = self.close = nan
        decay = Decay.wilder(window)
        # These begin as the sum over one movement less than `window` (the first bar has none), still
        # divided by `window`, and are smoothed from then on.
        seed = [0.0] + [1 / window] * (window - 1)
        self.range = Smoother(decay, seed)
        self.plus = Smoother(decay, seed)
        self.minus = Smoother(decay, seed)
        # The index counts from the bar after those sums are complete.
        self.average = Smoother(decay, mean_of(window, skip=1))


class ADX(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Average directional index and the indicators +DI and -DI, all from 0 to 100.

    By Wilder (New Concepts in Technical Trading Systems, 1978), with the warm-up of TA-Lib. +DI is the
    share of the true range by which highs rose, -DI that by which lows fell, each smoothed; only the
    larger of the two movements of a bar counts. The directional index is their difference over their
    sum, and ADX its smoothed average. Where nothing has moved at all each of them is 0.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> adx = ADX(window=2)
    >>> [adx.update(bar) for bar in bars_from_closes(10, 12, 14, 16)]
    [None, None, None, (100.0, 100.0, 0.0)]
    """

    window: int = 14
    """Number of bars that are averaged, and averaged again, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._memory = _Memory(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"adx_{self.window}", f"plus_di_{self.window}", f"minus_di_{self.window}")

    @property
    def warmup(self) -> int:
        return 2 * self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        memory = self._memory
        high, low, close = bar.high, bar.low, memory.close
        up = high - memory.high
        down = memory.low - low
        memory.high, memory.low, memory.close = high, low, bar.close
        # Comparisons with NaN are false, so the first bar stands alone.
        top = close if close > high else high  # noqa: FURB136 - max costs a call
        bottom = close if close < low else low  # noqa: FURB136 - min costs a call
        reach = memory.range.push(top - bottom)
        plus = memory.plus.push(up if up > down and up > 0.0 else 0.0)
        minus = memory.minus.push(down if down > up and down > 0.0 else 0.0)
        directed = plus + minus
        index = 100.0 * (abs(plus - minus) / directed) if directed else 0.0
        average = memory.average.push(index)
        if isnan(average):
            return None
        # An average of values up to 100 can round to just above.
        average = min(average, 100.0)
        if not reach:
            return average, 0.0, 0.0
        return average, 100.0 * (plus / reach), 100.0 * (minus / reach)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        memory = self._memory
        high, low = bars.high, bars.low
        if not len(high):
            return [high, high, high]
        up = high - earlier(memory.high, high)
        down = earlier(memory.low, low) - low
        ranges = true_range(bars, memory.close)
        memory.high, memory.low, memory.close = float(high[-1]), float(low[-1]), float(bars.close[-1])
        reach = memory.range.push_many(ranges)
        plus = memory.plus.push_many(np.where((up > down) & (up > 0.0), up, 0.0))
        minus = memory.minus.push_many(np.where((down > up) & (down > 0.0), down, 0.0))
        index = 100.0 * ratio(np.abs(plus - minus), plus + minus, 0.0)
        average = np.minimum(memory.average.push_many(index), 100.0)
        plus, minus = 100.0 * ratio(plus, reach, 0.0), 100.0 * ratio(minus, reach, 0.0)
        # The indicators are there before the average is, but a row has all its values or none.
        cold = np.isnan(average)
        plus[cold] = minus[cold] = nan
        return [average, plus, minus]
