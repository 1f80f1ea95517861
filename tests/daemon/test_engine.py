"""The engine: what is legal when, and in which order one step does things."""

from __future__ import annotations

from itertools import pairwise

import pytest

from quant_contracts.errors import ContractBroken, LifecycleError, LookAhead
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


def test_the_life_of_a_backtest_is_that_of_the_sequence_diagram(session_of, w1, monkeypatch):
    """load_history, warmup (handlers align, features update), then step after step."""
    from quant_channels.klines.handler import KlineHandler
    from quant_daemon.engine import Engine
    from quant_daemon.extractor import FeatureExtractor

    calls = []
    for owner, names in (
        (Engine, ("load_history", "warmup", "begin", "step", "stop")),
        (KlineHandler, ("load_history", "warmup_to", "push")),
        (FeatureExtractor, ("update_many",)),
    ):
        for name in names:
            original = getattr(owner, name)

            def told(self, *args, _original=original, _name=f"{owner.__name__}.{name}", **options):
                calls.append(_name)
                return _original(self, *args, **options)

            monkeypatch.setattr(owner, name, told)
    session_of(w1, {"BTCUSDT": BARS[:33]}).backtest(batch=False)
    assert calls == [
        "Engine.load_history",
        "KlineHandler.load_history",
        "Engine.warmup",
        "KlineHandler.warmup_to",
        "FeatureExtractor.update_many",
        "Engine.begin",
        *["Engine.step", "KlineHandler.push"] * 2,
        "Engine.stop",
    ]


def test_a_part_that_breaks_its_promise_stops_the_run_and_is_named(session_of, w1):
    import msgspec

    class Overconfident(msgspec.Struct, frozen=True):
        @property
        def needs(self):
            return ()

        def predict(self, features, /):
            return 1.5

    config = {"BTCUSDT": {"strategy": w1["BTCUSDT"]["strategy"] | {"model": {"class": "Overconfident"}}}}
    for batch in (True, False):
        session = session_of(config, {"BTCUSDT": BARS}, local={"models": {"Overconfident": Overconfident}})
        with pytest.raises(ContractBroken, match=r"Overconfident.*scored"):
            session.backtest(batch=batch)


def test_a_rule_may_not_turn_the_sign_of_a_position(session_of, w1):
    import msgspec

    from quant_contracts.protocols import Proposal

    class Contrarian(msgspec.Struct, frozen=True):
        @property
        def needs(self):
            return ()

        def adjust(self, intent, context, /):
            return Proposal(-context.proposal.quantity)

    strategy = w1["BTCUSDT"]["strategy"] | {"risk": {"class": "Contrarian"}}
    session = session_of(
        {"BTCUSDT": {"strategy": strategy}}, {"BTCUSDT": BARS}, local={"risk": {"Contrarian": Contrarian}}
    )
    with pytest.raises(ContractBroken, match="never turn its sign"):
        session.backtest()


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize("field", ["quantity", "stop", "take_profit"])
def test_a_rule_may_propose_finite_numbers_only(session_of, w1, number, field):
    import msgspec

    class Broken(msgspec.Struct, frozen=True):
        @property
        def needs(self):
            return ()

        def adjust(self, intent, context, /):
            return msgspec.structs.replace(context.proposal, **{field: float(number)})

    strategy = w1["BTCUSDT"]["strategy"] | {"risk": {"class": "Broken"}}
    session = session_of(
        {"BTCUSDT": {"strategy": strategy}}, {"BTCUSDT": BARS}, local={"risk": {"Broken": Broken}}
    )
    with pytest.raises(ContractBroken, match="every number must be finite"):
        session.backtest()


def test_a_rule_that_wants_every_step_gets_it_and_changes_targets_on_its_own(session_of, w1):
    """A trailing stop: what `every_step` is for."""
    import msgspec

    class Trailing(msgspec.Struct, frozen=True):
        every_step: bool = True

        @property
        def needs(self):
            return ()

        def adjust(self, intent, context, /):
            proposal = context.proposal
            if context.held is not None and context.held.quantity and intent.reason == context.held.reason:
                proposal = msgspec.structs.replace(proposal, quantity=float(context.held.quantity))
            stop = context.price * 0.998
            if context.held is not None and context.held.stop is not None and context.held.quantity:
                stop = max(stop, float(context.held.stop))
            return msgspec.structs.replace(proposal, stop=stop)

    strategy = w1["BTCUSDT"]["strategy"] | {"risk": [{"class": "ATRSizer"}, {"class": "Trailing"}]}
    config, bars = {"BTCUSDT": {"strategy": strategy}}, {"BTCUSDT": random_bars(900, seed=5)}
    record = session_of(config, bars, local={"risk": {"Trailing": Trailing}}).backtest()
    counts = record.counts["BTCUSDT"]
    assert counts["targets"] > counts["intents"]
    assert any(fill.rule.startswith("stop") for fill in record.fills)
