"""What trading cost, from the prices that were shown to the money that was left.

    gross    profit had every fill been made at its reference price
    slippage side x (price - reference) x quantity, over all fills
    fees     what the venue took
    net      what the account gained: cash, and open positions at the last mark

`gross - slippage - fees == net`, exactly: gross comes from references and net from cash, so the
identity is a proof and not a definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from quant_contracts.events import Fill, PortfolioSnapshot
from quant_contracts.record import RunRecord
from quant_contracts.units import HOUR, ExactQuantity, Money
from quant_engine.report.exact import EXACT, bps, exactly, mark_price, total
from quant_engine.report.metric import Metric, known, unknown

NO_TRADING = "nothing was traded"


class Waterfall(msgspec.Struct, frozen=True):
    """From gross to net, in the account's currency. Costs are above 0 when they hurt."""

    gross: Money
    slippage: Money
    fees: Money
    net: Money


class FillCost(msgspec.Struct, frozen=True, gc=False):
    """What one fill moved and cost."""

    signed: ExactQuantity
    """Change of the position."""
    notional: Money
    shown: Money
    """Change of cash had it been made at its reference and without a fee."""
    cash: Money
    """Change of cash."""
    slippage: Money
    fee: Money


class CostRow(msgspec.Struct, frozen=True):
    """Costs of the fills that share a key."""

    key: str
    fills: int
    notional: Money
    fees: Money
    slippage: Money
    fees_bps: Metric
    """Of the notional."""
    slippage_bps: Metric
    """Of the notional."""


class SymbolResult(msgspec.Struct, frozen=True):
    """The waterfall of one symbol and the position it ended with."""

    symbol: str
    gross: Money
    slippage: Money
    fees: Money
    net: Money
    position: ExactQuantity


class Costs(msgspec.Struct, frozen=True):
    """Where the money went, cut four ways."""

    waterfall: Waterfall
    total: CostRow
    by_symbol: tuple[SymbolResult, ...]
    by_policy: tuple[CostRow, ...]
    """By the execution policy that made the orders; protective orders have rows of their own."""
    by_hour: tuple[CostRow, ...]
    """By hour of the day in UTC, hours without a fill left out."""
    by_rule: tuple[CostRow, ...]
    """By the rule that made the fill."""


def fill_costs(fills: Iterable[Fill]) -> list[FillCost]:
    """What every fill moved and cost, in order."""
    with exactly():
        return [
            FillCost(
                signed=(signed := fill.side * fill.quantity),
                notional=fill.price * fill.quantity,
                shown=-signed * fill.reference,
                cash=-signed * fill.price - fill.fee,
                slippage=signed * (fill.price - fill.reference),
                fee=fill.fee,
            )
            for fill in fills
        ]


def grouped(keys: Iterable[str], costs: Iterable[FillCost]) -> dict[str, list[FillCost]]:
    """The fills of every key, in the order the keys first appear."""
    groups: dict[str, list[FillCost]] = {}
    for key, cost in zip(keys, costs, strict=True):
        groups.setdefault(key, []).append(cost)
    return groups


def cost_rows(keys: Iterable[str], costs: Iterable[FillCost]) -> tuple[CostRow, ...]:
    """One row for every key, in the order the keys first appear."""
    return tuple(cost_row(key, group) for key, group in grouped(keys, costs).items())


def cost_row(key: str, costs: list[FillCost]) -> CostRow:
    """The sums of some fills."""
    notional = total(cost.notional for cost in costs)
    fees = total(cost.fee for cost in costs)
    slippage = total(cost.slippage for cost in costs)
    return CostRow(
        key, len(costs), notional, fees, slippage, _in_bps(fees, notional), _in_bps(slippage, notional)
    )


def _in_bps(cost: Money, notional: Money) -> Metric:
    value = bps(cost, notional)
    return unknown(NO_TRADING) if value is None else known(value)


def costs_of(record: RunRecord, costs: list[FillCost]) -> Costs:
    """The costs of a run; `costs` are those of its fills."""
    fills = record.fills
    last = record.equity[-1]
    groups = grouped((fill.symbol for fill in fills), costs)
    by_symbol = tuple(
        _symbol(symbol, groups[symbol], last) for symbol in record.strategy.strategies if symbol in groups
    )
    return Costs(
        waterfall=_waterfall(by_symbol, record.equity[0].cash, last),
        total=cost_row("all", costs),
        by_symbol=by_symbol,
        by_policy=cost_rows(policy_keys(record), costs),
        by_hour=tuple(sorted(cost_rows((hour_of(fill) for fill in fills), costs), key=lambda row: row.key)),
        by_rule=cost_rows((fill.rule for fill in fills), costs),
    )


def hour_of(fill: Fill) -> str:
    """The hour of the day in which it happened, UTC."""
    return f"{fill.ts // HOUR % 24:02d}"


def policy_keys(record: RunRecord) -> list[str]:
    """For each fill, the policy of its symbol, or the kind of the protective order that made it."""
    kinds = {row.order.order_id: row.order.kind for row in record.orders}
    policies = {symbol: spec.execution.name for symbol, spec in record.strategy.strategies.items()}
    return [
        kind if (kind := kinds.get(fill.order_id)) in {"stop", "take_profit"} else policies[fill.symbol]
        for fill in record.fills
    ]


def _symbol(symbol: str, costs: list[FillCost], last: PortfolioSnapshot) -> SymbolResult:
    """One symbol's way from gross to net, its open position at the last mark."""
    position = total(cost.signed for cost in costs)
    value = EXACT.multiply(position, mark_price(last.marks[symbol]))
    return SymbolResult(
        symbol=symbol,
        gross=EXACT.add(total(cost.shown for cost in costs), value),
        slippage=total(cost.slippage for cost in costs),
        fees=total(cost.fee for cost in costs),
        net=EXACT.add(total(cost.cash for cost in costs), value),
        position=position,
    )


def _waterfall(symbols: tuple[SymbolResult, ...], initial: Money, last: PortfolioSnapshot) -> Waterfall:
    """Gross and the costs from the fills; net from the account's own books."""
    return Waterfall(
        gross=total(row.gross for row in symbols),
        slippage=total(row.slippage for row in symbols),
        fees=total(row.fees for row in symbols),
        net=EXACT.subtract(account_value(last), initial),
    )


def account_value(snapshot: PortfolioSnapshot) -> Money:
    """Cash and every position at its mark, exactly."""
    with exactly():
        values = [
            quantity * mark_price(snapshot.marks[symbol])
            for symbol, quantity in snapshot.positions.items()
            if quantity
        ]
    return total([snapshot.cash, *values])


def per_order(fills: Iterable[Fill], costs: Iterable[FillCost]) -> Mapping[str, CostRow]:
    """The costs of each order that filled, by its id."""
    return {row.key: row for row in cost_rows((fill.order_id for fill in fills), costs)}


def per_parent(fills: Iterable[Fill], costs: Iterable[FillCost]) -> Mapping[str, CostRow]:
    """The costs of each parent order that filled, by its id; a lone order is its own parent."""
    keys = (fill.parent_id or fill.order_id for fill in fills)
    return {row.key: row for row in cost_rows(keys, costs)}
