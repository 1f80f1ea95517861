"""A surface in five numbers, at a constant maturity.

    atm         sqrt(w(0) / T)
    skew        volatility of the 25-delta put minus that of the 25-delta call
    smile       mean of those two minus atm
    term_slope  slope of the least-squares line of atm volatility on sqrt(T) over all expiries
    roll_down   atm at T minus atm one day nearer, along the curve

Volatilities are fractions; w between expiries is linear in time. Deltas are as in `strikes`.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from quant_channels.options.strikes import vol_at_delta
from quant_channels.options.surface import SurfaceFit
from quant_contracts.units import Fraction

MONTH: Final = 30.0 / 365.0
ONE_DAY: Final = 1.0 / 365.0
WING: Final = 0.25


class SurfaceMeasures(msgspec.Struct, frozen=True):
    """The numbers above; None where the surface cannot say."""

    years: float
    atm: Fraction
    skew: Fraction | None
    smile: Fraction | None
    term_slope: float | None
    """Volatility per root of a year; None with one expiry alone."""
    roll_down: Fraction | None
    """None within a day of the maturity itself."""
    is_extrapolated: bool
    """True if the maturity is not between two expiries: volatility is that of the nearest one."""


def surface_measures(fit: SurfaceFit, years: float = MONTH) -> SurfaceMeasures | None:
    """The numbers of a surface at `years`; None if the surface was refused."""
    if fit.reason is not None:
        return None
    atm = _atm(fit, years)
    put, call = vol_at_delta(fit, years, -WING), vol_at_delta(fit, years, WING)
    skew = smile = None
    if put is not None and call is not None:
        skew, smile = put - call, 0.5 * (put + call) - atm
    return SurfaceMeasures(
        years,
        atm,
        skew,
        smile,
        term_slope(fit),
        atm - _atm(fit, years - ONE_DAY) if years > ONE_DAY else None,
        fit.is_extrapolated(years),
    )


def term_slope(fit: SurfaceFit) -> float | None:
    """How much atm volatility rises per root of a year; None with fewer than two expiries."""
    if len(fit.slices) < 2:
        return None
    root = [math.sqrt(one.years) for one in fit.slices]
    mean_root = math.fsum(root) / len(root)
    mean_vol = math.fsum(one.atm_vol for one in fit.slices) / len(root)
    away = [value - mean_root for value in root]
    rise = math.fsum(move * (one.atm_vol - mean_vol) for move, one in zip(away, fit.slices, strict=True))
    return rise / math.fsum(move * move for move in away)


def _atm(fit: SurfaceFit, years: float) -> Fraction:
    return float(fit.vol(np.zeros(1), years)[0])
