"""The forward that calls and puts agree on, for venues that do not quote one.

    C - P = D (F - K)

A European identity; for American options it holds nearly where early exercise is worth little, which near
the money is so. What is lent or paid out until expiry is in the forward already.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from quant_channels.options.pricing import Flags
from quant_contracts.blocks import Column
from quant_contracts.units import Price

NEAREST: Final = 5
"""Strikes that have a say: those at which call and put cost most nearly the same."""


def parity_forward(strikes: Column, is_call: Flags, premium: Column, discount: float = 1.0) -> Price | None:
    """Median of K + (C - P) / D over the strikes nearest to the money, None where no strike has both.

    The options of one expiry in any order: premiums are mid prices in the currency of the strikes, NaN where
    absent; of two rows of one strike and right the first counts. Near the money the discount factor hardly
    matters: what it multiplies is small.

    >>> strikes = np.array([90.0, 100.0, 110.0, 90.0, 100.0, 110.0])
    >>> is_call = np.array([True, True, True, False, False, False])
    >>> parity_forward(strikes, is_call, np.array([12.0, 5.0, 1.0, 1.0, 4.0, 10.0]))
    101.0
    """
    quoted = np.isfinite(premium) & (premium > 0.0)
    calls, puts = quoted & is_call, quoted & ~is_call
    both, call, put = np.intersect1d(strikes[calls], strikes[puts], return_indices=True)
    if not len(both):
        return None
    gap = premium[calls][call] - premium[puts][put]
    nearest = np.argsort(np.abs(gap), kind="stable")[:NEAREST]
    return float(np.median(both[nearest] + gap[nearest] / discount))
