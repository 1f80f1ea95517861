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
from decimal import Decimal

import msgspec

from quant_contracts.events import Fill, PortfolioSnapshot
from quant_contracts.instrument import ZERO
from quant_contracts.record import RunRecord
from quant_contracts.units import HOUR, ExactQuantity, Money
from quant_engine.report.exact import bps, exactly, mark_price
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

    notional: Money
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
    """The exact notional and slippage of every fill, in order."""
    with exactly():
        return [
            FillCost(
                fill.price * fill.quantity,
                fill.side * (fill.price - fill.reference) * fill.quantity,
                fill.fee,
            )
            for fill in fills
        ]


def cost_rows(keys: Iterable[str], costs: Iterable[FillCost]) -> tuple[CostRow, ...]:
    """One row for every key, in the order the keys first appear."""
    groups: dict[str, list[FillCost]] = {}
    for key, cost in zip(keys, costs, strict=True):
        groups.setdefault(key, []).append(cost)
    return tuple(cost_row(key, group) for key, group in groups.items())


def cost_row(key: str, costs: list[FillCost]) -> CostRow:
    """The sums of some fills."""
    notional = fees = slippage = ZERO
    with exactly():
        for cost in costs:
            notional += cost.notional
            fees += cost.fee
            slippage += cost.slippage
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
    by_symbol = _by_symbol(fills, costs, last, record.strategy.strategies)
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


def _by_symbol(
    fills: list[Fill], costs: list[FillCost], last: PortfolioSnapshot, symbols: Iterable[str]
) -> tuple[SymbolResult, ...]:
    cash: dict[str, Decimal] = {}
    shown: dict[str, Decimal] = {}
    slippage: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}
    position: dict[str, Decimal] = {}
    with exactly():
        for fill, cost in zip(fills, costs, strict=True):
            symbol, signed = fill.symbol, fill.side * fill.quantity
            cash[symbol] = cash.get(symbol, ZERO) - signed * fill.price
            shown[symbol] = shown.get(symbol, ZERO) - signed * fill.reference
            slippage[symbol] = slippage.get(symbol, ZERO) + cost.slippage
            fees[symbol] = fees.get(symbol, ZERO) + cost.fee
            position[symbol] = position.get(symbol, ZERO) + signed
        return tuple(
            SymbolResult(
                symbol=symbol,
                gross=shown[symbol] + held * mark_price(last.marks[symbol]),
                slippage=slippage[symbol],
                fees=fees[symbol],
                net=cash[symbol] + held * mark_price(last.marks[symbol]) - fees[symbol],
                position=held,
            )
            for symbol in symbols
            if (held := position.get(symbol)) is not None
        )


def _waterfall(symbols: tuple[SymbolResult, ...], initial: Money, last: PortfolioSnapshot) -> Waterfall:
    """Gross and the costs from the fills; net from the account's own books."""
    gross = slippage = fees = ZERO
    with exactly():
        for symbol in symbols:
            gross += symbol.gross
            slippage += symbol.slippage
            fees += symbol.fees
        return Waterfall(gross, slippage, fees, account_value(last) - initial)


def account_value(snapshot: PortfolioSnapshot) -> Money:
    """Cash and every position at its mark, exactly."""
    value = snapshot.cash
    with exactly():
        for symbol, quantity in snapshot.positions.items():
            if quantity:
                value += quantity * mark_price(snapshot.marks[symbol])
    return value


def per_order(fills: Iterable[Fill], costs: Iterable[FillCost]) -> Mapping[str, CostRow]:
    """The costs of each order that filled, by its id."""
    return {row.key: row for row in cost_rows((fill.order_id for fill in fills), costs)}


def per_parent(fills: Iterable[Fill], costs: Iterable[FillCost]) -> Mapping[str, CostRow]:
    """The costs of each parent order that filled, by its id; a lone order is its own parent."""
    keys = (fill.parent_id or fill.order_id for fill in fills)
    return {row.key: row for row in cost_rows(keys, costs)}
