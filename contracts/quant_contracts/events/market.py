"""What the market said."""

from __future__ import annotations

from typing import TypeAlias

from quant_contracts.events.base import Event
from quant_contracts.units import Fraction, Nanos, Price, Quantity, Side


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


class Trade(Event, frozen=True, gc=False):
    """Two strangers agreed on a price."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    price: Price
    quantity: Quantity
    side: Side
    """Of the aggressor: +1 where a buyer took what was offered."""
    trade_id: int = 0
    """The venue's number, 0 where it gives none. Consecutive at most venues, so that a jump is a gap."""


class Quote(Event, frozen=True, gc=False):
    """Best bid and ask and what stands there (L1). A size of 0 says that the side is empty."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    bid: Price
    bid_size: Quantity
    ask: Price
    ask_size: Quantity

    @property
    def mid(self) -> Price:
        """Half-way between bid and ask."""
        return (self.bid + self.ask) / 2


Levels: TypeAlias = tuple[tuple[Price, Quantity], ...]
"""Price levels with their size, in no promised order unless it is said."""


class BookSnapshot(Event, frozen=True, gc=False):
    """A whole order book (L2): nothing of an earlier one holds any longer."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    sequence: int
    """The venue's number of the state it shows."""
    bids: Levels
    asks: Levels


class BookDelta(Event, frozen=True, gc=False):
    """New sizes of some levels, all true at once. Size 0 takes a level away."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    sequence: int
    bids: Levels
    asks: Levels


class BookGap(Event, frozen=True, gc=False):
    """Changes were lost or contradict the book: it cannot be trusted before the next snapshot."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    sequence: int
    """The last number before the gap."""


class MarkPrice(Event, frozen=True, gc=False):
    """What a venue values a contract at, and the funding it predicts."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    mark: Price
    index: Price | None = None
    funding_rate: Fraction | None = None
    """Predicted for `next_funding`; not settled before it."""
    next_funding: Nanos | None = None


class Liquidation(Event, frozen=True, gc=False):
    """A venue closed somebody's position by force."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    side: Side
    """Of the order that closes: -1 sells a long position out."""
    price: Price
    quantity: Quantity
