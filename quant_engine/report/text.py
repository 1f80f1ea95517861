"""The headline of a report as a few lines for a terminal."""

from __future__ import annotations

from quant_engine.report.metric import Metric
from quant_engine.report.metrics import K
from quant_engine.report.numbers import interval, metric, money, plain, signed
from quant_engine.report.readiness import BesideBars
from quant_engine.report.summary import Summary


def headline_text(summary: Summary) -> str:
    """The headline, with the conventions behind it. Ends without a newline."""
    run, head, trades = summary.run, summary.headline, summary.trades
    ranges = summary.intervals
    sharpe, growth = interval(ranges.sharpe, "ratio"), interval(ranges.cagr, "change")
    net = (
        f"{metric(head.net_return, 'change')} ({signed(head.net_profit)} {run.currency}), "
        f"gross {metric(head.gross_return, 'change')}, buy and hold {metric(head.benchmark_return, 'change')}"
    )
    longest = summary.net.longest_drawdown_days
    drawdown = f"{metric(head.max_drawdown, 'change')}, longest {metric(longest, 'days')}"
    closed = (
        f"{trades.closed} closed, {trades.open} open, win rate {metric(trades.win_rate, 'percent')}, "
        f"profit factor {metric(trades.profit_factor, 'ratio')}"
    )
    costs = f"fees {money(head.fees)}, slippage {money(head.slippage)} {run.currency}"
    if head.cost_bps.value is not None:
        costs += f": {plain(head.cost_bps.value)} bps of {money(summary.activity.traded_notional, 0)} traded"
    rows = (
        ("net", net),
        ("CAGR", _noted(metric(head.cagr, "change"), head.cagr, growth)),
        ("Sharpe", _noted(metric(head.sharpe, "ratio"), head.sharpe, sharpe)),
        ("drawdown", drawdown + (" and still open" if longest.flag else "")),
        ("trades", closed),
        ("costs", costs),
        *([("data", words)] if (words := _data(summary.beside)) else ()),
        ("from", f"daily returns at 00:00 UTC, n = {summary.net.days}, K = {K}, risk-free rate 0, ddof 1"),
    )
    title = f"{', '.join(run.symbols)}  {run.start[:10]} to {run.end[:10]}  {run.mode}  run {run.run_id[:12]}"
    lines = [title, *(f"  {label:<9} {words}" for label, words in rows)]
    lines += [f"  note      {warning}" for warning in summary.warnings]
    return "\n".join(lines)


def _data(beside: BesideBars | None) -> str:
    """What the streams beside the bars kept from happening; empty where they kept nothing."""
    if beside is None:
        return ""
    bars, held, flattened, missing = 0, 0, 0, 0
    for row in beside.outcomes:
        bars += row.go + row.hold + row.flatten
        held += row.hold
        flattened += row.flatten
        for count in row.missing.values():
            missing += count
    if not held + flattened + missing:
        return ""
    return f"of {bars:,} bars held at {held:,}, flattened at {flattened:,}; {missing:,} values missing"


def _noted(words: str, value: Metric, likely: str) -> str:
    """A figure with its reason, flag and interval."""
    if value.value is None:
        return f"{words}: {value.reason}"
    words += f" (95 %: {likely})" if likely else ""
    return words + (" short sample" if value.flag == "short_sample" else "")
