"""A fitted surface of volatilities: plain numbers that can be kept, and what may be read from them.

Between two expiries total variance is linear in time at the same k; before the first and after the last one
volatility stays as it is there, which `is_extrapolated` tells. The forward moves at a constant rate between
expiries, and stays as it is outside.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from quant_channels.options.sabr import SABR
from quant_channels.options.smile import Smile
from quant_channels.options.ssvi import SSVISmile
from quant_channels.options.svi import RawSVI
from quant_contracts.blocks import Column
from quant_contracts.units import Fraction, Price

Model: TypeAlias = Literal["ssvi", "sabr", "svi"]

Flag: TypeAlias = Literal["butterfly", "calendar", "poor_fit", "american"]
"""What a reader of an expiry should know: its density is negative somewhere (`butterfly`), its total variance
falls below that of the expiry before (`calendar`), its median error is above the limit (`poor_fit`), its
options may be exercised early and were fitted as if not (`american`)."""

Refusal: TypeAlias = Literal["expired", "too_few_quotes", "not_converged", "no_variance"]
"""Why an expiry, or a whole chain, has no fit: it has no time left, it has fewer quotes than are needed, the
solver did not arrive, or it arrived where there is no positive variance at the money or at a quote (SABR)."""


class SliceFit(msgspec.Struct, frozen=True):
    """One fitted expiry. Errors are in volatility points: 1.0 is 0.01 of volatility."""

    years: float
    forward: Price
    parameters: tuple[float, ...]
    """ssvi: theta, rho, eta, gamma. sabr: alpha, beta, rho, nu. svi: a, b, rho, m, sigma."""
    atm_vol: Fraction
    """Volatility at k = 0."""
    lowest_k: float
    highest_k: float
    """The range of k that quotes were used from."""
    rms_error: float
    median_error: float
    """Of the absolute errors."""
    within_spread: Fraction
    """Share of the quotes used that the fit is not further from than half their spread."""
    used: int
    offered: int
    flags: tuple[Flag, ...]

    @property
    def coverage(self) -> Fraction:
        """Share of the strikes on offer that could be used."""
        return self.used / self.offered


class RefusedSlice(msgspec.Struct, frozen=True):
    """An expiry that is not in the surface."""

    years: float
    forward: Price
    used: int
    offered: int
    reason: Refusal


class SurfaceFit(msgspec.Struct, frozen=True):
    """A surface fitted to one chain; `calibrate.fit_surface` makes it."""

    model: Model
    slices: tuple[SliceFit, ...]
    """In order of expiry; empty if the chain was refused."""
    refused: tuple[RefusedSlice, ...]
    median_error: float | None
    """Over all quotes used, in volatility points; None without slices."""
    coverage: Fraction
    """Quotes used in slices as a share of all strikes on offer, those of refused expiries too."""
    reason: Refusal | None
    """Why there is no surface; None if there is one."""

    def smile(self, expiry: int) -> Smile:
        """The model of an expiry in `slices`."""
        return smile_of(self.model, self.slices[expiry])

    def is_extrapolated(self, years: float) -> bool:
        """True if no two expiries enclose this moment."""
        return not self.slices[0].years <= years <= self.slices[-1].years

    def total_variance(self, k: Column, years: float) -> Column:
        """Total variance at each k, `years` above 0 from now. A refused surface has none: IndexError."""
        before, after, share = self._place(years)
        w = self.smile(before).total_variance(k)
        if before == after:
            return w * (years / self.slices[before].years)
        return (1.0 - share) * w + share * self.smile(after).total_variance(k)

    def vol(self, k: Column, years: float) -> Column:
        """Volatility at each k, `years` above 0 from now."""
        return np.sqrt(self.total_variance(k, years) / years)

    def forward(self, years: float) -> Price:
        """The forward `years` from now."""
        before, after, share = self._place(years)
        start, end = self.slices[before].forward, self.slices[after].forward
        return start * math.exp(share * math.log(end / start))

    def vol_at_strike(self, strike: Price, years: float) -> Fraction:
        """Volatility of one strike, `years` above 0 from now."""
        return float(self.vol(np.array([math.log(strike / self.forward(years))]), years)[0])

    def _place(self, years: float) -> tuple[int, int, float]:
        """The expiries at or around a moment, and how far it is from the first to the second."""
        if not 0.0 < years < math.inf:
            raise ValueError(f"years must be above 0, not {years}")
        ends = [one.years for one in self.slices]
        if years <= ends[0] or years >= ends[-1]:
            nearest = 0 if years <= ends[0] else len(ends) - 1
            return nearest, nearest, 0.0
        after = next(place for place, end in enumerate(ends) if end >= years)
        return after - 1, after, (years - ends[after - 1]) / (ends[after] - ends[after - 1])


def smile_of(model: Model, one: SliceFit) -> Smile:
    """The model that the parameters of a slice are those of."""
    match model:
        case "ssvi":
            return SSVISmile(*one.parameters)
        case "svi":
            return RawSVI(*one.parameters)
        case "sabr":
            return SABR(one.forward, one.years, *one.parameters)
