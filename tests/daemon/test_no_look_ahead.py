"""Nothing a run decided up to a moment depends on what came after it."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest

from quant_contracts.blocks import block_of
from quant_contracts.events import Intent, OrderIntent, Score, StepSnapshot, Target
from quant_contracts.testing.samples import (
    SampleStream,
    random_bars,
    sample_events,
    sample_grid,
)
from quant_daemon.extractor import reads
from quant_daemon.registry import Registry, installed

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


GRID = {"tick": str(sample_grid(BARS[0].close).tick), "lot": str(sample_grid(BARS[0].close).lot)}


def snapshots(events):
    return [event for event in events if isinstance(event, StepSnapshot) and "BTCUSDT" in event.features]


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


def channels_of(strategy):
    """The channels that a strategy is given for the record."""
    return [
        Registry().build("features", feature["class"], feature["params"], "test")
        for feature in strategy.get("features", ())
    ]


@cache
def stream(domain, is_poisoned):
    """A stream that goes with the bars; poisoned, that of another market behind the cut."""
    clean = sample_events(domain, BARS, seed=8)
    if is_poisoned:
        noise = sample_events(domain, poisoned(BARS), seed=9)
        end = BARS[CUT - 1].ts_known
        clean = (
            *(event for event in clean if event.ts_known <= end),
            *(event for event in noise if event.ts_known > end),
        )
    return SampleStream(domain, block_of(domain, "BTCUSDT", clean, sample_grid(BARS[0].close)))


@pytest.mark.parametrize(("name", "strategy"), [pytest.param(*case, id=case[0]) for case in strategies()])
def test_noise_after_a_moment_changes_nothing_before_it(session_of, name, strategy):
    """Noise in the bars, and in every stream beside them."""
    channels, end = channels_of(strategy), BARS[CUT - 1].ts_known
    domains = [each.domain for channel in channels for each in reads(channel) if each.domain != "klines"]
    data = {**GRID, **{domain: {"when_stale": "use"} for domain in domains}}

    def outputs(*, noise):
        said = []
        session = session_of(
            {"BTCUSDT": {"strategy": strategy}, "data": {"BTCUSDT": data}},
            {"BTCUSDT": poisoned(BARS), "ETHUSDT": poisoned(ETH)}
            if noise
            else {"BTCUSDT": BARS, "ETHUSDT": ETH},
            streams={("BTCUSDT", domain): stream(domain, noise) for domain in domains},
            observers=[(kind, said.append) for kind in (Score, Intent, Target, OrderIntent, StepSnapshot)],
        )
        session.backtest()
        times = [event.timestamp if isinstance(event, StepSnapshot) else event.ts for event in said]
        split = next(place for place, ts in enumerate(times) if ts > end)
        return [msgspec.msgpack.encode(event) for event in said[:split]], said[split:]

    clean, after = outputs(noise=False)
    assert len(clean) > CUT
    noisy, later = outputs(noise=True)
    assert noisy == clean
    assert later != after
    if domains:
        # The channel said something of its streams before the noise, and something else of the noise.
        before, noise = (
            [[event.features["BTCUSDT"].get(value) for value in channels[0].outputs] for event in steps]
            for steps in (snapshots(after), snapshots(later))
        )
        assert any(value is not None for row in before for value in row)
        assert before != noise


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
