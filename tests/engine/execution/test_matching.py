"""BarMatchingEngine by known answers: one rule, one bar, one outcome worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from quant_contracts.blocks import BarBlock
from quant_contracts.errors import ConfigError, ContractBroken, LifecycleError
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
from quant_contracts.protocols import MatchingEngine, SlippageModel
from quant_contracts.testing.samples import FIRST_OPEN
from quant_contracts.units import MINUTE, SECOND
from quant_engine.execution.matching import BarMatchingEngine, OpenOrder
from quant_engine.execution.slippage import NoSlippage

D = Decimal
INSTRUMENT = Instrument("BTCUSDT", tick=D("0.01"), lot=D("0.001"), min_notional=D(5))


class Costs(msgspec.Struct):
    """A slippage model that always says the same and remembers what it was asked."""

    share: float
    asked: list[tuple[float, float, float, float]] = []

    @property
    def needs(self):
        return ()

    def fraction(self, quantity: float, done: float, volatility: float, daily_volume: float, /) -> float:
        self.asked.append((quantity, done, volatility, daily_volume))
        return self.share


def venue(slippage: SlippageModel | None = None, **settings) -> BarMatchingEngine:
    made = BarMatchingEngine(**settings)
    made.bind({"BTCUSDT": INSTRUMENT}, {"BTCUSDT": slippage or NoSlippage()})
    return made


def order(order_id: str = "o1", side: int = 1, quantity: str = "1", kind: str = "market", **fields):
    price = fields.pop("price", None)
    return OrderIntent(
        **{
            "ts": FIRST_OPEN,
            "symbol": "BTCUSDT",
            "order_id": order_id,
            "parent_id": f"p-{order_id}",
            "side": side,
            "quantity": D(quantity),
            "kind": kind,
            "price": None if price is None else D(price),
            "time_in_force": "gtc",
            "reduce_only": False,
            "decision_price": 100.0,
            "arrival_price": 100.0,
            **fields,
        }
    )


def bar(row: int, prices: Sequence[float], volume: float = 1000.0, known_after: int = 0) -> Bar:
    ts = FIRST_OPEN + (row + 1) * MINUTE
    return Bar(ts, ts + known_after, "BTCUSDT", MINUTE, *map(float, prices), volume)


FLAT = (100, 100, 100, 100)


def run(engine: BarMatchingEngine, orders: Sequence[OrderIntent], *bars: Bar) -> list[OrderEvent]:
    """What happens on `bars` once `orders` have been accepted."""
    for one in orders:
        (answer,) = engine.submit(one)
        assert isinstance(answer, OrderAccepted), answer
    return [event for one in bars for event in engine.on_bar(one)]


def holding(position: str, slippage: SlippageModel | None = None, **settings) -> BarMatchingEngine:
    """A venue where we hold `position`, bought or sold at 100 before the bars of the test."""
    engine = venue(slippage, **settings)
    side = 1 if D(position) > 0 else -1
    entry = order("entry", side, str(abs(D(position))), ts=FIRST_OPEN - MINUTE)
    (_,) = run(engine, [entry], bar(-1, FLAT, 1_000_000.0))
    return engine


def brief(events: Sequence[OrderEvent]) -> list[tuple[str, ...]]:
    """Fills as (order, rule, quantity, price), cancels as (order, reason, remaining)."""
    return [
        (event.order_id, event.rule, str(event.quantity.normalize()), f"{event.price:f}")
        if isinstance(event, Fill)
        else (event.order_id, event.reason, str(event.remaining.normalize()))
        for event in events
    ]


def test_is_a_matching_engine() -> None:
    assert isinstance(BarMatchingEngine(), MatchingEngine)


# When


@pytest.mark.parametrize(
    ("sent", "row"),
    [
        pytest.param(FIRST_OPEN, 0, id="sent at the very open"),
        pytest.param(FIRST_OPEN + 1, 1, id="sent just after the open"),
        pytest.param(FIRST_OPEN + MINUTE, 1, id="made of the bar before"),
        pytest.param(FIRST_OPEN + MINUTE + SECOND, 2, id="made of a bar that was known late"),
    ],
)
def test_an_order_works_from_the_first_bar_that_opens_at_or_after_it(sent: int, row: int) -> None:
    bars = [bar(index, (100 + index, 200, 50, 100)) for index in range(3)]
    (fill,) = run(venue(), [order(ts=sent)], *bars)
    assert fill.price == D(100 + row)
    assert fill.ts == bars[row].ts_known


def test_a_fill_is_known_when_its_bar_is() -> None:
    late = bar(0, FLAT, known_after=3 * SECOND)
    (fill,) = run(venue(), [order()], late)
    assert fill.ts == late.ts_event + 3 * SECOND


def test_bars_of_other_symbols_do_nothing() -> None:
    engine = venue()
    other = msgspec.structs.replace(bar(0, FLAT), symbol="ETHUSDT")
    assert run(engine, [order()], other) == []
    assert len(engine.open_orders()) == 1


# Which price

LIMIT = {"kind": "limit", "price": "99.00"}
TARGET = {"kind": "take_profit", "price": "105.00", "side": -1, "reduce_only": True}
STOP = {"kind": "stop", "price": "95.00", "side": -1, "reduce_only": True}


@pytest.mark.parametrize(
    ("fields", "prices", "expected"),
    [
        pytest.param({}, (101, 103, 98, 100), ("open", "101.00", "taker"), id="market: the open"),
        pytest.param(LIMIT, (100, 101, 99.00, 100), None, id="limit: a touch is not enough"),
        pytest.param(
            LIMIT, (100, 101, 98.99, 100), ("limit", "99.00", "maker"), id="limit: through by a tick"
        ),
        pytest.param(LIMIT, (98.5, 99, 98, 98.5), ("limit_open", "98.50", "taker"), id="limit: marketable"),
        pytest.param(
            LIMIT, (99, 101, 99, 100), ("limit_open", "99.00", "taker"), id="limit: just marketable"
        ),
        pytest.param(TARGET, (100, 105.00, 100, 105), None, id="target: a touch is not enough"),
        pytest.param(
            TARGET, (100, 105.01, 100, 105), ("take_profit", "105.00", "maker"), id="target: through"
        ),
        pytest.param(
            TARGET,
            (107, 108, 106, 107),
            ("take_profit", "105.00", "taker"),
            id="target: jumped over, no better",
        ),
        pytest.param(STOP, (100, 101, 95.01, 100), None, id="stop: missed by a tick"),
        pytest.param(STOP, (100, 101, 95.00, 100), ("stop", "95.00", "taker"), id="stop: a touch is enough"),
        pytest.param(
            STOP, (100, 101, 90, 100), ("stop", "95.00", "taker"), id="stop: crossed, at the trigger"
        ),
        pytest.param(
            STOP, (92, 96, 91, 95), ("stop_gap", "92.00", "taker"), id="stop: jumped over, at the open"
        ),
        pytest.param(
            STOP, (95, 96, 95, 95), ("stop_gap", "95.00", "taker"), id="stop: opened on the trigger"
        ),
    ],
)
def test_the_rule_and_price_of_a_fill(fields, prices, expected) -> None:
    engine = holding("1") if fields.get("reduce_only") else venue()
    events = run(engine, [order(**fields)], bar(0, prices))
    assert [(event.rule, f"{event.price:.2f}", event.liquidity) for event in events] == (
        [expected] if expected else []
    )
    assert all(event.reference == event.price for event in events)


def test_a_limit_that_rested_fills_at_its_price_when_the_market_jumps_over_it() -> None:
    events = run(venue(), [order(**LIMIT)], bar(0, FLAT), bar(1, (95, 96, 94, 95)))
    assert [(event.rule, event.price, event.liquidity) for event in events] == [("limit", D(99), "maker")]


def test_a_price_between_two_ticks_is_taken_at_the_worse_one() -> None:
    bars = bar(0, (100.004, 101, 99, 100))
    buy, sell = run(venue(), [order("buy"), order("sell", -1)], bars)
    assert (buy.price, sell.price) == (D("100.01"), D("100.00"))


# At what cost


def test_slippage_hurts_buyer_and_seller_alike() -> None:
    buy, sell = run(venue(Costs(0.00031)), [order("buy"), order("sell", -1)], bar(0, FLAT))
    assert (buy.price, sell.price) == (D("100.04"), D("99.96"))
    assert buy.reference == sell.reference == D(100)


def test_slippage_on_the_grid_costs_no_tick_more() -> None:
    buy, sell = run(venue(Costs(0.0007)), [order("buy"), order("sell", -1)], bar(0, FLAT))
    assert (buy.price, sell.price) == (D("100.07"), D("99.93"))


def test_stops_slip_from_the_price_they_trade_at() -> None:
    gapped = run(holding("1", Costs(0.01)), [order(**STOP)], bar(0, (90, 91, 89, 90)))
    crossed = run(holding("1", Costs(0.01)), [order(**STOP)], bar(0, (100, 101, 94, 95)))
    assert brief(gapped) == [("o1", "stop_gap", "1", "89.10")]
    assert brief(crossed) == [("o1", "stop", "1", "94.05")]
    assert [gapped[0].reference, crossed[0].reference] == [D(90), D(95)]


def test_slippage_never_moves_a_resting_limit_off_its_price() -> None:
    events = run(venue(Costs(0.01)), [order(**LIMIT)], bar(0, (100, 101, 98, 100)))
    assert brief(events) == [("o1", "limit", "1", "99.00")]


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [(1, "103.00", "101.00"), (1, "100.50", "100.50"), (-1, "97.00", "99.00"), (-1, "99.50", "99.50")],
)
def test_slippage_may_use_a_marketable_limit_up_but_never_pass_it(side, price: str, expected: str) -> None:
    one = order(side=side, kind="limit", price=price)
    (fill,) = run(venue(Costs(0.01)), [one], bar(0, FLAT))
    assert (fill.rule, fill.price) == ("limit_open", D(expected))


def test_no_sale_goes_below_one_tick() -> None:
    (fill,) = run(venue(Costs(2.5)), [order(side=-1)], bar(0, FLAT))
    assert fill.price == INSTRUMENT.tick


def test_slippage_grows_with_what_the_parent_order_has_filled_before() -> None:
    costs = Costs(0.0)
    engine = venue(costs)
    slices = [order(f"o{index}", parent_id="p", volatility=0.03, daily_volume=2e4) for index in range(3)]
    other = order("other", quantity="2", parent_id="q")
    run(engine, [slices[0], slices[1], other, slices[2]], bar(0, FLAT))
    assert costs.asked == [
        (1.0, 0.0, 0.03, 2e4),
        (1.0, 1.0, 0.03, 2e4),
        (2.0, 0.0, 0.0, 0.0),
        (1.0, 2.0, 0.03, 2e4),
    ]


@pytest.mark.parametrize("share", [-0.0001, float("nan"), float("inf")])
def test_slippage_that_helps_or_is_no_number_stops_the_run(share: float) -> None:
    with pytest.raises(ContractBroken, match="it never helps"):
        run(venue(Costs(share)), [order()], bar(0, FLAT))


def test_a_fee_is_a_share_of_the_value_not_of_the_quantity() -> None:
    (fill,) = run(
        venue(taker_fee=D("0.0004")), [order(quantity="0.5")], bar(0, (64_000, 64_000, 64_000, 64_000))
    )
    assert fill.fee == D("12.8")
    assert fill.fee != D("0.0004") * fill.quantity


def test_maker_and_taker_pay_their_own_rate_and_a_rebate_is_negative() -> None:
    engine = venue(maker_fee=D("-0.0001"), taker_fee=D("0.0005"))
    events = run(engine, [order("taker"), order("maker", **LIMIT)], bar(0, (100, 101, 98, 100)))
    assert [(event.order_id, event.fee) for event in events] == [
        ("taker", D("0.05")),
        ("maker", D("-0.0099")),
    ]


def test_a_fee_is_rounded_half_to_even_to_the_unit_of_the_books() -> None:
    rate = D("1.5e-9")
    odd, even = run(
        venue(taker_fee=rate), [order("a", quantity="0.1"), order("b", quantity="0.3")], bar(0, FLAT)
    )
    assert (odd.quantity * 100 * rate, even.quantity * 100 * rate) == (D("1.5e-8"), D("4.5e-8"))
    assert (odd.fee, even.fee) == (D("2e-8"), D("4e-8"))


# How much


def test_an_order_takes_its_share_of_each_bar_and_carries_the_rest() -> None:
    bars = [bar(index, (100 + index, 110, 90, 100), volume=100.0) for index in range(3)]
    events = run(venue(), [order(quantity="25")], *bars)
    assert brief(events) == [
        ("o1", "open", "1E+1", "100.00"),
        ("o1", "open", "1E+1", "101.00"),
        ("o1", "open", "5", "102.00"),
    ]
    assert [(event.cumulative, event.remaining) for event in events] == [(10, 15), (20, 5), (25, 0)]


def test_the_share_is_cut_to_whole_lots() -> None:
    # 0.1 x 0.7 is 0.06999999999999999 as a float and 0.07 in truth.
    (fill,) = run(venue(), [order()], bar(0, FLAT, volume=0.7))
    assert fill.quantity == D("0.07")
    (fill,) = run(venue(), [order()], bar(0, FLAT, volume=0.0199))
    assert fill.quantity == D("0.001")


def test_what_an_ioc_order_cannot_get_is_cancelled() -> None:
    events = run(
        venue(), [order(quantity="25", time_in_force="ioc")], bar(0, FLAT, volume=100.0), bar(1, FLAT)
    )
    assert brief(events) == [("o1", "open", "1E+1", "100.00"), ("o1", "participation", "15")]


def test_an_ioc_limit_that_the_open_does_not_meet_is_cancelled() -> None:
    events = run(venue(), [order(time_in_force="ioc", **LIMIT)], bar(0, (100, 101, 90, 100)))
    assert brief(events) == [("o1", "not_marketable", "1")]


def test_a_bar_without_volume_is_no_market() -> None:
    orders = [order(), order("ioc", time_in_force="ioc"), order("limit", **LIMIT)]
    engine = venue()
    assert run(engine, orders, bar(0, (90, 90, 90, 90), volume=0.0)) == []
    assert len(engine.open_orders()) == 3


def test_orders_share_a_bar_in_the_order_they_came() -> None:
    orders = [order("a", quantity="7"), order("b", side=-1, quantity="7"), order("c", quantity="7")]
    assert brief(run(venue(), orders, bar(0, FLAT, volume=100.0))) == [
        ("a", "open", "7", "100.00"),
        ("b", "open", "3", "100.00"),
    ]


def test_what_protects_a_position_is_served_first() -> None:
    engine = holding("7")
    orders = [order("more", quantity="7"), order("stop", quantity="7", **STOP)]
    assert brief(run(engine, orders, bar(0, (90, 91, 89, 90), volume=100.0))) == [
        ("stop", "stop_gap", "7", "90.00"),
        ("more", "open", "3", "90.00"),
    ]


def test_the_open_comes_before_the_inside() -> None:
    engine = holding("7")
    orders = [order("stop", quantity="7", **STOP), order("leave", side=-1, quantity="7", reduce_only=True)]
    assert brief(run(engine, orders, bar(0, (100, 101, 90, 95)))) == [
        ("leave", "open", "7", "100.00"),
        ("stop", "reduce_only", "7"),
    ]


def test_a_stop_that_found_too_little_volume_leaves_at_the_next_open_wherever_that_is() -> None:
    engine = holding("15")
    bars = bar(0, (100, 101, 94, 96), volume=100.0), bar(1, (99, 100, 98, 99), volume=100.0)
    assert brief(run(engine, [order(quantity="15", **STOP)], *bars)) == [
        ("o1", "stop", "1E+1", "95.00"),
        ("o1", "open", "5", "99.00"),
    ]


def test_a_stop_that_triggered_keeps_its_place_before_a_newer_one() -> None:
    engine = holding("30")
    run(engine, [order("old", quantity="15", **STOP)], bar(0, (100, 101, 94, 96), volume=100.0))
    orders = [order("market", side=-1, quantity="2"), order("new", quantity="5", **STOP)]
    events = run(engine, orders, bar(1, (94, 95, 93, 94), volume=60.0))
    assert brief(events) == [("old", "open", "5", "94.00"), ("new", "stop_gap", "1", "94.00")]


def test_a_limit_partly_filled_at_the_open_rests_with_the_remainder() -> None:
    bars = bar(0, (98, 100, 98, 100), volume=100.0), bar(1, (100, 101, 98.99, 100), volume=100.0)
    events = run(venue(), [order(quantity="15", **LIMIT)], *bars)
    assert [(event.rule, event.liquidity, event.quantity, event.price) for event in events] == [
        ("limit_open", "taker", 10, 98),
        ("limit", "maker", 5, 99),
    ]


# Orders that belong together


def pair(quantity: str = "10") -> list[OrderIntent]:
    return [
        order("target", quantity=quantity, oco="g", **TARGET),
        order("stop", quantity=quantity, oco="g", **STOP),
    ]


def test_stop_and_target_in_one_bar_is_the_stop() -> None:
    events = run(holding("10"), pair(), bar(0, (100, 110, 90, 100)))
    assert brief(events) == [("stop", "stop", "1E+1", "95.00"), ("target", "oco", "1E+1")]


def test_unless_the_open_had_jumped_over_the_target_already() -> None:
    events = run(holding("10"), pair(), bar(0, (106, 110, 90, 100)))
    assert brief(events) == [("target", "take_profit", "1E+1", "105.00"), ("stop", "oco", "1E+1")]


def test_a_partial_fill_takes_as_much_from_its_siblings() -> None:
    engine = holding("10")
    events = run(engine, pair(), bar(0, (100, 106, 99, 105), volume=40.0))
    assert brief(events) == [("target", "take_profit", "4", "105.00")]
    assert [(one.order.order_id, one.cumulative, one.remaining) for one in engine.working("BTCUSDT")] == [
        ("stop", 0, 6),
        ("target", 4, 6),
    ]
    events = engine.on_bar(bar(1, (100, 101, 94, 95)))
    assert brief(events) == [("stop", "stop", "6", "95.00"), ("stop", "oco", "4"), ("target", "oco", "6")]
    assert engine.open_orders() == ()


def test_orders_outside_the_group_are_left_alone() -> None:
    engine = holding("10")
    run(engine, [*pair(), order("alone", **LIMIT)], bar(0, (100, 110, 100, 105)))
    assert [one.order.order_id for one in engine.open_orders()] == ["alone"]


def test_siblings_of_different_size() -> None:
    engine = venue()
    small = order("small", 1, "5", "stop", price="105", oco="g")
    large = order("large", 1, "20", "limit", price="95", oco="g")
    events = run(
        engine, [small, large], bar(0, (100, 101, 94, 100), volume=40.0), bar(1, (100, 106, 100, 106))
    )
    assert brief(events) == [
        ("large", "limit", "4", "95"),
        ("small", "stop", "1", "105.00"),
        ("small", "oco", "4"),
    ]
    (left,) = engine.open_orders()
    assert (left.order, left.cumulative, left.remaining) == (large, 4, 15)


def test_reduce_only_cancels_what_would_turn_the_position() -> None:
    leave = order(side=-1, quantity="10", reduce_only=True)
    assert brief(run(holding("6"), [leave], bar(0, FLAT))) == [
        ("o1", "open", "6", "100.00"),
        ("o1", "reduce_only", "4"),
    ]


@pytest.mark.parametrize("position", ["-6", None])
def test_reduce_only_with_nothing_to_reduce_is_cancelled(position: str | None) -> None:
    engine = holding(position) if position else venue()
    leave = order(side=-1, quantity="1", reduce_only=True)
    assert brief(run(engine, [leave], bar(0, FLAT))) == [("o1", "reduce_only", "1")]


def test_an_untouched_stop_waits_for_its_entry() -> None:
    engine = venue()
    assert run(engine, [order(**STOP)], bar(0, FLAT)) == []
    assert len(engine.open_orders()) == 1


@pytest.mark.parametrize(
    ("entry", "prices", "expected"),
    [
        pytest.param(
            {}, (100, 101, 94, 96), [("entry", "open"), ("stop", "stop")], id="crossed after the entry"
        ),
        pytest.param(
            {}, (90, 91, 89, 90), [("entry", "open"), ("stop", "stop_gap")], id="below it at the entry"
        ),
        pytest.param(
            LIMIT, (100, 101, 94, 96), [("entry", "limit"), ("stop", "stop")], id="entry inside the bar"
        ),
    ],
)
def test_a_stop_sent_with_its_entry_protects_from_the_first_bar(entry, prices, expected) -> None:
    events = run(venue(), [order("stop", **STOP), order("entry", **entry)], bar(0, prices))
    assert [(event.order_id, event.rule) for event in events] == expected


def test_a_target_may_not_fill_in_the_bar_inside_which_its_position_was_opened() -> None:
    engine = venue()
    prices = (100, 106, 98, 100)
    events = run(engine, [order("target", **TARGET), order("entry", **LIMIT)], bar(0, prices))
    assert brief(events) == [("entry", "limit", "1", "99.00")]
    assert brief(engine.on_bar(bar(1, prices))) == [("target", "take_profit", "1", "105.00")]


# Orders come and go


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"symbol": "ETHUSDT"}, "unknown_symbol", id="another symbol"),
        pytest.param({"quantity": "0"}, "not_positive", id="no quantity"),
        pytest.param({"quantity": "-1"}, "not_positive", id="negative quantity"),
        pytest.param({"quantity": "NaN"}, "not_positive", id="quantity that is no number"),
        pytest.param({"quantity": "1.0005"}, "not_whole_lots", id="half a lot"),
        pytest.param({"quantity": "0.049"}, "below_min_notional", id="4.90 where 5 is the least"),
        pytest.param({"kind": "limit"}, "no_price", id="limit without a price"),
        pytest.param({"price": "100"}, "price_on_market_order", id="market with a price"),
        pytest.param({"kind": "stop", "price": "0"}, "not_positive", id="trigger of 0"),
        pytest.param({"kind": "limit", "price": "99.005"}, "off_tick", id="half a tick"),
        pytest.param(
            {"kind": "limit", "price": "49.99", "quantity": "0.1"},
            "below_min_notional",
            id="too cheap a limit",
        ),
    ],
)
def test_refuses_an_order_for_a_reason_it_names(fields, reason: str) -> None:
    engine = venue()
    (answer,) = engine.submit(order(**fields))
    assert answer == OrderRejected(FIRST_OPEN, fields.get("symbol", "BTCUSDT"), "o1", reason)
    assert engine.open_orders() == ()
    assert engine.on_bar(bar(0, FLAT)) == ()


def test_takes_an_order_at_the_least_notional_and_any_that_only_reduces() -> None:
    orders = [order("least", quantity="0.050"), order("leave", -1, "0.001", reduce_only=True)]
    assert len(run(venue(), orders, bar(0, FLAT))) == 2


def test_an_order_id_is_good_once() -> None:
    engine = venue()
    (fill,) = run(engine, [order()], bar(0, FLAT))
    assert fill.remaining == 0
    (answer,) = engine.submit(order())
    assert answer.reason == "duplicate_order_id"


def test_ids_are_counted() -> None:
    engine = venue()
    answers = [engine.submit(order(order_id))[0] for order_id in "ab"]
    assert [answer.venue_order_id for answer in answers] == ["sim-1", "sim-2"]
    assert [event.trade_id for event in engine.on_bar(bar(0, FLAT))] == ["t1", "t2"]


def test_before_bind_no_symbol_is_known() -> None:
    (answer,) = BarMatchingEngine().submit(order())
    assert answer.reason == "unknown_symbol"


def test_binds_once_and_to_every_symbol() -> None:
    with pytest.raises(ConfigError, match="BTCUSDT has no slippage model"):
        BarMatchingEngine().bind({"BTCUSDT": INSTRUMENT}, {})
    with pytest.raises(LifecycleError, match="bound already"):
        venue().bind({"BTCUSDT": INSTRUMENT}, {"BTCUSDT": NoSlippage()})


def test_cancel_says_what_is_left_and_is_silent_about_what_is_done() -> None:
    engine = venue()
    run(engine, [order(quantity="25")], bar(0, FLAT, volume=100.0))
    assert engine.cancel("o1", 7, "superseded") == (OrderCanceled(7, "BTCUSDT", "o1", "superseded", D(15)),)
    assert engine.cancel("o1", 8, "superseded") == ()
    assert engine.cancel("never", 8, "superseded") == ()
    assert engine.on_bar(bar(1, FLAT)) == ()


def test_open_orders_say_how_far_they_got() -> None:
    engine = venue()
    first, second = order(quantity="25"), order("o2", **LIMIT)
    run(engine, [first, second], bar(0, FLAT, volume=100.0))
    expected = (OpenOrder(first, D(10), D(15)), OpenOrder(second, D(0), D(1)))
    assert engine.open_orders() == expected
    assert engine.working("BTCUSDT") == expected
    assert engine.working("ETHUSDT") == ()


@pytest.mark.parametrize(
    "settings",
    [
        {"participation": 0.0},
        {"participation": 1.01},
        {"participation": float("nan")},
        {"maker_fee": D("NaN")},
        {"maker_fee": D(1)},
        {"taker_fee": D("-0.0001")},
        {"taker_fee": D(1)},
    ],
)
def test_refuses_settings_no_venue_has(settings) -> None:
    (name,) = settings
    with pytest.raises(ValueError, match=name):
        BarMatchingEngine(**settings)


# Where to look next

BLOCK = BarBlock.of([bar(row, (100, 101, 100 - row, 100)) for row in range(10)])


@pytest.mark.parametrize(
    ("orders", "start", "row"),
    [
        pytest.param([], 0, 10, id="nothing works"),
        pytest.param([order()], 3, 3, id="a market order: here"),
        pytest.param([order(ts=FIRST_OPEN + 4 * MINUTE + 1)], 3, 5, id="not before it was sent"),
        pytest.param([order(**STOP)], 0, 5, id="a stop: where it is touched"),
        pytest.param([order(**STOP)], 7, 7, id="or is touched still"),
        pytest.param([order(**STOP, ts=FIRST_OPEN + 7 * MINUTE)], 0, 7, id="once it works"),
        pytest.param([order(**{**STOP, "price": "50.00"})], 0, 10, id="a stop too far away"),
        pytest.param([order(**LIMIT)], 2, 2, id="a new limit: its first open"),
        pytest.param(
            [order(**STOP), order("late", ts=FIRST_OPEN + 2 * MINUTE)], 0, 2, id="the earliest of all"
        ),
        pytest.param([order()], 10, 10, id="past the end"),
    ],
)
def test_next_touch(orders, start: int, row: int) -> None:
    engine = venue()
    run(engine, orders)
    assert engine.next_touch(BLOCK, start) == row


def test_next_touch_of_a_limit_that_rests_is_where_the_market_goes_through_it() -> None:
    engine = venue()
    run(engine, [order(**{**LIMIT, "price": "97.00"})], BLOCK.bar(0))
    assert engine.next_touch(BLOCK, 1) == 4


def test_next_touch_forgets_what_it_found_when_an_order_goes() -> None:
    engine = venue()
    run(engine, [order("near", **STOP), order("far", **{**STOP, "price": "93.00"})])
    assert engine.next_touch(BLOCK, 0) == 5
    engine.cancel("near", FIRST_OPEN, "superseded")
    assert engine.next_touch(BLOCK, 0) == 7
    run(engine, [order("new", ts=FIRST_OPEN + MINUTE)])
    assert engine.next_touch(BLOCK, 0) == 1
    assert engine.next_touch(BLOCK.slice(0, 1), 0) == 1
