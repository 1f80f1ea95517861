"""Falls from a peak, by hand and against a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.units import DAY
from quant_engine.report.drawdowns import depths, drawdowns


def fall(*equity):
    return drawdowns(np.array(equity, dtype=float), np.arange(len(equity), dtype=np.int64) * DAY)


def test_peak_trough_and_recovery_of_one_fall():
    (only,) = fall(100, 110, 99, 105, 112)
    assert only.depth == pytest.approx(-0.1)
    assert (only.peak[:10], only.trough[:10], only.recovery[:10]) == (
        "1970-01-02",
        "1970-01-03",
        "1970-01-05",
    )
    assert only.days == 3.0
    assert not only.is_open


def test_a_fall_that_lasts_is_open_and_counted_to_the_end():
    (only,) = fall(100, 90, 95, 99)
    assert only.is_open
    assert only.recovery is None
    assert only.days == 3.0


def test_reaching_the_peak_again_is_recovery():
    (only,) = fall(100, 90, 100, 100)
    assert only.recovery[:10] == "1970-01-03"


def test_the_deepest_comes_first_and_of_equals_the_earlier():
    found = fall(100, 90, 100, 50, 100, 90, 101)
    assert [round(each.depth, 12) for each in found] == [-0.5, -0.1, -0.1]
    assert found[1].peak < found[2].peak


def test_the_initial_capital_is_the_first_peak():
    (only,) = fall(100, 80)
    assert only.depth == pytest.approx(-0.2)


@pytest.mark.parametrize("equity", [(100,), (100, 100), (100, 101, 102)])
def test_what_never_falls_has_none(equity):
    assert fall(*equity) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=60))
def test_agrees_with_a_plain_loop(equity):
    peak, deepest = equity[0], 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = min(deepest, value / peak - 1.0)
    found = fall(*equity)
    assert (found[0].depth if found else 0.0) == deepest
    assert depths(np.array(equity, dtype=float)).min() == deepest
    assert sum(each.is_open for each in found) == (equity[-1] < max(equity))
