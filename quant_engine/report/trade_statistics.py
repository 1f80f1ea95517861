"""What the round trips say: how often they win, how much, and how evenly."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.events import PortfolioSnapshot
from quant_contracts.units import HOUR, Money
from quant_engine.report.exact import quotient, total
from quant_engine.report.metric import Metric, known, ratio, unknown
from quant_engine.report.trades import RoundTrips, Trade

NONE_CLOSED = "no trade was closed"


class TradeStatistics(msgspec.Struct, frozen=True):
    """Closed round trips, net of slippage and fees; open ones are only counted."""

    closed: int
    open: int
    long: int
    short: int
    wins: int
    losses: int
    """A trade that came out at exactly 0 is neither."""
    win_rate: Metric
    payoff: Metric
    """Mean win over mean loss."""
    profit_factor: Metric
    """All wins over all losses."""
    expectancy: Metric
    """Mean net profit in the account's currency."""
    mean_return: Metric
    """Mean of net profit over entry value."""
    sqn: Metric
    best: Metric
    worst: Metric
    mean_win: Metric
    mean_loss: Metric
    mean_holding_hours: Metric
    longest_holding_hours: Metric
    mean_mae: Metric
    mean_mfe: Metric
    closed_net: Money
    """Net profit of the closed trades."""
    open_net: Money
    """Net profit of the open ones at the last mark."""


class Excursions(msgspec.Struct, frozen=True, eq=False):
    """How far each closed trade went against and for us, as a share of its entry price."""

    adverse: Column
    """MAE, 0 or below."""
    favourable: Column
    """MFE, 0 or above."""


def trade_statistics(trips: RoundTrips, excursions: Excursions) -> TradeStatistics:
    """Statistics of the closed trades."""
    closed = trips.closed
    nets = [trade.net for trade in closed]
    wins = [net for net in nets if net > 0]
    losses = [net for net in nets if net < 0]
    won, lost = total(wins), total(losses)
    hours = [(trade.exit_ts - trade.entry_ts) / HOUR for trade in closed if trade.exit_ts is not None]
    count = len(closed)
    long = len([trade for trade in closed if trade.side > 0])
    return TradeStatistics(
        closed=count,
        open=len(trips.open),
        long=long,
        short=count - long,
        wins=len(wins),
        losses=len(losses),
        win_rate=ratio(len(wins), count, NONE_CLOSED),
        payoff=_payoff(won, len(wins), lost, len(losses), count),
        profit_factor=(
            ratio(float(won), -float(lost), "no trade lost money") if count else unknown(NONE_CLOSED)
        ),
        expectancy=_mean([float(net) for net in nets]),
        mean_return=_mean([trade.net_return for trade in closed]),
        sqn=_sqn([float(net) for net in nets]),
        best=known(float(max(nets))) if nets else unknown(NONE_CLOSED),
        worst=known(float(min(nets))) if nets else unknown(NONE_CLOSED),
        mean_win=ratio(float(won), len(wins), "no trade made money" if count else NONE_CLOSED),
        mean_loss=ratio(float(lost), len(losses), "no trade lost money" if count else NONE_CLOSED),
        mean_holding_hours=_mean(hours),
        longest_holding_hours=known(max(hours)) if hours else unknown(NONE_CLOSED),
        mean_mae=_mean(excursions.adverse.tolist()),
        mean_mfe=_mean(excursions.favourable.tolist()),
        closed_net=total(nets),
        open_net=total(trade.net for trade in trips.open),
    )


def excursions(trades: list[Trade], equity: list[PortfolioSnapshot]) -> Excursions:
    """MAE and MFE of closed trades, from the marks of the samples while a trade was on, and its exit.

    Samples are coarser than the market, so the true excursions are at least these.
    """
    adverse, favourable = np.zeros(len(trades)), np.zeros(len(trades))
    ts = np.array([sample.ts for sample in equity], dtype=np.int64)
    by_symbol: dict[str, list[int]] = {}
    for row, trade in enumerate(trades):
        by_symbol.setdefault(trade.symbol, []).append(row)
    for symbol, rows in by_symbol.items():
        # A symbol that had no mark yet had no position either; its rows are never inside a trade.
        marks = np.array([sample.marks.get(symbol, math.nan) for sample in equity] + [math.nan])
        first = np.searchsorted(ts, [trades[row].entry_ts for row in rows], side="left")
        last = np.searchsorted(ts, [trades[row].exit_ts or 0 for row in rows], side="right")
        spans = np.stack([first, last], axis=1).ravel()
        lowest = np.fmin.reduceat(marks, spans)[::2]
        highest = np.fmax.reduceat(marks, spans)[::2]
        for row, low, high, seen in zip(rows, lowest.tolist(), highest.tolist(), last > first, strict=True):
            trade = trades[row]
            prices = [trade.exit_price, low, high] if seen else [trade.exit_price]
            moves = [trade.side * (price / trade.entry_price - 1.0) for price in prices]
            adverse[row], favourable[row] = min(0.0, *moves), max(0.0, *moves)
    return Excursions(adverse, favourable)


def _payoff(won: Money, wins: int, lost: Money, losses: int, count: int) -> Metric:
    if not wins or not losses:
        missing = "no trade made money" if losses else "no trade lost money"
        return unknown(missing if count else NONE_CLOSED)
    return known((quotient(won, Decimal(wins)) or 0.0) / -(quotient(lost, Decimal(losses)) or 0.0))


def _mean(values: list[float]) -> Metric:
    return known(float(np.mean(values))) if values else unknown(NONE_CLOSED)


def _sqn(nets: list[float]) -> Metric:
    """Van Tharp's system quality number: √n x mean / standard deviation of net profits."""
    if len(nets) < 2:
        return unknown("fewer than two trades were closed")
    if min(nets) == max(nets):
        return unknown("the net profits do not vary")
    values = np.array(nets)
    return known(math.sqrt(len(nets)) * float(values.mean()) / float(values.std(ddof=1)))
