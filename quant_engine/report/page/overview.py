"""The top of the page: which run, how it went, and what to beware of."""

from __future__ import annotations

from quant_engine.report.metric import Metric
from quant_engine.report.numbers import interval, metric, money, percent, plain, signed
from quant_engine.report.page.markup import FLAGS, Markup, figure, join, number, tag
from quant_engine.report.summary import Summary


def title(summary: Summary) -> str:
    """What the run is called: its symbols and its dates."""
    run = summary.run
    return f"{', '.join(run.symbols)} {run.start[:10]} to {run.end[:10]}"


def header(summary: Summary) -> Markup:
    """Symbols, range and identity."""
    run = summary.run
    facts = (
        f"{run.mode}",
        f"{plain(run.days, 1).removesuffix('.0')} days",
        f"initial capital {money(run.initial_capital)} {run.currency}",
        f"run {run.run_id}",
    )
    return join(
        (
            tag("p", "Quant Engine report", "kicker"),
            tag("h1", ", ".join(run.symbols)),
            tag("p", f"{run.start[:16].replace('T', ' ')} to {run.end[:16].replace('T', ' ')} UTC", "range"),
            tag("p", join(tag("span", fact) for fact in facts), "facts"),
        )
    )


def warnings(summary: Summary) -> Markup:
    """What must be known before the numbers are believed; nothing when there is nothing."""
    if not summary.warnings:
        return Markup()
    return tag("ul", join(tag("li", warning) for warning in summary.warnings), "warnings")


def tiles(summary: Summary) -> Markup:
    """The headline numbers, each with the context that keeps it honest."""
    head, net, trades, run = summary.headline, summary.net, summary.trades, summary.run
    ranges = summary.intervals
    gross, held = metric(head.gross_return, "change"), metric(head.benchmark_return, "change")
    cost = head.cost_bps.value
    open_trades = f", {trades.open} open" if trades.open else ""
    return tag(
        "div",
        join(
            (
                _tile("Net return", metric(head.net_return, "change"), f"gross {gross}, buy and hold {held}"),
                _tile("Net profit", signed(head.net_profit), f"{run.currency}, after all costs"),
                _tile(
                    "CAGR",
                    metric(head.cagr, "change"),
                    _context(head.cagr, interval(ranges.cagr, "change")),
                ),
                _tile(
                    "Sharpe ratio",
                    metric(head.sharpe, "ratio"),
                    _context(head.sharpe, interval(ranges.sharpe, "ratio")),
                ),
                _tile(
                    "Max drawdown", metric(head.max_drawdown, "change"), _longest(net.longest_drawdown_days)
                ),
                _tile("Volatility", metric(net.volatility, "percent"), _context(net.volatility, "")),
                _tile(
                    "Round trips",
                    f"{trades.closed:,}",
                    f"{metric(trades.win_rate, 'percent')} won{open_trades}",
                ),
                _tile(
                    "Costs",
                    money(head.fees + head.slippage),
                    f"{run.currency}" + ("" if cost is None else f", {plain(cost)} bps of what was traded"),
                ),
            )
        ),
        "tiles",
    )


def _tile(label: str, value: str, context: str) -> Markup:
    shown = figure(value)
    return tag("div", join((tag("h3", label), tag("p", shown, "value"), tag("p", number(context)))), "tile")


def _context(value: Metric, likely: str) -> str:
    """The reason why there is no value, or its interval and flag."""
    if value.value is None:
        return value.reason
    parts = [f"95 %: {likely}" if likely else "", FLAGS.get(value.flag, "")]
    return ", ".join(part for part in parts if part) or "a year"


def _longest(value: Metric) -> str:
    if value.value is None:
        return value.reason
    return f"longest {plain(value.value, 1).removesuffix('.0')} days" + (
        f", {FLAGS[value.flag]}" if value.flag else ""
    )


def exposure_line(summary: Summary) -> str:
    """One sentence on how much the account was in the market."""
    activity = summary.activity
    time, leverage = activity.exposure_time.value, activity.gross_leverage.value
    if time is None or leverage is None:
        return ""
    return f"In the market {percent(time, 1)} of the time, at a mean gross leverage of {plain(leverage)}."
