"""The volatility that a price implies, or the reason why it implies none.

The price is checked against its bounds first and brought to the option out of the money by put-call parity,
so that one function of two numbers is left: with x = -|ln(F/K)| and s = volatility times the root of years,

    b(x, s) = exp(x/2) N(x/s + s/2) - exp(-x/2) N(x/s - s/2) = time value / sqrt(F K)

It rises in s from 0 to exp(x/2), with its steepest point at s = sqrt(2 |x|). Newton's method runs on 1/ln b
below that point, on b above it, and on ln(exp(x/2) - b) in the upper half: each is nearly a straight line
where it is used (the objectives are those of Jaeckel, Let's Be Rational, Wilmott 2015). A bracket is kept
around the root; a step that would leave it is replaced by a bisection.

A price that cannot be told from its bounds gives no number. In the money the time value is what is left
after the intrinsic value is taken away; where that is below eight roundings of the price it is
`no_time_value`.
"""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from quant_channels.options.normal import DENSITY_AT_0, normal_cdf, normal_cdfs
from quant_channels.options.pricing import Flags
from quant_contracts.blocks import Column
from quant_contracts.units import Fraction, Price

Reason: TypeAlias = Literal[
    "solved",
    "not_finite",
    "not_positive",
    "expired",
    "below_intrinsic",
    "above_bound",
    "no_time_value",
    "not_converged",
]
"""What came of a price: `not_finite` input is NaN, infinite or beyond the range of the method, `not_positive`
a forward, strike or discount factor of zero or less, `expired` has no time left, `below_intrinsic` and
`above_bound` could be arbitraged, and `no_time_value` is at its intrinsic value as far as can be told."""

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
SOLVED, NOT_FINITE, NOT_POSITIVE, EXPIRED, BELOW, ABOVE, NO_TIME_VALUE, NOT_CONVERGED = range(len(REASONS))

ROUNDING: Final = 8.0 * 2.0**-52
"""Share of the largest amount in a subtraction that its result is not trusted below."""
SMALLEST: Final = 1e-290
"""Time values below this share of sqrt(F K) have lost digits to underflow."""
CLOSE: Final = 1e-9
"""A Newton step smaller than this share of the root was the last: the next would be of its square."""
STEPS: Final = 100


class ImpliedVol(msgspec.Struct, frozen=True):
    """One implied volatility, or None with the reason."""

    vol: Fraction | None
    reason: Reason


class ImpliedVols(msgspec.Struct, frozen=True, eq=False):
    """Implied volatilities of many prices, NaN where there is none."""

    vol: Column
    code: npt.NDArray[np.uint8]
    """Why: an index into `REASONS`, 0 where a volatility was found."""

    def reason(self, row: int) -> Reason:
        """What came of the price of `row`."""
        return REASONS[self.code.item(row)]


def implied_vol(
    is_call: bool, price: Price, forward: Price, strike: Price, years: float, discount: float = 1.0
) -> ImpliedVol:
    """The volatility at which Black-76 gives `price`, which is in the currency of the forward.

    >>> implied_vol(True, 9.127316932, 100.0, 110.0, 0.25)
    ImpliedVol(vol=0.6499999999906148, reason='solved')
    >>> implied_vol(True, 9.0, 100.0, 90.0, 0.25)
    ImpliedVol(vol=None, reason='below_intrinsic')
    """
    if not math.isfinite(price + forward + strike + years + discount):
        return ImpliedVol(None, "not_finite")
    if forward <= 0.0 or strike <= 0.0 or discount <= 0.0:
        return ImpliedVol(None, "not_positive")
    if years <= 0.0:
        return ImpliedVol(None, "expired")
    scale = math.sqrt(forward) * math.sqrt(strike)
    amount = price / discount
    if not math.isfinite(amount) or scale < SMALLEST:
        return ImpliedVol(None, "not_finite")
    bound = forward if is_call else strike
    intrinsic = max(forward - strike if is_call else strike - forward, 0.0)
    unsure = ROUNDING * max(forward, strike) if intrinsic else 0.0
    if amount < intrinsic - unsure:
        return ImpliedVol(None, "below_intrinsic")
    if amount >= bound * (1.0 - ROUNDING):
        return ImpliedVol(None, "above_bound")
    value = (amount - intrinsic) / scale
    if amount - intrinsic <= unsure or value < SMALLEST:
        return ImpliedVol(None, "no_time_value")
    deviation = _deviation(-abs(math.log(forward / strike)), value)
    if deviation is None:
        return ImpliedVol(None, "not_converged")
    return ImpliedVol(deviation / math.sqrt(years), "solved")


def implied_vols(
    is_call: Flags,
    price: Column,
    forward: Column | Price,
    strike: Column,
    years: Column | float,
    discount: Column | float = 1.0,
) -> ImpliedVols:
    """`implied_vol` of each row of a chain; equal to it but for rounding.

    >>> found = implied_vols(
    ...     np.array([True, True]), np.array([9.127316932, -1.0]), 100.0, np.array([110.0, 90]), 0.25
    ... )
    >>> found.vol.round(9), [found.reason(row) for row in range(2)]
    (array([0.65,  nan]), ['solved', 'below_intrinsic'])
    """
    columns = np.broadcast_arrays(is_call, price, forward, strike, years, discount)
    is_call, price, forward, strike, years, discount = columns
    with np.errstate(all="ignore"):
        amount = price / discount
        scale = np.sqrt(forward) * np.sqrt(strike)
        bound = np.where(is_call, forward, strike)
        intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
        unsure = np.where(intrinsic > 0.0, ROUNDING * np.maximum(forward, strike), 0.0)
        value = (amount - intrinsic) / scale
        # In the order of `implied_vol`: the first that holds counts.
        code = np.select(
            [
                ~np.isfinite(price + forward + strike + years + discount),
                (forward <= 0.0) | (strike <= 0.0) | (discount <= 0.0),
                years <= 0.0,
                ~np.isfinite(amount) | (scale < SMALLEST),
                amount < intrinsic - unsure,
                amount >= bound * (1.0 - ROUNDING),
                (amount - intrinsic <= unsure) | (value < SMALLEST),
            ],
            [NOT_FINITE, NOT_POSITIVE, EXPIRED, NOT_FINITE, BELOW, ABOVE, NO_TIME_VALUE],
            SOLVED,
        ).astype(np.uint8)
        rows = np.flatnonzero(code == SOLVED)
        deviation = _deviations(-np.abs(np.log(forward[rows] / strike[rows])), value[rows])
        vol = np.full(len(price), np.nan)
        vol[rows] = deviation / np.sqrt(years[rows])
    code[rows[np.isnan(deviation)]] = NOT_CONVERGED
    return ImpliedVols(vol, code)


def _deviation(x: float, value: float) -> float | None:
    """The s with b(x, s) = value."""
    half_up, half_down = math.exp(0.5 * x), math.exp(-0.5 * x)
    steepest = math.sqrt(-2.0 * x)
    # At the steepest point d1 is 0.
    middle = 0.5 * half_up - half_down * normal_cdf(-steepest) if x < 0.0 else 0.0
    lower, upper = value < middle, value > 0.5 * half_up
    target = half_up - value if upper else value
    if lower:
        low, high, s = 0.0, steepest, -x / math.sqrt(-2.0 * math.log(value))
    else:
        # The tangent at the steepest point, which lies above the curve: never beyond the root.
        s = steepest + (value - middle) / (DENSITY_AT_0 * half_up)
        low, high = steepest, math.inf
    for _ in range(STEPS):
        first = x / s + 0.5 * s
        slope = DENSITY_AT_0 * half_up * math.exp(-0.5 * first * first)
        if upper:
            found = half_up * normal_cdf(-first) + half_down * normal_cdf(first - s)
            is_below = found > target
        else:
            found = half_up * normal_cdf(first) - half_down * normal_cdf(first - s)
            is_below = found < target
        if is_below:
            low = s
        else:
            high = s
        if found <= 0.0 or slope == 0.0:
            step = math.nan
        elif lower:
            logarithm = math.log(found)
            step = (1.0 / logarithm - 1.0 / math.log(target)) * found * logarithm * logarithm / slope
        elif upper:
            step = math.log(found / target) * found / slope
        else:
            step = (target - found) / slope
        if abs(step) <= CLOSE * s or high - low <= ROUNDING * s:
            return min(max(s + step, low), high) if abs(step) <= CLOSE * s else s
        s += step
        if not low < s < high:
            s = 0.5 * (low + high) if high < math.inf else 2.0 * low
    return None


def _deviations(x: Column, value: Column) -> Column:
    """`_deviation` of each row, NaN where it did not converge; rows that are done leave the loop."""
    half_up, half_down = np.exp(0.5 * x), np.exp(-0.5 * x)
    steepest = np.sqrt(-2.0 * x)
    middle = np.where(x < 0.0, 0.5 * half_up - half_down * normal_cdfs(-steepest), 0.0)
    lower, upper = value < middle, value > 0.5 * half_up
    target = np.where(upper, half_up - value, value)
    rising = np.where(upper, -1.0, 1.0)
    tangent = steepest + (value - middle) / (DENSITY_AT_0 * half_up)
    s = np.where(lower, -x / np.sqrt(-2.0 * np.log(value)), tangent)
    low, high = np.where(lower, 0.0, steepest), np.where(lower, steepest, np.inf)
    result = np.full(len(x), np.nan)
    rows = np.arange(len(x))
    for _ in range(STEPS):
        if not len(rows):
            break
        first = x / s + 0.5 * s
        slope = DENSITY_AT_0 * half_up * np.exp(-0.5 * first * first)
        found = half_up * normal_cdfs(rising * first) - rising * half_down * normal_cdfs(first - s)
        is_below = (found < target) == (rising > 0.0)
        low, high = np.where(is_below, s, low), np.where(is_below, high, s)
        logarithm = np.log(found)
        step = np.where(
            lower,
            (1.0 / logarithm - 1.0 / np.log(target)) * found * logarithm * logarithm / slope,
            np.where(upper, np.log(found / target) * found, target - found) / slope,
        )
        last = np.abs(step) <= CLOSE * s
        done = last | (high - low <= ROUNDING * s)
        result[rows[done]] = np.where(last, np.clip(s + step, low, high), s)[done]
        s = s + step
        outside = ~((low < s) & (s < high))
        s = np.where(outside, np.where(np.isinf(high), 2.0 * low, 0.5 * (low + high)), s)
        left = ~done
        rows, x, s, low, high = rows[left], x[left], s[left], low[left], high[left]
        half_up, half_down, target, rising = half_up[left], half_down[left], target[left], rising[left]
        lower, upper = lower[left], upper[left]
    return result
