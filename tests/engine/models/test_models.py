"""Every model: bounded, centred, the same bits alone and in a block, and helpful about bad settings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.protocols import BlockModel, FeatureSpec, ModelProto
from quant_engine.models import LinearModel, MomentumModel, PairsModel, RSIModel, Term, ZScoreModel

RSI = st.floats(0, 100)
Z = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 2.0, -2.0, 5e-324, 1e308, -1e308])
MOVE = st.floats(-1, 10) | st.sampled_from([0.0, -0.0, 0.04, -0.04, 5e-324])
VOLATILITY = st.floats(0, 5) | st.sampled_from([0.0, 0.02, 5e-324])

TERMS = [
    Term("RSI", "rsi_14", weight=-0.6, centre=50.0, scale=30.0),
    Term("ZScore", "zscore_96", weight=0.7, scale=2.0, optional=True),
]
MODELS = [
    pytest.param(LinearModel(TERMS), {"rsi_14": RSI, "zscore_96": Z}, id="linear"),
    pytest.param(RSIModel(), {"rsi_14": RSI}, id="RSI"),
    pytest.param(RSIModel(window=5, follow=True), {"rsi_5": RSI}, id="RSI, following"),
    pytest.param(MomentumModel(), {"return_96": MOVE, "vol_cc_96": VOLATILITY}, id="momentum"),
    pytest.param(MomentumModel(4, 0.3), {"return_4": MOVE, "vol_cc_4": VOLATILITY}, id="short momentum"),
    pytest.param(ZScoreModel(), {"zscore_96": Z}, id="z-score"),
    pytest.param(ZScoreModel(20, 1e-300), {"zscore_20": Z}, id="z-score, all or nothing"),
    pytest.param(PairsModel("ETHUSDT", 30, 3.0), {"spread_z_ETHUSDT_30": Z}, id="pairs"),
]


@pytest.mark.parametrize(("model", "inputs"), MODELS)
@given(data=st.data())
def test_a_block_scores_like_its_rows_to_the_bit_and_within_bounds(model, inputs, data) -> None:
    rows = data.draw(st.lists(st.fixed_dictionaries(inputs), min_size=1, max_size=40))
    alone = [model.predict(row) for row in rows]
    together = model.predict_many({name: np.array([row[name] for row in rows]) for name in inputs})
    assert np.array(alone).tobytes() == together.tobytes()
    assert all(-1 <= score <= 1 for score in alone)
    assert together.dtype == np.float64


@pytest.mark.parametrize(("model", "inputs"), MODELS)
def test_a_block_is_only_read(model, inputs) -> None:
    columns = {name: np.array([0.1, 0.5, 2.0]) for name in inputs}
    for column in columns.values():
        column.flags.writeable = False
    scores = model.predict_many(columns)
    assert not any(np.shares_memory(scores, column) for column in columns.values())


@pytest.mark.parametrize(("model", "inputs"), MODELS)
def test_keeps_the_shape_of_the_promise(model, inputs) -> None:
    assert isinstance(model, ModelProto)
    assert isinstance(model, BlockModel)


@pytest.mark.parametrize(("model", "inputs"), MODELS)
def test_a_missing_feature_is_an_error_and_never_a_zero(model, inputs) -> None:
    with pytest.raises(KeyError):
        model.predict({})


@pytest.mark.parametrize(
    ("model", "needs"),
    [
        (RSIModel(window=7), (FeatureSpec("RSI", {"window": 7}),)),
        (
            MomentumModel(window=48),
            (FeatureSpec("Return", {"window": 48}), FeatureSpec("CloseToClose", {"window": 48})),
        ),
        (ZScoreModel(window=20), (FeatureSpec("ZScore", {"window": 20}),)),
        (PairsModel("ETHUSDT", 20), (FeatureSpec("Spread", {"other": "ETHUSDT", "window": 20}),)),
    ],
)
def test_names_the_channels_it_needs(model, needs) -> None:
    assert model.needs == needs


@pytest.mark.parametrize(
    ("rsi", "score"), [(0.0, 1.0), (25.0, 0.5), (30.0, 0.4), (50.0, 0.0), (70.0, -0.4), (100.0, -1.0)]
)
def test_an_oversold_market_is_expected_to_rise(rsi: float, score: float) -> None:
    assert RSIModel().predict({"rsi_14": rsi}) == score
    assert RSIModel(follow=True).predict({"rsi_14": rsi}) == -score


def test_rsi_levels_fall_exactly_on_their_scores() -> None:
    model = RSIModel()
    assert model.predict({"rsi_14": math.nextafter(30, 0)}) > 0.4
    assert model.predict({"rsi_14": math.nextafter(70, 100)}) < -0.4


@pytest.mark.parametrize(
    ("move", "volatility", "score"),
    [
        pytest.param(0.02, 0.02, 0.5, id="one daily volatility up"),
        pytest.param(-0.02, 0.02, -0.5, id="one daily volatility down"),
        pytest.param(0.04, 0.02, 1.0, id="just full"),
        pytest.param(-0.3, 0.02, -1.0, id="a crash"),
        pytest.param(0.01, 0.0, 1.0, id="a rise where nothing moves"),
        pytest.param(-0.01, 0.0, -1.0, id="a fall where nothing moves"),
        pytest.param(0.0, 0.0, 0.0, id="nothing moves"),
    ],
)
def test_momentum_is_measured_in_volatilities(move: float, volatility: float, score: float) -> None:
    assert MomentumModel(full_at=2.0).predict({"return_96": move, "vol_cc_96": volatility}) == score


@given(move=MOVE, volatility=VOLATILITY)
def test_momentum_down_mirrors_momentum_up(move: float, volatility: float) -> None:
    model = MomentumModel()
    up, down = ({"return_96": sign * move, "vol_cc_96": volatility} for sign in (1, -1))
    assert model.predict(up) == -model.predict(down)


@given(one=Z, other=Z)
def test_the_further_above_its_average_the_lower_the_score(one: float, other: float) -> None:
    model = ZScoreModel()
    low, high = sorted((one, other))
    assert model.predict({"zscore_96": low}) >= model.predict({"zscore_96": high})


@given(z=Z)
def test_the_two_legs_of_a_pair_take_opposite_sides(z: float) -> None:
    here = PairsModel("ETHUSDT", 96).predict({"spread_z_ETHUSDT_96": z})
    there = PairsModel("BTCUSDT", 96).predict({"spread_z_BTCUSDT_96": -z})
    assert here == -there


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        (RSIModel, {"window": 1}, "window must be at least 2, not 1"),
        (RSIModel, {"window": "14"}, "Expected 'int', got 'str'"),
        (RSIModel, {"window": 14.5}, "Expected 'int', got 'float'"),
        (RSIModel, {"windw": 14}, "did you mean 'window'?"),
        (RSIModel, {"follow": 1}, "Expected 'bool'"),
        (MomentumModel, {"window": 1}, "window must be at least 2, not 1"),
        (MomentumModel, {"full_at": 0}, "full_at must be above 0, such as 2.0, not 0"),
        (MomentumModel, {"full_at": float("nan")}, "full_at: nan is not a usable number"),
        (ZScoreModel, {"window": 0}, "window must be at least 2, not 0"),
        (ZScoreModel, {"full_at": -2.0}, "full_at must be above 0, such as 2.0, not -2.0"),
        (PairsModel, {}, "missing 'other'"),
        (PairsModel, {"other": ""}, "other must name the symbol"),
        (PairsModel, {"other": "ETHUSDT", "window": -5}, "window must be at least 2, not -5"),
        (PairsModel, {"other": "ETHUSDT", "full_at": 0.0}, "full_at must be above 0"),
    ],
)
def test_bad_settings_are_refused_with_what_would_be_right(kind, settings, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(settings, kind, "BTCUSDT.model.params")
    assert says in str(refused.value)
    assert str(refused.value).startswith("BTCUSDT.model.params")


@pytest.mark.parametrize("full_at", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [MomentumModel, ZScoreModel])
def test_a_number_that_is_none_is_refused_in_code_too(kind, full_at: float) -> None:
    with pytest.raises(ValueError, match="full_at must be above 0"):
        kind(full_at=full_at)


def test_an_optional_term_that_is_missing_adds_nothing() -> None:
    model = LinearModel(TERMS)
    assert model.predict({"rsi_14": 20.0}) == pytest.approx(0.6)
    assert model.predict({"rsi_14": 20.0, "zscore_96": -2.0}) == pytest.approx(-0.1)
    with pytest.raises(KeyError):
        model.predict({"zscore_96": 1.0})


def test_no_term_adds_more_than_its_weight() -> None:
    model = LinearModel([Term("ZScore", "zscore_96", weight=0.25, scale=0.5)])
    assert [model.predict({"zscore_96": z}) for z in (-1e9, -0.25, 0.0, 0.5, 1e9)] == [
        -0.25,
        -0.125,
        0.0,
        0.25,
        0.25,
    ]


def test_several_outputs_of_one_channel_need_it_once_each() -> None:
    terms = [Term("MACD", name, weight=0.1) for name in ("macd_12_26_9", "macd_signal_12_26_9")]
    assert LinearModel(terms).needs == tuple(FeatureSpec("MACD", outputs=(term.output,)) for term in terms)
