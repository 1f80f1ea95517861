"""The lists of a report as columns, each named once for CSV and Parquet alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from quant_contracts.instrument import ZERO
from quant_contracts.record import OrderRecord
from quant_engine.report.analysis import Analysis
from quant_engine.report.costs import CostRow, per_order, per_parent
from quant_engine.report.drawdowns import depths
from quant_engine.report.exact import bps
from quant_engine.report.trades import Trade

Kind: TypeAlias = Literal["time", "text", "exact", "float", "count"]
"""UTC nanoseconds; text; Decimal; float; int. Any of them may be None."""


class TableColumn(msgspec.Struct, frozen=True, eq=False):
    """One named column of a table."""

    name: str
    kind: Kind
    values: Sequence[object]


class Table(msgspec.Struct, frozen=True, eq=False):
    """Columns of equal length under the name their files get."""

    name: str
    columns: tuple[TableColumn, ...]


def tables(analysis: Analysis) -> tuple[Table, ...]:
    """Every table of a report."""
    return (
        fills_table(analysis),
        orders_table(analysis),
        parents_table(analysis),
        trades_table(analysis),
        equity_table(analysis),
        daily_table(analysis),
        *((readiness_table(analysis), gaps_table(analysis)) if analysis.beside is not None else ()),
    )


def fills_table(analysis: Analysis) -> Table:
    """Every fill with what it moved and cost."""
    fills, costs = analysis.record.fills, analysis.fill_costs
    return Table(
        "fills",
        (
            TableColumn("ts", "time", [fill.ts for fill in fills]),
            TableColumn("symbol", "text", [fill.symbol for fill in fills]),
            TableColumn("order_id", "text", [fill.order_id for fill in fills]),
            TableColumn("parent_id", "text", [fill.parent_id for fill in fills]),
            TableColumn("trade_id", "text", [fill.trade_id for fill in fills]),
            TableColumn("side", "count", [fill.side for fill in fills]),
            TableColumn("price", "exact", [fill.price for fill in fills]),
            TableColumn("reference", "exact", [fill.reference for fill in fills]),
            TableColumn("quantity", "exact", [fill.quantity for fill in fills]),
            TableColumn("notional", "exact", [cost.notional for cost in costs]),
            TableColumn("fee", "exact", [fill.fee for fill in fills]),
            TableColumn("slippage", "exact", [cost.slippage for cost in costs]),
            TableColumn("slippage_bps", "float", [bps(cost.slippage, cost.notional) for cost in costs]),
            TableColumn("liquidity", "text", [fill.liquidity for fill in fills]),
            TableColumn("rule", "text", [fill.rule for fill in fills]),
            TableColumn("cumulative", "exact", [fill.cumulative for fill in fills]),
            TableColumn("remaining", "exact", [fill.remaining for fill in fills]),
        ),
    )


def orders_table(analysis: Analysis) -> Table:
    """Every order, what became of it, and what its fills cost."""
    rows = analysis.record.orders
    costs = per_order(analysis.record.fills, analysis.fill_costs)
    filled = _filled(analysis)
    return Table(
        "orders",
        (
            TableColumn("ts", "time", [row.order.ts for row in rows]),
            TableColumn("symbol", "text", [row.order.symbol for row in rows]),
            TableColumn("order_id", "text", [row.order.order_id for row in rows]),
            TableColumn("parent_id", "text", [row.order.parent_id for row in rows]),
            TableColumn("side", "count", [row.order.side for row in rows]),
            TableColumn("quantity", "exact", [row.order.quantity for row in rows]),
            TableColumn("kind", "text", [row.order.kind for row in rows]),
            TableColumn("price", "exact", [row.order.price for row in rows]),
            TableColumn("time_in_force", "text", [row.order.time_in_force for row in rows]),
            TableColumn("reduce_only", "text", ["yes" if row.order.reduce_only else "no" for row in rows]),
            TableColumn("decision_price", "float", [row.order.decision_price for row in rows]),
            TableColumn("arrival_price", "float", [row.order.arrival_price for row in rows]),
            TableColumn("state", "text", [row.state for row in rows]),
            TableColumn("reason", "text", [row.reason for row in rows]),
            TableColumn("closed", "time", [row.closed_ts for row in rows]),
            TableColumn("filled", "exact", [filled.get(row.order.order_id, ZERO) for row in rows]),
            *_cost_columns([costs.get(row.order.order_id) for row in rows]),
        ),
    )


def parents_table(analysis: Analysis) -> Table:
    """Every parent order: one change of position, however it was sliced."""
    parents: dict[str, list[OrderRecord]] = {}
    for row in analysis.record.orders:
        parents.setdefault(row.order.parent_id or row.order.order_id, []).append(row)
    costs = per_parent(analysis.record.fills, analysis.fill_costs)
    firsts = [rows[0].order for rows in parents.values()]
    return Table(
        "parents",
        (
            TableColumn("ts", "time", [order.ts for order in firsts]),
            TableColumn("symbol", "text", [order.symbol for order in firsts]),
            TableColumn("parent_id", "text", list(parents)),
            TableColumn("orders", "count", [len(rows) for rows in parents.values()]),
            TableColumn("decision_price", "float", [order.decision_price for order in firsts]),
            *_cost_columns([costs.get(parent) for parent in parents]),
        ),
    )


def trades_table(analysis: Analysis) -> Table:
    """Every round trip, the open ones last."""
    closed = analysis.trips.closed
    trades: list[Trade] = closed + analysis.trips.open
    unseen: list[float | None] = [None] * len(analysis.trips.open)
    return Table(
        "trades",
        (
            TableColumn("symbol", "text", [trade.symbol for trade in trades]),
            TableColumn("side", "count", [trade.side for trade in trades]),
            TableColumn("state", "text", ["open" if trade.exit_ts is None else "closed" for trade in trades]),
            TableColumn("entry", "time", [trade.entry_ts for trade in trades]),
            TableColumn("exit", "time", [trade.exit_ts for trade in trades]),
            TableColumn("quantity", "exact", [trade.quantity for trade in trades]),
            TableColumn("entry_value", "exact", [trade.entry_value for trade in trades]),
            TableColumn("exit_value", "exact", [trade.exit_value for trade in trades]),
            TableColumn("entry_price", "float", [trade.entry_price for trade in trades]),
            TableColumn("exit_price", "float", [trade.exit_price for trade in trades]),
            TableColumn("gross", "exact", [trade.gross for trade in trades]),
            TableColumn("slippage", "exact", [trade.slippage for trade in trades]),
            TableColumn("fees", "exact", [trade.fees for trade in trades]),
            TableColumn("net", "exact", [trade.net for trade in trades]),
            TableColumn("net_return", "float", [trade.net_return for trade in trades]),
            TableColumn("mae", "float", analysis.excursions.adverse.tolist() + unseen),
            TableColumn("mfe", "float", analysis.excursions.favourable.tolist() + unseen),
            TableColumn("entry_parent", "text", [trade.entry_parent for trade in trades]),
            TableColumn("exit_parent", "text", [trade.exit_parent for trade in trades]),
        ),
    )


def equity_table(analysis: Analysis) -> Table:
    """The account at every sample."""
    rows, samples = analysis.record.equity, analysis.samples
    symbols = list(dict.fromkeys((*analysis.symbols, *rows[-1].marks)))
    positions = [
        TableColumn(f"position_{symbol}", "exact", [row.positions.get(symbol, ZERO) for row in rows])
        for symbol in symbols
    ]
    marks = [
        TableColumn(f"mark_{symbol}", "float", [row.marks.get(symbol) for row in rows]) for symbol in symbols
    ]
    return Table(
        "equity",
        (
            TableColumn("ts", "time", [row.ts for row in rows]),
            TableColumn("equity", "float", [row.equity for row in rows]),
            TableColumn("gross_equity", "float", samples.gross_equity.tolist()),
            TableColumn("benchmark", "float", samples.benchmark.tolist()),
            TableColumn("cash", "exact", [row.cash for row in rows]),
            TableColumn("realised", "exact", [row.realised for row in rows]),
            TableColumn("fees", "exact", [row.fees for row in rows]),
            TableColumn("gross_exposure", "float", [row.gross for row in rows]),
            TableColumn("net_exposure", "float", [row.net for row in rows]),
            *positions,
            *marks,
        ),
    )


def daily_table(analysis: Analysis) -> Table:
    """The daily series that the metrics are made from; the first row has no return."""
    days = analysis.days
    equity = analysis.daily(analysis.samples.equity)
    return Table(
        "daily",
        (
            TableColumn("ts", "time", days.ts.tolist()),
            TableColumn("equity", "float", equity.tolist()),
            TableColumn("gross_equity", "float", analysis.daily(analysis.samples.gross_equity).tolist()),
            TableColumn("benchmark", "float", analysis.daily(analysis.samples.benchmark).tolist()),
            TableColumn("return", "float", _returns(equity.tolist())),
            TableColumn(
                "drawdown", "float", depths(equity).tolist() if equity[0] > 0 else [None] * len(equity)
            ),
        ),
    )


def readiness_table(analysis: Analysis) -> Table:
    """Every change of a stream between fresh, stale and missing, as the symbol that reads it found it."""
    changes = [change for met in analysis.record.readiness.values() for change in met.changes]
    return Table(
        "readiness",
        (
            TableColumn("ts", "time", [change.ts for change in changes]),
            TableColumn("symbol", "text", [change.symbol for change in changes]),
            TableColumn("stream", "text", [change.domain for change in changes]),
            TableColumn("state", "text", [change.state for change in changes]),
            TableColumn("reason", "text", [change.reason for change in changes]),
        ),
    )


def gaps_table(analysis: Analysis) -> Table:
    """Every hole that was found in a stream."""
    gaps = analysis.record.gaps
    return Table(
        "gaps",
        (
            TableColumn("ts", "time", [gap.ts for gap in gaps]),
            TableColumn("symbol", "text", [gap.symbol for gap in gaps]),
            TableColumn("stream", "text", [gap.domain for gap in gaps]),
            TableColumn("missing_from", "time", [gap.missing_from for gap in gaps]),
            TableColumn("missing_to", "time", [gap.missing_to for gap in gaps]),
            TableColumn("reason", "text", [gap.reason for gap in gaps]),
        ),
    )


def _returns(equity: list[float]) -> list[float | None]:
    """Daily returns, None at the start and after a point that is not above 0."""
    return [
        None,
        *(now / before - 1.0 if before > 0 else None for before, now in itertools.pairwise(equity)),
    ]


def _filled(analysis: Analysis) -> dict[str, object]:
    """The quantity of each order that filled, by its id: the last fill says it."""
    return {fill.order_id: fill.cumulative for fill in analysis.record.fills}


def _cost_columns(rows: list[CostRow | None]) -> tuple[TableColumn, ...]:
    return (
        TableColumn("fills", "count", [row.fills if row else 0 for row in rows]),
        TableColumn("notional", "exact", [row.notional if row else ZERO for row in rows]),
        TableColumn("fees", "exact", [row.fees if row else ZERO for row in rows]),
        TableColumn("slippage", "exact", [row.slippage if row else ZERO for row in rows]),
        TableColumn("slippage_bps", "float", [row.slippage_bps.value if row else None for row in rows]),
    )
