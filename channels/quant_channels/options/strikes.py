"""The strike that has a given delta on a fitted surface.

Delta is that of the forward, undiscounted and not adjusted for the premium: N(d1) for a call, N(d1) - 1 for
a put, at the volatility of the very strike that is looked for. A 25-delta put has delta -0.25.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from quant_channels.options.normal import normal_quantile
from quant_channels.options.surface import SurfaceFit

REACH: Final = 10.0
"""Standard deviations from the forward within which the strike is looked for."""
CELLS: Final = 32
ROUNDS: Final = 5
"""Each round looks into one cell of the last: 32**5 cells, then a straight line."""


def k_at_delta(fit: SurfaceFit, years: float, delta: float) -> float | None:
    """ln(strike / forward) of the option with `delta`: above 0 for a call, below 0 for a put, at most 1/2.

    The nearest such strike to the forward; None if no strike within ten standard deviations has that delta.
    """
    if not 0.0 < abs(delta) <= 0.5:
        raise ValueError(f"delta must be above 0 and at most 0.5 either way, not {delta}")
    # Outwards means up for a call and down for a put; d1 then falls or rises through this number.
    side = math.copysign(1.0, delta)
    target = normal_quantile(delta if delta > 0.0 else 1.0 + delta)
    at_money = math.sqrt(float(fit.total_variance(np.zeros(1), years)[0]))
    # The strike of delta 1/2 lies w/2 beyond the money, on the side of the calls.
    low, high = side * -at_money * at_money, side * REACH * at_money
    for _ in range(ROUNDS):
        k = np.linspace(low, high, CELLS + 1)
        deviation = np.sqrt(fit.total_variance(k, years))
        with np.errstate(divide="ignore", invalid="ignore"):
            # Where a model has no variance the distance is infinite.
            beyond = side * (0.5 * deviation - k / deviation - target)
        crossed = np.flatnonzero((beyond[:-1] >= 0.0) & (beyond[1:] < 0.0))
        if not len(crossed):
            return None
        cell = crossed.item(0)
        low, high = k.item(cell), k.item(cell + 1)
        share = beyond.item(cell) / (beyond.item(cell) - beyond.item(cell + 1))
    return low + share * (high - low)


def vol_at_delta(fit: SurfaceFit, years: float, delta: float) -> float | None:
    """Volatility of the option with `delta`; None where there is none."""
    k = k_at_delta(fit, years, delta)
    return None if k is None else float(fit.vol(np.array([k]), years)[0])


def strike_at_delta(fit: SurfaceFit, years: float, delta: float) -> float | None:
    """Strike of the option with `delta`; None where there is none."""
    k = k_at_delta(fit, years, delta)
    return None if k is None else fit.forward(years) * math.exp(k)
