"""Windows cut in halves against windows summed afresh, exactly."""

from __future__ import annotations

from fractions import Fraction
from math import nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.klines.features.extremes import RollingMaximum
from quant_channels.klines.features.rolling import RollingMean, RollingMoments


class Moments:
    """`RollingMoments` with the two parts of its mean added up, so that all kernels look alike."""

    def __init__(self, window):
        self.kernel = RollingMoments(window)

    def push(self, x):
        pivot, mean, variance = self.kernel.push(x)
        return (pivot + mean, variance)

    def push_many(self, x):
        pivots, means, variances = self.kernel.push_many(x)
        return np.column_stack((pivots + means, variances))


KERNELS = pytest.mark.parametrize("kernel", [RollingMean, Moments, RollingMaximum])


def exact_moments(values):
    """Mean and variance in rational numbers."""
    numbers = [Fraction(value) for value in values]
    mean = sum(numbers) / len(numbers)
    return mean, sum((number - mean) ** 2 for number in numbers) / len(numbers)


@KERNELS
@settings(max_examples=60, deadline=None)
@given(
    window=st.integers(1, 70),
    sizes=st.lists(st.sampled_from([0, 1, 2, 7, 63, 64, 65, 130, 400]), min_size=1, max_size=12),
    seed=st.integers(0, 9),
)
def test_blocks_of_any_size_give_the_bits_of_one_by_one(kernel, window, sizes, seed) -> None:
    x = np.random.default_rng(seed).normal(0.0, 3.0, 300)
    one_by_one, blocks = kernel(window), kernel(window)
    expected = np.array([one_by_one.push(value) for value in x.tolist()])
    got, start = [], 0
    while start < len(x):
        size = sizes[len(got) % len(sizes)]
        part = x[start : start + max(size, 1)]
        got.append(blocks.push_many(part) if size else np.array([blocks.push(float(part[0]))]))
        start += len(part)
    together = np.concatenate(got)
    assert np.isnan(together[: window - 1]).all()
    assert np.isnan(expected[: window - 1]).all()
    assert together[window - 1 :].tobytes() == expected[window - 1 :].tobytes()


@pytest.mark.parametrize("window", [1, 2, 3, 20, 97])
def test_is_the_largest_of_each_window(window) -> None:
    x = np.random.default_rng(window).normal(size=500)
    expected = [x[row - window + 1 : row + 1].max() for row in range(window - 1, len(x))]
    assert RollingMaximum(window).push_many(x)[window - 1 :].tolist() == expected


@pytest.mark.parametrize("window", [2, 3, 20, 96])
@pytest.mark.parametrize("level", [0.0, 100.0, 1e9])
def test_moments_are_those_of_exact_arithmetic(window, level) -> None:
    x = level + np.random.default_rng(window).normal(size=400)
    moments = RollingMoments(window)
    means = RollingMean(window).push_many(x)
    for row, value in enumerate(x.tolist()):
        pivot, mean, variance = moments.push(value)
        if row < window - 1:
            continue
        exact_mean, exact_variance = exact_moments(x[row - window + 1 : row + 1])
        assert means[row] == pytest.approx(float(exact_mean), rel=1e-14, abs=1e-14)
        assert float(Fraction(pivot) + Fraction(mean) - exact_mean) == pytest.approx(0.0, abs=1e-13)
        assert variance == pytest.approx(float(exact_variance), rel=1e-12)


@pytest.mark.parametrize("price", [100.1, 1 / 3, 1e12 / 7])
def test_equal_values_have_that_mean_and_no_variance(price) -> None:
    x = np.concatenate((np.random.default_rng(0).normal(price, price / 9, 50), np.full(100, price)))
    pivots, means, variances = RollingMoments(20).push_many(x)
    assert (variances[19:69] > 0.0).all()
    assert set((pivots + means)[69:].tolist()) == {price}
    assert set(variances[69:].tolist()) == {0.0}
    assert set(RollingMean(20).push_many(x)[69:].tolist()) == {price}


def test_a_spike_that_has_left_the_window_leaves_no_trace() -> None:
    calm = np.random.default_rng(0).normal(1.0, 0.1, 200)
    spiked = calm.copy()
    spiked[70:90] = 1e200
    after = slice(90 + 20 - 1, None)
    for kernel in (RollingMean, RollingMaximum):
        expected = kernel(20).push_many(calm)[after]
        assert kernel(20).push_many(spiked)[after].tolist() == expected.tolist()
    spiked[70:90] = 1e100
    moments, expected = Moments(20).push_many(spiked), Moments(20).push_many(calm)
    assert moments[after].tolist() == expected[after].tolist()


def test_does_not_drift_over_300_000_values() -> None:
    x = 4e4 + np.random.default_rng(0).normal(0.0, 20.0, 300_000).cumsum()
    table = Moments(96).push_many(x)
    for row in range(299_900, 300_000):
        mean, variance = exact_moments(x[row - 95 : row + 1])
        assert table[row, 0] == pytest.approx(float(mean), rel=1e-15)
        assert sqrt(table[row, 1]) == pytest.approx(sqrt(variance), rel=1e-13)


@KERNELS
def test_an_empty_column_changes_nothing(kernel) -> None:
    tried, plain = kernel(3), kernel(3)
    for x in (1.0, 5.0, 2.0, 4.0, 3.0, 9.0, 0.0):
        assert len(tried.push_many(np.array([]))) == 0
        assert np.array_equal(tried.push(x), plain.push(x), equal_nan=True)


@pytest.mark.parametrize("kernel", [RollingMean, Moments])
def test_nan_leaves_no_trace(kernel) -> None:
    with_holes, without = kernel(3), kernel(3)
    x = np.array([1.0, nan, 2.0, 3.0, nan, nan, 4.0, 5.0])
    y = with_holes.push_many(x)
    assert np.isnan(y[np.isnan(x)]).all()
    assert np.isnan(with_holes.push(nan)).all()
    assert np.array_equal(y[~np.isnan(x)], without.push_many(x[~np.isnan(x)]), equal_nan=True)
    assert with_holes.push(6.0) == without.push(6.0)
