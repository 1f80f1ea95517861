"""The forward that calls and puts agree on, for venues that do not quote one.

    C - P = D (F - K)

A European identity; for American options it holds nearly where early exercise is worth little, which near
the money is so. What is lent or paid out until expiry is in the forward already.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.units import Price

NEAREST: Final = 5
"""Strikes that have a say: those at which call and put cost most nearly the same."""


def parity_forward(strikes: Column, call: Column, put: Column, discount: float = 1.0) -> Price | None:
    """Median of K + (C - P) / D over the strikes nearest to the money, None where no strike has both.

    Premiums are mid prices in the currency of the strikes, NaN where absent. Near the money the discount
    factor hardly matters: what it multiplies is small.

    >>> parity_forward(np.array([90.0, 100.0, 110.0]), np.array([12.0, 5.0, 1.0]), np.array([1.0, 4.0, 10.0]))
    101.0
    """
    both = np.flatnonzero(np.isfinite(call) & np.isfinite(put) & (call > 0.0) & (put > 0.0))
    if not len(both):
        return None
    gap = call[both] - put[both]
    nearest = np.argsort(np.abs(gap), kind="stable")[:NEAREST]
    return float(np.median(strikes[both][nearest] + gap[nearest] / discount))
