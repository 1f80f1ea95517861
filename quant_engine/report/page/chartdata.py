"""What the charts draw, small enough to travel inside the page.

Series hold seven significant digits. A series of more than `MOST_POINTS` samples is drawn at every
k-th one and at its extremes, and the page says so; the files have every sample.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.events import Fill
from quant_contracts.instrument import ZERO
from quant_contracts.units import SECOND, Side
from quant_engine.report.analysis import Analysis
from quant_engine.report.costs import FillCost
from quant_engine.report.daily import Rows
from quant_engine.report.drawdowns import depths
from quant_engine.report.exact import exactly, quotient

MOST_POINTS = 4_400
MOST_MARKERS = 1_000


class Marker(msgspec.Struct, frozen=True, array_like=True):
    """The fills of one parent order on one side."""

    point: int
    """Index of the point it is drawn at: the sample before its first fill."""
    side: Side
    price: float
    """Mean price of its fills."""
    quantity: str
    fills: int


class SymbolChart(msgspec.Struct, frozen=True):
    """Price and position of one symbol."""

    name: str
    price: list[float | None]
    position: list[float]
    markers: list[Marker]


class ChartData(msgspec.Struct, frozen=True):
    """Everything the page's script reads. Point i of every list is at time i."""

    currency: str
    time: list[int]
    """UTC seconds."""
    net: list[float]
    gross: list[float]
    hold: list[float]
    drawdown: list[float]
    """In percent."""
    symbols: list[SymbolChart]


class Charts(msgspec.Struct, frozen=True):
    """The data and what must be said about it."""

    data: ChartData
    equity_note: str
    price_note: str


def charts(analysis: Analysis) -> Charts:
    """The chart data of a run."""
    samples, record = analysis.samples, analysis.record
    falls = depths(samples.equity) * 100 if samples.equity[0] > 0 else np.zeros(len(samples.equity))
    rows = _points(samples.ts, samples.equity, falls)
    groups = _groups(record.fills, analysis.fill_costs)
    markers, price_note = _markers(groups, samples.ts[rows], len(record.fills))
    snapshots = [record.equity[row] for row in rows.tolist()]
    data = ChartData(
        currency=record.strategy.account.currency,
        time=(samples.ts[rows] // SECOND).tolist(),
        net=_short(samples.equity[rows]),
        gross=_short(samples.gross_equity[rows]),
        hold=_short(samples.benchmark[rows]),
        drawdown=_short(falls[rows]),
        symbols=[
            SymbolChart(
                name=symbol,
                price=[snapshot.marks.get(symbol) for snapshot in snapshots],
                position=[float(snapshot.positions.get(symbol, ZERO)) for snapshot in snapshots],
                markers=markers.get(symbol, []),
            )
            for symbol in analysis.symbols
        ],
    )
    drawn = f"Drawn at {len(rows):,} of {len(samples.ts):,} samples; all are in equity.csv."
    return Charts(data, drawn if len(rows) < len(samples.ts) else "", price_note)


def _points(ts: Rows, equity: Column, falls: Column) -> Rows:
    """Rows to draw: all, or every k-th and the last, the highest and the deepest; one a second at most."""
    every = -(-len(ts) // MOST_POINTS)
    wanted = np.arange(0, len(ts), every)
    extremes = [len(ts) - 1, int(np.argmax(equity)), int(np.argmin(equity)), int(np.argmin(falls))]
    rows = np.unique(np.concatenate((wanted, np.array(extremes))))
    seconds = ts[rows] // SECOND
    # The chart's time is in seconds and must rise: the last sample of a second stands for it.
    last: Rows = rows[np.append(seconds[1:] > seconds[:-1], True)]
    return last


class _Group(msgspec.Struct, gc=False):
    """The fills that one marker stands for."""

    fill: Fill
    fills: int = 0
    quantity: Decimal = ZERO
    notional: Decimal = ZERO


def _groups(fills: list[Fill], costs: list[FillCost]) -> list[_Group]:
    groups: dict[tuple[str, str, Side], _Group] = {}
    with exactly():
        for fill, cost in zip(fills, costs, strict=True):
            key = (fill.symbol, fill.parent_id or fill.order_id, fill.side)
            if key not in groups:
                groups[key] = _Group(fill)
            group = groups[key]
            group.fills += 1
            group.quantity += fill.quantity
            group.notional += cost.notional
    return list(groups.values())


def _markers(groups: list[_Group], times: Rows, fills: int) -> tuple[dict[str, list[Marker]], str]:
    """Markers by symbol in order of time, and what the reader must know about them."""
    note = f"One mark for each parent order: {len(groups):,} for {fills:,} fills, at their mean price."
    if len(groups) > MOST_MARKERS:
        groups = sorted(groups, key=lambda group: group.notional, reverse=True)[:MOST_MARKERS]
        note += f" Only the {len(groups):,} largest are drawn; every fill is in fills.csv."
    found: dict[str, list[Marker]] = {}
    for group in sorted(groups, key=lambda group: group.fill.ts):
        point = max(int(np.searchsorted(times, group.fill.ts, side="right")) - 1, 0)
        price = quotient(group.notional, group.quantity) or 0.0
        marker = Marker(point, group.fill.side, _digits(price), f"{group.quantity:f}", group.fills)
        found.setdefault(group.fill.symbol, []).append(marker)
    return found, note if fills else ""


def _digits(value: float) -> float:
    return float(f"{value:.8g}")


def _short(values: Column) -> list[float]:
    """Seven significant digits are finer than any screen."""
    return [float(f"{value:.7g}") for value in values.tolist()]
