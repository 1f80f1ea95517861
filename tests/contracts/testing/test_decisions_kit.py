"""The checks of decisions pass good ones and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest

from quant_contracts.events import Intent
from quant_contracts.protocols import FeatureSpec
from quant_contracts.testing import decisions

FRESH = itertools.count()


class Sign(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Long above a level, short below its mirror, and in between whatever is held."""

    level: float = 0.2

    def __post_init__(self):
        self._bias = next(FRESH) % 2

    @property
    def needs(self):
        return ()

    def decide(self, score, _features, held, /):
        wanted = self._wanted(score.value)
        if wanted in {0, held.direction}:
            return Intent(score.ts, score.symbol, held.direction, held.strength, "hold")
        return Intent(score.ts, score.symbol, wanted, 1.0, "enter")

    def _wanted(self, value):
        return (value > self.level) - (value < -self.level)


class SignInBlocks(Sign):
    def next_change(self, scores, _columns, held, start, /):
        wanted = (scores > self.level).astype(int) - (scores < -self.level)
        rows = np.flatnonzero((wanted != 0) & (wanted != held.direction))
        later = rows[rows >= start]
        return int(later[0]) if len(later) else len(scores)


class Damped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As strong as a feature is small: a decision that reads one."""

    @property
    def needs(self):
        return (FeatureSpec("CloseToClose", {"window": 96}),)

    def decide(self, score, features, _held, /):
        direction = (score.value > 0) - (score.value < 0)
        strength = 1.0 / (1.0 + features["vol_cc_96"]) if direction else 0.0
        return Intent(score.ts, score.symbol, direction, strength, "damped")


class Ramp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Goes to full strength in quarters: it settles, but not at once."""

    @property
    def needs(self):
        return ()

    def decide(self, score, _features, held, /):
        direction = (score.value > 0) - (score.value < 0)
        strength = (
            0.0 if not direction else 0.25 if direction != held.direction else min(1.0, held.strength + 0.25)
        )
        return Intent(score.ts, score.symbol, direction, strength, "ramp")


class NeedsNone(Sign):
    @property
    def needs(self):
        return None


class TooStrong(Sign):
    def decide(self, score, features, held, /):
        return msgspec.structs.replace(super().decide(score, features, held), strength=1.5)


class NoReason(Sign):
    def decide(self, score, features, held, /):
        return msgspec.structs.replace(super().decide(score, features, held), reason="")


class HalfWay(Sign):
    def decide(self, score, features, held, /):
        intent = super().decide(score, features, held)
        return msgspec.structs.replace(intent, direction=np.int64(intent.direction))


class KeepsTheOldStamp(Sign):
    def decide(self, score, features, held, /):
        intent = super().decide(score, features, held)
        return held if intent.reason == "hold" else intent


class Moody(Sign):
    def _wanted(self, value):
        return (value > self.level + self._bias) - (value < -self.level)


class ReadsEverything(Sign):
    def decide(self, score, features, held, /):
        intent = super().decide(score, features, held)
        return msgspec.structs.replace(intent, strength=1 / (1 + math.fsum(features.values())))


class NeverSettles(Sign):
    def decide(self, score, _features, held, /):
        return Intent(score.ts, score.symbol, 1 if held.direction < 1 else -1, 1.0, "flip")


class MissesTheLevel(SignInBlocks):
    """Says long on the level itself, and only then: its block form does not."""

    def _wanted(self, value):
        return (value >= self.level) - (value < -self.level)


class ForgetsTheStart(SignInBlocks):
    def next_change(self, scores, columns, held, _start, /):
        return super().next_change(scores, columns, held, 0)


class AlwaysEarly(SignInBlocks):
    """Names the start, whatever comes: slow, and no broken promise."""

    def next_change(self, _scores, _columns, _held, start, /):
        return start


BAD = {
    NeedsNone: {"needs"},
    TooStrong: {"intent_is_lawful"},
    NoReason: {"intent_is_lawful"},
    HalfWay: {"intent_is_lawful", "decision_is_pure"},
    KeepsTheOldStamp: {"intent_is_stamped_like_the_score"},
    Moody: {"decision_is_pure"},
    ReadsEverything: {"reads_only_what_it_needs"},
    NeverSettles: {"same_score_settles"},
    MissesTheLevel: {"next_change_is_never_late"},
    ForgetsTheStart: {"next_change_is_never_late"},
}


@pytest.mark.parametrize(
    "factory",
    [Sign, lambda: Sign(level=0.0), SignInBlocks, lambda: SignInBlocks(level=0.9), Damped, Ramp, AlwaysEarly],
)
def test_a_good_decision_keeps_every_promise(broken, factory):
    assert broken("decisions", factory) == {}


@pytest.mark.parametrize("decision", BAD)
def test_a_bad_decision_breaks_just_its_promise(broken, decision):
    assert broken("decisions", decision).keys() == BAD[decision]


def test_every_check_can_fail():
    own = {function.__name__ for function in (*decisions.CHECKS, *decisions.BLOCK_CHECKS)}
    assert own == {f"check_{name}" for names in BAD.values() for name in names}
