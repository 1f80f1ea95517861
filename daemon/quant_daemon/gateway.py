"""Stands between the bus and the venue: orders go out, what became of them comes back as events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from quant_contracts.errors import ContractBroken
from quant_contracts.events import (
    Bar,
    CancelIntent,
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
from quant_contracts.protocols import MatchingEngine
from quant_daemon.bus import Bus

ANSWERS: tuple[type[Event], ...] = (
    OrderAccepted,
    OrderRejected,
    OrderCanceled,
    OrderExpired,
    OrderUnknown,
    Fill,
)
"""Everything a venue may say."""


class Gateway:
    """Hands orders and bars to a simulated venue and publishes its answers."""

    def __init__(self, venue: MatchingEngine, symbols: Iterable[str]) -> None:
        self._venue = venue
        self._symbols = tuple(symbols)
        self._publish: dict[tuple[type[Event], str], Callable[[Any], None]] = {}

    def subscribe(self, bus: Bus) -> None:
        """Ask for orders, cancels and the bars that orders are matched on."""
        bus.stage(OrderIntent, self.on_order, "venue")
        bus.stage(CancelIntent, self.on_cancel, "venue")
        for symbol in self._symbols:
            bus.stage(Bar, self.on_bar, "venue", symbol)

    def connect(self, bus: Bus) -> None:
        """Get the calls that publish what the venue says."""
        for symbol in self._symbols:
            for kind in ANSWERS:
                self._publish[kind, symbol] = bus.publisher(kind, symbol)

    def on_order(self, order: OrderIntent) -> None:
        """Send an order."""
        self._say(self._venue.submit(order))

    def on_cancel(self, cancel: CancelIntent) -> None:
        """Ask for an order to be stopped."""
        self._say(self._venue.cancel(cancel.order_id, cancel.ts, cancel.reason))

    def on_bar(self, bar: Bar) -> None:
        """Let the venue match on a bar."""
        events = self._venue.on_bar(bar)
        if events:
            self._say(events)

    def _say(self, events: Sequence[OrderEvent]) -> None:
        for event in events:
            try:
                publish = self._publish[type(event), event.symbol]
            except KeyError:
                raise ContractBroken(
                    f"the venue said {event!r}, which no contract allows it to say"
                ) from None
            publish(event)
