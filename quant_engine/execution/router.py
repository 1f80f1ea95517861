"""How a piece of an order meets the market."""

from __future__ import annotations

import msgspec

from quant_contracts.protocols import MarketState, ParentOrder, Route
from quant_contracts.units import ExactQuantity


class MarketRouter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sends every piece as a market order that works until it is filled.

    What one bar's volume cannot fill carries over to the next.
    """

    def route(self, _parent: ParentOrder, _quantity: ExactQuantity, _market: MarketState, /) -> Route:
        return Route(kind="market", price=None, time_in_force="gtc")
