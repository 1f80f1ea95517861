"""Average true range."""

from __future__ import annotations

from math import isnan, nan

import msgspec
import numpy as np

from quant_channels.klines.features.columns import earlier
from quant_channels.klines.features.settings import check_window
from quant_channels.klines.features.smoothing import Decay, Smoother, mean_of
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


class _Memory:
    __slots__ = ("average", "close")

    def __init__(self, window: int) -> None:
        self.close = nan
        # The first bar has no close before it and so no true range.
        self.average = Smoother(Decay.wilder(window), mean_of(window, skip=1))


def true_range(bars: BarBlock, close: float) -> Column:
    """How far the price went in each bar, the way from the last close included.

    `close` is that of the bar before the block; NaN when there was none, and then the way is left out.
    """
    before = earlier(close, bars.close)
    if isnan(close):
        before[:1] = bars.low[:1]
    return np.maximum(bars.high, before) - np.minimum(bars.low, before)


class ATR(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Average true range in units of the price.

    A bar's true range goes from its low to its high, stretched to the last close. It is smoothed as by
    Wilder (New Concepts in Technical Trading Systems, 1978): a plain mean of the first `window`, from
    then on the newest weighs 1 / window.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> atr = ATR(window=2)
    >>> [atr.update(bar) for bar in bars_from_closes(10, 13, 12, 15)]
    [None, None, (2.0,), (2.5,)]
    """

    window: int = 14
    """Number of bars that are averaged, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._memory = _Memory(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"atr_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        memory = self._memory
        high = bar.high
        low = bar.low
        close = memory.close
        memory.close = bar.close
        # Comparisons with NaN are false, so the first bar stands alone.
        top = close if close > high else high  # noqa: FURB136 - max costs a call
        bottom = close if close < low else low  # noqa: FURB136 - min costs a call
        value = memory.average.push(top - bottom)
        return None if isnan(value) else (value,)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        memory = self._memory
        ranges = true_range(bars, memory.close)
        if len(ranges):
            memory.close = float(bars.close[-1])
        return [memory.average.push_many(ranges)]
