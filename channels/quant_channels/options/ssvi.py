"""SSVI: one model for all expiries, free of butterfly and calendar arbitrage by construction.

    w(k, theta) = theta/2 (1 + rho phi k + sqrt((phi k + rho)**2 + 1 - rho**2))
    phi(theta) = eta / (theta**gamma (1 + theta)**(1 - gamma))

theta is the total variance at the money of each expiry; rho, eta and gamma are shared (Gatheral and Jacquier,
Quantitative Finance 14, 2014, arXiv 1204.0646, section 4, with the power law of their equation 4.5).

    butterflies   theta phi (1 + |rho|) < 4 and theta phi**2 (1 + |rho|) <= 4        (theorem 4.2)
    calendars     theta does not fall from expiry to expiry                          (theorem 4.1)
    all theta     eta (1 + |rho|) <= 2 with gamma in (0, 1/2]                        (remark 4.4)

The calibration moves ln of the increments of theta, atanh(rho) and the logits of 2 gamma and of
eta (1 + |rho|) / 2, in which every point is free of arbitrage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from quant_channels.options.solver import least_squares
from quant_contracts.blocks import Column

ROUNDING: Final = 1e-12
STEPS: Final = (-60.0, 5.0)
"""Range of ln of an increment of theta."""


class SSVISmile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One expiry of an SSVI surface; refused if its density could be negative.

    >>> smile = SSVISmile(theta=0.04, rho=-0.3, eta=1.0, gamma=0.5)
    >>> round(smile.phi, 9), smile.total_variance(np.array([-0.1, 0.0, 0.1])).round(9)
    (4.902903378, array([0.0477172 , 0.04      , 0.03651293]))
    """

    theta: float
    rho: float
    eta: float
    gamma: float

    def __post_init__(self) -> None:
        if not 0.0 < self.theta < math.inf:
            raise ValueError(f"theta must be above 0, not {self.theta}")
        if not -1.0 < self.rho < 1.0:
            raise ValueError(f"rho must be between -1 and 1, not {self.rho}")
        if not 0.0 < self.eta < math.inf:
            raise ValueError(f"eta must be above 0, not {self.eta}")
        if not 0.0 < self.gamma <= 0.5:
            raise ValueError(f"gamma must be above 0 and at most 0.5, not {self.gamma}")
        steep = self.theta * self.phi * (1.0 + abs(self.rho))
        if steep >= 4.0 or steep * self.phi > 4.0 * (1.0 + ROUNDING):
            raise ValueError(
                f"butterfly arbitrage: theta phi (1 + |rho|) is {steep:.6g} and must be below 4, "
                f"theta phi**2 (1 + |rho|) is {steep * self.phi:.6g} and must be at most 4; lower eta"
            )

    @property
    def phi(self) -> float:
        """How sharply the smile bends at this theta."""
        return self.eta * math.pow(self.theta, -self.gamma) * math.pow(1.0 + self.theta, self.gamma - 1.0)

    def total_variance(self, k: Column, /) -> Column:
        """Total variance at each k."""
        z = self.phi * k
        return 0.5 * self.theta * (1.0 + self.rho * z + np.sqrt(1.0 + z * (z + 2.0 * self.rho)))

    def derivatives(self, k: Column, /) -> tuple[Column, Column, Column]:
        """Total variance and its first two derivatives."""
        phi, rho = self.phi, self.rho
        z = phi * k
        root = np.sqrt(1.0 + z * (z + 2.0 * rho))
        half = 0.5 * self.theta
        slope = half * phi * (rho + (z + rho) / root)
        return half * (1.0 + rho * z + root), slope, half * phi * phi * (1.0 - rho * rho) / root**3


class SSVI(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole surface; refused if it admits arbitrage.

    >>> SSVI(years=(0.1, 0.2), thetas=(0.05, 0.04), rho=-0.3, eta=1.0, gamma=0.5)
    Traceback (most recent call last):
    ValueError: calendar arbitrage: theta falls from 0.05 at 0.1 years to 0.04 at 0.2
    """

    years: tuple[float, ...]
    """Strictly rising."""
    thetas: tuple[float, ...]
    """Total variance at the money of each expiry; must not fall."""
    rho: float
    eta: float
    gamma: float

    def __post_init__(self) -> None:
        if not self.years or len(self.years) != len(self.thetas):
            raise ValueError(f"need a theta for each of {len(self.years)} expiries, not {len(self.thetas)}")
        if not self.years[0] > 0.0 or any(before >= after for before, after in pairwise(self.years)):
            raise ValueError(f"years must be above 0 and rise, not {self.years}")
        for place, (before, after) in enumerate(pairwise(self.thetas)):
            if before > after:
                raise ValueError(
                    f"calendar arbitrage: theta falls from {before} at {self.years[place]} years "
                    f"to {after} at {self.years[place + 1]}"
                )
        for theta in self.thetas:
            SSVISmile(theta, self.rho, self.eta, self.gamma)

    def smile(self, expiry: int) -> SSVISmile:
        """The smile of an expiry, counted from 0."""
        return SSVISmile(self.thetas[expiry], self.rho, self.eta, self.gamma)


def fit_ssvi(
    years: Sequence[float], k: Sequence[Column], vol: Sequence[Column], weight: Sequence[Column]
) -> SSVI | None:
    """The SSVI surface nearest to the volatilities of all expiries in weighted squares.

    One column of each kind an expiry, in order of `years`; `weight` multiplies the error of each volatility.
    There must be at least three quotes more than expiries. None if the solver does not arrive.
    """
    sizes = [len(column) for column in k]
    expiry = np.repeat(np.arange(len(sizes)), sizes)
    fit = _Fit(
        expiry,
        np.asarray(years, dtype=np.float64)[expiry],
        np.concatenate(k),
        np.concatenate(vol),
        np.concatenate(weight),
        len(sizes),
    )
    found = least_squares(fit.residuals, _start(years, k, vol), fit.jacobian)
    if not found.converged:
        return None
    thetas, rho, eta, gamma = _legal(found.parameters)
    return SSVI(tuple(map(float, years)), tuple(thetas.tolist()), rho, eta, gamma)


class _Fit(msgspec.Struct, frozen=True, eq=False):
    """Residuals of a surface and their derivatives; rows are quotes."""

    expiry: npt.NDArray[np.int64]
    years: Column
    k: Column
    vol: Column
    weight: Column
    expiries: int

    def residuals(self, parameters: Column) -> Column:
        theta, rho, phi, _ = self._shape(parameters)
        z = phi * self.k
        w = 0.5 * theta * (1.0 + rho * z + np.sqrt(1.0 + z * (z + 2.0 * rho)))
        return self._scale() * (np.sqrt(w / self.years) - self.vol)

    def jacobian(self, parameters: Column) -> Column:
        theta, rho, phi, gamma = self._shape(parameters)
        _, _, eta, _ = _legal(parameters)
        z = phi * self.k
        root = np.sqrt(1.0 + z * (z + 2.0 * rho))
        w = 0.5 * theta * (1.0 + rho * z + root)
        by_w = self._scale() / (2.0 * np.sqrt(w * self.years))
        by_log_phi = by_w * 0.5 * theta * z * (rho + (z + rho) / root)
        by_theta = by_w * w / theta + by_log_phi * ((gamma - 1.0) / (1.0 + theta) - gamma / theta)
        steps = np.exp(np.clip(parameters[: self.expiries], *STEPS))
        reached = self.expiry[:, None] >= np.arange(self.expiries)
        share = 0.5 * eta * (1.0 + abs(rho))
        sign = math.copysign(1.0, rho)
        by_rho = by_w * 0.5 * theta * z * (1.0 + 1.0 / root) - by_log_phi * sign / (1.0 + abs(rho))
        by_gamma = by_log_phi * np.log((1.0 + theta) / theta)
        return np.column_stack(
            [
                by_theta[:, None] * reached * steps,
                by_rho * (1.0 - rho * rho),
                by_gamma * gamma * (1.0 - 2.0 * gamma),
                by_log_phi * (1.0 - share),
            ]
        )

    def _shape(self, parameters: Column) -> tuple[Column, float, Column, float]:
        thetas, rho, eta, gamma = _legal(parameters)
        theta = thetas[self.expiry]
        return theta, rho, eta * theta**-gamma * (1.0 + theta) ** (gamma - 1.0), gamma

    def _scale(self) -> Column:
        """Weights with mean 1, so that tolerances mean the same for every chain."""
        scale: Column = self.weight / self.weight.mean()
        return scale


def _legal(parameters: Column) -> tuple[Column, float, float, float]:
    """Thetas, rho, eta and gamma: free of arbitrage wherever the solver goes."""
    thetas = np.cumsum(np.exp(np.clip(parameters[:-3], *STEPS)))
    turn, power, bend = np.clip(parameters[-3:], -30.0, 30.0).tolist()
    rho = max(-0.99999, min(0.99999, math.tanh(turn)))
    gamma = 0.5 / (1.0 + math.exp(-power))
    return thetas, rho, 2.0 / (1.0 + math.exp(-bend)) / (1.0 + abs(rho)), gamma


def _start(years: Sequence[float], k: Sequence[Column], vol: Sequence[Column]) -> Column:
    """Thetas from the median of the five quotes nearest to the money, made to rise, and an even shape."""
    steps, before = [], 0.0
    for length, column, vols in zip(years, k, vol, strict=True):
        nearest = np.argsort(np.abs(column), kind="stable")[:5]
        theta = float(np.median(vols[nearest])) ** 2 * length
        step = max(theta - before, 1e-3 * theta)
        steps.append(math.log(step))
        before += step
    return np.array([*steps, math.atanh(-0.2), math.log(0.8 / 0.2), 0.4])
