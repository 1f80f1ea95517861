"""How sure the figures are: the same history in random blocks, many times over.

The stationary bootstrap of Politis and Romano, "The Stationary Bootstrap", JASA 89(428), 1994: a
resample follows the returns day by day and, with probability 1/L each day, jumps to a random one
instead; past the last day comes the first. Blocks have a geometric length of mean L and keep the
short-range dependence that drawing single days would destroy. L is n^(1/3), the rate at which the
best length grows (Politis and White, "Automatic Block-Length Selection", 2004).
"""

from __future__ import annotations

import hashlib
import math
from typing import Final

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_engine.report.metric import Interval, short_sample
from quant_engine.report.metrics import CONSTANT, K, cagr

REPLICATIONS: Final = 1_000
LEVEL: Final = 0.95
FEWEST_DEFINED: Final = 0.95
"""An interval needs at least this share of the resamples to have the figure at all."""


class Intervals(msgspec.Struct, frozen=True):
    """Percentile intervals of three figures of the net daily returns."""

    level: float
    replications: int
    mean_block: int
    """Mean length of a block in daily returns."""
    seed: int
    """The run's seed, from which the stream of this computation is derived by its name."""
    sharpe: Interval
    cagr: Interval
    max_drawdown: Interval


class Resamples(msgspec.Struct, frozen=True, eq=False):
    """What each resample came to; entry i of every column is the same resample."""

    sharpe: Column
    """Per day, NaN where the returns of the resample do not vary."""
    growth: Column
    """Final equity over the initial."""
    max_drawdown: Column


def mean_block(days: int) -> int:
    """Mean block length for this many daily returns.

    >>> mean_block(365), mean_block(1)
    (7, 1)
    """
    return max(1, round(math.cbrt(days)))


def stream_seed(seed: int, name: str) -> int:
    """A seed of its own for the random stream called `name`, a pure function of the run's seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


def resample(returns: Column, seed: int, replications: int = REPLICATIONS) -> Resamples:
    """Statistics of `replications` stationary resamples of the same length, side by side."""
    days = len(returns)
    jump = 1.0 / mean_block(days)
    source = np.random.default_rng(stream_seed(seed, "report.bootstrap"))
    centre = float(returns.mean())
    around, growth = returns - centre, returns + 1.0
    first = (source.random(replications) * days).astype(np.int64)
    row = np.minimum(first, days - 1)
    total, squares = np.zeros(replications), np.zeros(replications)
    equity, peak, deepest = np.ones(replications), np.ones(replications), np.zeros(replications)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(days):
            change = around[row]
            total += change
            squares += change * change
            equity *= growth[row]
            np.maximum(peak, equity, out=peak)
            np.minimum(deepest, equity / peak - 1.0, out=deepest)
            # One draw says both whether to jump and, stretched back to [0, 1), where to.
            draw = source.random(replications)
            fresh = np.minimum((draw / jump * days).astype(np.int64), days - 1)
            row = np.where(draw < jump, fresh, (row + 1) % days)
        mean = total / days
        deviation = np.sqrt(np.maximum(squares - days * mean * mean, 0.0) / max(days - 1, 1))
        sharpe = np.where(deviation > CONSTANT, (centre + mean) / deviation, np.nan)
    return Resamples(sharpe, equity, deepest)


def intervals(returns: Column | None, missing: str, seed: int) -> Intervals:
    """The intervals for daily `returns`, or for None with the reason they are `missing`."""
    if returns is not None and len(returns) < 2:
        returns, missing = None, "only one daily return"
    if returns is None:
        nothing = Interval(None, None, missing)
        return Intervals(LEVEL, 0, 0, seed, nothing, nothing, nothing)
    days, flag = len(returns), short_sample(len(returns))
    drawn = resample(returns, seed)
    return Intervals(
        level=LEVEL,
        replications=REPLICATIONS,
        mean_block=mean_block(days),
        seed=seed,
        sharpe=_interval(drawn.sharpe * math.sqrt(K), "the daily returns hardly vary", flag),
        cagr=_yearly(_interval(drawn.growth, "too large to be stated"), days, flag),
        max_drawdown=_interval(drawn.max_drawdown, "too large to be stated"),
    )


def _interval(values: Column, missing: str, flag: str = "") -> Interval:
    defined = values[np.isfinite(values)]
    if len(defined) < FEWEST_DEFINED * len(values):
        return Interval(None, None, missing)
    low, high = np.quantile(defined, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
    return Interval(low, high, flag=flag)


def _yearly(growth: Interval, days: int, flag: str) -> Interval:
    """Growth factors as growth a year: the order of resamples stays, so the percentiles carry over."""
    if growth.low is None or growth.high is None:
        return growth
    low, high = cagr(growth.low, days), cagr(growth.high, days)
    if low.value is None or high.value is None:
        return Interval(None, None, low.reason or high.reason)
    return Interval(low.value, high.value, flag=flag)
