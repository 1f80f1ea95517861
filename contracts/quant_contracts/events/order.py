"""What we asked the venue, and what it answered."""

from __future__ import annotations

from typing import Literal, TypeAlias

from quant_contracts.events.base import Event
from quant_contracts.units import ExactPrice, ExactQuantity, Fraction, Money, Nanos, Price, Side

OrderKind: TypeAlias = Literal["market", "limit", "stop", "take_profit"]
"""`stop` and `take_profit` protect a position: the first leaves at the market, the second at its limit."""

TimeInForce: TypeAlias = Literal["gtc", "ioc"]
"""`gtc` keeps working until filled or cancelled; `ioc` cancels what the first match leaves over."""

Liquidity: TypeAlias = Literal["maker", "taker"]


class OrderIntent(Event, frozen=True, gc=False):
    """An order as it leaves: everything the venue needs, and what it costs are measured against."""

    ts: Nanos
    symbol: str
    order_id: str
    """Ours, a pure function of the run: the same decision gets the same id on every replay."""
    parent_id: str
    """The parent order this is a slice of; all slices of one change of target share it."""
    side: Side
    quantity: ExactQuantity
    kind: OrderKind
    price: ExactPrice | None
    """Limit of a `limit` or `take_profit`, trigger of a `stop`, None for a `market` order."""
    time_in_force: TimeInForce
    reduce_only: bool
    decision_price: Price
    """The mark when the target was set: where implementation shortfall starts."""
    arrival_price: Price
    """The mark when this order left."""
    volatility: Fraction = 0.0
    """Daily volatility known at the decision, for the slippage model."""
    daily_volume: float = 0.0
    """Daily volume in base units known at the decision, for the slippage model."""
    oco: str = ""
    """Orders of the symbol that share a name here cancel one another when one of them fills."""


class CancelIntent(Event, frozen=True, gc=False):
    """We no longer want the order. Until the venue answers it may still fill."""

    ts: Nanos
    symbol: str
    order_id: str
    reason: str


class OrderAccepted(Event, frozen=True, gc=False):
    """The venue has the order and will work it."""

    ts: Nanos
    symbol: str
    order_id: str
    venue_order_id: str


class OrderRejected(Event, frozen=True, gc=False):
    """The venue refused the order. It never worked."""

    ts: Nanos
    symbol: str
    order_id: str
    reason: str


class OrderCanceled(Event, frozen=True, gc=False):
    """The order stopped working before it was complete."""

    ts: Nanos
    symbol: str
    order_id: str
    reason: str
    remaining: ExactQuantity


class OrderExpired(Event, frozen=True, gc=False):
    """The order ran out of its time in force."""

    ts: Nanos
    symbol: str
    order_id: str
    reason: str
    remaining: ExactQuantity


class OrderUnknown(Event, frozen=True, gc=False):
    """Nobody has told us what became of the order. It stays so until the venue says."""

    ts: Nanos
    symbol: str
    order_id: str
    reason: str


class Fill(Event, frozen=True, gc=False):
    """A trade that happened. The venue's `trade_id` makes it a fact that counts once."""

    ts: Nanos
    symbol: str
    order_id: str
    trade_id: str
    side: Side
    price: ExactPrice
    """What was paid or received, slippage included."""
    quantity: ExactQuantity
    """Always above zero; `side` carries the sign."""
    fee: Money
    """In quote currency; negative is a rebate."""
    liquidity: Liquidity
    reference: ExactPrice
    """The price before slippage: what the market showed. Slippage is side x (price - reference)."""
    rule: str
    """Which fill rule made it, e.g. `open`, `stop_gap`, `limit`."""
    cumulative: ExactQuantity
    remaining: ExactQuantity
    parent_id: str = ""
