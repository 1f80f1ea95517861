"""Against a benchmark: statsmodels and empyrical say the same."""

import empyrical
import numpy as np
import pytest
import statsmodels.api as sm

from quant_engine.report.metric import known
from quant_engine.report.relative import relative_metrics

ACTIVE = known(0.1)


def test_regression_agrees_with_statsmodels():
    source = np.random.default_rng(7)
    benchmark = source.normal(0.0005, 0.03, 250)
    returns = 0.0004 + 0.7 * benchmark + source.normal(0, 0.01, 250)
    made = relative_metrics(returns, benchmark, "", ACTIVE)
    fitted = sm.OLS(returns, sm.add_constant(benchmark)).fit()
    assert made.alpha.value == pytest.approx(fitted.params[0] * 365, rel=1e-11)
    assert made.beta.value == pytest.approx(fitted.params[1], rel=1e-12)
    assert made.r_squared.value == pytest.approx(fitted.rsquared, rel=1e-12)
    assert made.correlation.value == pytest.approx(np.corrcoef(returns, benchmark)[0, 1], rel=1e-12)


def test_agrees_with_empyrical():
    source = np.random.default_rng(8)
    benchmark, returns = source.normal(0, 0.03, 100), source.normal(0.001, 0.02, 100)
    made = relative_metrics(returns, benchmark, "", ACTIVE)
    assert made.beta.value == pytest.approx(empyrical.beta(returns, benchmark), rel=1e-11)
    per_day = empyrical.excess_sharpe(returns, benchmark)
    assert made.information_ratio.value == pytest.approx(per_day * np.sqrt(365), rel=1e-12)
    error = np.std(returns - benchmark, ddof=1) * np.sqrt(365)
    assert made.tracking_error.value == pytest.approx(error, rel=1e-12)


def test_holding_the_benchmark_itself_is_beta_one_and_alpha_zero():
    benchmark = np.random.default_rng(9).normal(0, 0.03, 100)
    made = relative_metrics(benchmark, benchmark, "", ACTIVE)
    assert made.beta.value == pytest.approx(1.0)
    assert made.alpha.value == pytest.approx(0.0, abs=1e-12)
    assert made.tracking_error.value == 0.0
    assert made.information_ratio.value is None


def test_a_benchmark_that_stands_still_explains_nothing():
    returns = np.random.default_rng(9).normal(0, 0.03, 100)
    made = relative_metrics(returns, np.zeros(100), "", ACTIVE)
    assert made.beta.value is None
    assert "do not vary" in made.alpha.reason
    assert made.tracking_error.value is not None


def test_no_returns_no_comparison():
    made = relative_metrics(None, None, "no time passed", ACTIVE)
    assert made.beta.reason == "no time passed"
    assert made.active_return == ACTIVE
