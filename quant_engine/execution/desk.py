"""The order desk: keeps what we hold on its way to what risk approved.

    new target -> cancel what still works -> wait for the venue's word -> parent order -> slices
    slice due  -> route -> order intent
    target with a stop or a take-profit -> protective orders beside the first slice, which cancel one
        another and only ever reduce, so that a position is protected from the moment it exists
    protective fill -> the position is closed on purpose: stay out until a new target comes

Nothing new is sent for a symbol while an order of it may still be working on an older wish, so the
desk never doubles an order, whatever the venue's answers cost in time.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial, reduce
from typing import Final

import msgspec

from quant_contracts.errors import ContractBroken
from quant_contracts.events import (
    CancelIntent,
    Fill,
    OrderAccepted,
    OrderEvent,
    OrderIntent,
    OrderKind,
    OrderUnknown,
    Target,
)
from quant_contracts.instrument import WIDE, ZERO
from quant_contracts.protocols import ExecutionTools, MarketState, ParentOrder, Route, Timer
from quant_contracts.units import ExactPrice, ExactQuantity, Nanos

SUPERSEDED: Final = "superseded"
PROTECTIVE: Final[frozenset[OrderKind]] = frozenset({"stop", "take_profit"})


class _Book:
    """What the desk knows of one symbol."""

    __slots__ = (
        "cancelling",
        "due",
        "is_stopped",
        "live",
        "market",
        "parents",
        "protections",
        "sent",
        "target",
        "waiting",
    )

    def __init__(self) -> None:
        self.target: Target | None = None
        self.market: MarketState | None = None
        self.live: dict[str, OrderIntent] = {}
        """Orders the venue may still fill."""
        self.cancelling: set[str] = set()
        """Those of them we have asked to be stopped."""
        self.due: list[Timer] = []
        """Slices that wait for their time."""
        self.waiting = False
        """A target waits for older orders to end."""
        self.is_stopped = False
        self.parents = 0
        self.protections = 0
        self.sent = 0


class OrderDesk:
    """An `ExecutionEngine` for any number of symbols."""

    def __init__(self, tools: ExecutionTools) -> None:
        self._tools = tools
        self._books = {symbol: _Book() for symbol in tools.instruments}
        self._publish: Callable[[OrderIntent | CancelIntent], None] | None = None

    def connect(self, publish: Callable[[OrderIntent | CancelIntent], None], /) -> None:
        """Take the call that sends orders and cancels on their way."""
        self._publish = publish

    def stopped(self, symbol: str, /) -> bool:
        """True from a protective fill until the next target."""
        return self._books[symbol].is_stopped

    def execute(self, target: Target, market: MarketState, /) -> None:
        """Work towards `target` as soon as no older order of the symbol is left."""
        book = self._books[target.symbol]
        book.target, book.market = target, market
        book.is_stopped = False
        book.waiting = True
        self._withdraw(book, market.ts)
        if not book.live:
            self._work(book, market.ts)

    def on_event(self, event: OrderEvent, /) -> None:
        """Keep the list of live orders true, and do what had to wait for that."""
        book = self._books[event.symbol]
        if isinstance(event, Fill):
            order = book.live.get(event.order_id)
            if order is None:
                return
            if event.remaining == ZERO:
                self._ended(book, event.order_id)
            self._on_fill(book, order, event.ts)
        elif isinstance(event, OrderAccepted | OrderUnknown):
            # An unknown order stays live: only the venue's word ends it.
            return
        else:
            self._ended(book, event.order_id)
        if book.waiting and not book.live:
            self._work(book, event.ts)

    def _on_fill(self, book: _Book, order: OrderIntent, ts: Nanos) -> None:
        if book.waiting:
            return
        if order.kind in PROTECTIVE:
            book.is_stopped = True
            self._withdraw(book, ts, keep=PROTECTIVE)
        elif not any(live.kind in PROTECTIVE for live in book.live.values()):
            # A stop that was reached before there was anything to reduce has ended; its work has not.
            self._protect(book, ts)

    def _work(self, book: _Book, ts: Nanos) -> None:
        """Turn the difference between target and position into a parent order and its slices."""
        book.waiting = False
        target, decided = book.target, book.market
        assert target is not None
        assert decided is not None
        market = self._market_at(decided, ts)
        symbol = target.symbol
        instrument = self._tools.instruments[symbol]
        position = self._tools.portfolio.position(symbol)
        delta = WIDE.subtract(target.quantity, position)
        reduces = min(ZERO, position) <= target.quantity <= max(ZERO, position)
        worth = WIDE.multiply(delta.copy_abs(), Decimal(repr(market.price)))
        if delta == ZERO or (worth < instrument.min_notional and not reduces):
            self._protect(book, ts)
            return
        book.parents += 1
        book.sent = 0
        parent = ParentOrder(market.ts, f"{symbol}-{book.parents}", instrument, delta, reduces, market)
        slices = self._tools.policies[symbol].slices(parent)
        if reduce(WIDE.add, [piece.quantity for piece in slices], ZERO) != delta:
            raise ContractBroken(
                f"{self._tools.policies[symbol]!r} sliced {delta} into {slices}, which is not the same"
            )
        for piece in slices:
            if piece.after == 0:
                self._send(book, parent, piece.quantity, ts)
            else:
                send = partial(self._send, book, parent, piece.quantity)
                book.due.append(self._tools.clock.at(ts + piece.after, send))
        self._protect(book, ts)

    def _send(self, book: _Book, parent: ParentOrder, quantity: ExactQuantity, ts: Nanos) -> None:
        symbol = parent.instrument.symbol
        market = self._market_at(parent.market, ts)
        route = self._tools.routers[symbol].route(parent, quantity, market)
        book.sent += 1
        self._order(
            book, parent.parent_id, str(book.sent), market, quantity, route, reduces=parent.reduce_only
        )

    def _protect(self, book: _Book, ts: Nanos) -> None:
        """Place the stop and the take-profit of the target, for the whole of it."""
        target, decided = book.target, book.market
        assert target is not None
        assert decided is not None
        if target.quantity == ZERO or (target.stop is None and target.take_profit is None):
            return
        symbol = target.symbol
        book.protections += 1
        group = f"{symbol}-p{book.protections}"
        market = self._market_at(decided, ts)
        wanted: tuple[tuple[OrderKind, str, ExactPrice | None], ...] = (
            ("stop", "s", target.stop),
            ("take_profit", "t", target.take_profit),
        )
        for kind, suffix, price in wanted:
            if price is not None:
                route = Route(kind, price, "gtc")
                self._order(book, group, suffix, market, target.quantity.copy_negate(), route, reduces=True)

    def _order(
        self,
        book: _Book,
        parent_id: str,
        suffix: str,
        market: MarketState,
        quantity: ExactQuantity,
        route: Route,
        *,
        reduces: bool,
    ) -> None:
        assert self._publish is not None, "connect() comes first"
        assert book.market is not None
        order = OrderIntent(
            market.ts,
            market.symbol,
            f"{parent_id}-{suffix}",
            parent_id,
            1 if quantity > 0 else -1,
            quantity.copy_abs(),
            route.kind,
            route.price,
            route.time_in_force,
            reduces,
            book.market.price,
            market.price,
            market.volatility,
            market.daily_volume,
            parent_id if route.kind in PROTECTIVE else "",
        )
        book.live[order.order_id] = order
        self._publish(order)

    def _market_at(self, decided: MarketState, ts: Nanos) -> MarketState:
        """The market now, with the volatility and volume that were known at the decision."""
        if ts == decided.ts:
            return decided
        return msgspec.structs.replace(decided, ts=ts, price=self._tools.price(decided.symbol))

    def _withdraw(self, book: _Book, ts: Nanos, keep: frozenset[OrderKind] = frozenset()) -> None:
        """Forget slices that are not due yet and ask for live orders to be stopped."""
        for timer in book.due:
            timer.cancel()
        book.due.clear()
        for order in list(book.live.values()):
            if order.kind not in keep:
                self._cancel(book, order, ts)

    def _cancel(self, book: _Book, order: OrderIntent, ts: Nanos) -> None:
        assert self._publish is not None, "connect() comes first"
        if order.order_id in book.cancelling:
            return
        book.cancelling.add(order.order_id)
        self._publish(CancelIntent(ts, order.symbol, order.order_id, SUPERSEDED))

    @staticmethod
    def _ended(book: _Book, order_id: str) -> None:
        book.live.pop(order_id, None)
        book.cancelling.discard(order_id)
