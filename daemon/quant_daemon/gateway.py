"""Puts a venue on the bus: orders go out, what became of them comes back as events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

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

ANSWERS: Final[tuple[type[Event], ...]] = (
    OrderAccepted,
    OrderRejected,
    OrderCanceled,
    OrderExpired,
    OrderUnknown,
    Fill,
)
"""Everything a venue may say."""


def connect_venue(bus: Bus, venue: MatchingEngine, symbols: Iterable[str]) -> None:
    """Make a simulated venue a stage: orders, cancels and bars go in, its answers are published."""

    def cancel(wish: CancelIntent) -> Sequence[OrderEvent]:
        return venue.cancel(wish.order_id, wish.ts, wish.reason)

    bus.stage(OrderIntent, venue.submit, "venue")
    bus.stage(CancelIntent, cancel, "venue")
    for symbol in symbols:
        bus.stage(Bar, venue.on_bar, "venue", symbol)
