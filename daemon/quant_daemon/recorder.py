"""Keeps what a report needs of a run: orders and what became of them, fills, counts."""

from __future__ import annotations

from typing import Final

from quant_contracts.events import (
    Event,
    Fill,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderIntent,
    OrderRejected,
    OrderUnknown,
)
from quant_contracts.instrument import ZERO
from quant_contracts.record import OrderRecord
from quant_daemon.bus import Bus

ENDINGS: Final[dict[type[Event], str]] = {
    OrderRejected: "rejected",
    OrderCanceled: "canceled",
    OrderExpired: "expired",
    OrderUnknown: "unknown",
}


class RunRecorder:
    """Listens to the order path. Memory grows with the number of orders, not of bars."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self._orders: dict[str, OrderIntent] = {}
        self._ended: dict[str, OrderEvent] = {}

    def subscribe(self, bus: Bus) -> None:
        """Ask for orders and everything the venue says of them."""
        bus.subscribe(OrderIntent, self.on_order, "recorder")
        bus.subscribe(Fill, self.on_fill, "recorder")
        for kind in ENDINGS:
            bus.subscribe(kind, self.on_end, "recorder")

    def on_order(self, order: OrderIntent) -> None:
        """An order left."""
        self._orders[order.order_id] = order

    def on_fill(self, fill: Fill) -> None:
        """A trade happened."""
        self.fills.append(fill)
        if fill.remaining == ZERO:
            self._ended[fill.order_id] = fill

    def on_end(self, event: OrderEvent) -> None:
        """An order ended otherwise, or nobody knows."""
        self._ended[event.order_id] = event

    def orders(self) -> list[OrderRecord]:
        """Every order with its last known state, in the order they were sent."""
        return [_record(order, self._ended.get(order.order_id)) for order in self._orders.values()]


def _record(order: OrderIntent, end: OrderEvent | None) -> OrderRecord:
    if end is None:
        return OrderRecord(order, "working", "", None)
    if isinstance(end, Fill):
        return OrderRecord(order, "filled", "", end.ts)
    assert not isinstance(end, OrderAccepted)
    return OrderRecord(order, ENDINGS[type(end)], end.reason, end.ts)
