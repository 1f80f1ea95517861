"""Raw SVI: total variance of one expiry as a hyperbola in k, and its calibration.

    w(k) = a + b (rho (k - m) + sqrt((k - m)**2 + sigma**2))

(Gatheral, The Volatility Surface, 2006; Gatheral and Jacquier, arXiv 1204.0646, section 3.1). Nothing in it
keeps the density positive or the expiries apart: a fit is checked, never trusted.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from quant_channels.options.solver import least_squares
from quant_contracts.blocks import Column

ROUNDING: Final = 1e-12
STEEPEST: Final = 2.0
"""A wing of total variance is at most this steep (Lee, The Moment Formula, Mathematical Finance 14, 2004)."""
LEAST_GAIN: Final = 1e-3
"""A step that lowers the sum of squares by less than this share of it is the last: with noise the five
parameters lie in a valley that is nearly flat for a long way. Without noise every step gains more."""


class RawSVI(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One expiry of raw SVI.

    >>> smile = RawSVI(a=0.04, b=0.1, rho=-0.5, m=0.0, sigma=0.1)
    >>> smile.total_variance(np.array([-0.1, 0.0, 0.1])).round(6)
    array([0.059142, 0.05    , 0.049142])
    """

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.a, self.b, self.rho, self.m, self.sigma))):
            raise ValueError(f"parameters of SVI must be finite, not {self}")
        if self.b < 0.0 or not -1.0 < self.rho < 1.0 or self.sigma <= 0.0:
            raise ValueError(
                f"need b >= 0, -1 < rho < 1 and sigma > 0, not b={self.b}, rho={self.rho}, sigma={self.sigma}"
            )
        # The two terms of the smallest variance may nearly cancel.
        if self.least < -ROUNDING * abs(self.a):
            raise ValueError(
                f"total variance falls to {self.least}; a + b sigma sqrt(1 - rho**2) must be >= 0"
            )

    @property
    def least(self) -> float:
        """The smallest total variance of the smile."""
        return self.a + self.b * self.sigma * math.sqrt(1.0 - self.rho * self.rho)

    def total_variance(self, k: Column, /) -> Column:
        """Total variance at each k."""
        y = k - self.m
        return self.a + self.b * (self.rho * y + np.sqrt(y * y + self.sigma * self.sigma))

    def derivatives(self, k: Column, /) -> tuple[Column, Column, Column]:
        """Total variance and its first two derivatives."""
        y = k - self.m
        root = np.sqrt(y * y + self.sigma * self.sigma)
        w = self.a + self.b * (self.rho * y + root)
        return w, self.b * (self.rho + y / root), self.b * self.sigma * self.sigma / root**3


def fit_svi(k: Column, w: Column, weight: Column) -> RawSVI | None:
    """The raw SVI smile nearest to total variances `w` in weighted squares; at least five strikes.

    `weight` multiplies the error of each w. With m and sigma held the other three enter linearly (Zeliade
    Systems, Quasi-Explicit Calibration of Gatheral's SVI model, 2009): the best of a grid of both is the
    start; then all five move, in coordinates that keep the smallest variance at or above 0 and the wings
    below Lee's bound. None if the solver does not arrive.
    """
    weight = weight / weight.mean()
    scale = float(w.mean())

    def residuals(parameters: Column) -> Column:
        return weight * (_legal(parameters).total_variance(k) - w) / scale

    def jacobian(parameters: Column) -> Column:
        smile = _legal(parameters)
        y = k - smile.m
        root = np.sqrt(y * y + smile.sigma * smile.sigma)
        flat = math.sqrt(1.0 - smile.rho * smile.rho)
        # What the wings add to the smallest variance: all of it grows with b.
        above = smile.b * (smile.rho * y + root - smile.sigma * flat)
        share = smile.b * (1.0 + abs(smile.rho)) / STEEPEST
        by_rho = smile.b * (y + smile.sigma * smile.rho / flat)
        by_rho -= above * math.copysign(1.0, smile.rho) / (1.0 + abs(smile.rho))
        columns = [
            np.full_like(k, smile.least),
            above * (1.0 - share),
            by_rho * flat * flat,
            -smile.b * (smile.rho + y / root),
            smile.b * smile.sigma * (smile.sigma / root - flat),
        ]
        return np.stack(columns, axis=1) * (weight / scale)[:, None]

    found = least_squares(residuals, _free(_start(k, w, weight)), jacobian, least_gain=LEAST_GAIN)
    if not found.converged:
        return None
    return _legal(found.parameters)


def _start(k: Column, w: Column, weight: Column) -> RawSVI:
    """The best of a grid of m and sigma with a, b and rho from linear least squares, made legal."""
    width = max(float(k.max() - k.min()), 1e-3)
    best, least = RawSVI(float(w.min()), 0.0, 0.0, 0.0, width), math.inf
    for m in np.linspace(float(k.min()), float(k.max()), 7).tolist():
        for sigma in (0.03 * width, 0.1 * width, 0.3 * width, width):
            y = (k - m) / sigma
            terms = np.stack([np.ones_like(y), y, np.sqrt(y * y + 1.0)], axis=1)
            solved = np.linalg.lstsq(terms * weight[:, None], w * weight, rcond=None)[0]
            a, tilt, bend = solved.tolist()
            bend = min(max(bend, 1e-6 * float(w.min())), 0.5 * STEEPEST * sigma)
            rho = max(-0.95, min(0.95, tilt / bend))
            a = max(a, 1e-3 * float(w.min()) - bend * math.sqrt(1.0 - rho * rho))
            smile = RawSVI(a, bend / sigma, rho, m, sigma)
            error = float((((smile.total_variance(k) - w) * weight) ** 2).sum())
            if error < least:
                best, least = smile, error
    return best


def _legal(parameters: Column) -> RawSVI:
    """A smile wherever the solver goes, also where it got lost: `min` and `max` turn NaN into an end."""
    low, steep, turn, middle, wide = parameters.tolist()
    m = max(-10.0, min(10.0, middle))
    rho = max(-0.99999, min(0.99999, math.tanh(turn)))
    sigma = math.exp(max(-20.0, min(5.0, wide)))
    b = STEEPEST / (1.0 + math.exp(-max(-50.0, min(50.0, steep)))) / (1.0 + abs(rho))
    return RawSVI(
        math.exp(max(-60.0, min(5.0, low))) - b * sigma * math.sqrt(1.0 - rho * rho), b, rho, m, sigma
    )


def _free(smile: RawSVI) -> Column:
    """The inverse of `_legal`, kept off its ends."""
    share = min(max(smile.b * (1.0 + abs(smile.rho)) / STEEPEST, 1e-9), 1.0 - 1e-3)
    low = math.log(max(smile.least, 1e-12))
    return np.array(
        [low, math.log(share / (1.0 - share)), math.atanh(smile.rho), smile.m, math.log(smile.sigma)]
    )
