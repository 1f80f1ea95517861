"""Costs: the way from gross to net as a picture, and where they arose."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from quant_engine.report.costs import CostRow, Costs
from quant_engine.report.exact import bps, quotient
from quant_engine.report.metric import Metric
from quant_engine.report.numbers import MISSING, change, money, plain, signed
from quant_engine.report.page.markup import Markup, figure, join, number, section, table, tag
from quant_engine.report.summary import Summary

WIDE = 1000.0
"""Width of the waterfall in its own units; the page stretches it."""


def costs_section(summary: Summary) -> Markup:
    """Gross, slippage, fees and net, and the costs by policy, rule, hour and symbol."""
    costs = summary.costs
    currency = summary.run.currency
    left = [_rows("By policy", costs.by_policy), _rows("By fill rule", costs.by_rule)]
    if len(costs.by_symbol) > 1:
        left.insert(0, _symbols(costs))
    parts: list[str] = [waterfall(summary)]
    if costs.total.fills:
        halves = (tag("div", join(left)), _rows("By hour, UTC", costs.by_hour))
        parts.append(tag("div", join(halves), "columns"))
    return section(
        "costs",
        "From gross to net",
        *parts,
        note=f"In {currency}. Gross is the profit had every fill been made at the price shown before "
        "slippage. Every fill, order and parent order is costed in fills.csv, orders.csv and parents.csv.",
    )


def waterfall(summary: Summary) -> Markup:
    """Four bars on one scale; each cost starts where the one before it ended."""
    steps = summary.costs.waterfall
    after_slippage = float(steps.gross) - float(steps.slippage)
    bars = (
        ("Gross profit", 0.0, float(steps.gross), steps.gross, _kind(steps.gross)),
        ("Slippage", float(steps.gross), after_slippage, -steps.slippage, "cost"),
        ("Fees", after_slippage, float(steps.net), -steps.fees, "cost"),
        ("Net profit", 0.0, float(steps.net), steps.net, _kind(steps.net)),
    )
    ends = [0.0, *(end for bar in bars for end in bar[1:3])]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0
    head = join(tag("span", name, "head") for name in ("", "Amount", "Of capital", "bps traded", ""))
    cells: list[Markup] = []
    for label, start, stop, amount, kind in bars:
        bar = _bar((start - low) / span, (stop - low) / span, -low / span, kind)
        cells += (tag("span", label), *_figures(amount, kind, summary), bar)
    return tag("div", join((head, *cells)), "waterfall")


def _kind(amount: Decimal) -> str:
    return "gain" if amount >= 0 else "loss"


def _bar(start: float, stop: float, zero: float, kind: str) -> Markup:
    """A bar between two places on a scale from 0 to 1, and the line where the money is 0."""
    left, width = min(start, stop) * WIDE, max(abs(stop - start) * WIDE, 1.0)
    return Markup(
        f'<svg viewBox="0 0 {WIDE:g} 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" x="{left:.2f}" y="0" width="{width:.2f}" height="10"/>'
        f'<line x1="{zero * WIDE:.2f}" x2="{zero * WIDE:.2f}" y1="0" y2="10"/></svg>'
    )


def _figures(amount: Decimal, kind: str, summary: Summary) -> tuple[Markup, ...]:
    """The amount of one bar: in currency, of the initial capital, and in basis points of what was traded."""
    capital, traded = summary.run.initial_capital, summary.costs.total.notional
    of_capital, of_traded = quotient(amount, capital), bps(amount, traded)
    text = signed(amount)
    return (
        tag("b", number(text) if kind == "cost" else figure(text)),
        tag("span", number(MISSING if of_capital is None else change(of_capital)), "beside"),
        tag("span", number(MISSING if of_traded is None else plain(of_traded)), "beside"),
    )


def _rows(title: str, rows: Iterable[CostRow]) -> Markup:
    return table(
        (title, "Fills", "Traded", "Fees", "Slippage", "in bps"),
        (
            (
                row.key,
                f"{row.fills:,}",
                money(row.notional, 0),
                money(row.fees),
                number(money(row.slippage)),
                _bps(row.slippage_bps),
            )
            for row in rows
        ),
    )


def _bps(value: Metric) -> Markup:
    return number(MISSING if value.value is None else plain(value.value))


def _symbols(costs: Costs) -> Markup:
    return table(
        ("By symbol", "Gross", "Slippage", "Fees", "Net", "Position"),
        (
            (
                row.symbol,
                figure(signed(row.gross)),
                number(money(row.slippage)),
                number(money(row.fees)),
                figure(signed(row.net)),
                number(f"{row.position:,f}"),
            )
            for row in costs.by_symbol
        ),
    )
