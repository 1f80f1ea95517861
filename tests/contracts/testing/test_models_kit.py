"""The checks of models pass good models and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest

from quant_contracts.protocols import FeatureSpec
from quant_contracts.testing import FeatureSpy, Row, channel_rows, invented_rows, models, run_checks

FRESH = itertools.count()


class Centred(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mean reversion on an index from 0 to 100, with a block form."""

    window: int = 14

    @property
    def needs(self):
        return (FeatureSpec("RSI", {"window": self.window}),)

    def predict(self, features, /):
        return (50.0 - features[f"rsi_{self.window}"]) / 50.0

    def predict_many(self, columns, /):
        return (50.0 - columns[f"rsi_{self.window}"]) / 50.0


class OneByOne(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The same without a block form, and with room for a memory it should not have."""

    window: int = 14

    def __post_init__(self):
        self._asked = 0
        self._bias = next(FRESH) % 2 / 1000

    @property
    def needs(self):
        return (FeatureSpec("RSI", {"window": self.window}),)

    def predict(self, features, /):
        return (50.0 - features[f"rsi_{self.window}"]) / 51.0


class NeedsAList(OneByOne):
    @property
    def needs(self):
        return [FeatureSpec("RSI", {"window": self.window})]


class NeedsAnObject(OneByOne):
    @property
    def needs(self):
        return (FeatureSpec("RSI", {"window": object()}),)


class TooSure(OneByOne):
    def predict(self, features, /):
        return 1.5 * super().predict(features)


class NotANumber(OneByOne):
    def predict(self, features, /):
        rsi = features[f"rsi_{self.window}"]
        return math.nan if rsi == 50.0 else super().predict(features)


class RefusesTheEdge(OneByOne):
    def predict(self, features, /):
        rsi = features[f"rsi_{self.window}"]
        return 0.0 if rsi == 100.0 else 0.1 / (100.0 - rsi)


class Moody(OneByOne):
    def predict(self, features, /):
        return super().predict(features) + self._bias


class Tires(OneByOne):
    def predict(self, features, /):
        self._asked += 1
        return super().predict(features) * (1.0 if self._asked < 60 else 0.5)


class ReadsEverything(OneByOne):
    def predict(self, features, /):
        return math.tanh(math.fsum(features.values()))


class Writes(OneByOne):
    def predict(self, features, /):
        features["rsi"] = features[f"rsi_{self.window}"]
        return super().predict(features)


class RoundsInBlocks(Centred):
    def predict_many(self, columns, /):
        return (50.0 - columns[f"rsi_{self.window}"]) * 0.02


class WritesIntoColumns(Centred):
    def predict_many(self, columns, /):
        column = columns[f"rsi_{self.window}"]
        scores = super().predict_many(columns)
        column[:] = 0.0
        return scores


class ReturnsAList(Centred):
    def predict_many(self, columns, /):
        return super().predict_many(columns).tolist()


class Incomplete(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    @property
    def needs(self):
        return ()


BAD = {
    NeedsAList: {"needs"},
    NeedsAnObject: {"needs"},
    TooSure: {"score_is_within_bounds"},
    NotANumber: {"score_is_within_bounds"},
    Moody: {"prediction_is_pure"},
    Tires: {"prediction_is_pure", "reads_only_what_it_needs"},
    ReadsEverything: {"reads_only_what_it_needs"},
    Writes: {"features_are_left_alone"},
    RoundsInBlocks: {"blocks_equal_one_by_one"},
    WritesIntoColumns: {"blocks_equal_one_by_one"},
    ReturnsAList: {"blocks_equal_one_by_one"},
}


@pytest.mark.parametrize("factory", [Centred, lambda: Centred(window=3), OneByOne])
def test_a_good_model_keeps_every_promise(broken, factory):
    assert broken("models", factory) == {}


@pytest.mark.parametrize("model", BAD)
def test_a_bad_model_breaks_just_its_promise(broken, model):
    assert broken("models", model).keys() == BAD[model]


def test_every_check_can_fail():
    own = {function.__name__ for function in (*models.CHECKS, *models.BLOCK_CHECKS)}
    assert own == {f"check_{name}" for names in BAD.values() for name in names}


def test_refusing_a_lawful_value_shows_as_what_was_raised(broken):
    class Fragile(OneByOne):
        def predict(self, features, /):
            return 1.0 / (100.0 - features[f"rsi_{self.window}"])

    detail = broken("models", Fragile)["score_is_within_bounds"]
    assert "raised ZeroDivisionError" in detail
    assert "test_models_kit.py, line" in detail


def test_a_model_without_predict_is_told_what_it_lacks(broken):
    assert "a ModelProto has 'predict'" in broken("models", Incomplete)["shape"]


def test_what_a_model_does_not_offer_is_not_held_against_it():
    verdicts = {result.name: result.verdict for result in run_checks("models", OneByOne)}
    assert verdicts["blocks_equal_one_by_one"] == "not offered"
    assert set(verdicts.values()) == {"kept", "not offered"}


class Constant(msgspec.Struct, dict=True):
    """A channel for the rows: it says one name."""

    window: int = 14

    outputs = property(lambda self: (f"rsi_{self.window}",))
    warmup = 2

    def __post_init__(self):
        self._seen = 0

    def update(self, bar, /):
        self._seen += 1
        return (bar.close % 100,) if self._seen >= self.warmup else None


def test_with_real_channels_a_misspelt_feature_is_found(broken):
    class Misspells(OneByOne):
        def predict(self, features, /):
            return features[f"rsi{self.window}"] / 100

    class Defaults(OneByOne):
        def predict(self, features, /):
            return features.get(f"rsi{self.window}", 0.0) / 100

    rows = channel_rows(OneByOne().needs, lambda spec: msgspec.convert(spec.params, Constant))
    assert broken("models", OneByOne, rows) == {}
    for model in (Misspells, Defaults):
        detail = broken("models", model, rows)["score_is_within_bounds"]
        assert "it reads only what the channels in its `needs` say" in detail
        assert "'rsi14'" in detail


def test_what_is_optional_is_absent_at_times(broken):
    class Leans(OneByOne):
        """On the other feature where it is there, with a block form for rows in which it is."""

        @property
        def needs(self):
            return (*super().needs, FeatureSpec("Other", {"window": 7}, optional=True))

        def predict(self, features, /):
            return (features[f"rsi_{self.window}"] + self.other(features)) / 300

        def other(self, features):
            return features.get("rsi_7", 0.0)

        def predict_many(self, columns, /):
            return (columns[f"rsi_{self.window}"] + columns["rsi_7"]) / 300

    class Demands(Leans):
        def other(self, features):
            return features["rsi_7"]

    def build(spec):
        return msgspec.convert(spec.params, Constant)

    rows = channel_rows(Leans().needs, build)
    assert {row.absent for row in rows} == {frozenset(), frozenset({"rsi_7"})}
    assert broken("models", Leans, rows) == {}
    detail = broken("models", Demands, rows)["score_is_within_bounds"]
    assert "it does without the features that it says are optional" in detail
    assert "'rsi_7'" in detail


def test_invented_features_are_plausible_for_their_names():
    rows = invented_rows(50)
    for name, low, high in (
        ("rsi_14", 0, 100),
        ("atr_7", 0.05, 5),
        ("vol_cc_96", 1e-4, 0.3),
        ("zscore_9", -4, 4),
    ):
        values = [row.value(name) for row in rows]
        assert [min(values), max(values)] == [low, high]
        assert len(set(values)) == len(values)
    assert [row.value("mine") for row in invented_rows(3, {"mine": (7.0, 9.0)})] == [7.0, 9.0, 8.0]


def test_a_key_error_of_the_parts_own_stays_one(broken):
    class Looks(OneByOne):
        def predict(self, features, /):
            return {1: features[f"rsi_{self.window}"]}[2]

    assert "raised KeyError: 2" in broken("models", Looks)["score_is_within_bounds"]


def test_a_spy_takes_writes_without_a_word():
    spy = FeatureSpy(Row(1.0, {"a": 1.0}.__getitem__).value)
    spy["a"] = 2.0
    del spy["b"]
    assert (spy["a"], len(spy), dict(spy)) == (1.0, 1, {"a": 1.0})
    assert np.isclose(spy["a"], 1.0)


def test_channels_that_never_speak_prove_nothing():
    class Silent(Constant):
        def update(self, bar, /):
            return None

    with pytest.raises(ValueError, match="never had values together"):
        channel_rows(OneByOne().needs, lambda _: Silent())
