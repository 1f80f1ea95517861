"""Trades: what they say together, and the first and last of them."""

from __future__ import annotations

from quant_engine.report.analysis import Analysis
from quant_engine.report.encode import iso_time
from quant_engine.report.metric import Metric
from quant_engine.report.numbers import MISSING, amount, change, metric, money, plain, signed
from quant_engine.report.page.markup import Markup, figure, join, measure, number, section, table, tag
from quant_engine.report.summary import Summary
from quant_engine.report.trades import Trade

FIRST, LAST = 10, 25
"""How many trades the page lists from either end; the rest is in the file."""


def trades_section(analysis: Analysis, summary: Summary) -> Markup:
    """Statistics of the round trips and a list of them."""
    closed = analysis.trips.closed
    rows: list[tuple[Trade, float | None, float | None]] = [
        (trade, low, high)
        for trade, low, high in zip(
            closed,
            analysis.excursions.adverse.tolist(),
            analysis.excursions.favourable.tolist(),
            strict=True,
        )
    ]
    rows += [(trade, None, None) for trade in analysis.trips.open]
    if not rows:
        return section("trades", "Round trips", tag("p", "There were none.", "note"))
    listed = list(enumerate(rows, 1))
    left_out = len(listed) - FIRST - LAST
    note = "First in first out, one parent order to another, net of slippage and fees. All are in trades.csv."
    if left_out > 0:
        listed = listed[:FIRST] + listed[-LAST:]
        note += f" Listed here: the first {FIRST} and the last {LAST}; {left_out:,} lie between."
    return section("trades", "Round trips", _statistics(summary), _list(listed, left_out), note=note)


def _statistics(summary: Summary) -> Markup:
    trades = summary.trades
    currency = summary.run.currency
    facts: tuple[tuple[str, str], ...] = (
        ("Closed", f"{trades.closed:,}"),
        ("Long and short", f"{trades.long:,} and {trades.short:,}"),
        ("Open at the end", f"{trades.open:,}"),
        ("Win rate", measure(trades.win_rate, "percent")),
        ("Payoff", measure(trades.payoff, "ratio")),
        ("Profit factor", measure(trades.profit_factor, "ratio")),
        ("Expectancy", _money(trades.expectancy, currency)),
        ("Mean return", measure(trades.mean_return, "change")),
        ("SQN", measure(trades.sqn, "ratio")),
        ("Mean win", _money(trades.mean_win, currency)),
        ("Mean loss", _money(trades.mean_loss, currency)),
        ("Best", _money(trades.best, currency)),
        ("Worst", _money(trades.worst, currency)),
        ("Mean holding", _hours(trades.mean_holding_hours)),
        ("Longest holding", _hours(trades.longest_holding_hours)),
        (
            "Mean MAE and MFE",
            join((measure(trades.mean_mae, "change"), " ", measure(trades.mean_mfe, "change"))),
        ),
    )
    cells = (tag("div", join((tag("dt", name), tag("dd", value)))) for name, value in facts)
    return tag("dl", join(cells), "figures")


def _money(value: Metric, currency: str) -> Markup:
    if value.value is None:
        return measure(value, "ratio")
    return join((figure(amount(value)), " ", tag("small", currency)))


def _hours(value: Metric) -> str:
    if value.value is None:
        return metric(value, "ratio")
    return f"{plain(value.value, 1)} h" if value.value < 72 else f"{plain(value.value / 24, 1)} d"


def _list(listed: list[tuple[int, tuple[Trade, float | None, float | None]]], left_out: int) -> Markup:
    rows = [_row(place, *row) for place, row in listed]
    if left_out > 0:
        gap = tag("span", f"{left_out:,} more", "na")
        rows.insert(FIRST, ("", gap, *[""] * 12))
    return table(
        (
            "",
            "Symbol",
            "Side",
            "Entry",
            "Exit",
            "Held",
            "Quantity",
            "In at",
            "Out at",
            "Costs",
            "Net",
            "Return",
            "MAE",
            "MFE",
        ),
        rows,
        "trades",
        text=5,
    )


def _row(place: int, trade: Trade, low: float | None, high: float | None) -> tuple[str, ...]:
    held = MISSING if trade.exit_ts is None else _hours(Metric((trade.exit_ts - trade.entry_ts) / 3.6e12))
    return (
        str(place),
        trade.symbol,
        "long" if trade.side > 0 else "short",
        _time(trade.entry_ts),
        "open" if trade.exit_ts is None else _time(trade.exit_ts),
        held,
        f"{trade.quantity:f}",
        _price(trade.entry_price),
        _price(trade.exit_price),
        number(money(trade.slippage + trade.fees)),
        figure(signed(trade.net)),
        figure(change(trade.net_return)),
        number(MISSING if low is None else change(low)),
        number(MISSING if high is None else change(high)),
    )


def _time(ts: int) -> str:
    return iso_time(ts)[:16].replace("T", " ")


def _price(value: float) -> str:
    """Two digits for what costs a hundred, more for what costs less."""
    return plain(value, 2 if value >= 100 else 4 if value >= 1 else 8)
