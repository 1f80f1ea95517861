"""Round trips: known answers, and what holds for any fills."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from quant_engine.report.exact import exactly
from quant_engine.report.trades import round_trips

D = Decimal


def outline(trades):
    return [(trade.side, trade.quantity, trade.entry_price, trade.exit_price, trade.net) for trade in trades]


def test_bought_and_sold(fill):
    trips = round_trips([fill(1, 1, "2", "100", fee="0.2"), fill(2, -1, "2", "110", fee="0.3")], {})
    assert outline(trips.closed) == [(1, D(2), 100.0, 110.0, D("19.5"))]
    assert trips.open == []


def test_a_short_earns_when_the_price_falls(fill):
    trips = round_trips([fill(1, -1, "2", "110"), fill(2, 1, "2", "100")], {})
    assert outline(trips.closed) == [(-1, D(2), 110.0, 100.0, D(20))]


def test_first_in_is_first_out(fill):
    fills = [fill(1, 1, "1", "100"), fill(2, 1, "1", "120"), fill(3, -1, "1", "130")]
    trips = round_trips(fills, {"BTCUSDT": 140.0})
    assert outline(trips.closed) == [(1, D(1), 100.0, 130.0, D(30))]
    assert outline(trips.open) == [(1, D(1), 120.0, 140.0, D(20))]


def test_a_partial_close_leaves_the_rest_open_with_its_share_of_the_fee(fill):
    fills = [fill(1, 1, "3", "100", fee="0.3"), fill(2, -1, "1", "130", fee="0.13")]
    trips = round_trips(fills, {"BTCUSDT": 90.5})
    (closed,), (rest,) = trips.closed, trips.open
    assert (closed.quantity, closed.fees, closed.net) == (D(1), D("0.23"), D("29.77"))
    assert (rest.quantity, rest.fees, rest.net) == (D(2), D("0.2"), D("-19.2"))
    assert rest.exit_ts is None
    assert rest.exit_parent == ""


def test_crossing_zero_closes_and_opens_and_divides_the_fee(fill):
    fills = [fill(1, 1, "1", "100"), fill(2, -1, "3", "110", fee="0.30"), fill(3, 1, "2", "104")]
    trips = round_trips(fills, {})
    assert outline(trips.closed) == [
        (1, D(1), 100.0, 110.0, D("9.9")),
        (-1, D(2), 110.0, 104.0, D("11.8")),
    ]


def test_slices_of_one_parent_are_one_trade(fill):
    fills = [fill(n, 1, "1", str(100 + n), parent_id="in") for n in range(5)]
    fills += [fill(9 + n, -1, "1", str(110 + n), parent_id="out") for n in range(5)]
    (trade,) = round_trips(fills, {}).closed
    assert (trade.entry_price, trade.exit_price, trade.net) == (102.0, 112.0, D(50))
    assert (trade.entry_ts, trade.exit_ts) == (fills[0].ts, fills[-1].ts)


def test_one_entry_closed_by_two_decisions_is_two_trades(fill):
    fills = [
        fill(1, 1, "2", "100", parent_id="in"),
        fill(2, -1, "1", "110", parent_id="half"),
        fill(3, -1, "1", "90", parent_id="stop"),
    ]
    assert [(trade.exit_parent, trade.net) for trade in round_trips(fills, {}).closed] == [
        ("half", D(10)),
        ("stop", D(-10)),
    ]


def test_symbols_do_not_close_one_another(fill):
    fills = [fill(1, 1, "1", "100"), fill(2, -1, "1", "50", symbol="ETHUSDT")]
    trips = round_trips(fills, {"BTCUSDT": 100.0, "ETHUSDT": 40.0})
    assert trips.closed == []
    assert [(trade.symbol, trade.side) for trade in trips.open] == [("BTCUSDT", 1), ("ETHUSDT", -1)]


def test_gross_is_at_the_prices_that_were_shown(fill):
    fills = [fill(1, 1, "2", "101", reference="100"), fill(2, -1, "2", "109", reference="110", fee="1")]
    (trade,) = round_trips(fills, {}).closed
    assert (trade.gross, trade.slippage, trade.fees, trade.net) == (D(20), D(4), D(1), D(15))


def test_a_fee_that_cannot_be_divided_evenly_is_lost_nowhere(fill):
    fills = [fill(1, 1, "3", "100", fee="0.00000001")] + [fill(n, -1, "1", "100") for n in (2, 3, 4)]
    trades = round_trips(fills, {}).closed
    assert sum((trade.fees for trade in trades), D(0)) == D("0.00000001")


FILLS = st.lists(
    st.tuples(
        st.sampled_from([1, -1]),
        st.integers(1, 50),
        st.integers(9_000, 11_000),
        st.integers(0, 30),
        st.integers(-5, 10**9),
        st.integers(0, 6),
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    ),
    max_size=40,
)


def build(fill, rows):
    return [
        fill(
            number,
            side,
            str(D(lots) * D("0.001")),
            str(D(ticks + side * slip) / 100),
            reference=str(D(ticks) / 100),
            fee=str(D(fee) * D("1e-8")),
            parent_id=f"P{parent}{side}" if parent else "",
            symbol=symbol,
        )
        for number, (side, lots, ticks, slip, fee, parent, symbol) in enumerate(rows)
    ]


@settings(max_examples=80, deadline=None)
@given(rows=FILLS)
def test_trades_add_up_to_the_fills_exactly(fill, rows):
    fills = build(fill, rows)
    marks = {"BTCUSDT": 101.37, "ETHUSDT": 98.765432109}
    trips = round_trips(fills, marks)
    trades = trips.closed + trips.open
    with exactly():
        assert sum((t.fees for t in trades), D(0)) == sum((f.fee for f in fills), D(0))
        slippage = sum((f.side * (f.price - f.reference) * f.quantity for f in fills), D(0))
        assert sum((t.slippage for t in trades), D(0)) == slippage
        cash = sum((-f.side * f.price * f.quantity - f.fee for f in fills), D(0))
        held = sum((f.side * f.quantity * D(str(marks[f.symbol])) for f in fills), D(0))
        assert sum((t.net for t in trades), D(0)) == cash + held
        for trade in trades:
            assert trade.gross - trade.slippage - trade.fees == trade.net
            assert trade.quantity > 0
        for symbol in marks:
            position = sum((f.side * f.quantity for f in fills if f.symbol == symbol), D(0))
            assert sum((t.side * t.quantity for t in trips.open if t.symbol == symbol), D(0)) == position


def test_digits_beyond_the_default_context_are_kept(fill):
    price, quantity = "12345678901234.123456789012", "9876543.123456789012"
    fills = [fill(1, 1, quantity, price), fill(2, -1, quantity, "12345678901234.123456789013")]
    (trade,) = round_trips(fills, {}).closed
    assert trade.net == D("0.000009876543123456789012")
