"""A fused score is the weighted mean of the specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_channels.sentiment.text.fusion import Fusion, Probabilities

SCORE = st.floats(-1, 1)
WEIGHT = st.floats(0, 100)


@st.composite
def probabilities(draw):
    first, second = sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    return Probabilities(first, second - first, 1 - second)


@pytest.mark.parametrize(
    ("vader", "found", "weights", "expected"),
    [
        pytest.param(0.6, Probabilities(0.1, 0.7, 0.2), (1, 1), (0.6 - 0.6 * 0.8) / 1.8, id="equal weights"),
        pytest.param(0.5, Probabilities(1.0, 0.0, 0.0), (1, 3), (0.5 + 3) / 4, id="FinBERT is sure"),
        pytest.param(0.5, Probabilities(0.0, 0.0, 1.0), (1, 3), 0.5, id="FinBERT takes no side"),
        pytest.param(0.5, Probabilities(1.0, 0.0, 0.0), (1, 0), 0.5, id="no weight"),
        pytest.param(-0.4, None, (2, 3), -0.4, id="no FinBERT"),
    ],
)
def test_known_answers(vader, found, weights, expected):
    assert Fusion(*weights).fuse(vader, found) == pytest.approx(expected, abs=1e-15)


@given(vader=SCORE, found=probabilities(), first=st.floats(1e-3, 100), second=WEIGHT)
def test_a_fused_score_lies_between_the_two(vader, found, first, second):
    fused = Fusion(first, second).fuse(vader, found)
    assert -1 <= fused <= 1
    assert min(vader, found.balance) <= fused <= max(vader, found.balance)


@given(vader=SCORE, first=st.floats(1e-3, 100), second=WEIGHT)
def test_without_finbert_it_is_vaders_score_to_the_bit(vader, first, second):
    assert Fusion(first, second).fuse(vader, None) == vader


@pytest.mark.parametrize("weights", [(0, 1), (-1, 1), (1, -1), (float("nan"), 1), (1, float("inf"))])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="need vader_weight above 0"):
        Fusion(*weights)


@pytest.mark.parametrize("vader", [1.1, float("nan"), float("-inf")])
def test_a_score_that_is_none_is_refused(vader):
    with pytest.raises(ValueError, match="from -1 to 1"):
        Fusion().fuse(vader, None)
