"""The words and formulas that a reader sees beside each number, and how other systems differ."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from quant_engine.report.metric import SHORT_SAMPLE
from quant_engine.report.metrics import K

Unit: TypeAlias = Literal["change", "percent", "ratio", "days"]
"""How a value is written: a signed percentage, a percentage, a plain number, a number of days."""


class Definition(msgspec.Struct, frozen=True):
    """One metric: its field, the name a reader knows it by, and what it is."""

    field: str
    label: str
    unit: Unit
    text: str
    is_annualised: bool = False


RETURNS: Final = (
    Definition("total_return", "Total return", "change", "E_T / E_0 − 1"),
    Definition("cagr", "CAGR", "change", "(E_T / E_0)^(K / n) − 1", is_annualised=True),
    Definition("volatility", "Volatility", "percent", "std(r) √K", is_annualised=True),
    Definition("sharpe", "Sharpe ratio", "ratio", "mean(r) / std(r) √K", is_annualised=True),
    Definition(
        "sortino", "Sortino ratio", "ratio", "mean(r) / √mean(min(r, 0)²) √K, over all n", is_annualised=True
    ),
    Definition("calmar", "Calmar ratio", "ratio", "CAGR / |max drawdown|", is_annualised=True),
    Definition(
        "max_drawdown", "Max drawdown", "change", "min(E / peak − 1), daily, from the initial capital"
    ),
    Definition(
        "longest_drawdown_days", "Longest drawdown", "days", "from peak to recovery; to the end while open"
    ),
    Definition("ulcer", "Ulcer index", "percent", "√mean(drawdown²), over n"),
    Definition("omega", "Omega ratio at 0", "ratio", "sum of gains / |sum of losses|"),
    Definition("skew", "Skewness", "ratio", "third standardised moment of the population"),
    Definition(
        "kurtosis", "Kurtosis", "ratio", "fourth standardised moment of the population; a normal has 3"
    ),
    Definition("excess_kurtosis", "Excess kurtosis", "ratio", "kurtosis − 3"),
    Definition(
        "psr_0",
        "Probability that Sharpe > 0",
        "percent",
        "probabilistic Sharpe ratio, Bailey and López de Prado 2012",
    ),
    Definition("psr_1", "Probability that Sharpe > 1", "percent", "the same against 1 a year"),
    Definition("best_day", "Best day", "change", "max(r)"),
    Definition("worst_day", "Worst day", "change", "min(r)"),
    Definition("positive_days", "Days that gained", "percent", "share of r > 0"),
)

TAIL: Final = (
    Definition("var_95", "VaR 95 %", "percent", "loss at the 5 % quantile of r"),
    Definition("var_99", "VaR 99 %", "percent", "loss at the 1 % quantile of r"),
    Definition("es_95", "Expected shortfall 95 %", "percent", "mean loss of the days at or beyond VaR"),
    Definition("es_99", "Expected shortfall 99 %", "percent", "mean loss of the days at or beyond VaR"),
)
"""Losses of one day. Each has a second field, `normal_` before its name: the same were returns normal."""

RELATIVE: Final = (
    Definition("active_return", "Active return", "change", "total return − that of the benchmark"),
    Definition(
        "alpha", "Alpha", "change", "intercept of ordinary least squares on the benchmark, times K", True
    ),
    Definition("beta", "Beta", "ratio", "slope on the benchmark"),
    Definition("correlation", "Correlation", "ratio", "with the benchmark's daily returns"),
    Definition("r_squared", "R²", "ratio", "variance explained by the benchmark"),
    Definition("tracking_error", "Tracking error", "percent", "std(r − b) √K", is_annualised=True),
    Definition(
        "information_ratio", "Information ratio", "ratio", "mean(r − b) / std(r − b) √K", is_annualised=True
    ),
)

ACTIVITY: Final = (
    Definition("turnover", "Turnover", "ratio", "traded notional / (2 mean daily equity)"),
    Definition("turnover_per_day", "Turnover a day", "ratio", "over the days elapsed"),
    Definition("turnover_per_year", "Turnover a year", "ratio", "a day's, times K", is_annualised=True),
    Definition(
        "exposure_time", "Exposure time", "percent", "share of the time with a position, from the fills"
    ),
    Definition(
        "gross_leverage", "Gross leverage", "ratio", "absolute positions / equity, time-weighted samples"
    ),
    Definition("net_leverage", "Net leverage", "ratio", "signed positions / equity, time-weighted samples"),
    Definition("max_gross_leverage", "Highest gross leverage", "ratio", "at any sample"),
)

PEERS: Final = {
    "freqtrade": (
        "Sharpe and Sortino: daily mean of trade profit over the deviation of profit per trade, √365; "
        "−100 where undefined. Calmar multiplies by √365."
    ),
    "backtesting.py": (
        "Sharpe: geometric annual return over compounded volatility; 365 or 252 guessed from weekends."
    ),
    "LEAN": (
        "Sharpe: (1 + mean)^K − 1 over annual deviation, 252 unless set to 365. Sortino: deviation of "
        "negative days only."
    ),
    "Nautilus": "252, ddof 1, daily bins.",
    "jesse": "365, ddof 1.",
    "hftbacktest": (
        "Differences of profit in currency, so the figure scales with the sampling interval; 252 by default."
    ),
    "quantstats": (
        "As here for Sharpe, Sortino and Omega. VaR is normal and its CVaR uses that cut; "
        "Ulcer divides by n − 1."
    ),
    "empyrical": "As here, with the length of the year given by its user; alpha is compounded, not times K.",
}
"""How the same words are computed elsewhere, for a reader who compares."""


def conventions(
    first_hours: float, last_hours: float, symbols: tuple[str, ...], currency: str
) -> dict[str, str]:
    """The conventions behind every number, by subject, in the words that are printed."""
    held = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols in equal parts"
    return {
        "returns": (
            "simple daily returns of net equity (cash and positions at their marks, after slippage and "
            "fees), read at 00:00 UTC of every calendar day, flat ones included, from the initial capital on"
        ),
        "first and last day": (
            f"the first return covers {first_hours:g} h and the last {last_hours:g} h; each counts as one "
            "of the n daily returns, whole or partial"
        ),
        "value at risk": (
            "historical: the empirical quantile with linear interpolation, and the mean of the days at or "
            "beyond it; normal: those of a normal distribution with the mean and deviation of the returns"
        ),
        "year": f"K = {K} daily returns, because the markets never close",
        "risk-free rate": "0, and 0 is the minimum acceptable return",
        "deviation": "standard deviations divide by n − 1; skewness and kurtosis are of the population",
        "undefined": "a figure that is undefined is given as none, with the reason; never as 0 or infinity",
        "short sample": f"with fewer than {SHORT_SAMPLE} daily returns, figures scaled to a year are flagged",
        "gross": (
            "equity with every fee and all slippage added back from the moment of the fill; slippage is "
            "side × (price − reference) × quantity, the reference being the price shown before it"
        ),
        "benchmark": f"buying {held} with the initial capital at the first mark and holding, without costs",
        "trades": (
            "round trips first in first out, from one parent order to another, net of slippage and fees; "
            "a fee is divided over the trades of its fill by quantity; open trades are excluded and counted"
        ),
        "excursions": "MAE and MFE see only the marks of the equity samples; the true ones are no smaller",
        "intervals": (
            "95 % percentile intervals of a stationary block bootstrap (Politis and Romano 1994) of the "
            "net daily returns, mean block n^(1/3), seeded from the run's seed"
        ),
        "leverage": "time-weighted; a sample holds until the next",
        "money": f"amounts are in {currency} and exact; rates and ratios are floats",
    }
