"""Rules of the runtime: one bar is one pass, loading opens nothing, research and run are the same code."""

from __future__ import annotations

import builtins
import datetime as dt
import io
import os
import socket
import time
from pathlib import Path

import pytest

from quant_channels.feeds.parquet import ParquetFeed
from quant_channels.klines.features import ATR, RSI
from quant_contracts.config import override
from quant_contracts.errors import ContractBroken
from quant_contracts.events import (
    Bar,
    Features,
    Fill,
    FormingBar,
    Intent,
    OrderIntent,
    Score,
    StepSnapshot,
    Target,
)
from quant_daemon.journal.feed import JournalFeed
from quant_daemon.journal.reader import JournalReader
from quant_daemon.loader import Loader
from quant_engine import RSIModel

MARKET = {"source": {"class": "synthetic", "params": {"days": 3, "seed": 4}}, "interval": "5m"}


@pytest.fixture
def config(mean_reversion):
    return {**mean_reversion, "data": {"BTCUSDT": MARKET}}


def test_one_closed_bar_is_one_pass_through_the_pipeline(config):
    said = []
    kinds = (Bar, Features, Score, Intent, Target, StepSnapshot)
    session = Loader.from_config(config, observers=[(kind, said.append) for kind in kinds])
    engine = session.engine
    engine.load_history(None, None, 1)
    (source,) = engine.handlers.values()
    engine.warmup(source.first_close() + 20 * source.interval, 21)
    (bar,) = source.read().events()
    engine.step(bar.ts_known, (bar,))
    assert [type(event) for event in said] == list(kinds)
    stamps = {event.timestamp if isinstance(event, StepSnapshot) else event.ts for event in said[1:]}
    assert stamps == {bar.ts_known}, "one moment joins everything the bar set off"


def test_a_bar_that_is_still_forming_sets_off_nothing(config):
    engine = Loader.from_config(config).engine
    with pytest.raises(ContractBroken, match="FormingBar may be published by nobody"):
        engine.bus.publisher(FormingBar, "BTCUSDT")


def test_loading_a_strategy_opens_nothing_and_reads_no_clock(config, monkeypatch):
    assembled = Loader.from_config(config)
    assert assembled.engine.state.value == "ASSEMBLED"

    def banned(name: str):
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError(f"loading a strategy called {name}")

        return refuse

    class NoDatetime(dt.datetime):
        @classmethod
        def now(cls, *_: object) -> None:
            raise AssertionError("loading a strategy read datetime.now")

    with monkeypatch.context() as guard:
        guard.setattr(dt, "datetime", NoDatetime)
        for place, names in (
            (builtins, ["open"]),
            (io, ["open"]),
            (os, ["open", "stat", "listdir", "scandir", "mkdir", "urandom"]),
            (socket, ["socket", "create_connection", "getaddrinfo"]),
            (time, ["time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"]),
        ):
            for name in names:
                guard.setattr(place, name, banned(f"{place.__name__}.{name}"))
        again = Loader.from_config(config)
    assert again.parts == assembled.parts


def test_research_in_plain_python_gives_the_values_of_the_run(done, write, mean_reversion, year_2022):
    """A feature and a model in a notebook's loop over the file, without engine or daemon."""
    write("s.json", mean_reversion)
    words = ["--start", "2022-05-02", "--end", "2022-05-03", "--trace", "full", "--out", "report"]
    done("backtest", "s.json", "--data", year_2022, *words)
    events = [event for _, _, event in JournalReader(Path("report/journal"))]
    steps = [event for event in events if isinstance(event, Features)]
    scores = [event for event in events if isinstance(event, Score)]
    first = next(event.ts_open for event in events if isinstance(event, Bar))
    assert len(steps) == len(scores) == 24 * 60

    for source in (
        JournalFeed("BTCUSDT", "report/journal"),
        ParquetFeed("BTCUSDT", str(year_2022)),
    ):
        rsi, atr, model = RSI(window=14), ATR(window=14), RSIModel(window=14)
        values = {}
        for block in source.blocks(first, steps[-1].ts, 4096):
            for bar in block.events():
                values[bar.ts_event] = (rsi.update(bar), atr.update(bar))
        for step, score in zip(steps, scores, strict=True):
            (strength,), (width,) = values[step.ts]
            assert (strength, width) == (step.values["rsi_14"], step.values["atr_14"])
            assert model.predict({"rsi_14": strength}) == score.value


def test_each_symbol_has_parts_of_its_own(done, write, mean_reversion):
    """Two blocks in one file, with different parts, on one account."""
    other = override(
        mean_reversion["BTCUSDT"],
        {
            "strategy.model": {"class": "MomentumModel", "params": {"window": 20}},
            "strategy.execution": {"class": "ImmediatePolicy"},
        },
    )
    config = {**mean_reversion, "ETHUSDT": other, "data": {"BTCUSDT": MARKET, "ETHUSDT": MARKET}}
    write("s.json", config)
    planned = done("plan", "s.json")
    btc, eth = planned.index("BTCUSDT"), planned.index("ETHUSDT")
    assert btc < planned.index("RSIModel(window=14") < eth < planned.index("MomentumModel(window=20")
    heard = []
    kinds = (Score, OrderIntent, Fill)
    Loader.from_config(config, observers=[(kind, heard.append) for kind in kinds]).backtest()
    for kind in kinds:
        assert {event.symbol for event in heard if isinstance(event, kind)} == {"BTCUSDT", "ETHUSDT"}


def test_a_symbol_is_declared_in_data_and_nowhere_else(config):
    """What the bars of a symbol are, only `data` says: its source may not say it a second time."""
    twice = override(config, {"data.BTCUSDT.source.params.symbol": "ETHUSDT"})
    with pytest.raises(Exception, match=r"\$\.data\.BTCUSDT\.source: 'symbol' belongs to \$\.data\.BTCUSDT"):
        Loader.from_config(twice)
