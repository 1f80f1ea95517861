"""How the price of an option moves with what it depends on.

    delta   price per 1.00 of the underlying (the forward in Black-76, the spot in Black-Scholes)
    gamma   delta per 1.00 of the underlying
    vega    price per 1.00 of volatility; `vega_per_point` per 0.01
    theta   price per year that passes, all else equal; `theta_per_day` per day of 365
    rho     price per 1.00 of the rate (with the forward held still in Black-76)

Formulas: Haug, The Complete Guide to Option Pricing Formulas (2nd edition, 2007), chapter 2. An option
without deviation left (expired, or volatility 0) has the delta of its intrinsic value, 1/2 of it at the
strike, and no gamma or vega.
"""

from __future__ import annotations

import math
from typing import Generic, NamedTuple, TypeVar

import msgspec
import numpy as np

from quant_channels.options.normal import normal_cdf, normal_cdfs, normal_densities, normal_density
from quant_channels.options.pricing import Flags, black76, black76_many, check_option, usable_options
from quant_contracts.blocks import Column
from quant_contracts.units import Fraction, Price

Numbers = TypeVar("Numbers", float, Column)


class Greeks(msgspec.Struct, frozen=True):
    """Price and sensitivities of one option; units above."""

    price: Price
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float

    @property
    def vega_per_point(self) -> float:
        """Price per volatility point (0.01)."""
        return self.vega / 100.0

    @property
    def theta_per_day(self) -> float:
        """Price per calendar day."""
        return self.theta / 365.0


class GreekColumns(msgspec.Struct, frozen=True, eq=False):
    """Price and sensitivities of many options, a row each."""

    price: Column
    delta: Column
    gamma: Column
    vega: Column
    theta: Column
    rho: Column


def black76_greeks(
    is_call: bool, forward: Price, strike: Price, years: float, vol: Fraction, rate: Fraction = 0.0
) -> Greeks:
    """Sensitivities of an option on a forward; the discount factor is exp(-rate years).

    >>> greeks = black76_greeks(True, 100.0, 110.0, 0.25, 0.65)
    >>> round(greeks.delta, 9), round(greeks.gamma, 9), round(greeks.vega_per_point, 9)
    (0.447981756, 0.01217065, 0.197773058)
    >>> round(greeks.theta_per_day, 9)
    -0.070439719
    """
    discount = math.exp(-rate * years)
    price = black76(is_call, forward, strike, years, vol, discount)
    parts = _parts(is_call, forward, strike, years, vol)
    return Greeks(price, *_on_forward(parts, forward, years, vol, rate, discount, price))


def black_scholes_greeks(
    is_call: bool,
    spot: Price,
    strike: Price,
    years: float,
    vol: Fraction,
    rate: Fraction = 0.0,
    dividend: Fraction = 0.0,
) -> Greeks:
    """Sensitivities of an option on a spot with a continuous rate and dividend yield."""
    discount, carry = math.exp(-rate * years), math.exp(-dividend * years)
    forward = spot * math.exp((rate - dividend) * years)
    price = black76(is_call, forward, strike, years, vol, discount)
    parts = _parts(is_call, forward, strike, years, vol)
    return Greeks(price, *_on_spot(parts, spot, strike, years, vol, rate, dividend, discount, carry))


def black76_greeks_many(
    is_call: Flags,
    forward: Column | Price,
    strike: Column,
    years: Column | float,
    vol: Column,
    rate: Column | Fraction = 0.0,
) -> GreekColumns:
    """`black76_greeks` of each row; NaN where the input makes no sense."""
    forward, strike, years, vol, rate = np.broadcast_arrays(forward, strike, years, vol, rate)
    with np.errstate(all="ignore"):
        discount = np.exp(-rate * years)
        price = black76_many(is_call, forward, strike, years, vol, discount)
        parts = _parts_many(is_call, forward, strike, years, vol)
        return GreekColumns(price, *_on_forward(parts, forward, years, vol, rate, discount, price))


def black_scholes_greeks_many(
    is_call: Flags,
    spot: Column | Price,
    strike: Column,
    years: Column | float,
    vol: Column,
    rate: Column | Fraction = 0.0,
    dividend: Column | Fraction = 0.0,
) -> GreekColumns:
    """`black_scholes_greeks` of each row; NaN where the input makes no sense."""
    spot, strike, years, vol, rate, dividend = np.broadcast_arrays(spot, strike, years, vol, rate, dividend)
    with np.errstate(all="ignore"):
        discount, carry = np.exp(-rate * years), np.exp(-dividend * years)
        forward = spot * np.exp((rate - dividend) * years)
        price = black76_many(is_call, forward, strike, years, vol, discount)
        parts = _parts_many(is_call, forward, strike, years, vol)
        return GreekColumns(
            price, *_on_spot(parts, spot, strike, years, vol, rate, dividend, discount, carry)
        )


class _Parts(NamedTuple, Generic[Numbers]):
    """What the sensitivities are made of, for one option or for columns."""

    sign: Numbers
    """+1 for a call, -1 for a put."""
    in_first: Numbers
    """N(sign d1)."""
    in_second: Numbers
    """N(sign d2)."""
    density: Numbers
    """Density at d1, 0 where no deviation is left."""
    deviation: Numbers
    """Volatility times the root of years, 1 where none is left, as it is divided by."""


def _parts(is_call: bool, forward: Price, strike: Price, years: float, vol: Fraction) -> _Parts[float]:
    check_option(forward, strike, years, vol)
    sign = 1.0 if is_call else -1.0
    deviation = vol * math.sqrt(years)
    if deviation == 0.0:
        inside = sign * (forward - strike)
        chance = 0.5 if inside == 0.0 else float(inside > 0.0)
        return _Parts(sign, chance, chance, 0.0, 1.0)
    first = math.log(forward / strike) / deviation + 0.5 * deviation
    in_second = normal_cdf(sign * (first - deviation))
    return _Parts(sign, normal_cdf(sign * first), in_second, normal_density(first), deviation)


def _parts_many(
    is_call: Flags, forward: Column, strike: Column, years: Column, vol: Column
) -> _Parts[Column]:
    sign = np.where(is_call, 1.0, -1.0)
    deviation = np.where(usable_options(forward, strike, years, vol), vol * np.sqrt(years), np.nan)
    still = deviation == 0.0
    deviation = np.where(still, 1.0, deviation)
    first = np.log(forward / strike) / deviation + 0.5 * deviation
    chance = 0.5 + 0.5 * np.sign(sign * (forward - strike))
    in_first = np.where(still, chance, normal_cdfs(sign * first))
    in_second = np.where(still, chance, normal_cdfs(sign * (first - deviation)))
    return _Parts(sign, in_first, in_second, np.where(still, 0.0, normal_densities(first)), deviation)


def _on_forward(
    parts: _Parts[Numbers],
    forward: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers,
    discount: Numbers,
    price: Numbers,
) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
    """Delta, gamma, vega, theta, rho of Black-76."""
    bell = discount * forward * parts.density
    return (
        discount * parts.sign * parts.in_first,
        discount * parts.density / (forward * parts.deviation),
        bell * years**0.5,
        rate * price - bell * vol * vol / (2.0 * parts.deviation),
        -years * price,
    )


def _on_spot(
    parts: _Parts[Numbers],
    spot: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers,
    dividend: Numbers,
    discount: Numbers,
    carry: Numbers,
) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
    """Delta, gamma, vega, theta, rho of Black-Scholes; `carry` is exp(-dividend years)."""
    bell = spot * carry * parts.density
    owned = parts.sign * spot * carry * parts.in_first
    owed = parts.sign * strike * discount * parts.in_second
    return (
        parts.sign * carry * parts.in_first,
        carry * parts.density / (spot * parts.deviation),
        bell * years**0.5,
        dividend * owned - rate * owed - bell * vol * vol / (2.0 * parts.deviation),
        years * owed,
    )
