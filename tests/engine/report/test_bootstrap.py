"""The stationary bootstrap: what it draws, how it repeats, and when it has nothing to say."""

import numpy as np
import pytest

from quant_engine.report import bootstrap
from quant_engine.report.bootstrap import REPLICATIONS, intervals, mean_block, resample, stream_seed

RETURNS = np.random.default_rng(1).normal(0.001, 0.02, 200)


def plain_resamples(returns, seed, replications):
    """Politis and Romano's procedure, one resample and one day at a time, from the same random numbers."""
    days = len(returns)
    jump = 1 / mean_block(days)
    source = np.random.default_rng(stream_seed(seed, "report.bootstrap"))
    draws = [source.random(replications) for _ in range(days + 1)]
    rows = np.zeros((replications, days), dtype=int)
    for number in range(replications):
        row = int(draws[0][number] * days)
        for day in range(days):
            rows[number, day] = row
            draw = draws[day + 1][number]
            row = int(draw / jump * days) if draw < jump else (row + 1) % days
    return returns[rows]


def test_agrees_with_the_procedure_written_out():
    drawn = resample(RETURNS, seed=5, replications=40)
    samples = plain_resamples(RETURNS, 5, 40)
    equity = np.cumprod(1 + samples, axis=1)
    peak = np.maximum.accumulate(np.concatenate((np.ones((40, 1)), equity), axis=1), axis=1)[:, 1:]
    assert drawn.sharpe == pytest.approx(samples.mean(axis=1) / samples.std(axis=1, ddof=1), rel=1e-9)
    assert drawn.growth == pytest.approx(equity[:, -1], rel=1e-12)
    assert drawn.max_drawdown == pytest.approx(np.minimum((equity / peak - 1).min(axis=1), 0), rel=1e-12)


def test_blocks_keep_the_order_of_days():
    samples = plain_resamples(np.arange(343.0), 3, 200)
    follows = (samples[:, 1:] - samples[:, :-1]) % 343 == 1
    assert mean_block(343) == 7
    # A day follows its own with probability 1 - 1/7, and rarely by chance.
    assert follows.mean() == pytest.approx(1 - 1 / 7, abs=0.01)


def test_the_same_seed_gives_the_same_intervals_and_another_others():
    assert intervals(RETURNS, "", 4) == intervals(RETURNS, "", 4)
    assert intervals(RETURNS, "", 4).sharpe != intervals(RETURNS, "", 5).sharpe


@pytest.mark.parametrize("seed", [0, -3, 2**70])
def test_any_seed_will_do(seed):
    assert intervals(RETURNS, "", seed).sharpe.low is not None


def test_intervals_surround_the_figure_and_are_ordered():
    made = intervals(RETURNS, "", 0)
    sharpe = RETURNS.mean() / RETURNS.std(ddof=1) * np.sqrt(365)
    assert made.sharpe.low < sharpe < made.sharpe.high
    assert made.cagr.low < made.cagr.high
    assert -1 < made.max_drawdown.low < made.max_drawdown.high <= 0
    assert made.replications == REPLICATIONS


def test_width_is_about_that_of_the_sharpe_ratio_of_independent_returns():
    made = intervals(np.random.default_rng(2).normal(0, 0.02, 1000), "", 0)
    expected = 2 * 1.96 * np.sqrt(365 / 1000)
    assert made.sharpe.high - made.sharpe.low == pytest.approx(expected, rel=0.2)


def test_short_samples_are_flagged():
    made = intervals(RETURNS[:12], "", 0)
    assert (made.sharpe.flag, made.cagr.flag, made.max_drawdown.flag) == ("short_sample", "short_sample", "")


def test_flat_returns_have_no_sharpe_interval():
    made = intervals(np.zeros(50), "", 0)
    assert made.sharpe.low is None
    assert "hardly vary" in made.sharpe.reason
    assert (made.cagr.low, made.cagr.high) == (0.0, 0.0)


@pytest.mark.parametrize(("returns", "reason"), [(None, "no time passed"), (np.array([0.1]), "only one")])
def test_without_returns_there_is_a_reason(returns, reason):
    made = intervals(returns, "no time passed", 0)
    assert reason in made.sharpe.reason
    assert made.cagr.low is None


def test_growth_beyond_floats_is_said_so(monkeypatch):
    monkeypatch.setattr(bootstrap, "REPLICATIONS", 50)
    made = intervals(np.full(300, 50.0) + np.arange(300) % 2, "", 0)
    assert made.cagr.low is None
    assert "too large" in made.cagr.reason
