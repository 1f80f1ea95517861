"""The run checked against itself: what the account says and what its fills say must be one and the same.

Every comparison is exact, apart from the equity samples, which are floats. A report is made only of
a run that passes; a run that does not is a fault of the runtime and no matter of opinion.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from quant_contracts.duration import time_name
from quant_contracts.errors import ContractBroken
from quant_contracts.events import Fill, PortfolioSnapshot
from quant_contracts.instrument import ZERO
from quant_contracts.record import RunRecord
from quant_contracts.units import Money
from quant_engine.report.costs import Costs, FillCost, account_value
from quant_engine.report.exact import EXACT, exactly, total
from quant_engine.report.readiness import BesideBars
from quant_engine.report.trades import RoundTrips

FLOAT_ERROR: Final = 1e-9
"""How far the float equity may be from the exact one, as a share of what is held in cash and positions."""


class Identity(msgspec.Struct, frozen=True):
    """Two ways to the same number, and the number."""

    left: str
    right: str
    value: Money


def require_samples(record: RunRecord) -> None:
    """A run has at least one sample, its samples are in order and every traded symbol has a mark."""
    if not record.equity:
        raise ContractBroken("the run has no equity sample; there must be one at its start")
    before = record.equity[0].ts
    for sample in record.equity:
        if sample.ts < before:
            raise ContractBroken(
                f"equity samples out of order: {time_name(sample.ts)} after {time_name(before)}"
            )
        before = sample.ts
    for fill in record.fills:
        if fill.symbol not in record.equity[-1].marks:
            raise ContractBroken(f"{fill.symbol} was traded but has no mark at the end of the run")
        if fill.symbol not in record.strategy.strategies:
            raise ContractBroken(f"{fill.symbol} was traded but no strategy trades it")


def booked(equity: list[PortfolioSnapshot], fills: list[Fill], costs: list[FillCost]) -> list[int]:
    """For each sample, how many fills its cash contains; refuses cash that no number of fills explains.

    Cash tells this better than time: a fill may bear the same time as a sample taken just before it.
    Where fills left the cash as it was, those no later than the sample are counted.
    """
    cash, done, counts = equity[0].cash, 0, []
    with exactly():
        for sample in equity:
            reached, place = cash, done
            found = done if cash == sample.cash else None
            while place < len(fills) and (found is None or fills[place].ts <= sample.ts):
                reached += costs[place].cash
                place += 1
                if reached == sample.cash:
                    found = place
            if found is None:
                raise ContractBroken(
                    f"cash of {sample.cash} at {time_name(sample.ts)} is not the initial cash and the fills "
                    f"up to then; with all {place} fills it would be {reached}"
                )
            cash, done = sample.cash, found
            counts.append(done)
    return counts


def prove(
    record: RunRecord,
    fills: list[FillCost],
    trips: RoundTrips,
    costs: Costs,
    beside: BesideBars | None = None,
) -> tuple[Identity, ...]:
    """Every identity of the run; raises `ContractBroken` with both numbers where one does not hold."""
    first, last = record.equity[0], record.equity[-1]
    steps = costs.waterfall
    cash = total([first.cash, *(fill.cash for fill in fills)])
    realised = total(trade.realised for trade in trips.closed)
    of_trades = total(trade.net for trade in trips.closed + trips.open)
    of_steps = EXACT.subtract(EXACT.subtract(steps.gross, steps.slippage), steps.fees)
    _check_equity(last, costs)
    return (
        _same("cash", last.cash, "initial cash - bought + sold - fees", cash),
        _same("fees in the books", last.fees, "fees of the fills", steps.fees),
        _same("realised in the books", last.realised, "closed round trips before fees", realised),
        _same("net profit of the account", steps.net, "gross - slippage - fees", of_steps),
        _same("net profit of the account", steps.net, "net of all trades, open ones too", of_trades),
        *(
            _same(
                f"{row.symbol} in the books",
                last.positions.get(row.symbol, ZERO),
                f"{row.symbol} bought - sold",
                row.position,
            )
            for row in costs.by_symbol
        ),
        *(
            [
                _same(
                    "net profit of the account",
                    steps.net,
                    "net by state of the streams",
                    total(row.profit for row in beside.profit_by_state),
                )
            ]
            if beside is not None and beside.profit_by_state
            else ()
        ),
    )


def _check_equity(last: PortfolioSnapshot, costs: Costs) -> None:
    """The float equity is the exact one, but for rounding."""
    exact = float(account_value(last))
    held = [abs(float(row.position)) * last.marks[row.symbol] for row in costs.by_symbol]
    scale = math.fsum([abs(float(last.cash)), *held])
    if abs(last.equity - exact) > FLOAT_ERROR * scale:
        raise ContractBroken(
            f"the books do not add up: equity of {last.equity} at the end, cash and positions are {exact}"
        )


def _same(left: str, value: Money, right: str, other: Money) -> Identity:
    if value != other:
        raise ContractBroken(f"the books do not add up: {left} {value}, {right} {other}")
    return Identity(left, right, value)
