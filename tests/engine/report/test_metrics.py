"""Return metrics against the reference vector, against other people's code, and where they are undefined."""

import math

import empyrical
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.units import DAY
from quant_engine.report.definitions import RETURNS, TAIL
from quant_engine.report.metrics import ReturnMetrics, probabilistic_sharpe, return_metrics

REFERENCE = np.array(
    [0.012, -0.004, 0.007, -0.015, 0.021, 0.003, -0.008, 0.010, -0.002, 0.005, -0.011, 0.016]
)

RETURN_SERIES = st.lists(
    st.integers(-200_000, 250_000).map(lambda ppm: ppm / 1e6), min_size=3, max_size=120
).filter(lambda values: np.std(values) > 1e-6)


def equity_of(returns, capital=100_000.0):
    return capital * np.concatenate(([1.0], np.cumprod(1.0 + np.asarray(returns))))


def days(count):
    return np.arange(count, dtype=np.int64) * DAY + 18_993 * DAY


def metrics_of(returns, capital=100_000.0):
    equity = equity_of(returns, capital)
    return return_metrics(equity, days(len(equity)))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("sharpe", 4.87241047413535),
        ("sortino", 9.042749461831693),
        ("max_drawdown", -0.015),
        ("total_return", 0.033836534692786),
        ("cagr", 1.751553004118409),
        ("calmar", 116.7702002746),
        ("omega", 1.85),
        ("var_95", 0.0128),
        ("es_95", 0.015),
        ("normal_var_95", 0.015440409),
        ("skew", -0.036223869),
        ("kurtosis", 1.974253268),
        ("psr_0", 0.798264772),
        ("psr_1", 0.746647162),
        ("ulcer", 0.005986095),
    ],
)
def test_agrees_with_the_reference_vector(field, expected):
    value = getattr(metrics_of(REFERENCE), field).value
    digits = len(str(expected).partition(".")[2])
    assert value == pytest.approx(expected, rel=1e-11, abs=0.5000001 * 10**-digits)


def test_ulcer_of_quantstats_is_ours_over_n_minus_one():
    ours = metrics_of(REFERENCE).ulcer.value
    assert ours * math.sqrt(12 / 11) == pytest.approx(0.006252272, abs=5e-10)


@settings(max_examples=60, deadline=None)
@given(RETURN_SERIES)
def test_agrees_with_empyrical(values):
    metrics = metrics_of(values)
    returns = np.diff(equity_of(values)) / equity_of(values)[:-1]
    same = {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.cagr(returns, annualization=365),
        "volatility": empyrical.annual_volatility(returns, annualization=365),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=365),
        "max_drawdown": empyrical.max_drawdown(returns),
        "var_95": -empyrical.value_at_risk(returns, 0.05),
    }
    if metrics.sortino.value is not None:
        same["sortino"] = empyrical.sortino_ratio(returns, annualization=365)
    if metrics.omega.value is not None and metrics.omega.value > 0:
        same["omega"] = empyrical.omega_ratio(returns, annualization=1)
    if metrics.calmar.value is not None:
        same["calmar"] = empyrical.calmar_ratio(returns, annualization=365)
    for field, expected in same.items():
        assert getattr(metrics, field).value == pytest.approx(expected, rel=1e-9, abs=1e-12), field


@settings(max_examples=40, deadline=None)
@given(RETURN_SERIES)
def test_moments_agree_with_scipy(values):
    metrics = metrics_of(values)
    returns = np.diff(equity_of(values)) / equity_of(values)[:-1]
    assert metrics.skew.value == pytest.approx(scipy.stats.skew(returns), rel=1e-9, abs=1e-9)
    assert metrics.kurtosis.value == pytest.approx(scipy.stats.kurtosis(returns, fisher=False), rel=1e-9)
    assert metrics.excess_kurtosis.value == pytest.approx(metrics.kurtosis.value - 3)


def test_normal_tails_agree_with_scipy():
    metrics, returns = metrics_of(REFERENCE), REFERENCE
    normal = scipy.stats.norm(returns.mean(), returns.std(ddof=1))
    for name, tail in (("95", 0.05), ("99", 0.01)):
        cut = normal.ppf(tail)
        mean_beyond = normal.expect(lambda value: value, lb=-np.inf, ub=cut, conditional=True)
        assert getattr(metrics, f"normal_var_{name}").value == pytest.approx(-cut, rel=1e-9)
        assert getattr(metrics, f"normal_es_{name}").value == pytest.approx(-mean_beyond, rel=1e-6)


def test_agrees_with_empyrical_to_twelve_digits_over_a_year():
    returns = np.random.default_rng(11).normal(0.0008, 0.02, 365)
    metrics = metrics_of(returns)
    for field, expected in {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.cagr(returns, annualization=365),
        "volatility": empyrical.annual_volatility(returns, annualization=365),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=365),
        "sortino": empyrical.sortino_ratio(returns, annualization=365),
        "max_drawdown": empyrical.max_drawdown(returns),
        "calmar": empyrical.calmar_ratio(returns, annualization=365),
        "omega": empyrical.omega_ratio(returns, annualization=1),
        "var_95": -empyrical.value_at_risk(returns, 0.05),
    }.items():
        assert getattr(metrics, field).value == pytest.approx(expected, rel=1e-12, abs=1e-12), field


def test_a_sharpe_ratio_above_the_observed_one_is_unlikely():
    returns = np.random.default_rng(3).normal(0.001, 0.02, 500)
    observed = returns.mean() / returns.std(ddof=1)
    assert probabilistic_sharpe(returns, observed).value == pytest.approx(0.5)
    assert probabilistic_sharpe(returns, observed + 1).value < 1e-6


def test_under_thirty_returns_only_annual_figures_are_flagged():
    short, enough = metrics_of(REFERENCE), metrics_of(np.tile(REFERENCE, 3)[:30])
    annual = {"cagr", "volatility", "sharpe", "sortino", "calmar"}
    flagged = {
        name for name in ReturnMetrics.__struct_fields__ if getattr(getattr(short, name), "flag", "") != ""
    }
    assert flagged == annual
    assert {row.field for row in RETURNS if row.is_annualised} == annual
    assert not [name for name in annual if getattr(enough, name).flag]


def test_a_drawdown_still_open_is_flagged():
    assert metrics_of([0.1, -0.2, 0.05]).max_drawdown.flag == "open"
    assert metrics_of([0.1, -0.2, 0.5]).max_drawdown.flag == ""


@pytest.mark.parametrize(
    ("returns", "undefined"),
    [
        pytest.param([0.0] * 40, {"sharpe": "do not vary", "sortino": "no day lost"}, id="flat"),
        pytest.param([0.001] * 40, {"sharpe": "do not vary", "skew": "do not vary"}, id="the same every day"),
        pytest.param([0.01, 0.02] * 20, {"omega": "no day lost", "calmar": "never fell"}, id="only gains"),
        pytest.param([0.01], {"volatility": "only one", "sharpe": "only one", "psr_0": "only one"}, id="one"),
        pytest.param([9.0], {"cagr": "too large"}, id="tenfold in a day"),
    ],
)
def test_what_is_undefined_is_none_with_a_reason(returns, undefined):
    metrics = metrics_of(returns)
    for field, reason in undefined.items():
        metric = getattr(metrics, field)
        assert metric.value is None, field
        assert reason in metric.reason, field


@pytest.mark.parametrize("last", [0.0, -5_000.0])
def test_ruin_leaves_no_returns_but_its_own_depth(last):
    equity = np.array([1000.0, 800.0, last, last])
    metrics = return_metrics(equity, days(4))
    assert metrics.total_return.value == pytest.approx(last / 1000 - 1)
    assert metrics.max_drawdown.value == pytest.approx(last / 1000 - 1)
    for field in ("cagr", "sharpe", "var_95", "omega", "psr_0", "best_day"):
        assert getattr(metrics, field).value is None
        assert "not above 0 on 2022-01-03" in getattr(metrics, field).reason


def test_no_capital_gives_no_metrics():
    metrics = return_metrics(np.array([0.0, 10.0]), days(2))
    assert metrics.total_return.value is None
    assert "initial capital" in metrics.max_drawdown.reason


def test_no_time_gives_no_returns():
    metrics = return_metrics(np.array([1000.0]), days(1))
    assert metrics.days == 0
    assert metrics.total_return.value == 0.0
    assert metrics.sharpe.reason == "no time passed"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=40))
def test_any_equity_gives_finite_values_or_reasons(cash_units):
    metrics = return_metrics(np.array(cash_units) * 1e-8, days(len(cash_units)))
    for name in ReturnMetrics.__struct_fields__[1:]:
        metric = getattr(metrics, name)
        if metric.value is None:
            assert metric.reason
        else:
            assert math.isfinite(metric.value)
            assert not metric.reason


def test_every_metric_has_a_definition():
    defined = [row.field for row in (*RETURNS, *TAIL)] + [f"normal_{row.field}" for row in TAIL]
    assert sorted(defined) == sorted(ReturnMetrics.__struct_fields__[1:])
