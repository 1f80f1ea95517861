"""Turnover, exposure and leverage, by hand."""

from decimal import Decimal

import numpy as np
import pytest

from quant_contracts.units import DAY, MINUTE
from quant_engine.report.activity import exposure_time, leverage, turnover
from quant_engine.report.costs import fill_costs


def test_turnover_is_half_of_what_was_traded_over_mean_equity():
    whole, per_day, per_year = turnover(Decimal(400_000), 100_000.0, 50 * DAY, 50)
    assert whole.value == 2.0
    assert per_day.value == pytest.approx(0.04)
    assert per_year.value == pytest.approx(14.6)
    assert turnover(Decimal(1), 1.0, DAY, 10)[2].flag == "short_sample"


def test_turnover_of_nothing_left_is_undefined():
    assert turnover(Decimal(1), 0.0, DAY, 40)[0].value is None
    assert turnover(Decimal(1), 10.0, 0, 0)[1].reason == "no time passed"


def test_exposure_counts_the_time_any_position_is_open(fill):
    fills = [
        fill(10, 1, "1", "100"),
        fill(20, -1, "1", "100", symbol="ETHUSDT"),
        fill(30, -1, "1", "100"),
        fill(40, 1, "1", "100", symbol="ETHUSDT"),
        fill(90, 1, "1", "100"),
    ]
    start = fills[0].ts - 10 * MINUTE
    assert exposure_time(fills, fill_costs(fills), start, start + 100 * MINUTE).value == pytest.approx(0.4)


def test_exposure_of_no_time_is_undefined(fill):
    assert exposure_time([], [], 5, 5).value is None
    assert exposure_time([], [], 5, 10).value == 0.0


def test_leverage_is_weighted_by_time_and_a_sample_holds_until_the_next():
    ts = np.array([0, 1, 4, 5], dtype=np.int64) * DAY
    equity = np.array([100.0, 100.0, 200.0, 100.0])
    gross = np.array([0.0, 100.0, 100.0, 300.0])
    mean_gross, mean_net, largest = leverage(ts, equity, gross, -gross)
    assert mean_gross.value == pytest.approx((0 * 1 + 1 * 3 + 0.5 * 1) / 5)
    assert mean_net.value == -mean_gross.value
    assert largest.value == 3.0


def test_leverage_of_ruin_is_undefined():
    ts = np.array([0, 1], dtype=np.int64)
    assert leverage(ts, np.array([1.0, -1.0]), np.zeros(2), np.zeros(2))[0].reason
