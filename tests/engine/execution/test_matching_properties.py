"""BarMatchingEngine under any orders and any bars: what always holds."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.blocks import BarBlock
from quant_contracts.events import Bar, Fill, OrderCanceled, OrderEvent, OrderIntent
from quant_contracts.instrument import Instrument
from quant_contracts.testing.samples import FIRST_OPEN, random_bars
from quant_contracts.units import MINUTE
from quant_engine.execution.matching import BarMatchingEngine
from quant_engine.execution.slippage import LinearSlippage, NoSlippage
from quant_engine.portfolio.ledger import Ledger

D = Decimal
INSTRUMENT = Instrument("BTCUSDT", tick=D("0.5"), lot=D("0.1"))
LEVEL = 100
"""Prices are mirrored around it."""
ROWS = 12


def venue(slippage: NoSlippage | LinearSlippage) -> BarMatchingEngine:
    engine = BarMatchingEngine(participation=0.5)
    engine.bind({"BTCUSDT": INSTRUMENT}, {"BTCUSDT": slippage})
    return engine


@st.composite
def bars(draw) -> list[Bar]:
    """A few ticks around the level, so that touches, gaps and ties are common; now and then no volume."""
    made = []
    for row in range(ROWS):
        low, *inner, high = sorted(draw(st.lists(st.integers(190, 210), min_size=4, max_size=4)))
        open_, close = draw(st.permutations(inner))
        volume = draw(st.sampled_from((0.0, 0.1, 1.0, 3.0, 1_000.0)))
        ts = FIRST_OPEN + (row + 1) * MINUTE
        prices = (open_ / 2, high / 2, low / 2, close / 2)
        made.append(Bar(ts, ts, "BTCUSDT", MINUTE, *prices, volume))
    return made


@st.composite
def orders(draw, *, reduce_only: bool | None = None) -> list[OrderIntent]:
    made = []
    for index in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(("market", "limit", "stop", "take_profit")))
        made.append(
            OrderIntent(
                ts=FIRST_OPEN + draw(st.integers(-1, 2 * ROWS)) * MINUTE // 2,
                symbol="BTCUSDT",
                order_id=f"o{index}",
                parent_id=f"p{draw(st.integers(0, 2))}",
                side=draw(st.sampled_from((1, -1))),
                quantity=D(draw(st.integers(1, 30))) / 10,
                kind=kind,
                price=None if kind == "market" else D(draw(st.integers(190, 210))) / 2,
                time_in_force=draw(st.sampled_from(("gtc", "gtc", "ioc"))),
                reduce_only=draw(st.booleans()) if reduce_only is None else reduce_only,
                decision_price=100.0,
                arrival_price=100.0,
                volatility=0.03,
                daily_volume=10.0,
                oco=draw(st.sampled_from(("", "", "g"))),
            )
        )
    return sorted(made, key=lambda order: order.ts)


def run(
    sent: list[OrderIntent], market: list[Bar], slippage=None, *, skip: bool = False
) -> tuple[BarMatchingEngine, list[OrderEvent]]:
    """Submit each order when its time comes; match on every bar, or only where `next_touch` points."""
    engine = venue(slippage or NoSlippage())
    block, events = BarBlock.of(market), []
    waiting, touch = list(sent), 0
    for row, bar in enumerate(market):
        while waiting and waiting[0].ts <= bar.ts_open:
            events += engine.submit(waiting.pop(0))
            touch = engine.next_touch(block, row)
        if not skip or row == touch:
            events += engine.on_bar(bar)
            touch = engine.next_touch(block, row + 1)
    return engine, events


def fills_of(events: list[OrderEvent]) -> dict[str, list[Fill]]:
    made = defaultdict(list)
    for event in events:
        if isinstance(event, Fill):
            made[event.order_id].append(event)
    return made


@settings(max_examples=80)
@given(sent=orders(), market=bars())
def test_quantities_are_conserved_and_an_order_ends_once(sent, market) -> None:
    engine, events = run(sent, market)
    by_id = {order.order_id: order for order in sent}
    open_ = {one.order.order_id: one for one in engine.open_orders()}
    for order_id, fills in fills_of(events).items():
        order, total = by_id[order_id], D(0)
        for fill in fills:
            assert fill.quantity > 0
            assert fill.quantity % INSTRUMENT.lot == 0
            total += fill.quantity
            assert fill.cumulative == total <= order.quantity
            assert fill.remaining == order.quantity - total
        if order_id in open_:
            assert open_[order_id].cumulative == total
            assert 0 < open_[order_id].remaining <= order.quantity - total
    canceled = [event for event in events if isinstance(event, OrderCanceled)]
    complete = [event.order_id for event in events if isinstance(event, Fill) and event.remaining == 0]
    ended = [event.order_id for event in canceled] + complete
    assert len(ended) == len(set(ended))
    assert set(ended).isdisjoint(open_)
    for event in canceled:
        filled = sum((fill.quantity for fill in fills_of(events)[event.order_id]), D(0))
        assert event.remaining == by_id[event.order_id].quantity - filled
        later = events[events.index(event) + 1 :]
        assert not any(isinstance(other, Fill) and other.order_id == event.order_id for other in later)


@settings(max_examples=80)
@given(sent=orders(), market=bars())
def test_prices_are_those_of_the_bar_and_costs_are_ours(sent, market) -> None:
    _, events = run(sent, market, LinearSlippage())
    by_id = {order.order_id: order for order in sent}
    by_ts = {bar.ts_known: bar for bar in market}
    for event in events:
        if not isinstance(event, Fill):
            continue
        order, bar = by_id[event.order_id], by_ts[event.ts]
        assert order.ts <= bar.ts_open
        assert event.price % INSTRUMENT.tick == event.reference % INSTRUMENT.tick == 0
        assert order.side * (event.price - event.reference) >= 0
        # A resting limit that was jumped over pays its own price, which is worse than any in the bar.
        jumped = (
            event.rule in {"limit", "take_profit"} and order.side * (float(event.reference) - bar.open) > 0
        )
        assert bar.low <= event.reference <= bar.high or jumped
        if order.kind in {"limit", "take_profit"}:
            assert order.side * (event.price - order.price) <= 0


@settings(max_examples=50)
@given(sent=orders(), market=bars())
def test_a_bar_never_gives_more_than_its_share(sent, market) -> None:
    _, events = run(sent, market)
    taken = defaultdict(D)
    for event in events:
        if isinstance(event, Fill):
            taken[event.ts] += event.quantity
    for bar in market:
        assert taken[bar.ts_known] <= D("0.5") * D(repr(bar.volume))


@settings(max_examples=150)
@given(sent=orders(), market=bars())
def test_skipping_to_the_next_touch_misses_nothing(sent, market) -> None:
    _, every = run(sent, market, LinearSlippage())
    _, skipped = run(sent, market, LinearSlippage(), skip=True)
    assert skipped == every


@settings(max_examples=80)
@given(sent=orders(), market=bars())
def test_the_mirrored_market_gives_the_mirrored_fills(sent, market) -> None:
    mirrored_orders = [
        msgspec.structs.replace(
            order, side=-order.side, price=None if order.price is None else 2 * LEVEL - order.price
        )
        for order in sent
    ]
    mirrored_bars = [
        msgspec.structs.replace(
            bar,
            open=2 * LEVEL - bar.open,
            high=2 * LEVEL - bar.low,
            low=2 * LEVEL - bar.high,
            close=2 * LEVEL - bar.close,
        )
        for bar in market
    ]
    _, events = run(sent, market)
    _, mirrored = run(mirrored_orders, mirrored_bars)
    assert mirrored == [
        msgspec.structs.replace(
            event,
            side=-event.side,
            price=2 * LEVEL - event.price,
            reference=2 * LEVEL - event.reference,
            fee=other.fee,
        )
        if isinstance(event, Fill)
        else event
        for event, other in zip(events, mirrored, strict=True)
    ]


@given(sent=orders(reduce_only=True), market=bars(), held=st.integers(-30, 30))
def test_reduce_only_orders_bring_the_position_to_zero_and_no_further(sent, market, held) -> None:
    position = D(held) / 10
    entry = msgspec.structs.replace(
        sent[0],
        ts=FIRST_OPEN - MINUTE,
        order_id="entry",
        side=1 if held > 0 else -1,
        quantity=max(abs(position), D("0.1")),
        kind="market",
        price=None,
        reduce_only=False,
        oco="",
    )
    deep = msgspec.structs.replace(market[0], ts_event=FIRST_OPEN, ts_known=FIRST_OPEN, volume=1_000.0)
    later = [msgspec.structs.replace(order, ts=max(order.ts, FIRST_OPEN)) for order in sent]
    _, events = run([entry, *later], [deep, *market])
    position = entry.side * entry.quantity
    for event in events:
        if isinstance(event, Fill) and event.order_id != "entry":
            assert event.side * position < 0
            after = position + event.side * event.quantity
            assert after * position >= 0
            position = after


@given(
    side=st.sampled_from((1, -1)),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    price=st.integers(1, 400),
)
def test_many_partial_fills_leave_what_one_merged_fill_leaves(side, sizes, price) -> None:
    """The shares of the bars add up to the volume of the one bar; slippage is that of the whole order."""
    quantity = D(sum(sizes)) / 10
    order = OrderIntent(
        *(FIRST_OPEN, "BTCUSDT", "o1", "p1", side, quantity, "market", None, "gtc", False, 100.0, 100.0)
    )

    def books(volumes: list[float]) -> tuple[object, ...]:
        engine, ledger = venue(NoSlippage()), Ledger(cash=D(1_000_000))
        engine.submit(order)
        for row, volume in enumerate(volumes):
            ts = FIRST_OPEN + (row + 1) * MINUTE
            for fill in engine.on_bar(Bar(ts, ts, "BTCUSDT", MINUTE, *[price / 2] * 4, volume)):
                ledger.apply(fill)
        market = engine._markets["BTCUSDT"]
        return ledger.snapshot(0), engine.open_orders(), market.position, market.done

    assert books([size / 5 for size in sizes]) == books([sum(sizes) / 5])


@settings(max_examples=50)
@given(sent=orders(), market=bars())
def test_the_same_orders_and_bars_give_the_same_events(sent, market) -> None:
    assert run(sent, market)[1] == run(sent, market)[1]


def test_the_books_balance_on_every_bar_of_a_long_run() -> None:
    """Entries with a stop and a target all along a random walk, from the order to the last cent."""
    engine = BarMatchingEngine(maker_fee=D("-0.0001"), taker_fee=D("0.0004"))
    engine.bind({"BTCUSDT": Instrument("BTCUSDT")}, {"BTCUSDT": LinearSlippage()})
    cash = D(1_000_000)
    ledger = Ledger(cash=cash)
    rules = set()
    for row, bar in enumerate(random_bars(3_000, seed=1)):
        for event in engine.on_bar(bar):
            if isinstance(event, Fill):
                assert ledger.apply(event)
                rules.add(event.rule)
        ledger.mark(bar.symbol, bar.close)
        assert ledger.exact_equity() - cash == ledger.realised + ledger.unrealised() - ledger.fees
        if row % 10 == 0:
            side = 1 if row % 20 else -1
            away = 0.004 * side
            prices = {
                "market": None,
                "stop": Instrument("BTCUSDT").observed(bar.close * (1 - away)),
                "take_profit": Instrument("BTCUSDT").observed(bar.close * (1 + away)),
                "limit": Instrument("BTCUSDT").observed(bar.close * (1 - away / 2)),
            }
            for kind, price in prices.items():
                protects = kind in {"stop", "take_profit"}
                order = OrderIntent(
                    *(bar.ts_known, "BTCUSDT", f"{row}-{kind}", f"{row}", -side if protects else side),
                    *(D("1.5"), kind, price, "gtc", protects, bar.close, bar.close, 0.05, 30_000.0),
                    oco=f"g{row}" if protects else "",
                )
                engine.submit(order)
    assert rules == {"open", "stop", "stop_gap", "take_profit", "limit"}
    assert ledger.position("BTCUSDT") == engine._markets["BTCUSDT"].position * D("0.00001")
