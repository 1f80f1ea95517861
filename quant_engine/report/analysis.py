"""Everything worked out from a run record once, for the summary, the tables and the page alike."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from quant_contracts.blocks import Column, Times
from quant_contracts.events import PortfolioSnapshot
from quant_contracts.instrument import ZERO
from quant_contracts.record import RunRecord
from quant_engine.report.books import Identity, booked, prove, require_samples
from quant_engine.report.costs import Costs, FillCost, costs_of, fill_costs
from quant_engine.report.daily import Days, days_of
from quant_engine.report.exact import exactly
from quant_engine.report.readiness import BesideBars, beside_bars
from quant_engine.report.trade_statistics import Excursions, excursions
from quant_engine.report.trades import RoundTrips, round_trips


class Samples(msgspec.Struct, frozen=True, eq=False):
    """The equity samples as columns, one row a sample."""

    ts: Times
    equity: Column
    """Net: after slippage and fees."""
    gross_equity: Column
    """Net equity plus every cost booked so far: what it would be had trading been free."""
    benchmark: Column
    """The initial capital bought at the first marks, in equal parts by symbol, and held."""
    gross: Column
    """Absolute value of all positions."""
    net: Column
    """Signed value of all positions."""


class Analysis(msgspec.Struct, frozen=True, eq=False):
    """A run record and what follows from it. Made by `analyse`."""

    record: RunRecord
    symbols: tuple[str, ...]
    """Traded symbols in the order the strategy names them."""
    samples: Samples
    days: Days
    trips: RoundTrips
    excursions: Excursions
    fill_costs: list[FillCost]
    costs: Costs
    identities: tuple[Identity, ...]
    beside: BesideBars | None
    """None where nothing but bars was read."""

    def daily(self, column: Column) -> Column:
        """A sample column at the points of the daily series."""
        points: Column = column[self.days.rows]
        return points


def analyse(record: RunRecord) -> Analysis:
    """Work out everything; raises `ContractBroken` where the record contradicts itself."""
    require_samples(record)
    symbols = tuple(record.strategy.strategies)
    costs = fill_costs(record.fills)
    samples = _samples(record, symbols, costs)
    trips = round_trips(record.fills, record.equity[-1].marks)
    summed = costs_of(record, costs)
    beside = beside_bars(record)
    return Analysis(
        record=record,
        symbols=symbols,
        samples=samples,
        days=days_of(samples.ts),
        trips=trips,
        excursions=excursions(trips.closed, record.equity),
        fill_costs=costs,
        costs=summed,
        identities=prove(record, costs, trips, summed, beside),
        beside=beside,
    )


def _samples(record: RunRecord, symbols: tuple[str, ...], costs: list[FillCost]) -> Samples:
    equity = record.equity
    net = np.array([sample.equity for sample in equity])
    return Samples(
        ts=np.array([sample.ts for sample in equity], dtype=np.int64),
        equity=net,
        gross_equity=net + _costs_so_far(costs, booked(equity, record.fills, costs)),
        benchmark=float(net[0]) * _held(equity, symbols),
        gross=np.array([sample.gross for sample in equity]),
        net=np.array([sample.net for sample in equity]),
    )


def _costs_so_far(costs: list[FillCost], counts: list[int]) -> Column:
    """Slippage and fees of the fills that each sample contains, added up exactly."""
    total: Decimal = ZERO
    so_far: list[float] = []
    done = 0
    with exactly():
        for count in counts:
            for cost in costs[done:count]:
                total += cost.slippage + cost.fee
            done = count
            so_far.append(float(total))
    return np.array(so_far)


def _held(equity: list[PortfolioSnapshot], symbols: tuple[str, ...]) -> Column:
    """Growth of one unit of money bought into `symbols` in equal parts at the start and held.

    A symbol without a mark yet is money until its first one.
    """
    growth = np.zeros(len(equity))
    for symbol in symbols:
        marks = np.array([sample.marks.get(symbol, np.nan) for sample in equity])
        seen = np.flatnonzero(np.isfinite(marks))
        part = np.ones(len(equity))
        if len(seen):
            part[seen[0] :] = marks[seen[0] :] / marks[seen[0]]
        growth += part / len(symbols)
    return growth
