"""Sizes a position so that its usual adverse move costs a fixed share of the account."""

from __future__ import annotations

import math

import msgspec

from quant_contracts.events import Intent
from quant_contracts.protocols import FeatureSpec, Proposal, RiskContext


class ATRSizer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As many units as lose `risk_fraction` of equity in a move of `stop_multiple` average true ranges.

    quantity = direction x strength x min(equity x risk_fraction / (stop_multiple x ATR),
                                          max_leverage x equity / price)

    This is fixed fractional sizing on Wilder's average true range. ATR is in price units like the
    price, so the value at risk does not depend on the scale of the price: a market quoted in cents
    gets a hundred times the units. A market that does not move (ATR 0) gets what `max_leverage`
    allows. It sets the size whatever the rules before it said: limits belong after it.

    >>> intent = Intent(0, "BTCUSDT", 1, 1.0, "enter_long")
    >>> context = RiskContext(
    ...     ts=0,
    ...     symbol="BTCUSDT",
    ...     price=12_000.0,
    ...     features={"atr_14": 150.0},
    ...     equity=10_000.0,
    ...     position=0.0,
    ...     other_net=0.0,
    ...     other_gross=0.0,
    ...     proposal=Proposal(10_000 / 12_000),
    ...     held=None,
    ... )
    >>> round(ATRSizer(risk_fraction=0.02, stop_multiple=2.0).adjust(intent, context).quantity, 6)
    0.666667
    """

    atr_window: int = 14
    """Bars in the average true range, at least 1."""
    risk_fraction: float = 0.02
    """Share of equity that the move may cost, above 0 and at most 1."""
    stop_multiple: float = 2.0
    """How many average true ranges that move is."""
    max_leverage: float = 1.0
    """Largest value of the position, in multiples of equity."""
    place_stop: bool = False
    """True to leave at the market after that move, measured from the price at the decision.

    A move of 0 places none, for it would be hit at once; nor does one that no price can make, below 0.
    """

    def __post_init__(self) -> None:
        if self.atr_window < 1:
            raise ValueError(f"atr_window must be at least 1, not {self.atr_window}")
        if not 0 < self.risk_fraction <= 1:
            raise ValueError(
                f"risk_fraction is a share of one, above 0 and at most 1 (0.02 is two percent), "
                f"not {self.risk_fraction}"
            )
        if not 0 < self.stop_multiple < math.inf:
            raise ValueError(f"stop_multiple must be above 0, such as 2.0, not {self.stop_multiple}")
        if not 0 < self.max_leverage < math.inf:
            raise ValueError(f"max_leverage must be above 0, such as 1.0, not {self.max_leverage}")

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec("ATR", {"window": self.atr_window}),)

    def adjust(self, intent: Intent, context: RiskContext, /) -> Proposal:
        proposal = context.proposal
        side = intent.direction * intent.strength
        if not side:
            return Proposal(0.0, proposal.stop, proposal.take_profit, proposal.limits)
        if context.equity <= 0:
            return Proposal(0.0, proposal.stop, proposal.take_profit, (*proposal.limits, "no_equity"))
        move = self.stop_multiple * context.features[f"atr_{self.atr_window}"]
        by_risk = context.equity * self.risk_fraction / move if move > 0 else math.inf
        by_leverage = self.max_leverage * context.equity / context.price
        limits = proposal.limits
        if by_leverage < by_risk:
            limits = (*limits, "max_leverage")
        stop = proposal.stop
        if self.place_stop and 0 < move < context.price:
            stop = context.price - intent.direction * move
        return Proposal(side * min(by_risk, by_leverage), stop, proposal.take_profit, limits)
