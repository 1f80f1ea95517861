"""Ledger: exact books, whatever the order, the size or the repetition of the fills."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.errors import ContractBroken
from quant_contracts.events import Fill
from quant_contracts.protocols import Portfolio
from quant_engine.portfolio.ledger import Ledger

D = Decimal
CASH = D("10000")


def fill(
    trade_id: str, side: int, quantity: str, price: str, fee: str = "0", symbol: str = "BTCUSDT"
) -> Fill:
    size, paid = D(quantity), D(price)
    return Fill(0, symbol, "o1", trade_id, side, paid, size, D(fee), "taker", paid, "open", size, D(0), "p1")


def booked(*fills: Fill) -> Ledger:
    ledger = Ledger(cash=CASH)
    for one in fills:
        assert ledger.apply(one)
    return ledger


def lots_of(ledger: Ledger) -> dict[str, list[tuple[Decimal, Decimal]]]:
    return {symbol: list(lots) for symbol, lots in ledger._lots.items()}


@st.composite
def fills(draw, symbols: tuple[str, ...] = ("AAA", "BBB"), most: int = 25) -> list[Fill]:
    """Small numbers, so that positions often close, turn over and meet lots at the same price."""
    made = []
    for index in range(draw(st.integers(1, most))):
        side = draw(st.sampled_from((1, -1)))
        quantity = f"{draw(st.integers(1, 6))}e-1"
        price = f"{draw(st.integers(9_998, 10_003))}e-2"
        fee = f"{draw(st.integers(-3, 9))}e-8"
        made.append(fill(f"t{index}", side, quantity, price, fee, draw(st.sampled_from(symbols))))
    return made


def model(facts: list[Fill], marks: dict[str, float]) -> dict[str, Fraction]:
    """Another set of books: rational numbers, and a queue that holds every tenth of a unit by itself."""
    cash, realised, fees = Fraction(CASH), Fraction(0), Fraction(0)
    queues: dict[str, list[tuple[int, Fraction]]] = {}
    for fact in facts:
        price, queue = Fraction(fact.price), queues.setdefault(fact.symbol, [])
        for _ in range(int(fact.quantity * 10)):
            cash -= fact.side * price / 10
            if queue and queue[0][0] != fact.side:
                side, entry = queue.pop(0)
                realised += side * (price - entry) / 10
            else:
                queue.append((fact.side, price))
        fees += Fraction(fact.fee)
        cash -= Fraction(fact.fee)
    unrealised = Fraction(0)
    value = Fraction(0)
    for symbol, queue in queues.items():
        mark = Fraction(repr(marks[symbol]))
        for side, entry in queue:
            unrealised += side * (mark - entry) / 10
            value += side * mark / 10
    return {
        "cash": cash,
        "realised": realised,
        "fees": fees,
        "unrealised": unrealised,
        "equity": cash + value,
    }


def test_is_a_portfolio() -> None:
    assert isinstance(Ledger(cash=CASH), Portfolio)


@pytest.mark.parametrize(
    ("facts", "position", "realised"),
    [
        pytest.param([(1, "2", "100")], "2", "0", id="a purchase opens a long"),
        pytest.param([(-1, "2", "100")], "-2", "0", id="a sale opens a short"),
        pytest.param([(1, "2", "100"), (-1, "2", "110")], "0", "20", id="a long gains when the price rose"),
        pytest.param([(-1, "2", "100"), (1, "2", "110")], "0", "-20", id="a short loses when the price rose"),
        pytest.param(
            [(1, "1", "100"), (1, "1", "120"), (-1, "1", "130")], "1", "30", id="the oldest lot leaves first"
        ),
        pytest.param(
            [(1, "1", "100"), (1, "1", "120"), (-1, "1.5", "130")], "0.5", "35", id="a lot leaves in parts"
        ),
        pytest.param(
            [(1, "1", "100"), (-1, "3", "90")], "-2", "-10", id="one fill turns a long into a short"
        ),
    ],
)
def test_first_in_first_out(facts, position: str, realised: str) -> None:
    ledger = booked(*(fill(f"t{index}", *fact) for index, fact in enumerate(facts)))
    assert ledger.position("BTCUSDT") == D(position)
    assert ledger.realised == D(realised)


@settings(max_examples=150)
@given(facts=fills(), marks=st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=2))
def test_agrees_with_other_books_and_the_cash_identity_is_exact(facts, marks) -> None:
    marks = dict(zip(("AAA", "BBB"), marks, strict=True))
    ledger = booked(*facts)
    for symbol, price in marks.items():
        ledger.mark(symbol, price)
    assert ledger.exact_equity() - CASH == ledger.realised + ledger.unrealised() - ledger.fees
    assert model(facts, marks) == {
        "cash": Fraction(ledger.balance),
        "realised": Fraction(ledger.realised),
        "fees": Fraction(ledger.fees),
        "unrealised": Fraction(ledger.unrealised()),
        "equity": Fraction(ledger.exact_equity()),
    }
    assert ledger.equity == pytest.approx(float(ledger.exact_equity()), rel=1e-12, abs=1e-6)


@given(facts=fills(symbols=("AAA", "BBB", "CCC")), random=st.randoms(use_true_random=False))
def test_reports_in_another_order_and_reports_repeated_change_nothing_that_is_a_sum(facts, random) -> None:
    ledger = booked(*facts)
    again = [*facts, *random.sample(facts, k=len(facts) // 2)]
    random.shuffle(again)
    other = Ledger(cash=CASH)
    assert sum(map(other.apply, again)) == len(facts)
    for symbol, price in (("AAA", 100.1), ("BBB", 0.3), ("CCC", 1e7 / 3)):
        ledger.mark(symbol, price)
        other.mark(symbol, price)
        assert other.position(symbol) == ledger.position(symbol)
    assert other.balance == ledger.balance
    assert other.fees == ledger.fees
    assert other.realised + other.unrealised() == ledger.realised + ledger.unrealised()
    assert other.equity.hex() == ledger.equity.hex()


@given(facts=fills(symbols=("AAA",)), cuts=st.lists(st.integers(1, 5), min_size=25, max_size=25))
def test_books_after_partial_fills_equal_those_after_the_merged_fill(facts, cuts) -> None:
    whole, parts = booked(*facts), Ledger(cash=CASH)
    for fact, cut in zip(facts, cuts, strict=False):
        tenths = int(fact.quantity * 10)
        sizes = [tenths] if cut >= tenths else [cut, tenths - cut]
        for index, size in enumerate(sizes):
            fee = str(fact.fee) if index == 0 else "0"
            trade_id = f"{fact.trade_id}-{index}"
            parts.apply(fill(trade_id, fact.side, f"{size}e-1", str(fact.price), fee, "AAA"))
    parts.mark("AAA", 101.0)
    whole.mark("AAA", 101.0)
    assert parts.snapshot(0) == whole.snapshot(0)
    assert lots_of(parts) == lots_of(whole)


def test_a_trade_id_counts_once_per_symbol() -> None:
    ledger = booked(fill("t1", 1, "1", "100", symbol="AAA"))
    assert not ledger.apply(fill("t1", 1, "1", "100", symbol="AAA"))
    assert ledger.apply(fill("t1", 1, "1", "100", symbol="BBB"))
    assert ledger.position("AAA") == ledger.position("BBB") == D(1)


def test_snapshot_says_what_the_account_is_worth() -> None:
    ledger = booked(
        fill("t1", 1, "2", "100", "0.25", symbol="BBB"), fill("t2", -1, "1", "50", "0.25", symbol="AAA")
    )
    ledger.mark("BBB", 110.0)
    ledger.mark("AAA", 60.0)
    ledger.mark("CCC", 1.0)
    snapshot = ledger.snapshot(7)
    assert snapshot.ts == 7
    assert snapshot.cash == D("9849.50")
    assert snapshot.positions == {"BBB": D(2), "AAA": D(-1)}
    assert snapshot.marks == {"BBB": 110.0, "AAA": 60.0, "CCC": 1.0}
    assert (snapshot.net, snapshot.gross, snapshot.equity) == (160.0, 280.0, 10_009.5)
    assert (snapshot.realised, snapshot.fees) == (D(0), D("0.50"))
    assert snapshot.equity == ledger.equity
    assert snapshot.leverage == 280.0 / 10_009.5


def test_a_snapshot_stays_as_it_was() -> None:
    ledger = booked(fill("t1", 1, "2", "100"))
    snapshot = ledger.snapshot(0)
    ledger.apply(fill("t2", -1, "2", "120"))
    ledger.mark("BTCUSDT", 130.0)
    assert snapshot.positions == {"BTCUSDT": D(2)}
    assert snapshot.marks == {"BTCUSDT": 100.0}
    assert ledger.snapshot(1).positions == {"BTCUSDT": D(0)}


def test_exposure_beside_a_symbol_leaves_it_out() -> None:
    ledger = booked(
        fill("t1", 1, "2", "100", symbol="AAA"),
        fill("t2", -1, "1", "50", symbol="BBB"),
        fill("t3", 1, "1", "10", symbol="CCC"),
    )
    assert ledger.exposure_beside("AAA") == (-40.0, 60.0)
    assert ledger.exposure_beside("DDD") == (160.0, 260.0)
    assert Ledger(cash=CASH).exposure_beside("AAA") == (0.0, 0.0)


def test_before_the_first_mark_the_first_fill_is_the_price() -> None:
    ledger = booked(fill("t1", 1, "2", "100", "1"))
    assert ledger.equity == 9_999.0
    ledger.mark("BTCUSDT", 90.0)
    ledger.apply(fill("t2", 1, "1", "95"))
    assert ledger.snapshot(0).marks == {"BTCUSDT": 90.0}


def test_equity_is_cash_plus_positions_at_their_marks_after_every_fill_and_mark() -> None:
    ledger = Ledger(cash=CASH)
    assert ledger.equity == 10_000.0
    ledger.mark("BTCUSDT", 100.0)
    ledger.apply(fill("t1", 1, "3", "100", "0.5"))
    assert ledger.equity == 9_999.5
    ledger.mark("BTCUSDT", 110.0)
    assert ledger.equity == 10_029.5
    ledger.apply(fill("t2", -1, "3", "110", "0.5"))
    assert ledger.equity == 10_029.0


def test_nothing_is_rounded_even_where_28_digits_are_too_few() -> None:
    price, quantity = "123456.12345678", "987654321987654.12345678"
    ledger = booked(fill("t1", 1, quantity, price, "1e-8"))
    exact = Fraction(CASH) - Fraction(D(price)) * Fraction(D(quantity)) - Fraction(1, 10**8)
    assert Fraction(ledger.balance) == exact


def test_the_ambient_decimal_context_does_not_matter() -> None:
    facts = [fill("t1", 1, "1.2345678", "64000.13", "0.00000001"), fill("t2", -1, "1.1", "64000.27")]
    with decimal.localcontext() as context:
        context.prec = 3
        ledger = booked(*facts)
    assert (ledger.balance, ledger.realised) == (booked(*facts).balance, D("0.154"))


def test_what_cannot_be_booked_exactly_stops_the_run() -> None:
    with pytest.raises(ContractBroken, match="cannot be booked exactly within 60 digits"):
        booked(fill("t1", 1, "1." + "3" * 40, "1." + "7" * 40))


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_a_fill_of_nothing_stops_the_run(quantity: str) -> None:
    with pytest.raises(ContractBroken, match="a quantity is above 0"):
        booked(fill("t1", 1, quantity, "100"))


@pytest.mark.parametrize("price", [float("nan"), float("inf"), float("-inf")])
def test_a_mark_that_is_no_number_stops_the_run(price: float) -> None:
    with pytest.raises(ContractBroken, match="finite"):
        Ledger(cash=CASH).mark("BTCUSDT", price)


@pytest.mark.parametrize("cash", ["-1", "NaN", "Infinity"])
def test_refuses_to_start_with_less_than_nothing(cash: str) -> None:
    with pytest.raises(ValueError, match="cash must be 0 or more"):
        Ledger(cash=D(cash))
