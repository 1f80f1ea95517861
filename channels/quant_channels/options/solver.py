"""Least squares by the method of Levenberg and Marquardt, by way of scipy.

Start, tolerances and the bound on evaluations are fixed, so that the same input gives the same bits. scipy is
the extra `options` and is imported at the first fit: it takes half a second that a run without options
should not wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.errors import ConfigError

TOLERANCE: Final = 1e-10
"""Relative change below which a fit is done."""
EVALUATIONS: Final = 200


class Solution(msgspec.Struct, frozen=True, eq=False):
    """Where the solver stopped."""

    parameters: Column
    residuals: Column
    evaluations: int
    converged: bool


def least_squares(
    residuals: Callable[[Column], Column],
    start: Column,
    jacobian: Callable[[Column], Column] | None = None,
    *,
    least_gain: float = TOLERANCE,
) -> Solution:
    """Parameters that make the sum of squared residuals least, near `start`.

    Done when a step lowers the sum by less than `least_gain` of itself, or moves by less than `TOLERANCE`.
    There must be at least as many residuals as parameters. Raises ConfigError where scipy is not installed.
    """
    try:
        from scipy import optimize  # noqa: PLC0415 - slow to import, and an extra
    except ImportError:
        raise ConfigError(
            'fitting a surface needs scipy; install it with: pip install "quant-engine[options]"'
        ) from None
    with np.errstate(all="ignore"):
        found = optimize.least_squares(
            residuals,
            start,
            jac="2-point" if jacobian is None else jacobian,
            method="lm",
            ftol=least_gain,
            xtol=TOLERANCE,
            gtol=TOLERANCE,
            # Without a jacobian the evaluations of its differences count too.
            max_nfev=EVALUATIONS if jacobian is not None else EVALUATIONS * (len(start) + 1),
        )
    return Solution(
        found.x, found.fun, int(found.nfev), bool(found.status > 0 and np.isfinite(found.fun).all())
    )
