"""How much was traded, how long a position was held, and how large it was."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from quant_contracts.blocks import Column, Times
from quant_contracts.events import Fill
from quant_contracts.instrument import ZERO
from quant_contracts.units import DAY, Money, Nanos
from quant_engine.report.costs import FillCost
from quant_engine.report.exact import exactly
from quant_engine.report.metric import Metric, known, ratio, short_sample, unknown
from quant_engine.report.metrics import K


class ActivityMetrics(msgspec.Struct, frozen=True):
    """Turnover is in multiples of mean equity, leverage in multiples of equity."""

    traded_notional: Money
    """Price times quantity over all fills."""
    turnover: Metric
    turnover_per_day: Metric
    turnover_per_year: Metric
    exposure_time: Metric
    """Share of the time with a position in any symbol."""
    gross_leverage: Metric
    """Time-weighted mean."""
    net_leverage: Metric
    """Time-weighted mean."""
    max_gross_leverage: Metric


def turnover(notional: Money, mean_equity: float, elapsed: Nanos, days: int) -> tuple[Metric, Metric, Metric]:
    """Traded notional over twice the mean equity: in all, per day and per year of K days."""
    if mean_equity <= 0:
        nothing = unknown("mean equity is not above 0")
        return nothing, nothing, nothing
    whole = known(float(notional) / (2.0 * mean_equity))
    if whole.value is None or not elapsed:
        nothing = unknown(whole.reason or "no time passed")
        return whole, nothing, nothing
    per_day = whole.value / (elapsed / DAY)
    return whole, known(per_day), known(per_day * K, short_sample(days))


def exposure_time(fills: list[Fill], costs: list[FillCost], start: Nanos, end: Nanos) -> Metric:
    """Share of [start, end] in which some position is not 0, from the fills themselves."""
    positions: dict[str, Decimal] = {}
    held, since, exposed = 0, start, 0
    with exactly():
        for fill, cost in zip(fills, costs, strict=True):
            if held:
                exposed += max(min(fill.ts, end) - since, 0)
            since = max(fill.ts, start)
            before = positions.get(fill.symbol, ZERO)
            after = positions[fill.symbol] = before + cost.signed
            held += bool(after) - bool(before)
    if held:
        exposed += max(end - since, 0)
    return ratio(exposed, end - start, "no time passed")


def leverage(ts: Times, equity: Column, gross: Column, net: Column) -> tuple[Metric, Metric, Metric]:
    """Time-weighted gross and net leverage, and the largest gross one, from samples.

    A sample holds until the next one, so the last has no weight in the means.
    """
    if bool((equity <= 0).any()):
        nothing = unknown("equity was not above 0")
        return nothing, nothing, nothing
    largest = known(float(np.max(gross / equity)))
    spans = np.diff(ts).astype(np.float64)
    elapsed = float(spans.sum())
    if not elapsed:
        nothing = unknown("no time passed")
        return nothing, nothing, largest
    means = [known(float((value[:-1] / equity[:-1] * spans).sum()) / elapsed) for value in (gross, net)]
    return means[0], means[1], largest
