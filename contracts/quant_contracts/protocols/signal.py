"""The promises of the opinion layers: features to score, score to intent, intent to proposal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from quant_contracts.blocks import Column
from quant_contracts.events import Intent, Score, Target
from quant_contracts.protocols.features import FeatureSpec
from quant_contracts.units import Nanos, Price


@runtime_checkable
class ModelProto(Protocol):
    """Turns features into a belief about where the price is going."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        """The features `predict` reads. Constant for the life of the model."""
        ...

    def predict(self, features: Mapping[str, float], /) -> float:
        """Return a score from -1 (sure to fall) to +1 (sure to rise).

        Called only when every feature is there. Pure: the same features give the same score, so that
        a replay gives the same trades.
        """
        ...


@runtime_checkable
class BlockModel(Protocol):
    """A model that can also score a whole block at once."""

    def predict_many(self, columns: Mapping[str, Column], /) -> Column:
        """The scores of every row, bit for bit those of `predict`; columns hold no NaN."""
        ...


@runtime_checkable
class DecisionProto(Protocol):
    """Turns a score into what we want to be."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        """The features `decide` reads beside the score; often none."""
        ...

    def decide(self, score: Score, features: Mapping[str, float], held: Intent, /) -> Intent:
        """Return the intent for this step, stamped with the score's time and symbol.

        `held` is the last intent this returned, flat before the first, so that hysteresis needs no
        memory. Pure. To keep things as they are, return the same direction and strength.
        """
        ...


@runtime_checkable
class BlockDecision(Protocol):
    """A decision that can tell how long it will stay as it is."""

    def next_change(self, scores: Column, columns: Mapping[str, Column], held: Intent, start: int, /) -> int:
        """The first row from `start` on where `decide` would change `held`, or `len(scores)` if none.

        Only rows may be skipped of which `decide` keeps direction and strength; returning a row too
        early costs time, too late breaks the promise.
        """
        ...


class Proposal(msgspec.Struct, frozen=True):
    """A position a risk rule would allow. It becomes a `Target` only when the whole stack has spoken."""

    quantity: float
    """Signed, in units of base."""
    stop: Price | None = None
    take_profit: Price | None = None
    limits: tuple[str, ...] = ()
    """Names of the limits that made it smaller, in the order they bound."""


class RiskContext(msgspec.Struct, frozen=True):
    """What a risk rule may look at, all of it known at `ts`."""

    ts: Nanos
    symbol: str
    price: Price
    """The mark of the symbol: its last close."""
    features: Mapping[str, float]
    equity: float
    """Account value in quote currency."""
    position: float
    """Signed position held now, in units of base."""
    other_net: float
    """Signed value of the positions in all other symbols."""
    other_gross: float
    """Absolute value of the positions in all other symbols."""
    proposal: Proposal
    """What the rules before this one allow; before the first, one times equity in the intent's way."""
    held: Target | None
    """The target in force, None before the first."""


@runtime_checkable
class RiskProto(Protocol):
    """One rule of the risk stack: sizes, protects or limits."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        """The features `adjust` reads."""
        ...

    def adjust(self, intent: Intent, context: RiskContext, /) -> Proposal:
        """Return what this rule allows, starting from `context.proposal`.

        Pure. Called when the intent has changed; the target then holds until it changes again. A rule
        may make a position smaller or protect it, a sizer may set it, and no rule may turn its sign.
        """
        ...


@runtime_checkable
class ContinuousRisk(Protocol):
    """A rule that wants to look at every step, for example to trail a stop. It costs speed."""

    @property
    def every_step(self) -> bool:
        """True to be called at every step with the intent in force, changed or not. Constant."""
        ...
