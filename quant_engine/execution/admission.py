"""What the simulated venue will not take: the filters every exchange has, by name."""

from __future__ import annotations

from decimal import Decimal

from quant_contracts.events import OrderIntent
from quant_contracts.instrument import Instrument
from quant_engine.execution.costs import EXACT


def refusal(order: OrderIntent, instrument: Instrument) -> str:
    """The first reason not to take an order, empty when there is none.

    `not_positive`           quantity or price is not above 0
    `not_whole_lots`         the quantity is no multiple of the lot
    `no_price`               a limit, stop or take-profit that does not say where
    `price_on_market_order`  a market order that does
    `off_tick`               the price is no multiple of the tick
    `below_min_notional`     price x quantity is too small; a market order is valued at its arrival price,
                             and what only reduces may be of any size
    """
    quantity, price = order.quantity, order.price
    if not (quantity.is_finite() and quantity > 0):
        return "not_positive"
    if EXACT.remainder(quantity, instrument.lot):
        return "not_whole_lots"
    if price is None:
        if order.kind != "market":
            return "no_price"
        price = Decimal(repr(order.arrival_price))
    elif order.kind == "market":
        return "price_on_market_order"
    elif not (price.is_finite() and price > 0):
        return "not_positive"
    elif EXACT.remainder(price, instrument.tick):
        return "off_tick"
    if not order.reduce_only and EXACT.multiply(price, quantity) < instrument.min_notional:
        return "below_min_notional"
    return ""
