"""The whole report as numbers: what `summary.json` holds."""

from __future__ import annotations

import msgspec
import numpy as np

from quant_contracts.duration import time_name
from quant_contracts.protocols import QualityRow
from quant_contracts.record import ENDED_EARLY
from quant_contracts.units import DAY, HOUR, Money
from quant_engine.report.activity import ActivityMetrics, exposure_time, leverage, turnover
from quant_engine.report.analysis import Analysis
from quant_engine.report.books import Identity
from quant_engine.report.bootstrap import Intervals, intervals
from quant_engine.report.costs import Costs
from quant_engine.report.daily import missing_returns, simple_returns
from quant_engine.report.definitions import conventions
from quant_engine.report.drawdowns import Drawdown, depths, drawdowns
from quant_engine.report.metric import SHORT_SAMPLE, Metric, known, unknown
from quant_engine.report.metrics import ReturnMetrics, return_metrics
from quant_engine.report.readiness import BesideBars, assumptions
from quant_engine.report.relative import RelativeMetrics, relative_metrics
from quant_engine.report.trade_statistics import TradeStatistics, trade_statistics

FORMAT = 1
"""Version of the files of a report; raised when a reader of the last one would misread the next."""

WORST_DRAWDOWNS = 5


class RunFacts(msgspec.Struct, frozen=True):
    """Which run this is, and over what."""

    run_id: str
    mode: str
    symbols: tuple[str, ...]
    currency: str
    start: str
    end: str
    days: float
    """Elapsed, 24 hours each."""
    initial_capital: Money
    final_equity: float
    seed: int
    config_hash: str
    decision_hash: str


class Versions(msgspec.Struct, frozen=True):
    """What made the numbers."""

    report_format: int
    code: str
    parts: dict[str, str]
    """By role."""


class Headline(msgspec.Struct, frozen=True):
    """The few numbers to read first."""

    net_profit: Money
    net_return: Metric
    gross_return: Metric
    benchmark_return: Metric
    cagr: Metric
    sharpe: Metric
    max_drawdown: Metric
    closed_trades: int
    win_rate: Metric
    fees: Money
    slippage: Money
    cost_bps: Metric
    """Fees and slippage in basis points of the traded notional."""


class Month(msgspec.Struct, frozen=True):
    """Net return of one calendar month, or of the part of it that the run covers."""

    year: int
    month: int
    value: Metric
    is_partial: bool


class Summary(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every metric with the conventions it was made by."""

    versions: Versions
    run: RunFacts
    headline: Headline
    warnings: tuple[str, ...]
    net: ReturnMetrics
    gross: ReturnMetrics
    """The same metrics had trading been free: the distance to `net` is what costs did."""
    benchmark: ReturnMetrics
    """The same metrics of buying every traded symbol in equal parts at the start and holding."""
    relative: RelativeMetrics
    intervals: Intervals
    max_drawdown_of_samples: Metric
    """Max drawdown over all equity samples, which are finer than days."""
    drawdowns: tuple[Drawdown, ...]
    """The deepest of the daily series."""
    months: tuple[Month, ...]
    activity: ActivityMetrics
    trades: TradeStatistics
    costs: Costs
    identities: tuple[Identity, ...]
    """What was proved of the books, each to the last unit."""
    counts: dict[str, dict[str, int]]
    limits: dict[str, dict[str, int]]
    quality: tuple[QualityRow, ...]
    conventions: dict[str, str]
    beside: BesideBars | None = None
    """How far the streams beside the bars could be trusted; absent where none was read."""


def summarise(analysis: Analysis) -> Summary:
    """The summary of an analysed run."""
    record, samples, days = analysis.record, analysis.samples, analysis.days
    equity = analysis.daily(samples.equity)
    held = analysis.daily(samples.benchmark)
    net = return_metrics(equity, days.ts)
    gross = return_metrics(analysis.daily(samples.gross_equity), days.ts)
    benchmark = return_metrics(held, days.ts)
    missing = missing_returns(equity, days.ts)
    returns = None if missing else simple_returns(equity)
    costs = analysis.costs
    trades = trade_statistics(analysis.trips, analysis.excursions)
    falls = drawdowns(equity, days.ts)[:WORST_DRAWDOWNS] if equity[0] > 0 else []
    return Summary(
        versions=_versions(analysis),
        run=_facts(analysis),
        headline=_headline(net, gross, benchmark, trades, costs),
        warnings=_warnings(analysis, net, trades, missing),
        net=net,
        gross=gross,
        benchmark=benchmark,
        relative=relative_metrics(
            returns, None if missing else simple_returns(held), missing, _active(net, benchmark)
        ),
        intervals=intervals(returns, missing, record.manifest.seed),
        max_drawdown_of_samples=(
            known(float(depths(samples.equity).min()))
            if equity[0] > 0
            else unknown("the initial capital is not above 0")
        ),
        drawdowns=tuple(falls),
        months=months(analysis),
        activity=_activity(analysis),
        trades=trades,
        costs=costs,
        identities=analysis.identities,
        counts=record.counts,
        limits=record.limits,
        quality=record.quality,
        conventions=conventions(
            days.first_span / HOUR, days.last_span / HOUR, analysis.symbols, record.strategy.account.currency
        ),
        beside=analysis.beside,
    )


def months(analysis: Analysis) -> tuple[Month, ...]:
    """Net returns by calendar month, UTC; multiplied up they give the total return."""
    ts, equity = analysis.days.ts, analysis.daily(analysis.samples.equity)
    # A point at 00:00 on the first closes the month before, so a moment is counted to its eve.
    names = ((ts - 1) // DAY * DAY).astype("datetime64[ns]").astype("datetime64[M]")
    found: list[Month] = []
    begin = 0
    for end in range(1, len(ts)):
        if end + 1 < len(ts) and names[end + 1] == names[end]:
            continue
        number = int(names[end].astype(np.int64))
        first = int(names[end].astype("datetime64[ns]").astype(np.int64))
        after = int((names[end] + 1).astype("datetime64[ns]").astype(np.int64))
        value = (
            known(float(equity[end] / equity[begin]) - 1.0)
            if equity[begin] > 0
            else unknown("equity was not above 0")
        )
        found.append(
            Month(
                year=1970 + number // 12,
                month=number % 12 + 1,
                value=value,
                is_partial=int(ts[begin]) > first or int(ts[end]) < after,
            )
        )
        begin = end
    return tuple(found)


def _versions(analysis: Analysis) -> Versions:
    manifest = analysis.record.manifest
    return Versions(FORMAT, manifest.code_version, {part.role: part.version for part in manifest.parts})


def _facts(analysis: Analysis) -> RunFacts:
    record, ts = analysis.record, analysis.samples.ts
    manifest = record.manifest
    return RunFacts(
        run_id=manifest.run_id,
        mode=manifest.mode,
        symbols=analysis.symbols,
        currency=record.strategy.account.currency,
        start=time_name(record.start),
        end=time_name(record.end),
        days=int(ts[-1] - ts[0]) / DAY,
        initial_capital=record.equity[0].cash,
        final_equity=record.equity[-1].equity,
        seed=manifest.seed,
        config_hash=manifest.config_hash,
        decision_hash=manifest.decision_hash,
    )


def _headline(
    net: ReturnMetrics, gross: ReturnMetrics, benchmark: ReturnMetrics, trades: TradeStatistics, costs: Costs
) -> Headline:
    fees, slippage = costs.total.fees_bps, costs.total.slippage_bps
    both = fees if fees.value is None or slippage.value is None else known(fees.value + slippage.value)
    return Headline(
        net_profit=costs.waterfall.net,
        net_return=net.total_return,
        gross_return=gross.total_return,
        benchmark_return=benchmark.total_return,
        cagr=net.cagr,
        sharpe=net.sharpe,
        max_drawdown=net.max_drawdown,
        closed_trades=trades.closed,
        win_rate=trades.win_rate,
        fees=costs.waterfall.fees,
        slippage=costs.waterfall.slippage,
        cost_bps=both,
    )


def _active(net: ReturnMetrics, benchmark: ReturnMetrics) -> Metric:
    ours, theirs = net.total_return, benchmark.total_return
    if ours.value is None or theirs.value is None:
        return unknown(ours.reason or theirs.reason)
    return known(ours.value - theirs.value)


def _activity(analysis: Analysis) -> ActivityMetrics:
    record, samples = analysis.record, analysis.samples
    start, end = int(samples.ts[0]), int(samples.ts[-1])
    notional = analysis.costs.total.notional
    mean_equity = float(np.mean(analysis.daily(samples.equity)))
    traded, per_day, per_year = turnover(notional, mean_equity, end - start, analysis.days.returns)
    gross, net, largest = leverage(samples.ts, samples.equity, samples.gross, samples.net)
    return ActivityMetrics(
        traded_notional=notional,
        turnover=traded,
        turnover_per_day=per_day,
        turnover_per_year=per_year,
        exposure_time=exposure_time(record.fills, analysis.fill_costs, start, end),
        gross_leverage=gross,
        net_leverage=net,
        max_gross_leverage=largest,
    )


def _warnings(
    analysis: Analysis, net: ReturnMetrics, trades: TradeStatistics, missing: str
) -> tuple[str, ...]:
    """What a reader must know before believing the numbers."""
    record = analysis.record
    found = [*assumptions(record.quality)]
    if net.days < SHORT_SAMPLE:
        found.append(
            f"Short sample: {net.days} daily returns. Figures scaled to a year are flagged; "
            f"below {SHORT_SAMPLE} they mean little."
        )
    if missing:
        found.append(f"No daily returns: {missing}.")
    if not record.fills:
        found.append("Nothing was traded.")
    elif trades.closed < 30:
        found.append(f"Only {trades.closed} round trips were closed; statistics of so few say little.")
    if trades.open:
        found.append(
            f"{trades.open} round trip{'s' * (trades.open > 1)} still open at the end: valued at the last "
            "mark and left out of the trade statistics."
        )
    found.extend(
        f"{row.symbol} has no bars after {row.example}, {row.count:,} bars before the run ended: "
        "from there it was valued at its last mark. Give an end that all symbols reach."
        for row in record.quality
        if row.check == ENDED_EARLY
    )
    unsure = len([row for row in record.orders if row.state == "unknown"])
    if unsure:
        found.append(f"{unsure} orders have an unknown fate.")
    repaired = [row for row in record.quality if row.repaired != "-" and row.count]
    if repaired:
        kinds = ", ".join(f"{row.symbol} {row.check} ({row.count})" for row in repaired)
        found.append(f"The data was repaired: {kinds}.")
    return tuple(found)
