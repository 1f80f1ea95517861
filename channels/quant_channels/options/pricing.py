"""Prices of European options and the bounds that no price may leave.

    d1 = ln(F/K) / v + v/2,   d2 = d1 - v,   v = vol * sqrt(years)
    call = D (F N(d1) - K N(d2)),   put = call - D (F - K)

Black (The Pricing of Commodity Contracts, J. of Financial Economics 3, 1976) on a forward F with discount
factor D; Black and Scholes (J. of Political Economy 81, 1973) with Merton's dividend yield is the same with
F = S exp((r - q) T) and D = exp(-r T). The option out of the money is worked out and the other one follows
by put-call parity, so that small premiums keep their digits.

Functions named `..._many` take columns (or numbers that hold for all rows) and give NaN in rows whose input
makes no sense; for one option such input raises ValueError.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quant_channels.options.normal import normal_cdf, normal_cdfs
from quant_contracts.blocks import Column
from quant_contracts.units import DAY, Fraction, Nanos, Price

Flags: TypeAlias = npt.NDArray[np.bool_]

YEAR: Final[Nanos] = 365 * DAY
"""Nanoseconds in a year of option time (actual/365, as Deribit)."""


def black76(
    is_call: bool, forward: Price, strike: Price, years: float, vol: Fraction, discount: float = 1.0
) -> Price:
    """Price of an option on a forward, in the currency of the forward.

    >>> round(black76(True, 100.0, 110.0, 0.25, 0.65), 9)
    9.127316932
    """
    check_option(forward, strike, years, vol)
    if not 0.0 < discount < math.inf:
        raise ValueError(f"discount must be a finite number above 0, not {discount}")
    deviation = vol * math.sqrt(years)
    intrinsic = max(forward - strike if is_call else strike - forward, 0.0)
    return discount * (_time_value(forward, strike, deviation) + intrinsic)


def black_scholes(
    is_call: bool,
    spot: Price,
    strike: Price,
    years: float,
    vol: Fraction,
    rate: Fraction = 0.0,
    dividend: Fraction = 0.0,
) -> Price:
    """Price of an option on a spot; rate and dividend yield are continuous, a year.

    >>> round(black_scholes(True, 60.0, 65.0, 0.25, 0.30, rate=0.08), 4)  # Haug (1998), page 3
    2.1334
    """
    forward = spot * math.exp((rate - dividend) * years)
    return black76(is_call, forward, strike, years, vol, math.exp(-rate * years))


def bounds(is_call: bool, forward: Price, strike: Price, discount: float = 1.0) -> tuple[Price, Price]:
    """The price of a European option lies from the first and stays below the second, whatever the model.

    >>> bounds(True, 100.0, 90.0), bounds(False, 100.0, 90.0)
    ((10.0, 100.0), (0.0, 90.0))
    """
    intrinsic = max(forward - strike if is_call else strike - forward, 0.0)
    return discount * intrinsic, discount * (forward if is_call else strike)


def black76_many(
    is_call: Flags,
    forward: Column | Price,
    strike: Column,
    years: Column | float,
    vol: Column,
    discount: Column | float = 1.0,
) -> Column:
    """`black76` of each row."""
    forward, strike, years, vol = np.broadcast_arrays(forward, strike, years, vol)
    usable = usable_options(forward, strike, years, vol) & (np.asarray(discount) > 0.0)
    with np.errstate(all="ignore"):
        deviation = vol * np.sqrt(years)
        # At no deviation the distance is infinite, and the time value nothing.
        distance = -np.abs(np.log(forward / strike)) / np.where(deviation > 0.0, deviation, 1.0)
        value = np.minimum(forward, strike) * normal_cdfs(distance + 0.5 * deviation)
        value -= np.maximum(forward, strike) * normal_cdfs(distance - 0.5 * deviation)
        value = np.where(deviation > 0.0, np.maximum(value, 0.0), 0.0)
        intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
        return np.where(usable, discount * (value + intrinsic), np.nan)


def black_scholes_many(
    is_call: Flags,
    spot: Column | Price,
    strike: Column,
    years: Column | float,
    vol: Column,
    rate: Column | Fraction = 0.0,
    dividend: Column | Fraction = 0.0,
) -> Column:
    """`black_scholes` of each row."""
    forward = spot * np.exp((np.asarray(rate) - dividend) * years)
    return black76_many(is_call, forward, strike, years, vol, np.exp(-np.asarray(rate) * years))


def bounds_many(
    is_call: Flags, forward: Column | Price, strike: Column, discount: Column | float = 1.0
) -> tuple[Column, Column]:
    """`bounds` of each row."""
    intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
    return discount * intrinsic, discount * np.where(is_call, forward, strike)


def check_option(forward: Price, strike: Price, years: float, vol: Fraction) -> None:
    """Refuse what has no price."""
    for name, value in (("forward", forward), ("strike", strike)):
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} must be a finite number above 0, not {value}")
    for name, value in (("years", years), ("vol", vol)):
        if not 0.0 <= value < math.inf:
            raise ValueError(f"{name} must be a finite number from 0, not {value}")


def usable_options(forward: Column, strike: Column, years: Column, vol: Column) -> Flags:
    """Rows that `check_option` would let through."""
    positive = (forward > 0.0) & (strike > 0.0) & (years >= 0.0) & (vol >= 0.0)
    return positive & np.isfinite(forward + strike + years + vol)


def _time_value(forward: Price, strike: Price, deviation: float) -> Price:
    """What either option is worth beyond its intrinsic value, undiscounted."""
    if deviation == 0.0:
        return 0.0
    distance = -abs(math.log(forward / strike)) / deviation
    low, high = (forward, strike) if forward < strike else (strike, forward)
    value = low * normal_cdf(distance + 0.5 * deviation) - high * normal_cdf(distance - 0.5 * deviation)
    return max(value, 0.0)
