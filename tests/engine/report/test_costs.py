"""Costs: the way from gross to net, exactly, for any fills; and the cuts that add up to the whole."""

import csv
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.units import DAY, HOUR, MINUTE
from quant_engine.report import build_report
from quant_engine.report.costs import cost_row, fill_costs, hour_of

D = Decimal
ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, -1]),
        st.integers(1, 10**6),
        st.integers(1, 10**7),
        st.integers(-3, 40),
        st.integers(-(10**6), 10**10),
    ),
    max_size=30,
)
MARKS = st.floats(0.01, 1e6, allow_nan=False)


def market(fills, mark):
    start = fills[0].ts - MINUTE if fills else 0
    return [(start, {"BTCUSDT": 100.0}), (start + DAY, {"BTCUSDT": mark})]


def test_a_waterfall_by_hand(fill, replayed):
    fills = [
        fill(1, 1, "2", "100.5", reference="100", fee="0.25"),
        fill(2, -1, "1", "109", reference="110", fee="0.5"),
    ]
    costs = build_report(replayed(fills, market(fills, 120.0))).summary.costs
    steps = costs.waterfall
    assert (steps.gross, steps.slippage, steps.fees, steps.net) == (D(30), D(2), D("0.75"), D("27.25"))
    assert costs.total.notional == D(310)
    assert costs.total.slippage_bps.value == pytest.approx(2 / 310 * 10_000)
    assert costs.total.fees_bps.value == pytest.approx(0.75 / 310 * 10_000)


@settings(max_examples=80, deadline=None)
@given(rows=ROWS, mark=MARKS)
def test_gross_minus_costs_is_net_to_the_last_digit(fill, replayed, rows, mark):
    fills = [
        fill(
            number,
            side,
            str(D(lots) * D("0.00001")),
            str(D(max(ticks + side * slip, 1)) / 100),
            reference=str(D(ticks) / 100),
            fee=str(D(fee) * D("1e-8")),
        )
        for number, (side, lots, ticks, slip, fee) in enumerate(rows, 1)
    ]
    record = replayed(fills, market(fills, mark))
    summary = build_report(record).summary
    with localcontext(prec=400):
        steps = summary.costs.waterfall
        assert steps.gross - steps.slippage - steps.fees == steps.net
        position = sum((f.side * f.quantity for f in fills), D(0))
        cash = sum((-f.side * f.price * f.quantity - f.fee for f in fills), D(0))
        assert steps.net == cash + position * D(str(record.equity[-1].marks["BTCUSDT"]))
        for rows_ in (summary.costs.by_policy, summary.costs.by_hour, summary.costs.by_rule):
            for name in ("notional", "fees", "slippage", "fills"):
                parts = sum((getattr(row, name) for row in rows_), D(0))
                assert parts == getattr(summary.costs.total, name)


def test_symbols_add_up_to_the_whole(simulated):
    costs = build_report(simulated(symbols=("BTCUSDT", "ETHUSDT"), days=60)).summary.costs
    assert [row.symbol for row in costs.by_symbol] == ["BTCUSDT", "ETHUSDT"]
    with localcontext(prec=100):
        for name in ("gross", "slippage", "fees", "net"):
            assert sum(getattr(row, name) for row in costs.by_symbol) == getattr(costs.waterfall, name)


def test_costs_are_cut_by_policy_and_protective_orders_stand_apart(year):
    keys = [row.key for row in build_report(year).summary.costs.by_policy]
    assert sorted(keys) == ["TWAPPolicy", "stop"]


def test_the_hour_is_of_the_day_in_utc(fill):
    assert hour_of(fill(0, 1, "1", "1", ts=5 * DAY + 23 * HOUR + 59 * MINUTE)) == "23"
    assert hour_of(fill(0, 1, "1", "1", ts=5 * DAY)) == "00"


def test_a_price_better_than_shown_is_negative_slippage(fill):
    (cost,) = fill_costs([fill(1, -1, "2", "101", reference="100")])
    assert cost.slippage == D(-2)


def test_no_trading_has_no_cost_in_basis_points():
    row = cost_row("all", [])
    assert row.slippage_bps.value is None
    assert row.slippage_bps.reason == "nothing was traded"


def test_profit_worked_out_from_the_csv_alone_is_that_of_the_summary(year, tmp_path):
    report = build_report(year)
    report.save(tmp_path / "run")
    cash = gross = fees = slippage = held = D(0)
    with localcontext(prec=200):
        for row in csv.DictReader((tmp_path / "run" / "fills.csv").read_text().splitlines()):
            side, quantity = int(row["side"]), D(row["quantity"])
            cash -= side * D(row["price"]) * quantity
            gross -= side * D(row["reference"]) * quantity
            slippage += D(row["slippage"])
            fees += D(row["fee"])
            held += side * quantity
        *_, last = csv.DictReader((tmp_path / "run" / "equity.csv").read_text().splitlines())
        value = held * D(last["mark_BTCUSDT"])
        steps = report.summary.costs.waterfall
        assert steps.net == cash + value - fees
        assert steps.gross == gross + value
        assert (steps.slippage, steps.fees) == (slippage, fees)
        assert D(last["cash"]) == year.equity[0].cash + cash - fees
