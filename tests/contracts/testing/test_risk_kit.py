"""The checks of risk rules pass good rules and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest

from quant_contracts.protocols import FeatureSpec, Proposal
from quant_contracts.testing import BrokenPromise, risk

FRESH = itertools.count()


class Half(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Allows a share of what the rules before it allow."""

    share: float = 0.5

    def __post_init__(self):
        self._bias = 1 + next(FRESH) % 2

    @property
    def needs(self):
        return ()

    def adjust(self, _intent, context, /):
        return msgspec.structs.replace(context.proposal, quantity=context.proposal.quantity * self.share)


class BySwing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Risks a hundredth of equity on one average range, with a stop there."""

    @property
    def needs(self):
        return (FeatureSpec("ATR", {"window": 14}),)

    def adjust(self, intent, context, /):
        swing = context.features["atr_14"]
        size = intent.direction * intent.strength * max(context.equity, 0.0) * 0.01 / swing
        stop = context.price - intent.direction * swing if size else None
        return msgspec.structs.replace(context.proposal, quantity=size, stop=stop)


class LongOnly(Half):
    def adjust(self, intent, context, /):
        proposal = super().adjust(intent, context)
        return proposal if intent.direction > 0 else msgspec.structs.replace(proposal, quantity=0.0)


class Trails(Half):
    every_step = True


class NeedsAString(Half):
    @property
    def needs(self):
        return ("ATR",)


class NotANumber(Half):
    def adjust(self, intent, context, /):
        quantity = math.nan if context.equity <= 0 else super().adjust(intent, context).quantity
        return msgspec.structs.replace(context.proposal, quantity=quantity)


class StopsOnTheWrongSide(Half):
    def adjust(self, intent, context, /):
        return msgspec.structs.replace(
            super().adjust(intent, context), stop=context.price * (1 + 0.05 * intent.direction)
        )


class Hedges(Half):
    def adjust(self, intent, context, /):
        proposal = super().adjust(intent, context)
        turn = -1 if context.other_gross > context.equity > 0 else 1
        return msgspec.structs.replace(proposal, quantity=turn * proposal.quantity)


class NeverFlat(Half):
    def adjust(self, intent, context, /):
        quantity = context.proposal.quantity if intent.direction else 1.0
        return msgspec.structs.replace(context.proposal, quantity=quantity)


class Moody(Half):
    def adjust(self, _intent, context, /):
        return msgspec.structs.replace(context.proposal, quantity=context.proposal.quantity / self._bias)


class ReadsEverything(Half):
    def adjust(self, _intent, context, /):
        share = 1 / (1 + abs(math.fsum(context.features.values())))
        return msgspec.structs.replace(context.proposal, quantity=context.proposal.quantity * share)


class DropsTheStop(Half):
    def adjust(self, intent, context, /):
        return msgspec.structs.replace(super().adjust(intent, context), stop=None)


class ForgetsLimits(Half):
    def adjust(self, _intent, context, /):
        proposal = context.proposal
        return Proposal(proposal.quantity, proposal.stop, proposal.take_profit, ("mine",))


class DislikesShorts(Half):
    def adjust(self, intent, context, /):
        proposal = super().adjust(intent, context)
        share = 0.9 if intent.direction < 0 else 1.0
        return msgspec.structs.replace(proposal, quantity=share * proposal.quantity)


class StopsShortsCloser(Half):
    def adjust(self, intent, context, /):
        away = 0.05 if intent.direction > 0 else 0.04
        stop = context.price * (1 - away * intent.direction)
        return msgspec.structs.replace(super().adjust(intent, context), stop=stop)


class PerhapsTrails(Half):
    every_step = 1


BAD = {
    NeedsAString: {"needs"},
    NotANumber: {"proposal_is_lawful", "sign_is_never_turned", "buying_mirrors_selling"},
    StopsOnTheWrongSide: {"proposal_is_lawful"},
    Hedges: {"sign_is_never_turned", "proposal_is_lawful"},
    NeverFlat: {"sign_is_never_turned"},
    Moody: {"adjustment_is_pure"},
    ReadsEverything: {"reads_only_what_it_needs"},
    DropsTheStop: {"protection_is_kept"},
    ForgetsLimits: {"protection_is_kept"},
    DislikesShorts: {"buying_mirrors_selling"},
    StopsShortsCloser: {"buying_mirrors_selling"},
    PerhapsTrails: {"every_step_is_constant"},
}


@pytest.mark.parametrize("factory", [Half, BySwing, LongOnly, Trails])
def test_a_good_rule_keeps_every_promise(broken, factory):
    assert broken("risk", factory) == {}


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_rule_breaks_just_its_promise(broken, rule):
    assert broken("risk", rule).keys() == BAD[rule]


def test_every_check_can_fail():
    own = {function.__name__ for function in (*risk.CHECKS, *risk.CONTINUOUS_CHECKS)}
    assert own == {f"check_{name}" for names in BAD.values() for name in names}


def test_the_scale_of_prices_is_checked_where_it_is_promised():
    risk.check_size_goes_with_the_price(BySwing, ["atr_14"])

    class RawSwing(BySwing):
        def adjust(self, intent, context, /):
            # Divides by the raw average range and by nothing else: more than enough units of a cheap asset.
            proposal = super().adjust(intent, context)
            return msgspec.structs.replace(proposal, quantity=proposal.quantity * context.price)

    with pytest.raises(BrokenPromise, match="the value of a position does not depend on the scale"):
        risk.check_size_goes_with_the_price(RawSwing, ["atr_14"])
