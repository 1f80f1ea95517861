"""SABR: the log-normal volatility of Hagan's expansion, and its calibration to one expiry.

    sigma(K) = alpha / ((F K)**(c/2) (1 + c**2/24 x**2 + c**4/1920 x**4)) * z / chi(z)
               * (1 + (c**2/24 alpha**2/(F K)**c + rho beta nu alpha/(4 (F K)**(c/2))
                       + (2 - 3 rho**2)/24 nu**2) T)
    x = ln(F/K),  c = 1 - beta,  z = nu/alpha (F K)**(c/2) x

(Hagan, Kumar, Lesniewski and Woodward, Managing Smile Risk, Wilmott 2002, equation 2.17a). chi is written as

    chi(z) = asinh(z h),   h = (1 - rho (2 rho - z) / (1 + R)) / (1 - rho**2),   R = sqrt(1 - 2 rho z + z**2)

which is the paper's logarithm without its differences of nearly equal numbers: 0/0 is left at z = 0 alone.
It is an expansion: for long expiries and far strikes its density can be negative, or the volatility itself.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from quant_channels.options.solver import least_squares
from quant_contracts.blocks import Column
from quant_contracts.units import Fraction, Price

STEP: Final = 1e-4
"""Distance in k of the differences that stand for derivatives."""


class SABR(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One expiry of a SABR model.

    >>> smile = SABR(100.0, 0.5, alpha=0.6, beta=1.0, rho=-0.2, nu=0.8)
    >>> smile.vol(np.array([90.0, 100.0, 110.0])).round(9)
    array([0.61818422, 0.60784   , 0.60169696])
    """

    forward: Price
    years: float
    alpha: float
    """Volatility level: about the volatility at the money times forward**(1 - beta)."""
    beta: float
    """Backbone, from 0 (normal) to 1 (log-normal); fixed, never fitted."""
    rho: float
    """Correlation of price and volatility, between -1 and 1."""
    nu: float
    """Volatility of volatility, from 0."""

    def __post_init__(self) -> None:
        if not (0.0 < self.forward < math.inf and 0.0 < self.years < math.inf):
            raise ValueError(f"need a forward and years above 0, not {self.forward} and {self.years}")
        if not 0.0 < self.alpha < math.inf:
            raise ValueError(f"alpha must be above 0, not {self.alpha}")
        if not 0.0 <= self.beta <= 1.0:
            raise ValueError(f"beta must be from 0 to 1, not {self.beta}")
        if not -1.0 < self.rho < 1.0:
            raise ValueError(f"rho must be between -1 and 1, not {self.rho}")
        if not 0.0 <= self.nu < math.inf:
            raise ValueError(f"nu must be 0 or more, not {self.nu}")

    def vol(self, strikes: Column) -> Column:
        """Black volatility at each strike, which must be above 0."""
        return _vol(self.forward, self.years, self.beta, strikes, self.alpha, self.rho, self.nu)

    def total_variance(self, k: Column, /) -> Column:
        """Total variance at each k = ln(strike / forward); NaN where the volatility is not positive."""
        vol = self.vol(self.forward * np.exp(k))
        return np.where(vol > 0.0, vol * vol * self.years, np.nan)

    def derivatives(self, k: Column, /) -> tuple[Column, Column, Column]:
        """Total variance and its first two derivatives, by central differences."""
        below, here, above = (self.total_variance(k + move) for move in (-STEP, 0.0, STEP))
        return here, (above - below) / (2.0 * STEP), (above - 2.0 * here + below) / (STEP * STEP)


def fit_sabr(
    forward: Price, years: float, strikes: Column, vol: Column, weight: Column, beta: Fraction = 1.0
) -> SABR | None:
    """The SABR smile nearest to `vol` in weighted squares; at least three strikes.

    `weight` multiplies the error of each volatility: the inverse of its uncertainty. Fitted in ln(alpha),
    atanh(rho) and ln(nu), so that any step of the solver is a legal smile. None if the solver
    does not arrive.
    """
    weight = weight / weight.mean()
    nearest = int(np.argmin(np.abs(np.log(strikes / forward))))

    def residuals(parameters: Column) -> Column:
        alpha, rho, nu = _legal(parameters)
        return weight * (_vol(forward, years, beta, strikes, alpha, rho, nu) - vol)

    level = float(vol[nearest]) * forward ** (1.0 - beta)
    found = least_squares(residuals, np.array([math.log(level), math.atanh(-0.1), 0.0]))
    if not found.converged:
        return None
    alpha, rho, nu = _legal(found.parameters)
    return SABR(forward, years, alpha, beta, rho, nu)


def _legal(parameters: Column) -> tuple[float, float, float]:
    """Alpha, rho and nu; rho stays off 1 where tanh would round to it, nu within what exp can hold."""
    first, second, third = parameters.tolist()
    rho = max(-0.99999, min(0.99999, math.tanh(second)))
    return math.exp(max(-50.0, min(50.0, first))), rho, math.exp(max(-50.0, min(20.0, third)))


def _vol(
    forward: Price, years: float, beta: float, strikes: Column, alpha: float, rho: float, nu: float
) -> Column:
    c = 1.0 - beta
    x = np.log(forward / strikes)
    middle = (forward * strikes) ** (0.5 * c)
    z = nu / alpha * middle * x
    root = np.sqrt(1.0 + z * (z - 2.0 * rho))
    chi = np.arcsinh(z * (1.0 - rho * (2.0 * rho - z) / (1.0 + root)) / (1.0 - rho * rho))
    level = z == 0.0
    ratio = np.where(level, 1.0, z / np.where(level, 1.0, chi))
    square = (c * x) ** 2
    front = alpha / (middle * (1.0 + square / 24.0 + square * square / 1920.0))
    drift = (c * alpha / middle) ** 2 / 24.0 + rho * beta * nu * alpha / (4.0 * middle)
    drift = drift + (2.0 - 3.0 * rho * rho) / 24.0 * nu * nu
    return front * ratio * (1.0 + drift * years)
