"""The promises of the execution layers: target to slices, slices to orders, orders to fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from quant_contracts.blocks import BarBlock
from quant_contracts.events import Bar, CancelIntent, OrderEvent, OrderIntent, OrderKind, Target, TimeInForce
from quant_contracts.instrument import Instrument
from quant_contracts.protocols.features import FeatureSpec
from quant_contracts.protocols.runtime import Clock, Portfolio
from quant_contracts.units import ExactPrice, ExactQuantity, Fraction, Nanos, Price


class MarketState(msgspec.Struct, frozen=True, gc=False):
    """The market as execution sees it: known at `ts`, nothing later."""

    ts: Nanos
    symbol: str
    price: Price
    """The mark: last close on bars, mid where there is a book."""
    interval: Nanos
    """Length of the bars that drive the steps."""
    volatility: Fraction
    """Daily volatility, 0.0 where no part asked for it."""
    daily_volume: float
    """Daily volume in base units, 0.0 where no part asked for it."""


class ParentOrder(msgspec.Struct, frozen=True, gc=False):
    """The whole of one change of position, before anybody slices it."""

    ts: Nanos
    parent_id: str
    instrument: Instrument
    quantity: ExactQuantity
    """Signed: above zero buys."""
    reduce_only: bool
    """True when it only makes the position smaller. Protective orders never become parent orders."""
    market: MarketState


class Slice(msgspec.Struct, frozen=True, gc=False):
    """A piece of a parent order and when it is due."""

    after: Nanos
    """Delay from the parent's time; 0 is at once. Each later slice is an event of the clock."""
    quantity: ExactQuantity
    """Signed like the parent's, in whole lots."""


class Route(msgspec.Struct, frozen=True, gc=False):
    """How one slice is sent."""

    kind: OrderKind
    price: ExactPrice | None
    """Limit price, None for a market order."""
    time_in_force: TimeInForce


@runtime_checkable
class ExecutionPolicy(Protocol):
    """Turns a parent order into slices over time."""

    def slices(self, parent: ParentOrder, /) -> tuple[Slice, ...]:
        """The schedule, earliest first. Pure. The quantities sum to the parent's exactly, none is 0."""
        ...


@runtime_checkable
class Router(Protocol):
    """Decides how a slice meets the market."""

    def route(self, parent: ParentOrder, quantity: ExactQuantity, market: MarketState, /) -> Route:
        """Kind, price and time in force for `quantity` (signed) of `parent`. Pure."""
        ...


@runtime_checkable
class SlippageModel(Protocol):
    """Says how much worse than the shown price a trade is, for its size. Never better."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        """The features that carry what it must know at the decision, e.g. daily volatility."""
        ...

    def fraction(
        self, quantity: float, done: float, volatility: Fraction, daily_volume: float, /
    ) -> Fraction:
        """Cost of the next `quantity` as a share of the price, 0 or more, the same for both sides.

        `done` is how much of the parent has filled before, so that slicing alone never makes impact
        free. Pure, and it never falls as `quantity` or `done` grows.
        """
        ...


@runtime_checkable
class Venue(Protocol):
    """Takes orders and says what became of them. Simulated or real, the promise is the same."""

    def submit(self, order: OrderIntent, /) -> Sequence[OrderEvent]:
        """Hand over an order; return what is known at once (accepted or rejected). Never a fill."""
        ...

    def cancel(self, order_id: str, ts: Nanos, reason: str, /) -> Sequence[OrderEvent]:
        """Stop an order that may still be working; an order already done yields nothing."""
        ...


@runtime_checkable
class MatchingEngine(Venue, Protocol):
    """A venue that fills orders against recorded market data."""

    def bind(self, instruments: Mapping[str, Instrument], slippage: Mapping[str, SlippageModel], /) -> None:
        """Take what is traded and what it costs, by symbol. Called once, after construction."""
        ...

    def on_bar(self, bar: Bar, /) -> Sequence[OrderEvent]:
        """Match the working orders of the bar's symbol; return what happened, in order."""
        ...

    def next_touch(self, bars: BarBlock, start: int, /) -> int:
        """The first row from `start` on where `on_bar` could do anything, or `len(bars)` if none.

        Returning a row too early costs time; too late breaks the promise.
        """
        ...


class ExecutionTools(msgspec.Struct, frozen=True):
    """What an execution engine works with; every mapping is by symbol."""

    instruments: Mapping[str, Instrument]
    policies: Mapping[str, ExecutionPolicy]
    routers: Mapping[str, Router]
    portfolio: Portfolio
    clock: Clock
    price: Callable[[str], Price]
    """The mark of a symbol now."""


@runtime_checkable
class ExecutionEngine(Protocol):
    """Keeps what we hold on its way to what risk approved. Built from an `ExecutionTools`."""

    def connect(self, publish: Callable[[OrderIntent | CancelIntent], None], /) -> None:
        """Take the call that sends orders and cancels on their way. Made once, before the first step."""
        ...

    def execute(self, target: Target, market: MarketState, /) -> None:
        """Work towards `target`: the difference to the position becomes a parent order.

        Orders of an older target are cancelled first, and nothing new is sent before the venue has
        said what became of them.
        """
        ...

    def on_event(self, event: OrderEvent, /) -> None:
        """Take note of what the venue said; place or withdraw what follows from it."""
        ...

    def stopped(self, symbol: str, /) -> bool:
        """True when a protective order closed the position and no new target has come since."""
        ...
