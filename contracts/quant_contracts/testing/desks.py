"""The promises of an execution engine: it closes the gap to the target once, and hears the venue out."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from quant_contracts.events import OrderIntent
from quant_contracts.testing.promise import BrokenPromise, check_is_lawful, same
from quant_contracts.testing.stage import SYMBOL, EngineFactory, Stage
from quant_contracts.units import MINUTE

GAPS: Final = (("0", "1.001"), ("0", "-2"), ("1", "3"), ("1", "0"), ("2", "-1"), ("-1", "-0.5"))
"""Positions and the targets to get to from there: to open, add, close, turn and reduce."""


def check_gap_becomes_orders(factory: EngineFactory) -> None:
    """The orders for a target add up to what is missing: lawful, and each with an id of its own."""
    for held, wanted in GAPS:
        stage = Stage(factory, held)
        stage.want(wanted)
        stage.settle()
        gap = Decimal(wanted) - Decimal(held)
        given = f"position {held}, target {wanted}, every order filled"
        if stage.traded != gap or stage.position != Decimal(wanted):
            raise _broken(stage, "the orders add up to the gap", given, f"orders for {gap} in all")
        for order in stage.orders:
            check_is_lawful(stage.engine, "publish", given, order, OrderIntent)
        names = [order.order_id for order in stage.orders]
        if len(set(names)) < len(names):
            raise _broken(stage, "an order id is used once", given, "ids of their own")


def check_slices_wait_for_their_time(factory: EngineFactory) -> None:
    """A slice leaves when the clock says it is due, not before."""
    stage = Stage(factory)
    stage.want("2")
    if stage.traded != 1:
        given = "target 2, to be sent in halves a minute apart"
        raise _broken(stage, "a slice waits until it is due", given, "one order, of 1")
    stage.clock.advance(stage.clock.now + MINUTE)
    if stage.traded != 2:
        raise _broken(stage, "a slice leaves when it is due", "the same a minute later", "two orders of 1")


def check_nothing_is_sent_twice(factory: EngineFactory) -> None:
    """Where the position is the target already, nothing is sent; nor for a gap the venue would not take."""
    for held, wanted, why in (
        ("1", "1", "the position is the target"),
        ("0", "0.001", "0.1 of quote currency is below the least order of 5"),
    ):
        stage = Stage(factory, held)
        for _ in range(2):
            stage.want(wanted)
            stage.clock.advance(stage.clock.now + 2 * MINUTE)
        if stage.sent:
            raise _broken(stage, "nothing is sent without a reason", f"target {wanted}: {why}", "no order")


def check_older_orders_end_first(factory: EngineFactory) -> None:
    """A new target cancels what works for the old one, and sends nothing before the venue has answered."""
    stage = Stage(factory)
    stage.want("2")
    first = stage.orders[0]
    stage.accept(first)
    stage.fill(first, Decimal("0.4"))
    stage.want("-1")
    stage.clock.advance(stage.clock.now + 2 * MINUTE)
    given = "target 2, of which 0.4 filled and a slice was still to come; then target -1"
    if [it.order_id for it in stage.cancels] != [first.order_id]:
        raise _broken(stage, "a new target cancels older orders", given, f"a cancel of {first.order_id!r}")
    if stage.orders != [first]:
        raise _broken(stage, "nothing new leaves before the venue's word", given, "no second order yet")
    # The cancel comes too late for a part: fills are facts.
    stage.fill(first, Decimal("0.1"))
    if stage.orders != [first]:
        raise _broken(stage, "a late fill is not the end of an order", given, "no second order yet")
    stage.settle()
    if stage.position != -1:
        raise _broken(stage, "the new gap is to what was really filled", given, "orders for -1.5 in all")


def check_protection_follows_fills(factory: EngineFactory) -> None:
    """What is held is protected by reduce-only orders at the target's levels that cancel one another."""
    for wanted, stop, limit in (("1", "90", "120"), ("-1", "110", "80")):
        stage = Stage(factory)
        stage.want(wanted, stop, limit)
        stage.settle()
        side = 1 if stage.position > 0 else -1
        last = {it.kind: it for it in stage.protective}
        orders = [last[kind] for kind in ("stop", "take_profit") if kind in last]
        levels = [(it.kind, it.price, it.side, it.quantity, it.reduce_only) for it in orders]
        expected = [
            ("stop", Decimal(stop), -side, Decimal(1), True),
            ("take_profit", Decimal(limit), -side, Decimal(1), True),
        ]
        if levels != expected or len({it.oco for it in orders}) != 1 or not orders[0].oco:
            given = f"target {wanted}, stop {stop}, take-profit {limit}, filled"
            raise _broken(
                stage, "what is held is protected", given, f"{expected}, with one `oco` name between them"
            )


def check_a_stop_keeps_out(factory: EngineFactory) -> None:
    """After a protective fill the engine says `stopped` and stays out until a new target comes."""
    stage = Stage(factory)
    stage.want("1", "90")
    stage.settle()
    before = stage.traded
    given = "target 1 with a stop at 90, filled, then stopped out"
    if stage.engine.stopped(SYMBOL):
        raise _broken(stage, "stopped is False while the target is held", given, "False")
    stage.fill(stage.protective[-1])
    stage.clock.advance(stage.clock.now + 5 * MINUTE)
    if not stage.engine.stopped(SYMBOL):
        raise _broken(stage, "stopped is True once a protective order closed the position", given, "True")
    if stage.traded != before:
        raise _broken(stage, "a stopped position stays closed", given, "no order to open it again")
    stage.want("2")
    if stage.engine.stopped(SYMBOL) or stage.traded == before:
        raise _broken(stage, "a new target ends it", f"{given}; then target 2", "False, and new orders")


def check_same_wishes_same_orders(factory: EngineFactory) -> None:
    """The same targets and answers give the same orders, ids included."""
    runs = []
    for _ in range(2):
        stage = Stage(factory)
        for wanted in ("1", "-2", "0", "0.7"):
            stage.want(wanted, "50" if wanted[0] != "-" else "150")
            stage.settle()
        runs.append(stage)
    first, second = runs
    if not same(first.sent, second.sent):
        given = "targets 1, -2, 0 and 0.7, every order filled, twice"
        raise _broken(second, "the same wishes give the same orders", given, first.sent)


def _broken(stage: Stage, promise: str, given: str, expected: object) -> BrokenPromise:
    return BrokenPromise(stage.engine, promise, given=given, expected=expected, came=stage.sent)


CHECKS: Final = (
    check_gap_becomes_orders,
    check_slices_wait_for_their_time,
    check_nothing_is_sent_twice,
    check_older_orders_end_first,
    check_protection_follows_fills,
    check_a_stop_keeps_out,
    check_same_wishes_same_orders,
)
