"""The summary as a whole: what belongs together agrees."""

import math
import sys
from subprocess import run

import msgspec
import pytest

from quant_contracts.units import DAY, HOUR
from quant_engine.report import build_report
from quant_engine.report.definitions import ACTIVITY, RELATIVE
from quant_engine.report.metric import Metric, known
from quant_engine.report.summary import Summary


@pytest.fixture(scope="module")
def summary(year):
    return build_report(year).summary


def test_goes_through_json_unchanged(summary):
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary


def test_months_multiply_to_the_total_return(summary):
    growth = math.prod(1 + month.value.value for month in summary.months)
    assert growth - 1 == pytest.approx(summary.net.total_return.value, rel=1e-12)


def test_a_year_of_whole_days_has_twelve_whole_months(summary):
    assert [(month.year, month.month) for month in summary.months] == [(2022, n) for n in range(1, 13)]
    assert not any(month.is_partial for month in summary.months)
    assert summary.net.days == 365


def test_months_at_the_edges_are_partial(simulated, year):
    made = build_report(simulated(days=40, start=year.start + 10 * DAY + 12 * HOUR)).summary
    assert [(month.month, month.is_partial) for month in made.months] == [(1, True), (2, True)]
    assert "first return covers 12 h and the last 12 h" in made.conventions["first and last day"]


def test_gross_is_better_than_net_by_the_costs(summary):
    steps = summary.costs.waterfall
    capital = float(summary.run.initial_capital)
    difference = summary.gross.total_return.value - summary.net.total_return.value
    assert difference == pytest.approx(float(steps.fees + steps.slippage) / capital, rel=1e-9)
    assert summary.gross.sharpe.value > summary.net.sharpe.value


def test_the_benchmark_is_the_price_from_first_mark_to_last(summary, year):
    marks = [sample.marks["BTCUSDT"] for sample in year.equity]
    assert summary.benchmark.total_return.value == pytest.approx(marks[-1] / marks[0] - 1, rel=1e-12)
    active = summary.net.total_return.value - summary.benchmark.total_return.value
    assert summary.relative.active_return.value == pytest.approx(active)


def test_the_benchmark_of_several_symbols_holds_them_in_equal_parts(simulated):
    record = simulated(symbols=("BTCUSDT", "ETHUSDT"), days=30)
    first, last = record.equity[0].marks, record.equity[-1].marks
    expected = sum(last[symbol] / first[symbol] for symbol in first) / 2 - 1
    assert build_report(record).summary.benchmark.total_return.value == pytest.approx(expected, rel=1e-12)


def test_finer_samples_never_fall_less_than_days(summary):
    assert summary.max_drawdown_of_samples.value <= summary.net.max_drawdown.value


def test_drawdowns_are_the_deepest_first_and_agree_with_the_metric(summary):
    depths = [fall.depth for fall in summary.drawdowns]
    assert depths == sorted(depths)
    assert depths[0] == summary.net.max_drawdown.value


def test_every_number_has_a_definition():
    assert {row.field for row in RELATIVE} == set(type_of("relative").__struct_fields__)
    assert {row.field for row in ACTIVITY} == set(type_of("activity").__struct_fields__) - {"traded_notional"}


def type_of(field):
    return next(f.type for f in msgspec.structs.fields(Summary) if f.name == field)


def test_conventions_state_what_the_numbers_rest_on(summary):
    words = " ".join(summary.conventions.values())
    for needed in (
        "00:00 UTC",
        "K = 365",
        "n − 1",
        "initial capital",
        "Politis and Romano",
        "first in first out",
    ):
        assert needed in words


def test_warnings_name_what_to_beware_of(simulated, year):
    assert any("still open" in words for words in build_report(year).summary.warnings)
    short = build_report(simulated(days=9)).summary.warnings
    assert any("Short sample: 9 daily returns" in words for words in short)
    assert "Nothing was traded." in build_report(simulated(days=31, turn=0.0)).summary.warnings


def test_a_metric_that_is_no_number_becomes_a_reason():
    assert known(math.inf) == Metric(None, "too large to be stated")
    assert known(math.nan).value is None


def test_text_is_a_few_plain_lines(summary, year):
    text = build_report(year).text()
    assert len(text.splitlines()) <= 12
    assert "K = 365" in text
    assert "gross" in text
    assert text.isascii()


def test_the_report_is_made_without_pyarrow():
    code = (
        "import sys, quant_engine.report as r; "
        "assert 'pyarrow' not in sys.modules and 'scipy' not in sys.modules and 'pandas' not in sys.modules"
    )
    assert run([sys.executable, "-c", code], check=False).returncode == 0
