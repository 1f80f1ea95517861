"""What the market said."""

from __future__ import annotations

from quant_contracts.events.base import Event
from quant_contracts.units import Nanos, Price, Quantity


class Bar(Event, frozen=True, gc=False):
    """One closed interval of trading. It is known at its close, never before."""

    ts_event: Nanos
    """The close: the first instant that no longer belongs to the interval."""
    ts_known: Nanos
    """When the runtime could first know it; never before `ts_event`."""
    symbol: str
    interval: Nanos
    """Length of the interval, so it opened at `ts_event - interval`."""
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity

    @property
    def ts_open(self) -> Nanos:
        """The first instant of the interval."""
        return self.ts_event - self.interval


class FormingBar(Event, frozen=True, gc=False):
    """The bar in progress, as it looks now. It can never trigger a step: a different type on purpose."""

    ts_event: Nanos
    """The close the bar will have."""
    ts_known: Nanos
    symbol: str
    interval: Nanos
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity
