"""One run, however it is computed: the same decisions, to the bit."""

from __future__ import annotations

import decimal

import msgspec
import pytest

from quant_contracts.testing.samples import random_bars
from quant_contracts.units import MINUTE

BARS = random_bars(1500, seed=11)
ETH = random_bars(1500, seed=12, symbol="ETHUSDT", price=3000.0)

STOPS = {
    "model": {"class": "RSIModel", "params": {"window": 5}},
    "decision": {"class": "ThresholdDecision", "params": {"threshold": 0.3, "exit": 0.1}},
    "risk": [
        {"class": "ATRSizer", "params": {"atr_window": 14, "risk_fraction": 0.01}},
        {"class": "StopLossTakeProfit", "params": {"stop_loss": 0.002, "take_profit": 0.003}},
        {"class": "ExposureLimit", "params": {"max_gross": 1.0}},
    ],
    "execution": {"class": "TWAPPolicy", "params": {"segments": 3, "interval": "90s"}},
    "slippage": {"class": "LinearSlippage", "params": {"window": 30}},
}
PAIR = {
    "model": {"class": "PairsModel", "params": {"other": "ETHUSDT", "window": 40}},
    "decision": {"class": "ThresholdDecision", "params": {"threshold": 0.5, "exit": 0.0}},
    "risk": {"class": "ATRSizer", "params": {"risk_fraction": 0.01}},
    "execution": {"class": "TWAPPolicy", "params": {"segments": 4}},
    "slippage": {"class": "NoSlippage"},
}
CASES = {
    "stops and slices": ({"BTCUSDT": {"strategy": STOPS}}, {"BTCUSDT": BARS}),
    "a pair": ({"BTCUSDT": {"strategy": PAIR}}, {"BTCUSDT": BARS, "ETHUSDT": ETH}),
    "two symbols, one account": (
        {"BTCUSDT": {"strategy": STOPS}, "ETHUSDT": {"strategy": STOPS}},
        {"BTCUSDT": BARS, "ETHUSDT": ETH},
    ),
    "gaps in one of two": (
        {"BTCUSDT": {"strategy": STOPS}, "ETHUSDT": {"strategy": PAIR | {"model": STOPS["model"]}}},
        {"BTCUSDT": [bar for i, bar in enumerate(BARS) if i % 7 and not 300 < i < 380], "ETHUSDT": ETH},
    ),
}
LATE = [
    # Every bar of a handful is known when its last one closes, as after an outage.
    msgspec.structs.replace(bar, ts_known=BARS[min(len(BARS) - 1, index - index % 4 + 3)].ts_event)
    for index, bar in enumerate(BARS)
]
CASES["several bars known at once"] = ({"BTCUSDT": {"strategy": STOPS}}, {"BTCUSDT": LATE})
CASES["late bars of one of two"] = (
    {"BTCUSDT": {"strategy": STOPS}, "ETHUSDT": {"strategy": PAIR | {"model": STOPS["model"]}}},
    {"BTCUSDT": LATE, "ETHUSDT": ETH},
)
TICKS = {"data": {"BTCUSDT": {"min_notional": "1"}, "ETHUSDT": {"min_notional": "1"}}}


def encode(record) -> bytes:
    """Everything a run leaves, less what names its trace level."""
    return msgspec.msgpack.encode(
        [
            record.manifest.decision_hash,
            record.fills,
            record.orders,
            record.equity,
            record.counts,
            record.limits,
            record.start,
            record.end,
        ]
    )


@pytest.fixture(params=CASES)
def case(request):
    config, bars = CASES[request.param]
    return {**config, **TICKS}, bars


@pytest.mark.parametrize("rows", [1, 7, 64, 4096])
def test_blocks_of_any_size_give_what_single_bars_give(session_of, case, rows):
    config, bars = case
    one_by_one = session_of(config, bars).backtest(batch=False)
    assert one_by_one.fills
    assert encode(session_of(config, bars).backtest(rows=rows)) == encode(one_by_one)


@pytest.mark.parametrize("level", ["off", "decisions", "full"])
def test_the_trace_level_changes_nothing(session_of, case, level, tmp_path):
    config, bars = case
    plain = session_of(config, bars).backtest()
    traced = session_of(config, bars, {"run.trace": level}).backtest(journal=tmp_path / "journal")
    assert encode(traced) == encode(plain)


def test_protective_orders_slices_and_limits_were_all_at_work(session_of):
    config, bars = CASES["stops and slices"]
    record = session_of({**config, **TICKS}, bars).backtest()
    assert {"open", "stop", "take_profit"} <= {fill.rule for fill in record.fills}
    assert record.limits["BTCUSDT"]
    assert any(order.reason == "superseded" for order in record.orders)
    slices = [order.order.ts % MINUTE for order in record.orders if order.order.kind == "market"]
    assert any(slices), "slices between bars are sent at their own time"


def test_a_range_is_run_with_the_bars_before_it_as_warm_up(session_of, w1):
    start, end = "2022-01-01T05:00:00", "2022-01-01T15:00:00"
    record = session_of(w1, {"BTCUSDT": BARS}, {"run.start": start, "run.end": end}).backtest()
    assert record.start == BARS[0].ts_open + 300 * MINUTE
    assert record.end == BARS[0].ts_open + 900 * MINUTE
    assert record.counts["BTCUSDT"]["steps"] == 600


def test_the_decimal_settings_of_the_host_program_change_nothing(session_of, case):
    config, bars = case
    plain = session_of(config, bars).backtest()
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP):
        assert encode(session_of(config, bars).backtest()) == encode(plain)
