"""What the strategy made of it: features, score, intent, target."""

from __future__ import annotations

from quant_contracts.events.base import Event
from quant_contracts.units import Direction, ExactPrice, ExactQuantity, Fraction, Nanos


class Features(Event, frozen=True, gc=False):
    """Every feature of one symbol at one step, in a fixed order. All are finite numbers."""

    ts: Nanos
    symbol: str
    values: dict[str, float]
    missing: dict[str, str] | None = None
    """Features that are allowed to be absent and are, each with the reason; never a 0 in their place. None
    where nothing may be absent."""


class Score(Event, frozen=True, gc=False):
    """A model's belief: from -1 (sure to fall) to +1 (sure to rise)."""

    ts: Nanos
    symbol: str
    value: float


class Intent(Event, frozen=True, gc=False):
    """What the decision wants to be: a direction, how much of it, and why."""

    ts: Nanos
    symbol: str
    direction: Direction
    strength: Fraction
    """From 0 to 1: how much of what risk would allow."""
    reason: str

    def same_as(self, other: Intent) -> bool:
        """True when nothing but the time differs."""
        return self.direction == other.direction and self.strength == other.strength


class Target(Event, frozen=True, gc=False):
    """A position that risk has approved. Execution takes nothing else.

    Only the risk stage makes one; a rule hands over a `Proposal`.
    """

    ts: Nanos
    symbol: str
    quantity: ExactQuantity
    """Signed position wanted: whole lots, negative is short."""
    stop: ExactPrice | None
    """Leave at the market when the price gets here, None for no stop."""
    take_profit: ExactPrice | None
    """Leave at this price or better, None for no limit."""
    reason: str
    limits: tuple[str, ...] = ()
    """Names of the limits that made it smaller than was wished."""
