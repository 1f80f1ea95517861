"""ThresholdDecision: its truth table, its hysteresis, and that looking ahead finds what stepping finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.events import Intent, Score
from quant_contracts.protocols import BlockDecision, DecisionProto
from quant_engine.decision import ThresholdDecision
from quant_engine.models import RSIModel

FLAT = Intent(0, "BTCUSDT", 0, 0.0, "start")
LONG = Intent(0, "BTCUSDT", 1, 1.0, "enter_long")
SHORT = Intent(0, "BTCUSDT", -1, 1.0, "enter_short")

SIGN = ThresholdDecision()
PLAIN = ThresholdDecision(threshold=0.4)
HYSTERESIS = ThresholdDecision(threshold=0.4, exit=0.1)
LONG_ONLY = ThresholdDecision(threshold=0.4, exit=-0.4, allow_short=False)
SHORT_ONLY = ThresholdDecision(threshold=0.4, exit=-0.4, allow_long=False)
STOP_AND_REVERSE = ThresholdDecision(threshold=0.4, exit=-0.4)

LEVELS = [-1.0, -0.5, -0.4, -0.2, -0.1, -0.05, -0.0, 0.0, 0.05, 0.1, 0.2, 0.4, 0.5, 1.0]


@pytest.mark.parametrize(
    ("decision", "held", "value", "direction", "reason"),
    [
        pytest.param(SIGN, FLAT, 0.01, 1, "enter_long", id="sign: up from flat"),
        pytest.param(SIGN, FLAT, -0.01, -1, "enter_short", id="sign: down from flat"),
        pytest.param(SIGN, FLAT, 0.0, 0, "hold", id="sign: zero keeps flat"),
        pytest.param(SIGN, LONG, 0.0, 1, "hold", id="sign: zero keeps long"),
        pytest.param(SIGN, LONG, -0.0, 1, "hold", id="sign: minus zero keeps long"),
        pytest.param(SIGN, SHORT, 0.0, -1, "hold", id="sign: zero keeps short"),
        pytest.param(SIGN, LONG, -0.01, -1, "reverse", id="sign: long turns"),
        pytest.param(SIGN, SHORT, 0.01, 1, "reverse", id="sign: short turns"),
        pytest.param(PLAIN, FLAT, 0.4, 0, "hold", id="plain: on the level is not above it"),
        pytest.param(PLAIN, LONG, 0.4, 1, "hold", id="plain: on the level is not below it"),
        pytest.param(PLAIN, LONG, 0.39, 0, "exit", id="plain: no hysteresis"),
        pytest.param(PLAIN, SHORT, -0.39, 0, "exit", id="plain: no hysteresis, short"),
        pytest.param(HYSTERESIS, FLAT, 0.3, 0, "hold", id="hysteresis: not yet"),
        pytest.param(HYSTERESIS, FLAT, 0.5, 1, "enter_long", id="hysteresis: now"),
        pytest.param(HYSTERESIS, FLAT, -0.5, -1, "enter_short", id="hysteresis: now, short"),
        pytest.param(HYSTERESIS, LONG, 0.1, 1, "hold", id="hysteresis: long kept on the level"),
        pytest.param(HYSTERESIS, LONG, 0.09, 0, "exit", id="hysteresis: long given up"),
        pytest.param(HYSTERESIS, LONG, -0.4, 0, "exit", id="hysteresis: not far enough to turn"),
        pytest.param(HYSTERESIS, LONG, -0.41, -1, "reverse", id="hysteresis: long turns"),
        pytest.param(HYSTERESIS, SHORT, -0.1, -1, "hold", id="hysteresis: short kept on the level"),
        pytest.param(HYSTERESIS, SHORT, -0.09, 0, "exit", id="hysteresis: short given up"),
        pytest.param(HYSTERESIS, SHORT, 0.41, 1, "reverse", id="hysteresis: short turns"),
        pytest.param(LONG_ONLY, FLAT, 0.41, 1, "enter_long", id="long only: in"),
        pytest.param(LONG_ONLY, FLAT, -1.0, 0, "hold", id="long only: never short"),
        pytest.param(LONG_ONLY, LONG, -0.4, 1, "hold", id="long only: kept on the level"),
        pytest.param(LONG_ONLY, LONG, -0.41, 0, "exit", id="long only: out, not over"),
        pytest.param(SHORT_ONLY, FLAT, 1.0, 0, "hold", id="short only: never long"),
        pytest.param(SHORT_ONLY, FLAT, -0.41, -1, "enter_short", id="short only: in"),
        pytest.param(SHORT_ONLY, SHORT, 0.41, 0, "exit", id="short only: out, not over"),
        pytest.param(STOP_AND_REVERSE, LONG, -0.4, 1, "hold", id="always in: kept"),
        pytest.param(STOP_AND_REVERSE, LONG, -0.41, -1, "reverse", id="always in: turned"),
        pytest.param(SIGN, LONG, math.nan, 1, "hold", id="no number keeps what is held"),
        pytest.param(SIGN, FLAT, math.nan, 0, "hold", id="no number takes nothing"),
    ],
)
def test_truth_table(decision, held: Intent, value: float, direction: int, reason: str) -> None:
    got = decision.decide(Score(7, "BTCUSDT", value), {}, held)
    assert got == Intent(7, "BTCUSDT", direction, 1.0 if direction else 0.0, reason)
    assert decision.next_change(np.array([value]), {}, held, 0) == (1 if reason == "hold" else 0)


def test_raw_rsi_with_threshold_0_would_be_long_for_ever_and_the_centred_score_is_not() -> None:
    def stances(scores: list[float]) -> list[int]:
        held, taken = FLAT, []
        for ts, value in enumerate(scores):
            held = SIGN.decide(Score(ts, "BTCUSDT", value), {}, held)
            taken.append(held.direction)
        return taken

    indices = [float(rsi) for rsi in range(1, 101)]
    assert set(stances(indices)) == {1}
    model = RSIModel()
    assert stances([model.predict({"rsi_14": rsi}) for rsi in indices]) == [1] * 50 + [-1] * 50


@given(indices=st.lists(st.floats(0, 100) | st.sampled_from([30.0, 70.0, 50.0]), max_size=60))
def test_buys_below_rsi_30_and_sells_above_70(indices: list[float]) -> None:
    model, held, invested = RSIModel(), FLAT, False
    for ts, rsi in enumerate(indices):
        invested = rsi <= 70 if invested else rsi < 30
        held = LONG_ONLY.decide(Score(ts, "BTCUSDT", model.predict({"rsi_14": rsi})), {}, held)
        assert held.direction == invested


@st.composite
def decisions(draw) -> ThresholdDecision:
    threshold = draw(st.sampled_from([0.0, 0.1, 0.4]))
    both = draw(st.booleans())
    exits = [level for level in (-1.0, -0.4, -0.1, 0.0, 0.1, 0.4) if level <= threshold]
    level = draw(st.none() | st.sampled_from([x for x in exits if not both or x >= -threshold]))
    long = draw(st.booleans())
    return ThresholdDecision(threshold, level, allow_long=both or long, allow_short=both or not long)


SCORES = st.lists(st.sampled_from([*LEVELS, math.nan]) | st.floats(-1, 1), max_size=60)


@given(decision=decisions(), values=SCORES)
def test_down_mirrors_up(decision: ThresholdDecision, values: list[float]) -> None:
    mirror = ThresholdDecision(
        decision.threshold, decision.exit, allow_long=decision.allow_short, allow_short=decision.allow_long
    )
    held, mirrored = FLAT, FLAT
    for value in values:
        held = decision.decide(Score(0, "BTCUSDT", value), {}, held)
        mirrored = mirror.decide(Score(0, "BTCUSDT", -value), {}, mirrored)
        assert mirrored.direction == -held.direction


@given(decision=decisions(), values=SCORES, start=st.integers(0, 60))
def test_next_change_is_what_a_scan_finds(decision, values: list[float], start: int) -> None:
    scores = np.array(values, dtype=np.float64)
    for held in (FLAT, LONG, SHORT):
        scan = (
            row
            for row in range(start, len(values))
            if not decision.decide(Score(0, "BTCUSDT", values[row]), {}, held).same_as(held)
        )
        assert decision.next_change(scores, {}, held, start) == next(scan, len(values))


@pytest.mark.parametrize("row", [0, 1, 255, 256, 257, 4095, 4096, 4351, 4352, 4353, 9998, 9999])
@pytest.mark.parametrize("start", [0, 100, 300])
def test_finds_a_change_however_far_away(row: int, start: int) -> None:
    scores = np.zeros(10_000)
    scores[row] = 0.5
    assert PLAIN.next_change(scores, {}, FLAT, start) == (row if row >= start else 10_000)


@settings(max_examples=20)
@given(decision=decisions(), seed=st.integers(0, 2**32 - 1))
def test_jumping_from_change_to_change_gives_the_run_of_single_steps(decision, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.05, 2_000)
    scores = np.clip(np.cumsum(noise) % 2 - 1, -1, 1)
    stepped, held = [], FLAT
    for row, value in enumerate(scores.tolist()):
        was, held = held, decision.decide(Score(row, "BTCUSDT", value), {}, held)
        if not held.same_as(was):
            stepped.append(held)
    jumped, held, row = [], FLAT, decision.next_change(scores, {}, FLAT, 0)
    while row < len(scores):
        held = decision.decide(Score(row, "BTCUSDT", float(scores[row])), {}, held)
        jumped.append(held)
        row = decision.next_change(scores, {}, held, row + 1)
    assert jumped == stepped


def test_keeps_the_shape_of_the_promise() -> None:
    assert isinstance(SIGN, DecisionProto)
    assert isinstance(SIGN, BlockDecision)
    assert SIGN.needs == ()


@pytest.mark.parametrize(
    ("given_settings", "says"),
    [
        pytest.param({"threshold": 30}, "on the score's scale", id="a level of the raw index"),
        pytest.param({"threshold": -0.1}, "from 0 up to but not including 1, not -0.1", id="below 0"),
        pytest.param({"threshold": 1.0}, "from 0 up to but not including 1, not 1.0", id="out of reach"),
        pytest.param({"threshold": float("nan")}, "threshold: nan is not a usable number", id="no number"),
        pytest.param({"threshold": "0.4"}, "Expected 'float', got 'str'", id="text"),
        pytest.param({"treshold": 0.4}, "did you mean 'threshold'?", id="misspelt"),
        pytest.param({"threshold": 0.1, "exit": 0.4}, "exit must be from -1 to threshold", id="exit above"),
        pytest.param({"exit": -1.5, "allow_short": False}, "exit must be from -1", id="exit off the scale"),
        pytest.param({"threshold": 0.1, "exit": -0.4}, "turns over at -0.1", id="exit behind the turn"),
        pytest.param({"allow_long": False, "allow_short": False}, "allow at least one", id="nothing allowed"),
    ],
)
def test_bad_settings_are_refused_with_what_would_be_right(given_settings, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(given_settings, ThresholdDecision, "BTCUSDT.decision.params")
    assert says in str(refused.value)
    assert str(refused.value).startswith("BTCUSDT.decision.params")


@pytest.mark.parametrize("name", ["threshold", "exit"])
def test_a_number_that_is_none_is_refused_in_code_too(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        ThresholdDecision(**{name: math.nan})
