"""A stage to rehearse an execution engine on: a clock, a position, and every order it sends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from quant_contracts.events import (
    CancelIntent,
    Fill,
    OrderAccepted,
    OrderCanceled,
    OrderIntent,
    PortfolioSnapshot,
    Target,
)
from quant_contracts.instrument import ZERO, Instrument
from quant_contracts.protocols import (
    ExecutionEngine,
    ExecutionTools,
    MarketState,
    ParentOrder,
    Route,
    Slice,
)
from quant_contracts.testing.samples import FIRST_OPEN
from quant_contracts.units import MINUTE, ExactQuantity, Nanos

EngineFactory = Callable[[ExecutionTools], ExecutionEngine]
"""Makes an execution engine as the loader does: from the tools it works with."""

SYMBOL: Final = "BTCUSDT"
PRICE: Final = 100.0


class _Alarm:
    """A timer of the stage's clock."""

    def __init__(self, due: Nanos, call: Callable[[Nanos], None]) -> None:
        self.due = due
        self.call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class _Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now: Nanos = FIRST_OPEN
        self._alarms: list[_Alarm] = []

    def at(self, due: Nanos, call: Callable[[Nanos], None], /) -> _Alarm:
        alarm = _Alarm(due, call)
        self._alarms.append(alarm)
        return alarm

    def advance(self, to: Nanos) -> None:
        """Go to a moment; what is due by then is called in order."""
        while due := [alarm for alarm in self._alarms if alarm.due <= to and not alarm.is_cancelled]:
            first = min(due, key=lambda alarm: alarm.due)
            self._alarms.remove(first)
            self.now = first.due
            first.call(first.due)
        self.now = to


class _Books:
    """A portfolio that knows positions and nothing of money."""

    def __init__(self, position: ExactQuantity) -> None:
        self._held = {SYMBOL: position}

    @property
    def equity(self) -> float:
        return 1e6

    def apply(self, fill: Fill, /) -> bool:
        self._held[fill.symbol] += fill.side * fill.quantity
        return True

    def mark(self, symbol: str, price: float, /) -> None:
        pass

    def position(self, symbol: str, /) -> ExactQuantity:
        return self._held[symbol]

    def exposure_beside(self, _symbol: str, /) -> tuple[float, float]:
        return 0.0, 0.0

    def snapshot(self, ts: Nanos, /) -> PortfolioSnapshot:
        return PortfolioSnapshot(ts, ZERO, dict(self._held), {}, self.equity, 0.0, 0.0, ZERO, ZERO)


class Halves(msgspec.Struct, frozen=True):
    """Half at once and half a minute later; all at once where there is one lot."""

    def slices(self, parent: ParentOrder, /) -> tuple[Slice, ...]:
        lots = parent.instrument.lots(parent.quantity)
        half = int(lots / 2) * parent.instrument.lot
        if not half:
            return (Slice(0, parent.quantity),)
        return Slice(0, half), Slice(MINUTE, parent.quantity - half)


class _ToMarket(msgspec.Struct, frozen=True):
    def route(self, _parent: ParentOrder, _quantity: ExactQuantity, _market: MarketState, /) -> Route:
        return Route("market", None, "gtc")


class Stage:
    """One engine, a position to begin with, what the engine sends, and a venue that does as it is told."""

    def __init__(self, factory: EngineFactory, position: str = "0") -> None:
        instrument = Instrument(SYMBOL, tick=Decimal("0.01"), lot=Decimal("0.001"), min_notional=Decimal(5))
        self.clock = _Clock()
        self.sent: list[OrderIntent | CancelIntent] = []
        self._left: dict[str, ExactQuantity] = {}
        self._trades = 0
        self._books = _Books(Decimal(position))
        self.engine = factory(
            ExecutionTools(
                instruments={SYMBOL: instrument},
                policies={SYMBOL: Halves()},
                routers={SYMBOL: _ToMarket()},
                portfolio=self._books,
                clock=self.clock,
                price=lambda _symbol: PRICE,
            )
        )
        self.engine.connect(self._take)

    def _take(self, event: OrderIntent | CancelIntent) -> None:
        self.sent.append(event)
        if isinstance(event, OrderIntent):
            self._left[event.order_id] = event.quantity

    @property
    def position(self) -> ExactQuantity:
        """What is held now."""
        return self._books.position(SYMBOL)

    @property
    def orders(self) -> list[OrderIntent]:
        """Every order sent on the way to a target."""
        return [it for it in self.sent if isinstance(it, OrderIntent) and it.kind == "market"]

    @property
    def protective(self) -> list[OrderIntent]:
        """Every order sent to protect what is held."""
        return [it for it in self.sent if isinstance(it, OrderIntent) and it.kind != "market"]

    @property
    def cancels(self) -> list[CancelIntent]:
        """Every cancel sent."""
        return [it for it in self.sent if isinstance(it, CancelIntent)]

    @property
    def traded(self) -> ExactQuantity:
        """Signed sum of the orders sent on the way to a target."""
        return sum((it.side * it.quantity for it in self.orders), ZERO)

    def want(self, quantity: str, stop: str | None = None, take_profit: str | None = None) -> None:
        """Hand over a target."""
        target = Target(
            self.clock.now,
            SYMBOL,
            Decimal(quantity),
            stop=None if stop is None else Decimal(stop),
            take_profit=None if take_profit is None else Decimal(take_profit),
            reason="rehearsal",
        )
        self.engine.execute(target, MarketState(self.clock.now, SYMBOL, PRICE, MINUTE, 0.03, 20_000.0))

    def accept(self, order: OrderIntent) -> None:
        """The venue takes the order."""
        self.engine.on_event(OrderAccepted(self.clock.now, SYMBOL, order.order_id, f"v-{order.order_id}"))

    def fill(self, order: OrderIntent, quantity: ExactQuantity | None = None) -> None:
        """The venue fills `quantity` of the order, or what is left of it; the books hear of it first."""
        left = self._left.pop(order.order_id)
        size = left if quantity is None else quantity
        if size < left:
            self._left[order.order_id] = left - size
        self._trades += 1
        price = Decimal("100.00")
        fill = Fill(
            ts=self.clock.now,
            symbol=SYMBOL,
            order_id=order.order_id,
            trade_id=f"t{self._trades}",
            side=order.side,
            price=price,
            quantity=size,
            fee=ZERO,
            liquidity="taker",
            reference=price,
            rule="rehearsal",
            cumulative=order.quantity - left + size,
            remaining=left - size,
            parent_id=order.parent_id,
        )
        self._books.apply(fill)
        self.engine.on_event(fill)

    def settle(self) -> None:
        """The venue confirms every cancel and fills all that does not protect, later slices included."""
        for _ in range(3):
            while self._answer():
                pass
            self.clock.advance(self.clock.now + MINUTE)

    def _answer(self) -> bool:
        """Answer the first thing that waits for an answer; False when nothing does."""
        for cancel in self.cancels:
            left = self._left.pop(cancel.order_id, None)
            if left is not None:
                answer = OrderCanceled(self.clock.now, SYMBOL, cancel.order_id, cancel.reason, left)
                self.engine.on_event(answer)
                return True
        for order in self.orders:
            if order.order_id in self._left:
                self.fill(order)
                return True
        return False
