"""Bounds on what is held, in one symbol and in all, as multiples of equity."""

from __future__ import annotations

import math

import msgspec

from quant_contracts.events import Intent
from quant_contracts.protocols import FeatureSpec, Proposal, RiskContext


class ExposureLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cuts a position to what three bounds leave room for, and names each bound that cut it.

        max_symbol   |value of this position|                 at most max_symbol x equity
        max_gross    sum of |values| of all positions         at most max_gross  x equity
        max_net      |sum of signed values| of all positions  at most max_net    x equity

    Gross over equity is the account's leverage. A position is never enlarged, not even to bring the
    net of the others back, and never turned: where no room is left it becomes 0. Without equity
    nothing may be held, which is named `no_equity`.

    >>> rule = ExposureLimit(max_symbol=0.5, max_gross=1.0)
    >>> intent = Intent(0, "BTCUSDT", 1, 1.0, "enter_long")
    >>> context = RiskContext(
    ...     ts=0,
    ...     symbol="BTCUSDT",
    ...     price=100.0,
    ...     features={},
    ...     equity=10_000.0,
    ...     position=0.0,
    ...     other_net=-8_000.0,
    ...     other_gross=8_000.0,
    ...     proposal=Proposal(100.0),
    ...     held=None,
    ... )
    >>> rule.adjust(intent, context)
    Proposal(quantity=20.0, stop=None, take_profit=None, limits=('max_symbol', 'max_gross'))
    """

    max_symbol: float | None = None
    """Largest value of this symbol's position over equity; None for no bound."""
    max_gross: float | None = None
    """Largest leverage of the account: gross value over equity; None for no bound."""
    max_net: float | None = None
    """Largest net value of the account, long or short, over equity; None for no bound."""

    def __post_init__(self) -> None:
        bounds = {"max_symbol": self.max_symbol, "max_gross": self.max_gross, "max_net": self.max_net}
        if all(bound is None for bound in bounds.values()):
            raise ValueError(
                "give at least one of max_symbol, max_gross and max_net, in multiples of equity such as 1.0"
            )
        for name, bound in bounds.items():
            if bound is not None and not 0 <= bound < math.inf:
                raise ValueError(f"{name} is a multiple of equity, 0 or more such as 1.0, not {bound}")

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return ()

    def adjust(self, _intent: Intent, context: RiskContext, /) -> Proposal:
        proposal = context.proposal
        if not proposal.quantity:
            return proposal
        if context.equity <= 0:
            return msgspec.structs.replace(proposal, quantity=0.0, limits=(*proposal.limits, "no_equity"))
        side = 1 if proposal.quantity > 0 else -1
        size, limits = abs(proposal.quantity), proposal.limits
        for name, bound, taken in (
            ("max_symbol", self.max_symbol, 0.0),
            ("max_gross", self.max_gross, context.other_gross),
            ("max_net", self.max_net, side * context.other_net),
        ):
            if bound is None:
                continue
            room = max(0.0, bound * context.equity - taken) / context.price
            if room < size:
                size, limits = room, (*limits, name)
        return msgspec.structs.replace(proposal, quantity=side * size if size else 0.0, limits=limits)
