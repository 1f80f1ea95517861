"""A record whose books do not add up gets no report."""

from decimal import Decimal

import msgspec
import pytest

from quant_contracts.errors import ContractBroken
from quant_contracts.units import DAY
from quant_engine.report import build_report
from quant_engine.report.books import booked
from quant_engine.report.costs import fill_costs

CENT = Decimal("0.01")


def spoil(record, **changes):
    """The record with its last sample changed."""
    last = msgspec.structs.replace(record.equity[-1], **changes)
    return msgspec.structs.replace(record, equity=[*record.equity[:-1], last])


def test_every_identity_is_listed_with_its_value(year):
    found = build_report(year).summary.identities
    assert [identity.left for identity in found] == [
        "cash",
        "fees in the books",
        "realised in the books",
        "net profit of the account",
        "net profit of the account",
        "BTCUSDT in the books",
    ]
    assert found[0].value == year.equity[-1].cash


def test_cash_that_no_fills_explain_is_refused(year):
    with pytest.raises(ContractBroken, match=r"cash of .* is not the initial cash and the fills"):
        build_report(spoil(year, cash=year.equity[-1].cash + CENT))


@pytest.mark.parametrize("field", ["fees", "realised"])
def test_a_cent_too_much_in_the_books_is_refused(year, field):
    with pytest.raises(ContractBroken, match=rf"do not add up: {field} in the books"):
        build_report(spoil(year, **{field: getattr(year.equity[-1], field) + CENT}))


def test_a_position_that_was_never_bought_is_refused(year):
    with pytest.raises(ContractBroken, match="do not add up"):
        build_report(spoil(year, positions={"BTCUSDT": Decimal(99)}))


def test_equity_that_is_not_cash_and_positions_is_refused(year):
    with pytest.raises(ContractBroken, match="equity of"):
        build_report(spoil(year, equity=year.equity[-1].equity + 1))


def test_a_fill_left_out_is_refused(year):
    with pytest.raises(ContractBroken):
        build_report(msgspec.structs.replace(year, fills=year.fills[1:]))


def test_a_fill_twice_is_refused(year):
    with pytest.raises(ContractBroken):
        build_report(msgspec.structs.replace(year, fills=[*year.fills, year.fills[-1]]))


def test_no_samples_is_refused(year):
    with pytest.raises(ContractBroken, match="no equity sample"):
        build_report(msgspec.structs.replace(year, equity=[]))


def test_samples_out_of_order_are_refused(year):
    with pytest.raises(ContractBroken, match="out of order"):
        build_report(msgspec.structs.replace(year, equity=[year.equity[1], year.equity[0]]))


def test_a_traded_symbol_without_a_mark_is_refused(year):
    with pytest.raises(ContractBroken, match="BTCUSDT was traded but has no mark"):
        build_report(spoil(year, marks={}))


def test_a_traded_symbol_without_a_strategy_is_refused(year):
    strategy = msgspec.structs.replace(
        year.strategy, strategies={"ETHUSDT": year.strategy.strategies["BTCUSDT"]}
    )
    with pytest.raises(ContractBroken, match="no strategy trades it"):
        build_report(msgspec.structs.replace(year, strategy=strategy))


def test_fills_that_leave_the_cash_as_it_was_are_counted_all_the_same(fill, replayed):
    fills = [fill(1, 1, "1", "100", reference="99"), fill(2, -1, "1", "100", reference="101")]
    start = fills[0].ts - 1
    record = replayed(fills, [(start, {"BTCUSDT": 100.0}), (start + DAY, {"BTCUSDT": 100.0})])
    assert booked(record.equity, record.fills, fill_costs(record.fills)) == [0, 2]
    assert build_report(record).analysis.samples.gross_equity[-1] == record.equity[-1].equity + 2


def test_a_fill_at_the_time_of_a_sample_is_in_the_next_one(fill, replayed):
    """The sample was taken, then the fill happened, both at the same instant."""
    first = fill(0, 1, "1", "100")
    record = replayed([first], [(first.ts, {"BTCUSDT": 100.0}), (first.ts + 1, {"BTCUSDT": 100.0})])
    assert booked(record.equity, record.fills, fill_costs(record.fills)) == [0, 1]
