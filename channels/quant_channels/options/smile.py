"""What a model of one expiry can do, and whether its density is positive.

The density of the price at expiry is g(k) times a positive number, with

    g(k) = (1 - k w' / (2 w))**2 - w'**2 / 4 * (1/w + 1/4) + w'' / 2

(Gatheral and Jacquier, Arbitrage-free SVI volatility surfaces, Quantitative Finance 14, 2014, section 2.2;
arXiv 1204.0646). A butterfly somewhere costs less than nothing exactly where g is below 0.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from quant_contracts.blocks import Column

TOLERANCE: Final = 1e-6
"""How far below 0 rounding alone may take g."""


class Smile(Protocol):
    """Total variance of one expiry as a function of k = ln(strike / forward)."""

    def total_variance(self, k: Column, /) -> Column:
        """Total variance at each k."""
        ...

    def derivatives(self, k: Column, /) -> tuple[Column, Column, Column]:
        """Total variance w, dw/dk and d2w/dk2 at each k."""
        ...


def butterfly_density(smile: Smile, k: Column) -> Column:
    """The g above at each k; -infinity where the model has no positive variance."""
    w, slope, curvature = smile.derivatives(k)
    usable = w > 0.0
    w = np.where(usable, w, 1.0)
    g = (1.0 - 0.5 * k * slope / w) ** 2 - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * curvature
    return np.where(usable, g, -np.inf)


def has_butterfly_arbitrage(smile: Smile, k: Column) -> bool:
    """True if the density is negative, or there is none, at any of the given k."""
    return not bool((butterfly_density(smile, k) >= -TOLERANCE).all())
