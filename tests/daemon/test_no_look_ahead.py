"""Nothing a run decided up to a moment depends on what came after it."""

from __future__ import annotations

import msgspec
import pytest

from quant_contracts.events import Intent, OrderIntent, Score, StepSnapshot, Target
from quant_contracts.testing.samples import random_bars
from quant_daemon.registry import installed

BARS = random_bars(700, seed=21)
ETH = random_bars(700, seed=22, symbol="ETHUSDT", price=3000.0)
CUT = 450
SPECIAL = {
    "LinearModel": {
        "terms": [
            {"channel": "RSI", "output": "rsi_5", "weight": -1.0, "params": {"window": 5}, "centre": 50.0}
        ]
    },
    "PairsModel": {"other": "ETHUSDT"},
    "StopLossTakeProfit": {"stop_loss": 0.003, "take_profit": 0.004},
    "ExposureLimit": {"max_gross": 0.5},
    "Spread": {"other": "ETHUSDT"},
}
"""Settings of parts that have no defaults for everything."""

BASE = {
    "model": {"class": "RSIModel", "params": {"window": 5}},
    "decision": {"class": "ThresholdDecision", "params": {"threshold": 0.3, "exit": 0.0}},
    "risk": [{"class": "ATRSizer"}],
    "execution": {"class": "TWAPPolicy", "params": {"segments": 3}},
    "slippage": {"class": "LinearSlippage", "params": {"window": 30}},
}


def poisoned(bars):
    """The same bars up to the cut, noise of another market behind it."""
    noise = random_bars(len(bars), seed=99, symbol=bars[0].symbol, price=bars[CUT].close * 3)
    return bars[:CUT] + noise[CUT:]


def part(name):
    return {"class": name, "params": SPECIAL.get(name, {})}


def strategies():
    """A strategy around every installed part, found by entry point."""
    for name in installed("models"):
        yield name, BASE | {"model": part(name)}
    for name in installed("decisions"):
        yield name, BASE | {"decision": part(name)}
    for name in installed("risk"):
        yield name, BASE | {"risk": [{"class": "ATRSizer"}, part(name)]}
    for name in installed("policies"):
        yield name, BASE | {"execution": part(name)}
    for name in installed("routers"):
        yield name, BASE | {"router": part(name)}
    for name in installed("slippage"):
        yield name, BASE | {"slippage": part(name)}
    for name in installed("features"):
        if name not in {"RSI", "ATR", "CloseToClose", "DailyVolume"}:
            # What BASE itself needs is there already, and one name is said once.
            yield name, BASE | {"features": [part(name)]}


@pytest.mark.parametrize(("name", "strategy"), [pytest.param(*case, id=case[0]) for case in strategies()])
def test_noise_after_a_moment_changes_nothing_before_it(session_of, name, strategy):
    def outputs(btc, eth):
        said = []
        observers = [(kind, said.append) for kind in (Score, Intent, Target, OrderIntent, StepSnapshot)]
        config = {"BTCUSDT": {"strategy": strategy}}
        session_of(config, {"BTCUSDT": btc, "ETHUSDT": eth}, observers=observers).backtest()
        end = BARS[CUT - 1].ts_known
        return [
            msgspec.msgpack.encode(event)
            for event in said
            if (event.timestamp if isinstance(event, StepSnapshot) else event.ts) <= end
        ]

    clean = outputs(BARS, ETH)
    assert len(clean) > CUT
    assert outputs(poisoned(BARS), poisoned(ETH)) == clean


def test_the_poison_would_show(session_of):
    """The test above can fail: with the noise a step earlier, outputs differ."""
    config = {"BTCUSDT": {"strategy": BASE}}

    def last_score(bars):
        said = []
        session_of(config, {"BTCUSDT": bars}, observers=[(Score, said.append)]).backtest()
        return next(event for event in said if event.ts == BARS[CUT].ts_known)

    assert last_score(BARS) != last_score(poisoned(BARS))


def test_a_backtest_reads_no_clock_of_the_machine(session_of, monkeypatch):
    import datetime as dt
    import time

    class NoDatetime(dt.datetime):
        @classmethod
        def now(cls, *_):
            raise AssertionError("a backtest read datetime.now")

        utcnow = today = now

    config = {"BTCUSDT": {"strategy": BASE}}
    session = session_of(config, {"BTCUSDT": BARS})
    for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"):
        monkeypatch.setattr(time, name, lambda *_, name=name: pytest.fail(f"a backtest called time.{name}"))
    monkeypatch.setattr(dt, "datetime", NoDatetime)
    record = session.backtest()
    monkeypatch.undo()
    assert record.fills
