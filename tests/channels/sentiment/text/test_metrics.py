"""The measures are those everybody means."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from quant_channels.sentiment.text.metrics import accuracy, macro_f1, pearson, spearman


def test_accuracy_and_f1_by_hand():
    labels = ["a", "a", "a", "b", "b", "c"]
    calls = ["a", "a", "b", "b", "a", "b"]
    assert accuracy(labels, calls) == 3 / 6
    # a: 2 TP, 1 FP, 1 FN; b: 1 TP, 2 FP, 1 FN; c: 1 FN
    assert macro_f1(labels, calls, "abc") == pytest.approx((4 / 6 + 2 / 5 + 0) / 3)
    assert macro_f1(["a"], ["a"], "ab") == 0.5


PAIRS = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=40)


@settings(max_examples=60)
@given(pairs=PAIRS)
def test_correlations_are_those_of_scipy(pairs):
    first, second = [pair[0] / 4 for pair in pairs], [pair[1] / 4 for pair in pairs]
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert math.isnan(pearson(first, second))
        assert math.isnan(spearman(first, second))
    else:
        assert pearson(first, second) == pytest.approx(stats.pearsonr(first, second)[0], abs=1e-12)
        assert spearman(first, second) == pytest.approx(stats.spearmanr(first, second)[0], abs=1e-12)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="zip"):
        accuracy(["a"], ["a", "b"])
