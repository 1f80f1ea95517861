"""The checks of matching engines pass a good one and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools
from decimal import Decimal

import msgspec
import pytest

from quant_contracts.errors import ContractBroken
from quant_contracts.events import Fill, OrderAccepted, OrderCanceled, OrderRejected
from quant_contracts.testing import matching

ZERO = Decimal(0)
FRESH = itertools.count()


class Paper(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Fills every order whole, at prices that a bar proves, as simply as can be."""

    fee: Decimal = Decimal("0.001")

    def __post_init__(self):
        self._orders = {}
        self._seen = set()
        self._trades = 0
        self._position = ZERO

    def bind(self, instruments, slippage, /):
        ((self._symbol, self._instrument),) = instruments.items()
        self._slippage = slippage[self._symbol]

    def submit(self, order, /):
        if order.order_id in self._seen:
            return [OrderRejected(order.ts, order.symbol, order.order_id, "duplicate")]
        self._seen.add(order.order_id)
        self._orders[order.order_id] = order
        return [OrderAccepted(order.ts, order.symbol, order.order_id, f"v{len(self._seen)}")]

    def cancel(self, order_id, ts, reason, /):
        order = self._orders.pop(order_id, None)
        return [] if order is None else [self.ended(order, ts, reason, order.quantity)]

    def ended(self, order, ts, reason, remaining):
        return OrderCanceled(ts, order.symbol, order.order_id, reason, remaining)

    def works(self, order, bar):
        return order.ts <= bar.ts_open

    def on_bar(self, bar, /):
        events = []
        for order in list(self._orders.values()):
            if order.order_id not in self._orders or bar.symbol != order.symbol or not bar.volume:
                continue
            shown = self.shown(order, bar) if self.works(order, bar) else None
            if shown is not None:
                events += self.trade(order, bar, shown)
            elif order.time_in_force == "ioc" and self.works(order, bar):
                events += self.cancel(order.order_id, bar.ts_known, "ioc")
        return events

    def shown(self, order, bar):
        """The price before slippage, None when the order does not trade on this bar."""
        side, level = order.side, order.price
        opened = self._instrument.price(bar.open, side)
        far = Decimal(repr(bar.high if side > 0 else bar.low))
        near = Decimal(repr(bar.low if side > 0 else bar.high))
        if order.kind == "market":
            return opened
        if order.kind == "stop":
            # A purchase triggers at a high of `level` or more, and pays the open where that is beyond.
            return (max if side > 0 else min)(opened, level) if side * (far - level) >= 0 else None
        return level if side * (level - near) >= 0 else None

    def trade(self, order, bar, shown):
        quantity = order.quantity
        if order.reduce_only:
            quantity = min(quantity, self.reducible(order))
            if not quantity:
                return self.cancel(order.order_id, bar.ts_known, "reduce_only")
        del self._orders[order.order_id]
        self._position += order.side * quantity
        remaining = order.quantity - quantity
        events = [self.fill(order, bar, shown, quantity, remaining)]
        if remaining:
            events.append(self.ended(order, bar.ts_known, "reduce_only", remaining))
        return events + self.siblings(order, bar)

    def reducible(self, order):
        return max(ZERO, -order.side * self._position)

    def siblings(self, order, bar):
        siblings = [it.order_id for it in self._orders.values() if order.oco and it.oco == order.oco]
        return [event for name in siblings for event in self.cancel(name, bar.ts_known, "oco")]

    def fill(self, order, bar, shown, quantity, remaining):
        self._trades += 1
        cost = self._slippage.fraction(float(quantity), 0.0, order.volatility, order.daily_volume)
        price = self._instrument.price(float(shown) * (1 + order.side * cost), order.side)
        if order.kind in {"limit", "take_profit"}:
            price = shown
        return Fill(
            ts=bar.ts_known,
            symbol=order.symbol,
            order_id=order.order_id,
            trade_id=f"t{self._trades}",
            side=order.side,
            price=price,
            quantity=quantity,
            fee=(price * quantity * self.fee).quantize(Decimal("1e-8")),
            liquidity="taker",
            reference=shown,
            rule=order.kind,
            cumulative=quantity,
            remaining=remaining,
            parent_id=order.parent_id,
        )

    def next_touch(self, bars, start, /):
        return start if self._orders else len(bars)


class OnlyMarket(Paper):
    """Refuses whatever it does not know: that is no broken promise."""

    def submit(self, order, /):
        if order.kind != "market":
            return [OrderRejected(order.ts, order.symbol, order.order_id, "not here")]
        return super().submit(order)


class ShoutsAtDuplicates(Paper):
    def submit(self, order, /):
        if order.order_id in self._seen:
            raise ContractBroken(f"the order id {order.order_id!r} was used before")
        return super().submit(order)


class NeverFills(Paper):
    def shown(self, order, bar):
        return None if order.time_in_force == "gtc" else super().shown(order, bar)


class FillsAtOnce(Paper):
    def bind(self, instruments, slippage, /):
        super().bind(instruments, slippage)
        self._bar = None

    def on_bar(self, bar, /):
        self._bar = bar
        return super().on_bar(bar)

    def submit(self, order, /):
        answers = super().submit(order)
        if self._bar is not None and order.kind == "market" and isinstance(answers[0], OrderAccepted):
            answers += self.trade(order, self._bar, Decimal(repr(self._bar.close)))
        return answers


class FillsOnABarThatRuns(Paper):
    def works(self, order, bar):
        return order.ts < bar.ts_event


class FillsAtTheBest(Paper):
    def shown(self, order, bar):
        shown = super().shown(order, bar)
        if shown is None or order.kind != "market":
            return shown
        return Decimal(repr(bar.low if order.side > 0 else bar.high)) - order.side * Decimal("0.01")


class SlipsOurWay(Paper):
    def fill(self, order, bar, shown, quantity, remaining):
        fill = super().fill(order, bar, shown, quantity, remaining)
        if order.kind != "market":
            return fill
        return msgspec.structs.replace(fill, price=shown - order.side * Decimal("0.01"))


class MovesTheLimit(Paper):
    def fill(self, order, bar, shown, quantity, remaining):
        fill = super().fill(order, bar, shown, quantity, remaining)
        if order.kind != "limit":
            return fill
        return msgspec.structs.replace(fill, price=shown + order.side * Decimal("0.01"))


class StopsTooEarly(Paper):
    def shown(self, order, bar):
        return (
            self._instrument.price(bar.open, order.side)
            if order.kind == "stop"
            else super().shown(order, bar)
        )


class LosesTheRest(Paper):
    def fill(self, order, bar, shown, quantity, remaining):
        fill = super().fill(order, bar, shown, quantity, remaining)
        return msgspec.structs.replace(fill, quantity=quantity - self._instrument.lot)


class RepeatsTradeIds(Paper):
    def fill(self, order, bar, shown, quantity, remaining):
        fill = super().fill(order, bar, shown, quantity, remaining)
        return msgspec.structs.replace(fill, trade_id=f"t{self._trades % 2}")


class FillsInHalves(Paper):
    """Whole lots, but what is over after half a lot is lost in a fraction of one."""

    def fill(self, order, bar, shown, quantity, remaining):
        fill = super().fill(order, bar, shown, quantity, remaining)
        half = quantity / 2
        return msgspec.structs.replace(fill, quantity=half, cumulative=half, remaining=order.quantity - half)


class CancelsTwice(Paper):
    def cancel(self, order_id, ts, reason, /):
        return super().cancel(order_id, ts, reason) or (
            [OrderCanceled(ts, self._symbol, order_id, reason, ZERO)] if order_id not in self._seen else []
        )


class OpensWithProtection(Paper):
    def reducible(self, order):
        return order.quantity


class ForgetsSiblings(Paper):
    def siblings(self, order, bar):
        return []

    def reducible(self, order):
        # Room enough that nothing but the pair itself keeps its two orders from both filling.
        return min(order.quantity, super().reducible(order))


class LooksTooLate(Paper):
    def next_touch(self, bars, start, /):
        return min(start + 2, len(bars)) if self._orders else len(bars)


class LooksOutside(Paper):
    def next_touch(self, bars, start, /):
        return -1


class Moody(Paper):
    def __post_init__(self):
        super().__post_init__()
        self._trades = 1_000 * next(FRESH)


class AnySymbolWillDo(Paper):
    def on_bar(self, bar, /):
        return super().on_bar(msgspec.structs.replace(bar, symbol=self._symbol))


class TakesDuplicates(Paper):
    def submit(self, order, /):
        self._seen.discard(order.order_id)
        return super().submit(order)


GOOD = [Paper, OnlyMarket, ShoutsAtDuplicates]

BAD = {
    NeverFills: {"small_orders_fill"},
    FillsAtOnce: {"answers_are_never_fills", "next_touch_is_never_late", "cancelled_orders_rest"},
    FillsOnABarThatRuns: {"nothing_fills_before_the_next_bar", "fills_are_never_too_kind"},
    FillsAtTheBest: {"fills_are_never_too_kind"},
    SlipsOurWay: {"fills_are_never_too_kind"},
    MovesTheLimit: {"fills_are_never_too_kind"},
    StopsTooEarly: {"fills_are_never_too_kind"},
    LosesTheRest: {"quantities_add_up", "small_orders_fill"},
    RepeatsTradeIds: {"quantities_add_up"},
    FillsInHalves: {"quantities_add_up", "small_orders_fill"},
    CancelsTwice: {"cancelled_orders_rest"},
    OpensWithProtection: {"protection_never_opens"},
    ForgetsSiblings: {"protection_never_opens"},
    LooksTooLate: {"next_touch_is_never_late"},
    LooksOutside: {"next_touch_is_never_late"},
    Moody: {"same_orders_same_events", "next_touch_is_never_late"},
    AnySymbolWillDo: {"other_symbols_do_nothing"},
    TakesDuplicates: {"duplicates_are_refused"},
}


@pytest.mark.parametrize("engine", GOOD)
def test_a_good_engine_keeps_every_promise(broken, engine):
    assert broken("matching", engine) == {}


@pytest.mark.parametrize("engine", BAD)
def test_a_bad_engine_breaks_just_its_promise(broken, engine):
    assert broken("matching", engine).keys() == BAD[engine]


def test_every_check_can_fail():
    own = {function.__name__ for function in matching.CHECKS}
    assert own == {f"check_{name}" for names in BAD.values() for name in names}


def test_the_message_shows_the_order_the_bar_and_the_fill(broken):
    detail = broken("matching", SlipsOurWay)["fills_are_never_too_kind"]
    for part in (
        "sent after row",
        "OrderIntent(",
        "Bar(",
        "a price no better than the reference of",
        "Fill(",
    ):
        assert part in detail
