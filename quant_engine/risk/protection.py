"""Fixed ways out: a stop against a loss and a limit for a gain, both at a share of the price."""

from __future__ import annotations

import math

import msgspec

from quant_contracts.events import Intent
from quant_contracts.protocols import FeatureSpec, Proposal, RiskContext


class StopLossTakeProfit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Protects a position at fixed distances from the price at the decision; the size stays as it is.

    Distances are shares of the price, never of the profit in currency, so they do not depend on how
    large the position is: with a stop_loss of 0.05 a long at 100 leaves at 95, a short at 105. What a
    setting leaves out stays as the rules before have it.

    >>> rule = StopLossTakeProfit(stop_loss=0.05, take_profit=0.1)
    >>> intent = Intent(0, "BTCUSDT", -1, 1.0, "enter_short")
    >>> context = RiskContext(
    ...     ts=0,
    ...     symbol="BTCUSDT",
    ...     price=100.0,
    ...     features={},
    ...     equity=10_000.0,
    ...     position=0.0,
    ...     other_net=0.0,
    ...     other_gross=0.0,
    ...     proposal=Proposal(-2.0),
    ...     held=None,
    ... )
    >>> rule.adjust(intent, context)
    Proposal(quantity=-2.0, stop=105.0, take_profit=90.0, limits=())
    """

    stop_loss: float | None = None
    """Distance to the stop, above 0 and below 1; None for no stop of this rule."""
    take_profit: float | None = None
    """Distance to the limit, above 0; None for no limit of this rule.

    From 1 on a short has none: no price falls by more than all of it.
    """

    def __post_init__(self) -> None:
        if self.stop_loss is None and self.take_profit is None:
            raise ValueError("give stop_loss, take_profit or both, as shares of the price such as 0.05")
        if self.stop_loss is not None and not 0 < self.stop_loss < 1:
            raise ValueError(
                f"stop_loss is a share of the price, above 0 and below 1 (0.05 is five percent), "
                f"not {self.stop_loss}"
            )
        if self.take_profit is not None and not 0 < self.take_profit < math.inf:
            raise ValueError(
                f"take_profit is a share of the price, above 0 (0.05 is five percent), not {self.take_profit}"
            )

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return ()

    def adjust(self, _intent: Intent, context: RiskContext, /) -> Proposal:
        proposal, price = context.proposal, context.price
        if not proposal.quantity:
            return proposal
        side = 1 if proposal.quantity > 0 else -1
        stop, limit = proposal.stop, proposal.take_profit
        if self.stop_loss is not None:
            stop = price - side * self.stop_loss * price
        if self.take_profit is not None:
            goal = price + side * self.take_profit * price
            limit = goal if goal > 0 else limit
        return msgspec.structs.replace(proposal, stop=stop, take_profit=limit)
