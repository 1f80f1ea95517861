"""The promises of a matching engine: no fill before the next bar, none too kind, none lost, none twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quant_contracts.errors import QuantError
from quant_contracts.events import (
    Bar,
    Fill,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderRejected,
)
from quant_contracts.instrument import ZERO
from quant_contracts.testing.promise import BrokenPromise, check_is_lawful, same
from quant_contracts.testing.samples import markets
from quant_contracts.testing.venue_script import (
    INSTRUMENT,
    MatchingFactory,
    Sent,
    Session,
    an_order,
    bound,
    sessions,
)

PATIENCE: Final = 5
"""Bars of a liquid market within which a small market order must have filled."""

ENDINGS: Final = (OrderRejected, OrderCanceled, OrderExpired)


def check_small_orders_fill(factory: MatchingFactory) -> None:
    """In a liquid market a small market order is accepted and fills completely within a few bars."""
    bars = markets(50)["a random walk"]
    engine = bound(factory)
    order = an_order("small-1", bars[0].ts_known, bars[0].close, Decimal("0.001"))
    said: list[OrderEvent] = [*engine.on_bar(bars[0]), *engine.submit(order)]
    for bar in bars[1 : 1 + PATIENCE]:
        said += engine.on_bar(bar)
    if not said or not isinstance(said[0], OrderAccepted) or _filled(said) != order.quantity:
        raise BrokenPromise(
            engine,
            f"a small market order is accepted and fills within {PATIENCE} bars",
            given=f"{order}, then {PATIENCE} bars such as {bars[1]}",
            expected=f"OrderAccepted, then fills of {order.quantity}",
            came=said,
        )


def check_answers_are_never_fills(factory: MatchingFactory) -> None:
    """`submit` answers that the order is accepted or refused, `cancel` that it is cancelled; no fills."""
    for session in sessions(factory):
        for sent in session.script:
            answers = [it.event for it in session.of(sent.order) if it.bar is None]
            kinds = [type(answer) for answer in answers]
            if (
                not kinds
                or kinds[0] not in {OrderAccepted, OrderRejected}
                or kinds[1:] not in ([], [OrderCanceled])
            ):
                raise BrokenPromise(
                    session.engine,
                    "submit answers accepted or rejected, cancel answers canceled or nothing",
                    given=session.told(sent),
                    expected="OrderAccepted or OrderRejected, then OrderCanceled at most",
                    came=answers,
                )


def check_nothing_fills_before_the_next_bar(factory: MatchingFactory) -> None:
    """An order fills on no bar that opened before the order's time: never on the bar it was made of."""
    for session in sessions(factory):
        for sent in session.script:
            for heard in session.of(sent.order):
                bar, event = heard.bar, heard.event
                if bar is None or not isinstance(event, Fill):
                    continue
                if bar.ts_open < sent.order.ts or not bar.ts_open <= event.ts <= bar.ts_known:
                    raise BrokenPromise(
                        session.engine,
                        "a fill is of a bar that opened at or after the order's time",
                        given=session.told(sent),
                        expected=f"a bar that opened at {sent.order.ts} or later, a fill inside it",
                        came=f"{event} on {bar}, which opened at {bar.ts_open}",
                    )


def check_fills_are_never_too_kind(factory: MatchingFactory) -> None:
    """No fill beats the bar, its own reference or its limit; a stop fills at its trigger or worse."""
    for session in sessions(factory):
        for sent in session.script:
            order = sent.order
            for heard in session.of(order):
                fill, bar = heard.event, heard.bar
                if not isinstance(fill, Fill) or bar is None:
                    continue
                check_is_lawful(session.engine, "on_bar", session.told(sent), fill, Fill)
                for expected, is_kept in _kindness(sent, session, heard.row, fill, bar).items():
                    if not is_kept:
                        raise BrokenPromise(
                            session.engine,
                            "no fill is kinder than the market was",
                            given=f"{session.told(sent)}, on {bar}",
                            expected=expected,
                            came=fill,
                        )


def check_quantities_add_up(factory: MatchingFactory) -> None:
    """Fills and what was cancelled add up to the order; trade ids are unique; after its end, silence."""
    for session in sessions(factory):
        trades = [it.event.trade_id for it in session.heard if isinstance(it.event, Fill)]
        if len(set(trades)) < len(trades):
            raise BrokenPromise(
                session.engine,
                "a trade id is given once",
                given=session.name,
                expected="unique trade ids",
                came=sorted(trade for trade in trades if trades.count(trade) > 1),
            )
        for sent in session.script:
            wrong = _sum_error(sent, session)
            if wrong:
                raise BrokenPromise(
                    session.engine,
                    "an order's fills and its end add up to its quantity",
                    given=session.told(sent),
                    expected=wrong,
                    came=[it.event for it in session.of(sent.order)],
                )


def check_cancelled_orders_rest(factory: MatchingFactory) -> None:
    """Cancelling a working order says so once; cancelling one that is done or unknown says nothing."""
    bars = markets(50)["a random walk"]
    engine = bound(factory)
    engine.on_bar(bars[0])
    waiting = an_order("rest-1", bars[0].ts_known, bars[0].close, Decimal("0.5"))
    engine.submit(waiting)
    said = [
        ("a working order", engine.cancel("rest-1", bars[0].ts_known, "a test")),
        ("the same again", engine.cancel("rest-1", bars[0].ts_known, "a test")),
        ("an order nobody sent", engine.cancel("never-1", bars[0].ts_known, "a test")),
    ]
    wanted = OrderCanceled(bars[0].ts_known, INSTRUMENT.symbol, "rest-1", "a test", waiting.quantity)
    for (what, answer), expected in zip(said, ([wanted], [], []), strict=True):
        if list(answer) != expected:
            raise BrokenPromise(
                engine, "cancelling says once what was stopped", given=what, expected=expected, came=answer
            )


def check_protection_never_opens(factory: MatchingFactory) -> None:
    """A reduce-only order never opens, enlarges or turns a position; once a sibling is done, it rests."""
    for session in sessions(factory):
        position = ZERO
        orders = {sent.order.order_id: sent for sent in session.script}
        done: dict[str, str] = {}
        for heard in session.heard:
            fill = heard.event
            if not isinstance(fill, Fill):
                continue
            sent = orders[fill.order_id]
            before, position = position, position + fill.side * fill.quantity
            if sent.order.reduce_only and (abs(position) > abs(before) or position * before < 0):
                raise BrokenPromise(
                    session.engine,
                    "a reduce-only order only makes a position smaller",
                    given=session.told(sent),
                    expected=f"a fill towards 0 from a position of {before}",
                    came=fill,
                )
            group = sent.order.oco
            if group and done.get(group, fill.order_id) != fill.order_id:
                raise BrokenPromise(
                    session.engine,
                    "orders that share an `oco` name cancel one another",
                    given=session.told(sent),
                    expected=f"no fill once {done[group]!r} was complete",
                    came=fill,
                )
            if group and fill.remaining == ZERO:
                done[group] = fill.order_id


def check_next_touch_is_never_late(factory: MatchingFactory) -> None:
    """Going from touch to touch instead of bar by bar loses and changes nothing."""
    for whole, leaping in zip(sessions(factory), sessions(factory, skipping=True), strict=True):
        _compare(whole, leaping, "next_touch is never late", "with only the bars that next_touch names")


def check_same_orders_same_events(factory: MatchingFactory) -> None:
    """The same orders and bars give the same events, to the bit."""
    for first, again in zip(sessions(factory), sessions(factory), strict=True):
        _compare(first, again, "the same orders and bars give the same events", "a fresh engine")


def check_other_symbols_do_nothing(factory: MatchingFactory) -> None:
    """A bar of another symbol matches nothing."""
    bars = markets(50)["a random walk"]
    engine = bound(factory)
    engine.submit(an_order("other-1", bars[0].ts_known, bars[0].close, Decimal("0.001")))
    for bar in bars[1:5]:
        said = engine.on_bar(msgspec.structs.replace(bar, symbol="ELSEUSDT"))
        if said:
            raise BrokenPromise(
                engine,
                "a bar of another symbol matches nothing",
                given=f"a market order for {INSTRUMENT.symbol}, then a bar of ELSEUSDT",
                expected="nothing",
                came=said,
            )


def check_duplicates_are_refused(factory: MatchingFactory) -> None:
    """An order id counts once, also after its order is done: a second one is rejected and never fills."""
    bars = markets(50)["a random walk"]
    for between in (0, PATIENCE):
        engine = bound(factory)
        order = an_order("twice-1", bars[0].ts_known, bars[0].close, Decimal("0.001"))
        said = [*engine.submit(order)]
        for bar in bars[1 : 1 + between]:
            said += engine.on_bar(bar)
        try:
            again = [*engine.submit(order)]
        except QuantError:
            # Refused as loudly as can be.
            again = [OrderRejected(order.ts, order.symbol, order.order_id, "")]
        for bar in bars[1 + between : 20]:
            said += engine.on_bar(bar)
        if [type(answer) for answer in again] != [OrderRejected] or _filled(said) > order.quantity:
            raise BrokenPromise(
                engine,
                "an order id counts once",
                given=f"{order}, sent again {between} bars later",
                expected=f"the second rejected, fills of {order.quantity} at most",
                came=f"{again}, then fills of {_filled(said)}",
            )


def _kindness(sent: Sent, session: Session, row: int, fill: Fill, bar: Bar) -> dict[str, bool]:
    """What one fill must keep to, and whether it does."""
    order, side = sent.order, sent.order.side
    best = INSTRUMENT.observed(bar.low if side > 0 else bar.high)
    promises = {
        "the side and symbol of its order": fill.side == side and fill.symbol == order.symbol,
        f"a price on the tick of {INSTRUMENT.tick}": not fill.price % INSTRUMENT.tick,
        f"a reference no better than the bar's {best}": side * (fill.reference - best) >= 0,
        f"a price no better than the reference of {fill.reference}": side * (fill.price - fill.reference)
        >= 0,
    }
    level = order.price
    if level is not None and order.kind != "stop":
        promises[f"a price no worse than the limit of {level}"] = side * (level - fill.price) >= 0
    elif level is not None:
        worked = [bar for bar in session.bars[: row + 1] if bar.ts_open >= order.ts]
        touched = [side * ((bar.high if side > 0 else bar.low) - float(level)) >= 0 for bar in worked]
        promises[f"no fill before the market was at the trigger of {level}"] = any(touched)
        # Once triggered it is a market order, and what is left of it fills where the market went.
        if not any(touched[:-1]):
            is_worse = side * (fill.reference - level) >= 0
            promises[f"a reference no better than the trigger of {level}"] = is_worse
    return promises


def _filled(said: Sequence[OrderEvent]) -> Decimal:
    return sum((event.quantity for event in said if isinstance(event, Fill)), ZERO)


def _sum_error(sent: Sent, session: Session) -> str:
    """What should hold and does not about the events of one order; empty when all is well."""
    order, total, is_over, bars = sent.order, ZERO, False, set()
    for heard in session.of(order):
        event = heard.event
        if is_over:
            return f"silence after its end, not {event}"
        if isinstance(event, Fill):
            total += event.quantity
            bars.add(heard.row)
            if event.quantity <= 0 or event.quantity % INSTRUMENT.lot:
                return f"fills of whole lots of {INSTRUMENT.lot}, above 0"
            if (event.cumulative, event.remaining) != (total, order.quantity - total):
                return f"cumulative {total} and remaining {order.quantity - total} on {event.trade_id}"
            if total > order.quantity:
                return f"no more filled than {order.quantity}"
            is_over = total == order.quantity
        elif isinstance(event, OrderCanceled | OrderExpired):
            if event.remaining != order.quantity - total:
                return f"remaining {order.quantity - total} at its end"
            is_over = True
        elif isinstance(event, OrderRejected):
            is_over = True
    if order.time_in_force == "ioc" and len(bars) > 1:
        return "an ioc order that fills on one bar and is cancelled"
    return ""


def _compare(first: Session, second: Session, promise: str, how: str) -> None:
    one = [it.event for it in first.heard]
    other = [it.event for it in second.heard]
    if same(one, other):
        return
    index = next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if not same(*pair)),
        min(len(one), len(other)),
    )
    raise BrokenPromise(
        first.engine,
        promise,
        given=f"{first.name}, {how}, {len(first.script)} orders",
        expected=f"event {index}: {one[index] if index < len(one) else 'none'}",
        came=f"event {index}: {other[index] if index < len(other) else 'none'}",
    )


CHECKS: Final = (
    check_small_orders_fill,
    check_answers_are_never_fills,
    check_nothing_fills_before_the_next_bar,
    check_fills_are_never_too_kind,
    check_quantities_add_up,
    check_cancelled_orders_rest,
    check_protection_never_opens,
    check_next_touch_is_never_late,
    check_same_orders_same_events,
    check_other_symbols_do_nothing,
    check_duplicates_are_refused,
)
