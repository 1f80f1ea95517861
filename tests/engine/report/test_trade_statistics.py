"""Statistics of round trips, by hand."""

import math
from decimal import Decimal

import numpy as np
import pytest

from quant_contracts.units import HOUR, MINUTE
from quant_engine.report import build_report
from quant_engine.report.trade_statistics import Excursions, trade_statistics
from quant_engine.report.trades import round_trips


def statistics(fill, *exits):
    """One unit bought at 100 and sold at each of `exits` in turn."""
    fills = []
    for number, price in enumerate(exits):
        fills += [fill(2 * number, 1, "1", "100"), fill(2 * number + 1, -1, "1", price)]
    none = np.zeros(len(exits))
    return trade_statistics(round_trips(fills, {}), Excursions(none, none))


def test_rates_and_ratios(fill):
    made = statistics(fill, "110", "130", "90", "100", "80")
    assert (made.closed, made.wins, made.losses) == (5, 2, 2)
    assert made.win_rate.value == 0.4
    assert made.payoff.value == pytest.approx(20 / 15)
    assert made.profit_factor.value == pytest.approx(40 / 30)
    assert made.expectancy.value == pytest.approx(2)
    assert made.mean_return.value == pytest.approx(0.02)
    nets = [10, 30, -10, 0, -20]
    assert made.sqn.value == pytest.approx(math.sqrt(5) * np.mean(nets) / np.std(nets, ddof=1))
    assert (made.best.value, made.worst.value) == (30.0, -20.0)
    assert made.mean_holding_hours.value == pytest.approx(1 / 60)
    assert made.closed_net == Decimal(10)


@pytest.mark.parametrize(
    ("exits", "undefined"),
    [
        pytest.param((), {"win_rate", "payoff", "profit_factor", "expectancy", "sqn", "best"}, id="none"),
        pytest.param(("110",), {"payoff", "profit_factor", "sqn", "mean_loss"}, id="one win"),
        pytest.param(("90", "80"), {"payoff", "mean_win"}, id="only losses"),
        pytest.param(("110", "110"), {"payoff", "profit_factor", "sqn", "mean_loss"}, id="all the same"),
    ],
)
def test_what_is_undefined_has_a_reason(fill, exits, undefined):
    made = statistics(fill, *exits)
    for name in undefined:
        metric = getattr(made, name)
        assert metric.value is None, name
        assert metric.reason, name


def test_only_losses_have_a_profit_factor_of_zero(fill):
    assert statistics(fill, "90", "80").profit_factor.value == 0.0


def test_open_trades_are_counted_and_left_out(fill, replayed):
    fills = [fill(1, 1, "1", "100"), fill(2, -1, "1", "110"), fill(3, -1, "1", "120")]
    start = fills[0].ts - MINUTE
    record = replayed(fills, [(start, {"BTCUSDT": 100.0}), (start + HOUR, {"BTCUSDT": 90.0})])
    made = build_report(record).summary.trades
    assert (made.closed, made.open, made.closed_net, made.open_net) == (1, 1, Decimal(10), Decimal(30))


def test_excursions_see_the_marks_while_the_trade_was_on(fill, replayed):
    fills = [fill(10, 1, "1", "100"), fill(50, -1, "1", "104")]
    start = fills[0].ts - 10 * MINUTE
    marks = [(0, 100.0), (5, 10.0), (20, 95.0), (40, 120.0), (60, 1000.0)]
    record = replayed(fills, [(start + minute * MINUTE, {"BTCUSDT": mark}) for minute, mark in marks])
    made = build_report(record).analysis.excursions
    assert made.adverse.tolist() == pytest.approx([-0.05])
    assert made.favourable.tolist() == pytest.approx([0.2])


def test_a_short_is_hurt_by_a_rise(fill, replayed):
    fills = [fill(10, -1, "1", "100"), fill(50, 1, "1", "104")]
    start = fills[0].ts - 10 * MINUTE
    marks = [(0, 100.0), (20, 95.0), (40, 120.0), (60, 1.0)]
    record = replayed(fills, [(start + minute * MINUTE, {"BTCUSDT": mark}) for minute, mark in marks])
    made = build_report(record).analysis.excursions
    assert made.adverse.tolist() == pytest.approx([-0.2])
    assert made.favourable.tolist() == pytest.approx([0.05])


def test_a_trade_between_two_samples_has_only_its_exit(fill, replayed):
    fills = [fill(10, 1, "1", "100"), fill(11, -1, "1", "99")]
    start = fills[0].ts - 10 * MINUTE
    record = replayed(fills, [(start, {"BTCUSDT": 50.0}), (start + HOUR, {"BTCUSDT": 500.0})])
    made = build_report(record).analysis.excursions
    assert (made.adverse.tolist(), made.favourable.tolist()) == (pytest.approx([-0.01]), [0.0])
