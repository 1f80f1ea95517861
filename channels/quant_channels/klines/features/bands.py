"""Where the close stands among the last closes: Bollinger bands and the z-score."""

from __future__ import annotations

from math import isnan, sqrt

import msgspec
import numpy as np

from quant_channels.klines.features.columns import ratio
from quant_channels.klines.features.rolling import RollingMoments
from quant_channels.klines.features.settings import check_window, written
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


def z_score(value: float, pivot: float, mean: float, variance: float) -> float:
    """Deviations that `value` lies above the mean, which is `pivot + mean`; 0 when all values are equal.

    >>> z_score(12.0, 10.0, 1.0, 4.0)
    0.5
    """
    return (value - pivot - mean) / sqrt(variance) if variance else 0.0


def z_scores(values: Column, pivots: Column, means: Column, variances: Column) -> Column:
    """`z_score` for each row."""
    return ratio(values - pivots - means, np.sqrt(variances), 0.0)


class Bollinger(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Bollinger bands (Bollinger on Bollinger Bands, 2001): prices, and the place of the close among them.

    Upper, middle and lower band: the mean of the last `window` closes, and `width` deviations of a
    population above and below. The last value is %b, 0 at the lower band and 1 at the upper; 0.5 where
    all closes are equal.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> bands = Bollinger(window=2, width=2)
    >>> [bands.update(bar) for bar in bars_from_closes(10, 14, 14)]
    [None, (16.0, 12.0, 8.0, 0.75), (14.0, 14.0, 14.0, 0.5)]
    """

    window: int = 20
    """Number of closes, at least 2."""
    width: float = 2.0
    """Deviations from the middle to either band, more than 0."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        if not 0.0 < self.width <= 100.0:
            raise ValueError(f"width must be more than 0 and at most 100 deviations, not {self.width}")
        self._moments = RollingMoments(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = f"{self.window}_{written(self.width)}"
        return tuple(f"bb_{name}_{settings}" for name in ("upper", "middle", "lower", "percent"))

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        close = bar.close
        pivot, mean, variance = self._moments.push(close)
        middle = pivot + mean
        if isnan(middle):
            return None
        width = self.width
        reach = width * sqrt(variance)
        percent = 0.5 + z_score(close, pivot, mean, variance) / (2.0 * width)
        return middle + reach, middle, middle - reach, percent

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        close = bars.close
        pivots, means, variances = self._moments.push_many(close)
        middle = pivots + means
        reach = self.width * np.sqrt(variances)
        percent = 0.5 + z_scores(close, pivots, means, variances) / (2.0 * self.width)
        return [middle + reach, middle, middle - reach, percent]


class ZScore(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Deviations of the close above the mean of the last `window` closes, itself among them.

    The deviation is that of a population, so the score is never beyond sqrt(window - 1) on either side.
    It is 0 where all closes are equal.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> score = ZScore(window=2)
    >>> [score.update(bar) for bar in bars_from_closes(10, 14, 14)]
    [None, (1.0,), (0.0,)]
    """

    window: int = 20
    """Number of closes, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._moments = RollingMoments(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"zscore_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        close = bar.close
        score = z_score(close, *self._moments.push(close))
        return None if isnan(score) else (score,)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        return [z_scores(bars.close, *self._moments.push_many(bars.close))]
