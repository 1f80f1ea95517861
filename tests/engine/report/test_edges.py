"""Runs at the edge of what can be reported: each gets a summary, a page and its files."""

from decimal import Decimal

import msgspec
import pytest

from quant_contracts.units import DAY, HOUR, MINUTE
from quant_engine.report import build_report, report_from_directory
from quant_engine.report.page.chartdata import charts


def one_bar(simulated, fill, replayed):
    return replayed([], [(0, {"BTCUSDT": 100.0})])


def one_day(simulated, fill, replayed):
    return replayed([], [(0, {"BTCUSDT": 100.0}), (DAY, {"BTCUSDT": 101.0})])


def no_trades(simulated, fill, replayed):
    return simulated(days=40, turn=0.0)


def all_losses(simulated, fill, replayed):
    fills = [fill(n, 1 if n % 2 else -1, "1", "100" if n % 2 else "99", fee="0.1") for n in range(1, 81)]
    start = fills[0].ts - MINUTE
    return replayed(fills, [(start + n * HOUR, {"BTCUSDT": 99.5}) for n in range(24 * 35)])


def bankrupt(simulated, fill, replayed):
    first = fill(1, 1, "10", "40000", fee="40")
    start = first.ts - MINUTE
    marks = [40_000 - 400 * n for n in range(60)]
    return replayed([first], [(start + n * DAY, {"BTCUSDT": float(mark)}) for n, mark in enumerate(marks)])


def tiny_prices(simulated, fill, replayed):
    fills = [fill(1, 1, "1000000", "0.00001234", fee="0.0001"), fill(2, -1, "400000", "0.0000124")]
    start = fills[0].ts - MINUTE
    return replayed(fills, [(start + n * HOUR, {"BTCUSDT": 0.0000125}) for n in range(100)], Decimal(50))


def unnamed_mark_for_a_while(simulated, fill, replayed):
    """A second symbol whose first price comes later."""
    fills = [fill(300, 1, "1", "50", symbol="ETHUSDT")]
    marks = [{"BTCUSDT": 100.0}, {"BTCUSDT": 101.0}, {"ETHUSDT": 50.0}, {"ETHUSDT": 55.0}]
    start = fills[0].ts - 300 * MINUTE
    return replayed(fills, [(start + n * 4 * HOUR, mark) for n, mark in enumerate(marks)])


RUNS = [one_bar, one_day, no_trades, all_losses, bankrupt, tiny_prices, unnamed_mark_for_a_while]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_gets_a_whole_report(run, simulated, fill, replayed, tmp_path):
    report = build_report(run(simulated, fill, replayed))
    report.save(tmp_path / "run")
    again = report_from_directory(tmp_path / "run")
    assert again.summary == report.summary
    assert report.text()
    for values in (charts(report.analysis).data, report.summary):
        # A NaN would come back as null, which no plain float may be.
        assert msgspec.json.decode(msgspec.json.encode(values), type=type(values)) == values


def test_a_bankrupt_account_shows_its_debt(simulated, fill, replayed):
    summary = build_report(bankrupt(simulated, fill, replayed)).summary
    assert summary.net.total_return.value < -1
    assert summary.net.max_drawdown.value < -1
    assert summary.net.sharpe.value is None
    assert summary.intervals.sharpe.low is None
    assert summary.activity.gross_leverage.value is None
    assert any(words.startswith("No daily returns") for words in summary.warnings)
    assert [month.value.value is None for month in summary.months] == [False, True]


def test_all_losses_have_a_win_rate_of_zero_and_no_payoff(simulated, fill, replayed):
    trades = build_report(all_losses(simulated, fill, replayed)).summary.trades
    assert trades.win_rate.value == 0.0
    assert trades.payoff.reason == "no trade made money"


def test_one_bar_says_that_no_time_passed(simulated, fill, replayed):
    summary = build_report(one_bar(simulated, fill, replayed)).summary
    assert summary.net.sharpe.reason == "no time passed"
    assert summary.activity.exposure_time.reason == "no time passed"
    assert summary.months == ()
