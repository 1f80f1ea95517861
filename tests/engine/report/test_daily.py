"""The daily series: which moments it has, and what a partial day counts for."""

import numpy as np
import pytest

from quant_contracts.units import DAY, HOUR
from quant_engine.report.daily import days_of, missing_returns, simple_returns

NEW_YEAR = 18_993 * DAY


def samples(first, last, step=4 * HOUR):
    inner = np.arange(first // step + 1, last // step + 1, dtype=np.int64) * step
    return np.unique(np.concatenate(([first], inner, [last])))


@pytest.mark.parametrize("days", [1, 2, 30, 365, 1461, 3653])
def test_whole_days_give_as_many_returns(days):
    made = days_of(samples(NEW_YEAR, NEW_YEAR + days * DAY))
    assert made.returns == days
    assert set(np.diff(made.ts).tolist()) == {DAY}


def test_partial_days_at_either_end_each_count_as_one_return():
    ts = samples(NEW_YEAR + 10 * HOUR, NEW_YEAR + 3 * DAY + 6 * HOUR)
    made = days_of(ts)
    assert made.returns == 4
    assert made.first_span == 14 * HOUR
    assert made.last_span == 6 * HOUR
    assert ts[made.rows].tolist() == made.ts.tolist()


def test_within_one_day_there_is_one_return():
    made = days_of(samples(NEW_YEAR + 2 * HOUR, NEW_YEAR + 9 * HOUR))
    assert made.ts.tolist() == [NEW_YEAR + 2 * HOUR, NEW_YEAR + 9 * HOUR]


def test_a_single_sample_has_no_return():
    made = days_of(np.array([NEW_YEAR], dtype=np.int64))
    assert (made.returns, made.first_span, made.last_span) == (0, 0, 0)


def test_a_midnight_without_a_sample_takes_the_one_before():
    ts = np.array([NEW_YEAR, NEW_YEAR + DAY - HOUR, NEW_YEAR + 2 * DAY + HOUR], dtype=np.int64)
    made = days_of(ts)
    assert made.rows.tolist() == [0, 1, 1, 2]
    assert simple_returns(np.array([100.0, 110.0, 99.0])[made.rows]).tolist() == pytest.approx(
        [0.1, 0.0, -0.1]
    )


def test_of_two_samples_at_midnight_the_later_counts():
    ts = np.array([NEW_YEAR, NEW_YEAR + DAY, NEW_YEAR + DAY], dtype=np.int64)
    assert days_of(ts).rows.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("equity", "reason"),
    [
        ([100.0], "no time passed"),
        ([0.0, 1.0], "the initial capital is not above 0"),
        ([100.0, -1.0, 5.0], "equity was not above 0 on 2022-01-02"),
        ([100.0, 90.0], ""),
    ],
)
def test_says_why_there_are_no_returns(equity, reason):
    ts = NEW_YEAR + np.arange(len(equity), dtype=np.int64) * DAY
    assert missing_returns(np.array(equity), ts) == reason
