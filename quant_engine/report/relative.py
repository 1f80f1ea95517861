"""The strategy against buying at the start and holding."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_engine.report.metric import Metric, known, ratio, short_sample, unknown
from quant_engine.report.metrics import CONSTANT, K


class RelativeMetrics(msgspec.Struct, frozen=True):
    """Ordinary least squares of net daily returns on those of the benchmark, and their difference."""

    alpha: Metric
    """Intercept times K."""
    beta: Metric
    correlation: Metric
    r_squared: Metric
    tracking_error: Metric
    """Standard deviation of the active return, a year."""
    information_ratio: Metric
    active_return: Metric
    """Total return minus that of the benchmark."""


def relative_metrics(
    returns: Column | None, benchmark: Column | None, missing: str, active: Metric
) -> RelativeMetrics:
    """Compare two series of daily returns; `missing` says why one of them is None."""
    if returns is not None and len(returns) < 2:
        returns, missing = None, "only one daily return"
    if returns is None or benchmark is None:
        nothing = unknown(missing)
        return RelativeMetrics(nothing, nothing, nothing, nothing, nothing, nothing, active)
    flag = short_sample(len(returns))
    mean, mean_benchmark = float(returns.mean()), float(benchmark.mean())
    away, away_benchmark = returns - mean, benchmark - mean_benchmark
    spread, spread_benchmark = float(np.mean(away**2)), float(np.mean(away_benchmark**2))
    together = float(np.mean(away * away_benchmark))
    still = "the benchmark's returns do not vary"
    if math.sqrt(spread_benchmark) <= CONSTANT:
        alpha = beta = correlation = r_squared = unknown(still)
    else:
        slope = together / spread_benchmark
        alpha, beta = known((mean - slope * mean_benchmark) * K, flag), known(slope)
        correlation, r_squared = _correlation(together, spread, spread_benchmark)
    difference = returns - benchmark
    error = float(difference.std(ddof=1))
    same = "the returns do not differ from the benchmark's by a varying amount"
    return RelativeMetrics(
        alpha=alpha,
        beta=beta,
        correlation=correlation,
        r_squared=r_squared,
        tracking_error=known(error * math.sqrt(K), flag),
        information_ratio=(
            ratio(float(difference.mean()) * math.sqrt(K), error, same, flag)
            if error > CONSTANT
            else unknown(same)
        ),
        active_return=active,
    )


def _correlation(together: float, spread: float, spread_benchmark: float) -> tuple[Metric, Metric]:
    if math.sqrt(spread) <= CONSTANT:
        still = unknown("the daily returns do not vary")
        return still, still
    correlation = max(-1.0, min(1.0, together / math.sqrt(spread * spread_benchmark)))
    return known(correlation), known(correlation**2)
