"""Exponential smoothing by rows against the recurrence it stands for."""

from __future__ import annotations

from fractions import Fraction
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.klines.features.smoothing import ROW, Decay, Smoother, mean_of


def recurrence(x, keep, seed):
    """y = keep * y + (1 - keep) * x from the weighted sum of the first values, as one would write it."""
    y = sum(weight * value for weight, value in zip(seed, x, strict=False))
    values = [nan] * (len(seed) - 1) + [y]
    for value in x[len(seed) :]:
        y = keep * y + (1 - keep) * value
        values.append(y)
    return np.array(values)


@pytest.mark.parametrize("window", [2, 3, 14, 26, 100, 1000, 5000])
@pytest.mark.parametrize("kind", ["wilder", "span"])
@pytest.mark.parametrize("level", [False, True])
def test_equals_the_plain_recurrence(window, kind, level) -> None:
    source = np.random.default_rng(window)
    x = source.lognormal(3.0, 1.0, 3 * window + 1000)
    decay = getattr(Decay, kind)(window)
    keep = (window - 1) / (window if kind == "wilder" else window + 1)
    y = Smoother(decay, mean_of(window), level=level).push_many(x)
    expected = recurrence(x.tolist(), keep, mean_of(window))
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=0)


def test_stays_true_for_300_000_values() -> None:
    x = np.random.default_rng(1).lognormal(3.0, 1.0, 300_000)
    smoother = Smoother(Decay.wilder(14), mean_of(14))
    y = np.concatenate([smoother.push_many(part) for part in np.array_split(x, 77)])
    np.testing.assert_allclose(y, recurrence(x.tolist(), 13 / 14, mean_of(14)), rtol=1e-12, atol=0)


@settings(max_examples=60, deadline=None)
@given(
    keep=st.fractions(Fraction(1, 1000), Fraction(999, 1000), max_denominator=1000),
    seed=st.integers(1, 90),
    level=st.booleans(),
    sizes=st.lists(st.sampled_from([0, 1, 2, 7, 63, 64, 65, 130, 400]), min_size=1, max_size=12),
)
def test_blocks_of_any_size_give_the_bits_of_one_by_one(keep, seed, level, sizes) -> None:
    x = np.random.default_rng(seed).normal(10.0, 3.0, 500)
    one_by_one, blocks = (Smoother(Decay(keep), mean_of(seed), level=level) for _ in range(2))
    expected = np.array([one_by_one.push(value) for value in x.tolist()])
    got, start = [], 0
    while start < len(x):
        size = sizes[len(got) % len(sizes)]
        part = x[start : start + max(size, 1)]
        got.append(blocks.push_many(part) if size else np.array([blocks.push(float(part[0]))]))
        start += len(part)
    together = np.concatenate(got)
    assert np.isnan(together).sum() == seed - 1
    assert together[seed - 1 :].tobytes() == expected[seed - 1 :].tobytes()


@pytest.mark.parametrize(
    "keep", [Fraction(1, 10**6), Fraction(1, 3), Fraction(1, 2), Fraction(10**6 - 1, 10**6)]
)
def test_tables_stay_within_range_for_any_decay(keep) -> None:
    decay = Decay(keep)
    assert 1 <= len(decay.grow) <= ROW
    assert max(decay.grow) <= max(2.0**64, 1 / keep)
    assert min(decay.shrink) > 0.0


def test_keeps_its_relative_accuracy_far_down() -> None:
    smoother = Smoother(Decay.wilder(2), [1.0])
    values = [smoother.push(x) for x in [3.0] + [0.0] * 900]
    # Halving is exact, so is the answer.
    assert values == [3.0 / 2**k for k in range(901)]


@pytest.mark.parametrize("price", [100.1, 0.1, 1e12 / 3, 1e-9])
@pytest.mark.parametrize("window", [3, 12, 26, 200])
def test_a_level_that_stands_still_is_smoothed_to_itself(price, window) -> None:
    smoother = Smoother(Decay.span(window), mean_of(window, skip=5), level=True)
    y = smoother.push_many(np.full(window + 500, price))
    assert set(y[window + 4 :].tolist()) == {price}


def test_an_empty_column_changes_nothing() -> None:
    smoother = Smoother(Decay.span(3), mean_of(3))
    for x in (1.0, 2.0, 3.0, 4.0):
        assert len(smoother.push_many(np.array([]))) == 0
        smoother.push(x)
    assert smoother.push(5.0) == pytest.approx(4.0)


def test_nan_leaves_no_trace() -> None:
    with_holes, without = (Smoother(Decay.span(3), mean_of(3)) for _ in range(2))
    x = np.array([1.0, nan, 2.0, 3.0, nan, nan, 4.0, 5.0])
    y = with_holes.push_many(x)
    assert np.isnan(y[np.isnan(x)]).all()
    assert isnan(with_holes.push(nan))
    assert y[~np.isnan(x)][2:].tolist() == without.push_many(x[~np.isnan(x)])[2:].tolist()
    assert with_holes.push(6.0) == without.push(6.0)
