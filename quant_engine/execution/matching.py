"""The simulated venue: works orders against recorded bars, never kinder than the bars can prove.

    submit -> accepted | rejected      cancel -> canceled      on_bar -> fills, canceled

What it refuses is in `admission`, what a bar proves about one order in `bar_rules`, what a trade costs in
`costs`. Here is what orders do to one another: they share a bar's volume, protect a position together,
and cancel their siblings.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Final

import msgspec

from quant_contracts.blocks import BarBlock
from quant_contracts.errors import ConfigError, LifecycleError
from quant_contracts.events import (
    Bar,
    Fill,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderIntent,
    OrderRejected,
)
from quant_contracts.instrument import Instrument
from quant_contracts.protocols import SlippageModel
from quant_contracts.units import ExactQuantity, Fraction, Nanos
from quant_engine.execution.admission import refusal
from quant_engine.execution.bar_rules import Terms, Working, first_act, terms, working
from quant_engine.execution.costs import EXACT, fee, slipped

BY_RANK: Final = attrgetter("rank")


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that is working, and how far it has got."""

    order: OrderIntent
    cumulative: ExactQuantity
    remaining: ExactQuantity
    """How much may still fill; less than the rest of the order where a sibling took a part of it."""


class Touch(msgspec.Struct, frozen=True, gc=False):
    """What `next_touch` found, good for any start between the two rows until an order changes."""

    bars: BarBlock
    start: int
    row: int


class Market(msgspec.Struct, eq=False):
    """One symbol at the venue."""

    instrument: Instrument
    slippage: SlippageModel
    orders: list[Working] = []
    """In the order they are served."""
    position: int = 0
    """Net lots over all fills."""
    room: int = 0
    """Lots of the present bar that our orders may still take."""
    done: dict[str, int] = {}
    """Lots filled of each parent order, whose impact the next slice starts from."""
    touch: Touch | None = None


class BarMatchingEngine(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """A venue that fills orders against bars.

    An order works from the first bar that opens at or after its time: a signal made of one bar trades
    on the next at the earliest. A fill is known when its bar is, so that is its time. Bars without
    volume are no market: nothing happens on them.

    **Volume.** All orders of a symbol together take at most `participation` of a bar's volume, in whole
    lots. At each moment of a bar (its open, then its inside) the orders that protect a position are
    served before those that open one, since a venue short of volume must not leave us more exposed than
    we asked for; then it is first come, first served. What is left of a `gtc` order waits for the next
    bar, what is left of an `ioc` order is cancelled: `participation`, or `not_marketable` for a limit
    that the open did not meet.

    **Reduce only.** Such an order fills no more than the net position of this venue's own fills on the
    other side; when it is reached and nothing (more) is there to reduce it is cancelled: `reduce_only`.
    One that is reached at the same moment as the order that opens the position waits for it, so a stop
    may be sent together with its entry and protects from the first bar; a target may not fill in a bar
    inside which its position was opened, for nobody knows which came first.

    **One cancels the other.** A fill takes as much from its siblings, the orders of the symbol with the
    same `oco` name. An order with nothing left is cancelled, and so are all siblings of one that is
    complete: `oco`.

    Fees default to those of Binance spot without any discount (VIP 0, binance.com/en/fee/trading).

    >>> from quant_contracts.testing.samples import FIRST_OPEN, bars_from_closes
    >>> from quant_engine.execution.slippage import NoSlippage
    >>> venue = BarMatchingEngine(participation=0.5)
    >>> venue.bind({"BTCUSDT": Instrument("BTCUSDT")}, {"BTCUSDT": NoSlippage()})
    >>> order = OrderIntent(
    ...     *(FIRST_OPEN, "BTCUSDT", "o1", "p1", 1, Decimal(3), "market", None, "gtc"),
    ...     *(False, 100.0, 100.0),
    ... )
    >>> [answer.venue_order_id for answer in venue.submit(order)]
    ['sim-1']
    >>> for bar in bars_from_closes(100, 101, 102, volume=4.0):
    ...     for fill in venue.on_bar(bar):
    ...         print(fill.trade_id, fill.rule, fill.quantity, fill.price, fill.fee, fill.remaining)
    t1 open 2.00000 100.00 0.20000000 1.00000
    t2 open 1.00000 100.00 0.10000000 0.00000
    """

    maker_fee: Decimal = Decimal("0.001")
    """Fee of a fill that rested in the book, as a share of its value; negative is a rebate."""
    taker_fee: Decimal = Decimal("0.001")
    """Fee of any other fill, as a share of its value, 0 or more."""
    participation: Fraction = 0.10
    """The share of a bar's volume that our orders may take, above 0, at most 1."""

    def __post_init__(self) -> None:
        if not (self.maker_fee.is_finite() and -1 < self.maker_fee < 1):
            raise ValueError(f"maker_fee is a share of the value, such as 0.001, not {self.maker_fee}")
        if not (self.taker_fee.is_finite() and 0 <= self.taker_fee < 1):
            raise ValueError(f"taker_fee is a share of the value, such as 0.001, not {self.taker_fee}")
        if not 0 < self.participation <= 1:
            raise ValueError(
                f"participation must be above 0 and at most 1, such as 0.1, not {self.participation}"
            )
        self._share = Decimal(repr(self.participation))
        self._markets: dict[str, Market] = {}
        # The markets that have working orders, so that all others cost one look-up.
        self._busy: dict[str, Market] = {}
        self._orders: dict[str, Working] = {}
        # Every order id for ever: an order sent twice must not work twice.
        self._seen: set[str] = set()
        self._accepted = 0
        self._trades = 0

    def bind(self, instruments: Mapping[str, Instrument], slippage: Mapping[str, SlippageModel], /) -> None:
        if self._markets:
            raise LifecycleError("the venue is bound already; bind is called once, after construction")
        for symbol, instrument in instruments.items():
            if symbol not in slippage:
                raise ConfigError(f"{symbol} has no slippage model; NoSlippage says that there is none")
            self._markets[symbol] = Market(instrument, slippage[symbol])

    def submit(self, order: OrderIntent, /) -> Sequence[OrderEvent]:
        market = self._markets.get(order.symbol)
        if order.order_id in self._seen:
            return (_rejected(order, "duplicate_order_id"),)
        self._seen.add(order.order_id)
        if market is None:
            return (_rejected(order, "unknown_symbol"),)
        instrument = market.instrument
        if reason := refusal(order, instrument):
            return (_rejected(order, reason),)
        lots = int(EXACT.divide_int(order.quantity, instrument.lot))
        work = working(order, lots, instrument.tick)
        insort(market.orders, work, key=BY_RANK)
        market.touch = None
        self._busy[order.symbol] = market
        self._orders[order.order_id] = work
        self._accepted += 1
        return (OrderAccepted(order.ts, order.symbol, order.order_id, f"sim-{self._accepted}"),)

    def cancel(self, order_id: str, ts: Nanos, reason: str, /) -> Sequence[OrderEvent]:
        work = self._orders.get(order_id)
        return () if work is None else (self._end(work, ts, reason),)

    def on_bar(self, bar: Bar, /) -> Sequence[OrderEvent]:
        market = self._busy.get(bar.symbol)
        if market is None:
            return ()
        opened, low, high = bar.ts_event - bar.interval, bar.low, bar.high
        reached = [
            work
            for work in market.orders
            if work.order.ts <= opened and (work.fresh or low <= work.below or high >= work.above)
        ]
        if not reached or not bar.volume:
            return ()
        volume = EXACT.multiply(self._share, Decimal(repr(bar.volume)))
        market.room = int(EXACT.divide_int(volume, market.instrument.lot))
        market.touch = None
        events: list[OrderEvent] = []
        self._serve(market, reached, bar, events, at_open=True)
        for work in reached:
            if work.fresh and work.left:
                work.fresh = False
                if work.kind == "limit" and work.order.time_in_force == "ioc":
                    events.append(self._end(work, bar.ts_known, "not_marketable"))
        self._serve(market, reached, bar, events, at_open=False)
        return events

    def _serve(
        self, market: Market, reached: list[Working], bar: Bar, events: list[OrderEvent], *, at_open: bool
    ) -> None:
        """Match the orders at one moment of the bar."""
        idle: list[tuple[Working, Terms]] = []
        for work in reached:
            found = terms(work, bar, market.instrument, at_open=at_open) if work.left else None
            if found is None:
                continue
            if work.order.reduce_only and not _reducible(market, work):
                idle.append((work, found))
            else:
                self._match(market, work, found, bar, events)
        for work, found in idle:
            if not work.left:
                continue
            if not _reducible(market, work):
                events.append(self._end(work, bar.ts_known, "reduce_only"))
            elif at_open or work.kind == "stop":
                self._match(market, work, found, bar, events)

    def _match(self, market: Market, work: Working, found: Terms, bar: Bar, events: list[OrderEvent]) -> None:
        order = work.order
        lots = min(work.left, market.room)
        if order.reduce_only:
            lots = min(lots, _reducible(market, work))
        if lots:
            self._fill(market, work, found, lots, bar, events)
        if not work.left:
            return
        if order.reduce_only and not _reducible(market, work):
            events.append(self._end(work, bar.ts_known, "reduce_only"))
        elif order.time_in_force == "ioc":
            events.append(self._end(work, bar.ts_known, "participation"))
        elif work.kind == "stop":
            work.trigger()

    def _fill(
        self, market: Market, work: Working, found: Terms, lots: int, bar: Bar, events: list[OrderEvent]
    ) -> None:
        order, instrument = work.order, market.instrument
        lot = instrument.lot
        quantity = EXACT.multiply(lots, lot)
        done = market.done.get(order.parent_id, 0)
        price, rate = found.price, self.maker_fee
        if found.liquidity == "taker":
            before = float(EXACT.multiply(done, lot)) if done else 0.0
            fraction = market.slippage.fraction(float(quantity), before, order.volatility, order.daily_volume)
            price, rate = slipped(price, order.side, fraction, instrument.tick), self.taker_fee
            if order.price is not None and order.kind != "stop":
                # Slippage may use a limit up, never pass it.
                price = min(price, order.price) if order.side > 0 else max(price, order.price)
        market.done[order.parent_id] = done + lots
        market.position += order.side * lots
        market.room -= lots
        work.filled += lots
        work.left -= lots
        self._trades += 1
        events.append(
            Fill(
                bar.ts_known,
                order.symbol,
                order.order_id,
                f"t{self._trades}",
                order.side,
                price,
                quantity,
                fee(rate, price, quantity),
                found.liquidity,
                found.price,
                found.rule,
                EXACT.multiply(work.filled, lot),
                EXACT.multiply(work.lots - work.filled, lot),
                order.parent_id,
            )
        )
        if work.filled == work.lots:
            self._forget(work)
        elif not work.left:
            events.append(self._end(work, bar.ts_known, "oco"))
        if order.oco:
            self._take_from_siblings(market, work, lots, bar.ts_known, events)

    def _take_from_siblings(
        self, market: Market, filled: Working, lots: int, ts: Nanos, events: list[OrderEvent]
    ) -> None:
        complete = filled.filled == filled.lots
        for work in market.orders.copy():
            if work is not filled and work.order.oco == filled.order.oco:
                work.left = 0 if complete else max(0, work.left - lots)
                if not work.left:
                    events.append(self._end(work, ts, "oco"))

    def _end(self, work: Working, ts: Nanos, reason: str) -> OrderCanceled:
        order = work.order
        remaining = EXACT.multiply(work.lots - work.filled, self._markets[order.symbol].instrument.lot)
        work.left = 0
        self._forget(work)
        return OrderCanceled(ts, order.symbol, order.order_id, reason, remaining)

    def _forget(self, work: Working) -> None:
        symbol = work.order.symbol
        market = self._markets[symbol]
        market.orders.remove(work)
        market.touch = None
        del self._orders[work.order.order_id]
        if not market.orders:
            del self._busy[symbol]

    def next_touch(self, bars: BarBlock, start: int, /) -> int:
        market = self._busy.get(bars.symbol)
        if market is None or start >= len(bars):
            return len(bars)
        touch = market.touch
        if touch is None or touch.bars is not bars or not touch.start <= start <= touch.row:
            touch = market.touch = Touch(bars, start, first_act(market.orders, bars, start))
        return touch.row

    def working(self, symbol: str, /) -> tuple[OpenOrder, ...]:
        """The working orders of a symbol, in the order they are served."""
        market = self._busy.get(symbol)
        return () if market is None else tuple(_opened(work, market) for work in market.orders)

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """All working orders, as submitted."""
        return tuple(_opened(work, self._markets[work.order.symbol]) for work in self._orders.values())


def _rejected(order: OrderIntent, reason: str) -> OrderRejected:
    return OrderRejected(order.ts, order.symbol, order.order_id, reason)


def _reducible(market: Market, work: Working) -> int:
    """How many lots of the position lie on the other side of the order."""
    return max(0, -work.order.side * market.position)


def _opened(work: Working, market: Market) -> OpenOrder:
    lot = market.instrument.lot
    return OpenOrder(work.order, EXACT.multiply(work.filled, lot), EXACT.multiply(work.left, lot))
