"""What a series of daily equity says: growth, risk, and one against the other.

K = 365 daily returns make a year, because the markets never close; the risk-free rate and the
minimum acceptable return are 0; standard deviations divide by n - 1. Every definition is in
`definitions`, beside the words a reader sees.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from quant_contracts.blocks import Column, Times
from quant_engine.report.daily import missing_returns, simple_returns
from quant_engine.report.drawdowns import depths, drawdowns
from quant_engine.report.metric import Metric, known, ratio, short_sample, unknown

K: Final = 365
"""Daily returns in a year."""

CONSTANT: Final = 1e-14
"""Returns that vary less than this do not vary: it is the rounding of a ratio near 1."""

TAILS: Final = (("95", 0.05, 1.6448536269514722), ("99", 0.01, 2.3263478740408408))
"""Confidence in percent, the tail it leaves, and the standard normal quantile that cuts it off."""


class ReturnMetrics(msgspec.Struct, frozen=True):
    """The metrics of one equity series. Fractions of one, except where a name says days."""

    days: int
    """Number of daily returns."""
    total_return: Metric
    cagr: Metric
    volatility: Metric
    sharpe: Metric
    sortino: Metric
    max_drawdown: Metric
    longest_drawdown_days: Metric
    calmar: Metric
    omega: Metric
    ulcer: Metric
    var_95: Metric
    var_99: Metric
    es_95: Metric
    es_99: Metric
    normal_var_95: Metric
    normal_var_99: Metric
    normal_es_95: Metric
    normal_es_99: Metric
    skew: Metric
    kurtosis: Metric
    excess_kurtosis: Metric
    psr_0: Metric
    psr_1: Metric
    best_day: Metric
    worst_day: Metric
    positive_days: Metric


def return_metrics(equity: Column, ts: Times) -> ReturnMetrics:
    """Every metric of a daily equity series whose first point is the initial capital."""
    days = len(equity) - 1
    flag = short_sample(days)
    missing = missing_returns(equity, ts)
    falling = _falling(equity, ts)
    if missing:
        # What is left without returns: how it ended, and how far it fell.
        gone = dict.fromkeys(_OF_RETURNS, unknown(missing))
        return ReturnMetrics(days=days, **falling, **gone)
    returns = simple_returns(equity)
    growth = cagr(float(equity[-1] / equity[0]), days)
    drawdown = falling["max_drawdown"].value
    return ReturnMetrics(
        days=days,
        cagr=growth,
        calmar=(
            growth
            if growth.value is None
            else ratio(growth.value, abs(drawdown or 0.0), "equity never fell", flag)
        ),
        ulcer=known(math.sqrt(float(np.mean(depths(equity)[1:] ** 2)))),
        **falling,
        **_spread(returns, flag),
        **_losses(returns),
        **_tails(returns),
    )


def cagr(growth: float, days: int) -> Metric:
    """Compound growth a year from a growth factor of 0 or more over `days` daily returns."""
    try:
        return known(math.pow(growth, K / days) - 1.0, short_sample(days))
    except OverflowError:
        return unknown("too large to be stated")


def sharpe_ratio(returns: Column) -> float | None:
    """Mean over standard deviation of one period, not annualised; None when returns do not vary."""
    if len(returns) < 2:
        return None
    deviation = float(returns.std(ddof=1))
    return float(returns.mean()) / deviation if deviation > CONSTANT else None


def probabilistic_sharpe(returns: Column, benchmark: float) -> Metric:
    """Probability that the true Sharpe ratio is above `benchmark`, both per period.

    Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012:
    Φ((SR - SR*) √(n - 1) / √(1 - γ3 SR + (γ4 - 1) / 4 SR²)), γ4 being the kurtosis, 3 for a normal.
    """
    observed = sharpe_ratio(returns)
    if observed is None:
        return unknown(_no_variation(returns))
    skew, kurtosis = _moments(returns)
    variance = 1.0 - skew * observed + (kurtosis - 1.0) / 4.0 * observed**2
    if variance <= 0:
        return unknown("its variance estimate is not above 0")
    z = (observed - benchmark) * math.sqrt(len(returns) - 1) / math.sqrt(variance)
    return known(0.5 * math.erfc(-z / math.sqrt(2.0)))


def _falling(equity: Column, ts: Times) -> dict[str, Metric]:
    """What needs only the equity itself."""
    if equity[0] <= 0:
        return dict.fromkeys(_OF_EQUITY, unknown("the initial capital is not above 0"))
    falls = drawdowns(equity, ts)
    longest = max(falls, key=lambda fall: fall.days, default=None)
    return {
        "total_return": known(float(equity[-1] / equity[0]) - 1.0),
        "max_drawdown": known(falls[0].depth if falls else 0.0, "open" if falls and falls[0].is_open else ""),
        "longest_drawdown_days": (
            known(0.0) if longest is None else known(longest.days, "open" if longest.is_open else "")
        ),
    }


def _spread(returns: Column, flag: str) -> dict[str, Metric]:
    """Volatility and what is measured in units of it."""
    deviation = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    per_day = sharpe_ratio(returns)
    mean = float(returns.mean())
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    losses = -float(returns[returns < 0].sum())
    if downside <= CONSTANT:
        downside = losses = 0.0
    year = math.sqrt(K)
    return {
        "volatility": known(deviation * year, flag) if len(returns) > 1 else unknown("only one daily return"),
        "sharpe": unknown(_no_variation(returns)) if per_day is None else known(per_day * year, flag),
        "sortino": ratio(mean * year, downside, "no day lost money", flag),
        "omega": ratio(float(returns[returns > 0].sum()), losses, "no day lost money"),
        "psr_0": probabilistic_sharpe(returns, 0.0),
        "psr_1": probabilistic_sharpe(returns, 1.0 / year),
    }


def _losses(returns: Column) -> dict[str, Metric]:
    """Value at risk and expected shortfall of one day, as losses: above 0 is money lost."""
    found: dict[str, Metric] = {}
    mean = float(returns.mean())
    deviation = float(returns.std(ddof=1)) if len(returns) > 1 else None
    for name, tail, z in TAILS:
        cut = float(np.quantile(returns, tail))
        found[f"var_{name}"] = known(-cut)
        found[f"es_{name}"] = known(-float(returns[returns <= cut].mean()))
        if deviation is None:
            found[f"normal_var_{name}"] = found[f"normal_es_{name}"] = unknown("only one daily return")
            continue
        density = math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
        found[f"normal_var_{name}"] = known(z * deviation - mean)
        found[f"normal_es_{name}"] = known(density / tail * deviation - mean)
    return found


def _tails(returns: Column) -> dict[str, Metric]:
    """The shape of the distribution."""
    found = {
        "best_day": known(float(returns.max())),
        "worst_day": known(float(returns.min())),
        "positive_days": known(int((returns > 0).sum()) / len(returns)),
    }
    if sharpe_ratio(returns) is None:
        return found | dict.fromkeys(("skew", "kurtosis", "excess_kurtosis"), unknown(_no_variation(returns)))
    skew, kurtosis = _moments(returns)
    return found | {
        "skew": known(skew),
        "kurtosis": known(kurtosis),
        "excess_kurtosis": known(kurtosis - 3.0),
    }


def _moments(returns: Column) -> tuple[float, float]:
    """Skewness and kurtosis of the population."""
    away = returns - returns.mean()
    squares = away * away
    variance = float(squares.mean())
    return float((squares * away).mean()) / variance**1.5, float((squares * squares).mean()) / variance**2


def _no_variation(returns: Column) -> str:
    return "only one daily return" if len(returns) < 2 else "the daily returns do not vary"


_OF_EQUITY: Final = ("total_return", "max_drawdown", "longest_drawdown_days")
_OF_RETURNS: Final = tuple(
    name for name in ReturnMetrics.__struct_fields__ if name not in {"days", *_OF_EQUITY}
)
