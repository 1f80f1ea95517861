"""The order desk: one wish at a time, nothing doubled, nothing left behind."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.errors import ContractBroken
from quant_contracts.events import (
    CancelIntent,
    Fill,
    OrderCanceled,
    OrderIntent,
    OrderRejected,
    OrderUnknown,
    Target,
)
from quant_contracts.instrument import Instrument
from quant_contracts.protocols import ExecutionTools, MarketState, Slice
from quant_contracts.units import MINUTE
from quant_daemon.clock import VirtualClock
from quant_engine.execution.desk import OrderDesk
from quant_engine.execution.policy import ImmediatePolicy, TWAPPolicy
from quant_engine.execution.router import MarketRouter
from quant_engine.portfolio.ledger import Ledger

BTC = "BTCUSDT"
D = Decimal


class Desk:
    """A desk with its books and clock, and a venue that answers only when the test says so."""

    def __init__(self, policy=None, min_notional="0"):
        self.ledger = Ledger(cash=D(100_000))
        self.clock = VirtualClock()
        self.sent = []
        self.trades = 0
        tools = ExecutionTools(
            {BTC: Instrument(BTC, D("0.01"), D("0.001"), D(min_notional))},
            {BTC: policy or ImmediatePolicy()},
            {BTC: MarketRouter()},
            self.ledger,
            self.clock,
            lambda _: 100.0,
        )
        self.desk = OrderDesk(tools)
        self.desk.connect(self.sent.append)

    def want(self, quantity, stop=None, take_profit=None):
        now = self.clock.now
        target = Target(now, BTC, D(quantity), stop and D(stop), take_profit and D(take_profit), "test")
        self.desk.execute(target, MarketState(now, BTC, 100.0, MINUTE, 0.03, 1000.0))

    def fill(self, order, quantity=None, cumulative=None):
        self.trades += 1
        done = D(quantity) if quantity else order.quantity
        left = order.quantity - (D(cumulative) if cumulative else done)
        fill = Fill(
            self.clock.now,
            BTC,
            order.order_id,
            f"t{self.trades}",
            order.side,
            D(100),
            done,
            D(0),
            "taker",
            D(100),
            "open",
            order.quantity - left,
            left,
            order.parent_id,
        )
        self.ledger.apply(fill)
        self.desk.on_event(fill)

    def cancel(self, order):
        self.desk.on_event(OrderCanceled(self.clock.now, BTC, order.order_id, "superseded", D(0)))

    @property
    def orders(self):
        return [event for event in self.sent if isinstance(event, OrderIntent)]

    @property
    def cancels(self):
        return [event.order_id for event in self.sent if isinstance(event, CancelIntent)]


def test_a_target_becomes_one_order_for_the_difference_to_the_position():
    desk = Desk()
    desk.want(2)
    (first,) = desk.orders
    assert (first.side, first.quantity, first.kind, first.order_id) == (1, D(2), "market", "BTCUSDT-1-1")
    assert not first.reduce_only
    desk.fill(first)
    desk.want("0.5")
    second = desk.orders[-1]
    assert (second.side, second.quantity, second.reduce_only) == (-1, D("1.5"), True)


def test_a_target_that_is_already_held_sends_nothing():
    desk = Desk()
    desk.want(1)
    desk.fill(desk.orders[0])
    desk.want(1)
    assert len(desk.orders) == 1


def test_turning_the_position_over_is_one_order_that_does_not_only_reduce():
    desk = Desk()
    desk.want(1)
    desk.fill(desk.orders[0])
    desk.want(-1)
    assert (desk.orders[1].side, desk.orders[1].quantity, desk.orders[1].reduce_only) == (-1, D(2), False)


def test_a_new_target_waits_for_the_venues_word_on_the_old_order():
    desk = Desk()
    desk.want(2)
    desk.want(-1)
    assert desk.cancels == ["BTCUSDT-1-1"]
    assert len(desk.orders) == 1, "the old order may still fill"
    desk.cancel(desk.orders[0])
    assert desk.orders[1].quantity == 1


def test_a_fill_that_wins_the_race_against_the_cancel_counts():
    desk = Desk()
    desk.want(2)
    desk.want(-1)
    desk.fill(desk.orders[0])
    assert (desk.orders[1].side, desk.orders[1].quantity) == (-1, D(3))


def test_an_order_is_asked_to_stop_once_however_often_the_target_changes():
    desk = Desk()
    desk.want(2)
    for quantity in (1, -1, 3):
        desk.want(quantity)
    assert desk.cancels == ["BTCUSDT-1-1"]
    desk.cancel(desk.orders[0])
    assert [order.quantity for order in desk.orders] == [D(2), D(3)], "only the last wish is worked"


def test_an_unknown_order_blocks_new_risk_until_the_venue_says():
    desk = Desk()
    desk.want(2)
    desk.desk.on_event(OrderUnknown(0, BTC, desk.orders[0].order_id, "timeout"))
    desk.want(1)
    assert len(desk.orders) == 1
    desk.cancel(desk.orders[0])
    assert len(desk.orders) == 2


def test_work_that_had_to_wait_is_dated_by_the_venues_word_not_by_the_decision():
    desk = Desk(TWAPPolicy(segments=2))
    desk.want(2)
    desk.want(1)
    desk.clock.advance(5 * MINUTE)
    desk.cancel(desk.orders[0])
    assert desk.orders[1].ts == 5 * MINUTE
    desk.clock.advance(6 * MINUTE)
    assert desk.orders[2].ts == 6 * MINUTE


def test_a_rejected_order_leaves_the_way_free():
    desk = Desk()
    desk.want(2)
    desk.desk.on_event(OrderRejected(0, BTC, desk.orders[0].order_id, "no"))
    desk.want(1)
    assert desk.orders[1].quantity == 1
    assert desk.cancels == []


def test_an_order_smaller_than_the_venue_takes_is_not_sent_unless_it_reduces():
    desk = Desk(min_notional="50")
    desk.want("0.4")
    assert desk.orders == []
    desk.want(1)
    desk.fill(desk.orders[0])
    desk.want("0.6")
    assert desk.orders[1].quantity == D("0.4")


def test_slices_are_events_of_the_clock_each_at_its_own_time():
    desk = Desk(TWAPPolicy(segments=4, interval="30s"))
    desk.want(1)
    assert [order.ts for order in desk.orders] == [0]
    desk.clock.advance(MINUTE)
    assert [order.ts for order in desk.orders] == [0, MINUTE // 2, MINUTE]
    assert {order.parent_id for order in desk.orders} == {"BTCUSDT-1"}
    desk.clock.advance(10 * MINUTE)
    assert sum(order.quantity for order in desk.orders) == 1


def test_slices_that_are_not_due_are_forgotten_with_their_target():
    desk = Desk(TWAPPolicy(segments=4))
    desk.want(1)
    desk.fill(desk.orders[0])
    desk.want(0)
    desk.clock.advance(100 * MINUTE)
    assert [order.side for order in desk.orders] == [1, *[-1] * 4]
    assert sum(order.quantity * order.side for order in desk.orders) == 0


def test_a_position_is_protected_from_the_moment_it_exists():
    desk = Desk(TWAPPolicy(segments=2))
    desk.want(2, stop="90", take_profit="120")
    entry, stop, profit = desk.orders
    assert entry.quantity == 1
    assert (stop.kind, stop.price, stop.side, stop.quantity) == ("stop", D(90), -1, D(2))
    assert (profit.kind, profit.price, profit.quantity) == ("take_profit", D(120), D(2))
    assert stop.reduce_only
    assert profit.reduce_only
    assert stop.oco == profit.oco != ""


def test_a_protective_fill_ends_the_wish():
    desk = Desk(TWAPPolicy(segments=2))
    desk.want(2, stop="90")
    entry, stop = desk.orders
    desk.fill(entry)
    desk.fill(stop, quantity=1, cumulative=2)
    assert desk.desk.stopped(BTC)
    desk.clock.advance(10 * MINUTE)
    assert len(desk.orders) == 2, "the second slice is not sent into a stopped position"
    desk.want(1)
    assert not desk.desk.stopped(BTC)
    assert len(desk.orders) == 3


def test_a_stop_that_ended_before_there_was_anything_to_reduce_is_placed_again():
    desk = Desk(TWAPPolicy(segments=2))
    desk.want(2, stop="90")
    entry, stop = desk.orders
    desk.cancel(stop)
    desk.fill(entry)
    again = desk.orders[-1]
    assert (again.kind, again.price) == ("stop", D(90))
    assert again.order_id != stop.order_id


def test_a_policy_that_loses_quantity_is_caught():
    class Careless:
        def slices(self, parent):
            return (Slice(0, parent.quantity / 2),)

    desk = Desk(Careless())
    with pytest.raises(ContractBroken, match="which is not the same"):
        desk.want(1)


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("want"), st.integers(-5, 5)),
            st.tuples(st.just("fill"), st.integers(0, 9)),
            st.tuples(st.just("part"), st.integers(0, 9)),
            st.tuples(st.just("cancel"), st.integers(0, 9)),
            st.tuples(st.just("wait"), st.integers(0, 3)),
        ),
        max_size=40,
    )
)
def test_position_and_working_orders_never_go_past_the_wish(steps):
    desk = Desk(TWAPPolicy(segments=3))
    working, wish = {}, D(0)
    seen = 0

    def take_note():
        nonlocal seen
        for event in desk.sent[seen:]:
            if isinstance(event, OrderIntent):
                working[event.order_id] = [event, event.quantity]
        seen = len(desk.sent)

    lowest = highest = D(0)
    for what, number in steps:
        open_orders = list(working)
        if what == "want":
            wish = D(number)
            desk.want(number)
        elif what == "wait":
            desk.clock.advance(desk.clock.now + number * MINUTE)
        elif open_orders:
            key = open_orders[number % len(open_orders)]
            order, left = working[key]
            if what == "cancel":
                del working[key]
                desk.cancel(order)
            else:
                done = left if what == "fill" or left < D("0.002") else left - D("0.001")
                working[key][1] = left - done
                if left == done:
                    del working[key]
                desk.fill(order, done, order.quantity - left + done)
        take_note()
        lowest, highest = min(lowest, wish), max(highest, wish)
        exposed = desk.ledger.position(BTC) + sum(order.side * left for order, left in working.values())
        assert lowest <= exposed <= highest
