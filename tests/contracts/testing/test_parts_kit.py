"""What holds for every part: its shape, and settings that are plain, public and checked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from quant_contracts.testing import BrokenPromise, Check, checks_for, kind_of, parts, run_checks


class Fixed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model whose score is a setting."""

    score: float = 0.5
    note: str = "none"

    @property
    def needs(self):
        return ()

    def predict(self, _features, /):
        return self.score


class Plain:
    """The same without settings: a part need not be a Struct."""

    needs = ()

    def predict(self, _features, /):
        return 0.5


class NeedsIsAMethod(Plain):
    def needs(self):
        return ()


class PredictIsAValue(Plain):
    predict = 0.5


class PredictTakesNothing(Plain):
    def predict(self):
        return 0.5


class PredictTakesMore(Plain):
    def predict(self, _features, _ts, /):
        return 0.5


class HasNoPredict:
    needs = ()


class TakesAnything(Fixed, forbid_unknown_fields=False):
    pass


class HidesItsSettings(Fixed):
    def __repr__(self):
        return "HidesItsSettings()"


class PrivateSetting(Fixed):
    _last: float = 0.0


class ChangesOnTheWay(Fixed, frozen=False):
    def __post_init__(self):
        self.score /= 2


class CannotBeWritten(Fixed):
    anything: Any = Plain()


BAD = {
    NeedsIsAMethod: {"shape"},
    PredictIsAValue: {"shape"},
    PredictTakesNothing: {"shape"},
    PredictTakesMore: {"shape"},
    HasNoPredict: {"shape"},
    TakesAnything: {"unknown_settings_are_refused"},
    HidesItsSettings: {"settings_are_in_sight"},
    PrivateSetting: {"settings_are_in_sight"},
    ChangesOnTheWay: {"settings_survive_a_file"},
}


@pytest.mark.parametrize("factory", [Fixed, Plain])
def test_a_good_part_keeps_every_promise(broken, factory):
    assert broken("models", factory) == {}


@pytest.mark.parametrize("part", BAD)
def test_a_bad_part_breaks_its_promise(broken, part):
    found = broken("models", part)
    assert found.keys() >= BAD[part]
    if BAD[part] != {"shape"}:
        assert found.keys() == BAD[part]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (HasNoPredict, "a ModelProto has 'predict'"),
        (NeedsIsAMethod, "'needs' is a property"),
        (PredictIsAValue, "'predict' is a method"),
        (PredictTakesNothing, "came      def predict()"),
        (PredictTakesMore, "came      def predict(_features, _ts, /)"),
    ],
)
def test_a_wrong_shape_is_named(broken, part, said):
    detail = broken("models", part)["shape"]
    assert said in detail
    assert "expected" in detail


def test_settings_that_no_file_can_hold_are_found(broken):
    assert "settings_survive_a_file" in broken("models", CannotBeWritten)


def test_every_check_can_fail():
    own = {function.__name__ for function in (parts.check_shape, *parts.CHECKS)}
    assert own == {f"check_{name}" for names in BAD.values() for name in names}


def test_misspelt_settings_are_refused_under_the_names_of_the_file():
    class Renamed(Fixed, rename={"score": "points"}):
        pass

    parts.check_unknown_settings_are_refused(Renamed)


def test_the_kind_of_a_part_is_told_by_its_shape():
    assert kind_of(Fixed()) == kind_of(Plain()) == "models"
    for stranger in (object(), HasNoPredict()):
        with pytest.raises(ValueError, match="the kinds are: features, models, decisions"):
            kind_of(stranger)


def test_a_kind_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no kind of part is called 'model'; did you mean 'models'"):
        checks_for("model")


def test_a_part_that_cannot_be_made_says_why():
    def factory():
        raise ValueError("window must be at least 2, not 1")

    with pytest.raises(ValueError, match="window must be at least 2"):
        run_checks("models", factory)


def test_every_check_has_a_name_and_a_promise():
    for kind in ("features", "models", "decisions", "risk", "policies", "routers", "slippage", "matching"):
        checks = checks_for(kind)
        assert len({check.name for check in checks}) == len(checks)
        for check in checks:
            assert str(check) == check.name
            assert check.promise.endswith("."), check
            assert len(check.promise) < 110


def test_a_check_raises_what_run_checks_reports():
    (shape,) = [check for check in checks_for("models") if check.name == "shape"]
    assert isinstance(shape, Check)
    shape(Fixed)
    with pytest.raises(BrokenPromise, match="a ModelProto has 'predict'") as caught:
        shape(HasNoPredict)
    (result,) = [result for result in run_checks("models", HasNoPredict) if result.name == "shape"]
    assert result.detail.splitlines()[1:] == str(caught.value).splitlines()[1:]
