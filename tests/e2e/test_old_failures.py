"""What broke the first three versions, one test for each complaint, so that none comes back.

The complaints are those of the founding document on events and contracts.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping

import msgspec
import pytest

from quant_contracts.config import override
from quant_contracts.events import Event, Features, Fill, Intent, Score, Target
from quant_contracts.protocols import RiskContext
from quant_daemon.engine import Engine
from quant_daemon.extractor import FeatureExtractor
from quant_daemon.lane import Lane
from quant_daemon.loader import Loader
from quant_daemon.registry import Registry
from quant_engine.execution.desk import OrderDesk
from quant_engine.execution.matching import BarMatchingEngine
from quant_engine.portfolio.ledger import Ledger

SYMBOL = "BTCUSDT.strategy"
MARKET = {"source": {"class": "synthetic", "params": {"days": 3, "seed": 4}}, "interval": "5m"}


@pytest.fixture
def config(mean_reversion):
    return {**mean_reversion, "data": {"BTCUSDT": MARKET}}


def heard(config: Mapping[str, object], *kinds: type[Event], local=None) -> list[Event]:
    """Every event of some types that a run of `config` publishes, in order."""
    events: list[Event] = []
    observers = [(kind, events.append) for kind in kinds]
    Loader.from_config(config, registry=Registry(local), observers=observers).backtest()
    assert events
    return events


def common(events: list[Event], names: set[str]) -> list[tuple[int, dict[str, float]]]:
    return [(event.ts, {name: event.values[name] for name in sorted(names)}) for event in events]


def test_feature_extraction_does_not_depend_on_strategy_logic(config):
    """Whatever reads a feature, and whatever it does about it, the feature is the same."""
    other = override(
        config,
        {
            f"{SYMBOL}.model": {"class": "ZScoreModel", "params": {"window": 20}},
            f"{SYMBOL}.decision.params": {"threshold": 0.8},
            f"{SYMBOL}.features": [{"class": "RSI", "params": {"window": 14}}],
        },
    )
    one, two = heard(config, Features), heard(other, Features)
    names = {"rsi_14", "atr_14", "vol_cc_20"}
    assert one[0].values.keys() != two[0].values.keys()
    by_time = dict(common(two, names))
    shared = [(ts, values) for ts, values in common(one, names) if ts in by_time]
    assert len(shared) > 800
    assert all(by_time[ts] == values for ts, values in shared)


class Watcher(msgspec.Struct, dict=True):
    """Stands in for a part and remembers what it was handed."""

    needs = ()

    def __post_init__(self) -> None:
        Watcher.handed = []


class WatchingModel(Watcher):
    def predict(self, *handed: object) -> float:
        Watcher.handed.append(handed)
        return 0.5


class WatchingDecision(Watcher):
    def decide(self, *handed: object) -> Intent:
        Watcher.handed.append(handed)
        return Intent(handed[0].ts, handed[0].symbol, 0, 0.0, "watch")


@pytest.mark.parametrize(
    ("group", "place", "part", "types"),
    [
        pytest.param("models", "model", WatchingModel, (dict,), id="model"),
        pytest.param("decisions", "decision", WatchingDecision, (Score, dict, Intent), id="decision"),
    ],
)
def test_a_strategy_touches_neither_risk_nor_execution(config, group, place, part, types):
    """It is handed numbers and facts; there is nothing in them that leads to an order or the account."""
    name = part.__name__
    watched = override(config, {f"{SYMBOL}.{place}": {"class": name}})
    heard(watched, Score, local={group: {name: part}})
    assert len(Watcher.handed) > 800
    for handed in Watcher.handed:
        assert tuple(type(value) for value in handed) == types
        for value in handed:
            if isinstance(value, dict):
                assert {type(number) for number in value.values()} <= {float}


def test_a_risk_rule_is_handed_plain_facts_too():
    facts = {field.name for field in msgspec.structs.fields(RiskContext)}
    assert not facts & {"portfolio", "execution", "venue", "bus", "clock", "journal", "handler"}
    assert RiskContext.__struct_config__.frozen


def test_backtest_and_live_cannot_diverge_for_nothing_knows_the_mode(config):
    """No object of the pipeline is told the mode, so there is nothing for it to branch on."""
    for kind in (Engine, Lane, FeatureExtractor, OrderDesk, BarMatchingEngine, Ledger):
        assert "mode" not in inspect.signature(kind).parameters
    lane = Loader.from_config(config).engine.lanes[0]
    for part in (lane.parts.model, lane.parts.decision, *lane.parts.risk):
        assert "mode" not in msgspec.structs.asdict(part)


def test_bars_that_arrive_one_by_one_are_decided_on_as_in_a_backtest(config):
    """A driver that knows nothing of the future, as a live one, pushes the same engine to the same end."""
    recorded = Loader.from_config(config)
    hash_of_backtest = recorded.backtest().manifest.decision_hash

    arriving = Loader.from_config(config)
    engine = arriving.engine
    (source,) = engine.handlers.values()
    engine.load_history(None, None, 1)
    anchor = source.first_close() + (engine.warmup_steps - 1) * source.interval
    engine.warmup(anchor, engine.warmup_steps)
    while (block := source.read()) is not None:
        (bar,) = block.events()
        engine.step(bar.ts_known, (bar,))
    engine.stop()
    assert arriving.manifest().decision_hash == hash_of_backtest


MODEL = '''
import msgspec
from quant_contracts.protocols import FeatureSpec


class Contrarian(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Goes against the last move."""

    window: int = 5

    @property
    def needs(self):
        return (FeatureSpec("Return", {"window": self.window}),)

    def predict(self, features):
        return -1.0 if features[f"return_{self.window}"] > 0 else 1.0
'''


def test_a_new_model_plugs_in_without_a_line_of_the_pipeline(done, refused, write, package, config):
    """An installed package brings it; from then on its name and settings are known like any other's."""
    env = package("contrary", MODEL, "[quant_engine.models]\nContrarian = contrary:Contrarian\n")
    found = json.loads(done("plugins", "--kind", "models", "--json", env=env))
    assert {"name": "Contrarian", "package": "contrary", "version": "1.0"}.items() <= found[0].items()
    write("s.json", override(config, {f"{SYMBOL}.model": {"class": "Contrarian", "params": {"window": 3}}}))
    summary = json.loads(done("backtest", "s.json", "--no-report", "--json", env=env))
    assert summary["counts"]["BTCUSDT"]["fills"] > 100
    assert summary["versions"]["parts"]["BTCUSDT.model"] == "1.0"
    write("t.json", override(config, {f"{SYMBOL}.model": {"class": "Contrarian", "params": {"windo": 3}}}))
    assert "(Contrarian): unknown key 'windo'; did you mean 'window'?" in refused(
        78, "backtest", "t.json", env=env
    )


EXECUTIONS = {
    "another policy": {f"{SYMBOL}.execution": {"class": "ImmediatePolicy"}},
    "more slices": {f"{SYMBOL}.execution.params.segments": 7},
    "dearer impact": {f"{SYMBOL}.slippage.params.eta": 5.0},
    "a thinner market": {"matching": {"class": "BarMatchingEngine", "params": {"participation": 0.001}}},
    "dearer fees": {"matching": {"class": "BarMatchingEngine", "params": {"taker_fee": "0.01"}}},
}


@pytest.mark.parametrize("change", EXECUTIONS)
def test_execution_rules_do_not_reach_into_strategy_logic(config, change):
    """Fills differ; features, scores and intents are the same to the bit."""
    opinions, trades = (Features, Score, Intent), (Fill,)
    changed = override(config, EXECUTIONS[change])
    assert heard(changed, *opinions) == heard(config, *opinions)
    assert heard(changed, *trades) != heard(config, *trades)


THREE = {
    "BTCUSDT": {
        "model": {"class": "RSIModel"},
        "execution": {"class": "TWAPPolicy", "params": {"segments": 3}},
    },
    "ETHUSDT": {
        "model": {"class": "PairsModel", "params": {"other": "BTCUSDT", "window": 40}},
        "execution": {"class": "ImmediatePolicy"},
        "slippage": {"class": "NoSlippage"},
    },
    "SOLUSDT": {
        "model": {"class": "MomentumModel", "params": {"window": 30}},
        "risk": [{"class": "ATRSizer"}, {"class": "ExposureLimit", "params": {"max_symbol": 0.3}}],
    },
}


@pytest.fixture
def three(mean_reversion):
    base = mean_reversion["BTCUSDT"]["strategy"]
    blocks = {symbol: {"strategy": {**base, **parts}} for symbol, parts in THREE.items()}
    return {**blocks, "data": dict.fromkeys(THREE, MARKET)}


def test_it_scales_to_symbols_with_parts_of_their_own_in_one_process(three):
    session = Loader.from_config(three)
    parts = {part.role: part.name for part in session.parts}
    assert [parts[f"{symbol}.model"] for symbol in THREE] == ["RSIModel", "PairsModel", "MomentumModel"]
    assert [parts[f"{symbol}.slippage"] for symbol in THREE][1] == "NoSlippage"
    record = session.backtest()
    assert all(record.counts[symbol]["fills"] for symbol in THREE)
    assert record.limits["SOLUSDT"]["max_symbol"]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SOLUSDT"])
def test_a_symbol_thinks_beside_others_as_it_does_alone(three, symbol):
    alone = {symbol: three[symbol], "data": {symbol: MARKET}}
    together = [event for event in heard(three, Score, Intent) if event.symbol == symbol]
    first = heard(alone, Score, Intent)
    assert together[-len(first) :] == first[-len(together) :]
    assert len(together) > 1_500


def test_only_risk_makes_targets(config):
    """Of everything published, a target follows an intent, and nothing else makes one."""
    kinds = [type(event) for event in heard(config, Features, Score, Intent, Target)]
    assert kinds == [Features, Score, Intent, Target] * (len(kinds) // 4)
