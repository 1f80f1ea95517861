"""The engine: what is legal when, and in which order one step does things."""

from __future__ import annotations

from itertools import pairwise

import pytest

from quant_contracts.errors import LifecycleError, LookAhead
from quant_contracts.events import (
    Bar,
    Features,
    Fill,
    Intent,
    OrderAccepted,
    OrderIntent,
    Score,
    StepSnapshot,
    Target,
)
from quant_contracts.testing.samples import random_bars
from quant_contracts.units import MINUTE
from quant_daemon.engine import State

BARS = random_bars(400, seed=3)


@pytest.fixture
def engine(session_of, w1):
    return session_of(w1, {"BTCUSDT": BARS}).engine


def warm(engine):
    engine.load_history(None, None)
    engine.warmup(BARS[99].ts_event, 100)
    return engine


def test_an_assembled_engine_has_opened_nothing(session_of, w1):
    session = session_of(w1, {"BTCUSDT": BARS})
    assert session.engine.state is State.ASSEMBLED
    assert session.feed_type.opened == 0


@pytest.mark.parametrize(
    ("call", "legal"),
    [
        pytest.param(lambda engine: engine.step(BARS[0].ts_event, BARS[:1]), "load_history", id="step"),
        pytest.param(lambda engine: engine.warmup(0, 1), "load_history", id="warmup"),
        pytest.param(lambda engine: engine.stop(), "load_history", id="stop"),
    ],
)
def test_a_call_out_of_turn_names_the_legal_ones(engine, call, legal):
    with pytest.raises(LifecycleError, match=rf"not legal while ASSEMBLED; legal now: {legal}\(\)"):
        call(engine)


def test_nothing_is_legal_after_the_end(engine):
    warm(engine).step(BARS[100].ts_event, BARS[100:101])
    engine.stop()
    with pytest.raises(LifecycleError, match="STOPPED; legal now: nothing"):
        engine.step(BARS[101].ts_event, BARS[101:102])


def test_history_is_loaded_once(engine):
    engine.load_history(None, None)
    with pytest.raises(LifecycleError, match=r"legal now: warmup\(\)"):
        engine.load_history(None, None)


def test_after_warm_up_no_handler_sees_past_the_anchor(engine):
    warm(engine)
    assert engine.handlers["BTCUSDT"].last == BARS[99]
    assert engine.cursors == {"BTCUSDT": BARS[99].ts_known}
    assert engine.clock.now == BARS[99].ts_event


def test_a_step_returns_all_it_saw_and_did(engine):
    snapshot = warm(engine).step(BARS[100].ts_event, BARS[100:101])
    assert isinstance(snapshot, StepSnapshot)
    assert snapshot.timestamp == BARS[100].ts_event
    assert set(snapshot.features["BTCUSDT"]) == {"rsi_14", "atr_14", "vol_cc_30", "daily_volume_30"}
    assert -1 <= snapshot.scores["BTCUSDT"] <= 1
    assert snapshot.target["BTCUSDT"].symbol == "BTCUSDT"
    assert snapshot.portfolio.equity == 100_000.0


def test_a_bar_from_the_future_is_refused(engine):
    with pytest.raises(LookAhead, match="came in at"):
        warm(engine).step(BARS[100].ts_event, BARS[101:102])


def test_a_step_cannot_go_back_in_time(engine):
    warm(engine).step(BARS[101].ts_event, BARS[101:102])
    with pytest.raises(LookAhead, match="cannot go back"):
        engine.step(BARS[100].ts_event, BARS[100:101])


def test_stages_speak_in_the_order_of_the_sequence_diagram(session_of, w1):
    said = []
    kinds = (Bar, Features, Score, Intent, Target, OrderIntent, OrderAccepted, Fill, StepSnapshot)
    observers = [(kind, lambda event: said.append(type(event).__name__)) for kind in kinds]
    session_of(w1, {"BTCUSDT": BARS}, observers=observers).backtest()
    steps = " ".join(said).split("StepSnapshot ")
    quiet = "Bar Features Score Intent Target "
    assert set(steps[:-1]) == {
        quiet,
        "Bar Features Score Intent Target OrderIntent OrderAccepted ",
        "Bar Fill Features Score Intent Target ",
    }
    assert steps.index("Bar Fill Features Score Intent Target ") == 1 + steps.index(
        "Bar Features Score Intent Target OrderIntent OrderAccepted "
    )


def test_a_fill_comes_from_the_bar_after_the_decision_at_the_earliest(session_of, w1):
    # A small account, so that no order is more than a bar can take.
    record = session_of(w1, {"BTCUSDT": BARS}, {"account.cash": "1000"}).backtest()
    sent = {order.order.order_id: order.order.ts for order in record.orders}
    by_open = {bar.ts_open: bar for bar in BARS}
    assert record.fills
    for fill in record.fills:
        bar = by_open[sent[fill.order_id]]
        assert fill.ts == bar.ts_known == sent[fill.order_id] + MINUTE
        assert float(fill.reference) == bar.open


def test_equity_is_sampled_from_the_start_to_the_end_at_equal_spacing(session_of, w1):
    record = session_of(w1, {"BTCUSDT": BARS}).backtest()
    times = [sample.ts for sample in record.equity]
    assert times[0] == record.start
    assert times[-1] == record.end == BARS[-1].ts_event
    assert record.equity[0].equity == 100_000.0
    assert {later - earlier for earlier, later in pairwise(times)} == {MINUTE}
