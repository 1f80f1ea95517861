"""The checks of portfolios and execution engines pass good ones and catch bad ones."""

from __future__ import annotations

import itertools
from decimal import Decimal

import msgspec
import pytest

from quant_contracts.events import CancelIntent, Fill, OrderCanceled, OrderIntent, PortfolioSnapshot
from quant_contracts.protocols import ParentOrder
from quant_contracts.testing import desks, portfolios

ZERO = Decimal(0)
FRESH = itertools.count()


class Books(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Cash, positions and marks, and nothing of profit."""

    cash: Decimal = Decimal(100_000)

    def __post_init__(self):
        self._cash, self._fees = self.cash, ZERO
        self._held, self._marks, self._seen = {}, {}, set()

    def apply(self, fill, /):
        if fill.trade_id in self._seen:
            return False
        self._seen.add(fill.trade_id)
        self.book(fill)
        return True

    def book(self, fill):
        self._held = {**self._held, fill.symbol: self.position(fill.symbol) + fill.side * fill.quantity}
        self._cash -= fill.side * fill.price * fill.quantity + fill.fee
        self._fees += fill.fee
        self._marks.setdefault(fill.symbol, float(fill.price))

    def mark(self, symbol, price, /):
        self._marks = {**self._marks, symbol: price}

    def position(self, symbol, /):
        return self._held.get(symbol, ZERO)

    def values(self):
        return {symbol: float(size) * self._marks[symbol] for symbol, size in sorted(self._held.items())}

    @property
    def equity(self):
        return float(self._cash) + sum(self.values().values())

    def exposure_beside(self, symbol, /):
        others = [value for other, value in self.values().items() if other != symbol]
        return sum(others, 0.0), sum(map(abs, others), 0.0)

    def snapshot(self, ts, /):
        net, gross = self.exposure_beside("")
        return PortfolioSnapshot(
            ts, self._cash, self._held, self._marks, self.equity, net, gross, ZERO, self._fees
        )


class ForgetsTheSide(Books):
    def book(self, fill):
        super().book(fill)
        self._held[fill.symbol] = self._held[fill.symbol] - fill.side * fill.quantity + fill.quantity


class CountsTwice(Books):
    def apply(self, fill, /):
        self._seen.clear()
        return super().apply(fill)


class SaysNothingOfDuplicates(Books):
    def apply(self, fill, /):
        super().apply(fill)
        return True


class FeeWithoutAPrice(Books):
    """The fee on the quantity alone, as if the price were 1."""

    def book(self, fill):
        super().book(msgspec.structs.replace(fill, fee=fill.quantity * Decimal("0.001")))


class CountsItself(Books):
    def exposure_beside(self, _symbol, /):
        return super().exposure_beside("")


class FeesOfTheFirstSide(Books):
    """Books the fee only of fills on the side that came first."""

    def book(self, fill):
        self._side = fill.side if not self._held else self._side
        before = self._fees
        super().book(fill)
        if fill.side != self._side:
            self._fees = before


class SharesItsDict(Books):
    def book(self, fill):
        shared = self._held
        super().book(fill)
        shared.update(self._held)
        self._held = shared


BAD_BOOKS = {
    ForgetsTheSide: {"position_is_the_sum_of_fills"},
    CountsTwice: {"fills_count_once"},
    SaysNothingOfDuplicates: {"fills_count_once"},
    FeeWithoutAPrice: {"equity_is_cash_and_marks"},
    CountsItself: {"exposure_is_of_the_others"},
    FeesOfTheFirstSide: {"order_of_fills_does_not_matter"},
    SharesItsDict: {"snapshots_stay_as_they_are"},
}


def test_good_books_keep_every_promise(broken):
    assert broken("portfolios", Books) == {}


@pytest.mark.parametrize("books", BAD_BOOKS)
def test_bad_books_break_just_their_promise(broken, books):
    assert broken("portfolios", books).keys() == BAD_BOOKS[books]


def test_every_check_of_portfolios_can_fail():
    own = {function.__name__ for function in portfolios.CHECKS}
    assert own == {f"check_{name}" for names in BAD_BOOKS.values() for name in names}


class Desk:
    """One symbol's way to its target, as simply as can be."""

    def __init__(self, tools):
        self._tools = tools
        ((self._symbol, self._instrument),) = tools.instruments.items()
        self._live, self._timers, self._waiting, self._stopped, self._orders = {}, [], None, False, 0

    def connect(self, publish, /):
        self._publish = publish

    def stopped(self, _symbol, /):
        return self._stopped

    def execute(self, target, market, /):
        self._stopped, self._waiting = False, (target, market)
        for timer in self._timers:
            timer.cancel()
        self.withdraw()
        self.work()

    def withdraw(self):
        for name in self._live:
            self._publish(CancelIntent(self._tools.clock.now, self._symbol, name, "superseded"))

    def work(self):
        if self._live or self._waiting is None:
            return
        (target, market), self._waiting = self._waiting, None
        gap = self.gap(target)
        if abs(gap) * Decimal(repr(market.price)) < self._instrument.min_notional:
            return
        parent = ParentOrder(market.ts, f"p{self._orders}", self._instrument, gap, False, market)
        for piece in self._tools.policies[self._symbol].slices(parent):
            self.schedule(parent, piece)
        self.protect(target, market)

    def gap(self, target):
        return target.quantity - self._tools.portfolio.position(self._symbol)

    def schedule(self, parent, piece):
        if not piece.after:
            self.send(parent.market, piece.quantity)
            return
        due = self._tools.clock.now + piece.after
        self._timers.append(self._tools.clock.at(due, lambda _: self.send(parent.market, piece.quantity)))

    def protect(self, target, market):
        for kind, level in (("stop", target.stop), ("take_profit", target.take_profit)):
            if level is not None and target.quantity:
                self.send(market, -target.quantity, kind, level, oco="pair")

    def name(self):
        return f"o{self._orders}"

    def send(self, market, quantity, kind="market", level=None, oco=""):
        self._orders += 1
        order = OrderIntent(
            ts=self._tools.clock.now,
            symbol=self._symbol,
            order_id=self.name(),
            parent_id="p",
            side=1 if quantity > 0 else -1,
            quantity=abs(quantity),
            kind=kind,
            price=level,
            time_in_force="gtc",
            reduce_only=kind != "market",
            decision_price=market.price,
            arrival_price=market.price,
            oco=oco,
        )
        self._live[order.order_id] = order
        self._publish(order)

    def on_event(self, event, /):
        order = self._live.get(event.order_id)
        if isinstance(event, OrderCanceled) or (isinstance(event, Fill) and not event.remaining):
            self._live.pop(event.order_id, None)
        if isinstance(event, Fill) and order is not None and order.kind != "market":
            self.stopped_out()
        self.work()

    def stopped_out(self):
        self._stopped = True


class GoesToTheTarget(Desk):
    """Sends the whole target, whatever is held."""

    def gap(self, target):
        return target.quantity if target.quantity != self._tools.portfolio.position(self._symbol) else ZERO


class ReusesIds(Desk):
    def name(self):
        return "o1"


class SendsAllAtOnce(Desk):
    def schedule(self, parent, piece):
        self.send(parent.market, piece.quantity)


class SendsDust(Desk):
    def work(self):
        if (
            self._waiting is not None
            and not self._live
            and 0 < abs(self.gap(self._waiting[0])) < Decimal("0.01")
        ):
            target, market = self._waiting
            self._waiting = None
            self.send(market, self.gap(target))
        else:
            super().work()


class DoesNotWait(Desk):
    def execute(self, target, market, /):
        self.withdraw()
        self._live.clear()
        super().execute(target, market)


class Unprotected(Desk):
    def protect(self, target, market):
        pass


class ProtectsTheWrongWay(Desk):
    def protect(self, target, market):
        super().protect(msgspec.structs.replace(target, quantity=-target.quantity), market)


class ComesBack(Desk):
    def stopped_out(self):
        self._waiting = self._last

    def execute(self, target, market, /):
        self._last = (target, market)
        super().execute(target, market)


class NamesByChance(Desk):
    def name(self):
        return f"o{next(FRESH)}"


BAD_DESKS = {
    GoesToTheTarget: {"gap_becomes_orders", "older_orders_end_first"},
    ReusesIds: {"gap_becomes_orders", "older_orders_end_first", "a_stop_keeps_out"},
    SendsAllAtOnce: {"slices_wait_for_their_time", "older_orders_end_first"},
    SendsDust: {"nothing_is_sent_twice"},
    DoesNotWait: {"older_orders_end_first"},
    Unprotected: {"protection_follows_fills", "a_stop_keeps_out"},
    ProtectsTheWrongWay: {"protection_follows_fills", "a_stop_keeps_out"},
    ComesBack: {"a_stop_keeps_out"},
    NamesByChance: {"same_wishes_same_orders"},
}


def test_a_good_desk_keeps_every_promise(broken):
    assert broken("execution", Desk) == {}


@pytest.mark.parametrize("desk", BAD_DESKS)
def test_a_bad_desk_breaks_just_its_promise(broken, desk):
    assert broken("execution", desk).keys() == BAD_DESKS[desk]


def test_every_check_of_execution_engines_can_fail():
    own = {function.__name__ for function in desks.CHECKS}
    assert own == {f"check_{name}" for names in BAD_DESKS.values() for name in names}
