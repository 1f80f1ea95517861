"""Volatility from bars: six estimators, each as the volatility of one day.

All give a fraction per square root of a day: the variance per bar times the number of bars in a day,
then the square root. 0.03 means that a day's log return has a deviation of three percent; times
sqrt(365) it is annual. Prices enter through logarithms, so it does not matter in what they are quoted.

    O, H, L, C of the bar, and C' the close before:
    CloseToClose     sample variance of ln(C/C')
    EWMAVolatility   smoothed ln(C/C')**2
    Parkinson        ln(H/L)**2 / (4 ln 2)
    GarmanKlass      ln(H/L)**2 / 2 - (2 ln 2 - 1) ln(C/O)**2
    RogersSatchell   ln(H/O) ln(H/C) + ln(L/O) ln(L/C)
    YangZhang        ln(O/C') and ln(C/O) and Rogers-Satchell, weighted

The range estimators need fewer bars for the same accuracy, but take the price as if it moved without
jumps or pauses; Parkinson and Garman-Klass also as if it had no drift, and all three miss what happens
between a close and the next open.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, fsum, isnan, log, nan, sqrt
from typing import Final, TypeVar

import msgspec
import numpy as np

from quant_channels.klines.features.columns import earlier, logs
from quant_channels.klines.features.rolling import RollingMean, RollingMoments
from quant_channels.klines.features.settings import check_window, written
from quant_channels.klines.features.smoothing import Decay, Smoother
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar
from quant_contracts.units import DAY, Nanos

Numbers = TypeVar("Numbers", float, Column)
"""One number or a column: plain arithmetic gives the same bits for both."""

LN2: Final = 0.6931471805599453


class CloseToClose(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Deviation of the log returns of the close: of a sample, so divided by `window - 1`.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> from quant_contracts.units import DAY
    >>> volatility = CloseToClose(window=2)
    >>> [volatility.update(bar) for bar in bars_from_closes(1, 1, 2, interval=DAY)]
    [None, None, (0.49012907173427356,)]
    """

    window: int = 96
    """Number of returns, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._close = nan
        self._returns = RollingMoments(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vol_cc_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        before, self._close = self._close, bar.close
        _, _, variance = self._returns.push(log(bar.close / before))
        return _daily(_of_sample(variance, self.window), bar.interval)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        returns = logs(bars.close / earlier(self._close, bars.close))
        self._close = _last(bars.close, self._close)
        _, _, variances = self._returns.push_many(returns)
        return _daily_many(_of_sample(variances, self.window), bars.interval)


class EWMAVolatility(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Root of the exponentially weighted mean of squared log returns of the close.

    As RiskMetrics (Technical Document, 4th edition, 1996, section 5.2): the mean return counts as 0 and
    a return weighs `decay` times what the one after it does. The first value comes when the returns
    seen would hold 99% of the weight of an endless past; their weights are scaled to add up to one.

    >>> EWMAVolatility(decay=0.94).outputs, EWMAVolatility(decay=0.94).warmup
    (('vol_ewma_94',), 76)
    """

    decay: float = 0.94
    """What a weight keeps from one bar to the next, from 0.01 to 0.9999."""

    def __post_init__(self) -> None:
        if not 0.01 <= self.decay <= 0.9999:
            raise ValueError(f"decay must be from 0.01 to 0.9999, not {self.decay}")
        self._close = nan
        weights = [1.0]
        for _ in range(self.warmup - 2):
            weights.append(weights[-1] * self.decay)
        total = fsum(weights)
        seed = [weight / total for weight in reversed(weights)]
        self._squares = Smoother(Decay(Fraction(self.decay)), seed)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vol_ewma_{written(self.decay, scale=100)}",)

    @property
    def warmup(self) -> int:
        return ceil(log(0.01) / log(self.decay)) + 1

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        before, self._close = self._close, bar.close
        change = log(bar.close / before)
        return _daily(self._squares.push(change * change), bar.interval)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        returns = logs(bars.close / earlier(self._close, bars.close))
        self._close = _last(bars.close, self._close)
        return _daily_many(self._squares.push_many(returns * returns), bars.interval)


class Parkinson(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """From the range of each bar (Parkinson, The Extreme Value Method, J. of Business 53, 1980).

    >>> Parkinson(window=20).outputs
    ('vol_parkinson_20',)
    """

    window: int = 96
    """Number of bars, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._variance = RollingMean(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vol_parkinson_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        reach = log(bar.high / bar.low)
        return _daily(self._variance.push(reach * reach / (4.0 * LN2)), bar.interval)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        reach = logs(bars.high / bars.low)
        return _daily_many(self._variance.push_many(reach * reach / (4.0 * LN2)), bars.interval)


class GarmanKlass(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """From range and body of each bar (Garman and Klass, J. of Business 53, 1980, the simple form).

    >>> GarmanKlass(window=20).outputs
    ('vol_gk_20',)
    """

    window: int = 96
    """Number of bars, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._variance = RollingMean(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vol_gk_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        term = _garman_klass(log(bar.high / bar.low), log(bar.close / bar.open))
        return _daily(self._variance.push(term), bar.interval)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        terms = _garman_klass(logs(bars.high / bars.low), logs(bars.close / bars.open))
        return _daily_many(self._variance.push_many(terms), bars.interval)


class RogersSatchell(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """From both legs of each bar, right under any drift (Rogers and Satchell, Annals of Applied
    Probability 1, 1991).

    >>> RogersSatchell(window=20).outputs
    ('vol_rs_20',)
    """

    window: int = 96
    """Number of bars, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._variance = RollingMean(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vol_rs_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        start = bar.open
        term = _rogers_satchell(log(bar.high / start), log(bar.low / start), log(bar.close / start))
        return _daily(self._variance.push(term), bar.interval)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        start = bars.open
        terms = _rogers_satchell(logs(bars.high / start), logs(bars.low / start), logs(bars.close / start))
        return _daily_many(self._variance.push_many(terms), bars.interval)


class YangZhang(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """From jumps, bodies and legs, right under drift and jumps (Yang and Zhang, J. of Business 73, 2000).

    The sample variance of the jumps ln(O/C') from close to open, plus k times that of the bodies
    ln(C/O), plus 1 - k times Rogers-Satchell, with k = 0.34 / (1.34 + (n + 1) / (n - 1)) for n bars.

    >>> YangZhang(window=20).outputs
    ('vol_yz_20',)
    """

    window: int = 96
    """Number of bars, at least 2; one more comes before the first of them."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._close = nan
        self._k = 0.34 / (1.34 + (self.window + 1) / (self.window - 1))
        self._jumps = RollingMoments(self.window)
        self._bodies = RollingMoments(self.window)
        self._legs = RollingMean(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vol_yz_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        start = bar.open
        before, self._close = self._close, bar.close
        jump = log(start / before)
        if isnan(jump):
            return None
        body = log(bar.close / start)
        _, _, jumps = self._jumps.push(jump)
        _, _, bodies = self._bodies.push(body)
        legs = self._legs.push(_rogers_satchell(log(bar.high / start), log(bar.low / start), body))
        return _daily(self._weighed(jumps, bodies, legs), bar.interval)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        start = bars.open
        jump = logs(start / earlier(self._close, bars.close))
        self._close = _last(bars.close, self._close)
        body = logs(bars.close / start)
        leg = _rogers_satchell(logs(bars.high / start), logs(bars.low / start), body)
        body[np.isnan(jump)] = leg[np.isnan(jump)] = nan
        _, _, jumps = self._jumps.push_many(jump)
        _, _, bodies = self._bodies.push_many(body)
        return _daily_many(self._weighed(jumps, bodies, self._legs.push_many(leg)), bars.interval)

    def _weighed(self, jumps: Numbers, bodies: Numbers, legs: Numbers) -> Numbers:
        k = self._k
        return _of_sample(jumps, self.window) + (k * _of_sample(bodies, self.window) + (1.0 - k) * legs)


def _garman_klass(reach: Numbers, body: Numbers) -> Numbers:
    return 0.5 * reach * reach - (2.0 * LN2 - 1.0) * body * body


def _rogers_satchell(up: Numbers, down: Numbers, body: Numbers) -> Numbers:
    """From the logs of high, low and close over the open."""
    return up * (up - body) + down * (down - body)


def _of_sample(variance: Numbers, count: int) -> Numbers:
    """The variance of a sample from that of a population."""
    return variance * count / (count - 1)


def _daily(variance: float, interval: Nanos) -> tuple[float] | None:
    """The volatility of a day from the variance of a bar; NaN, which is cold, becomes None."""
    if isnan(variance):
        return None
    if variance < 0.0:  # noqa: PLR1730 - max costs a call
        variance = 0.0  # What cannot be negative may still round to it.
    return (sqrt(variance * (DAY / interval)),)


def _daily_many(variances: Column, interval: Nanos) -> list[Column]:
    variances[variances < 0.0] = 0.0
    return [np.sqrt(variances * (DAY / interval))]


def _last(values: Column, before: float) -> float:
    return float(values[-1]) if len(values) else before
