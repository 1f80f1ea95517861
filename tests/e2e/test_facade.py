"""The ten lines of Python of the overview, and what else a researcher does with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest

from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import Bar, Fill, Intent, OrderIntent, Score, StepSnapshot, Target
from quant_contracts.protocols import FeatureSpec, ParentOrder, Proposal, RiskContext, Route, Slice
from quant_contracts.strategy import AccountSpec, DataSpec, PartSpec
from quant_engine import (
    ATRSizer,
    ExposureLimit,
    ImmediatePolicy,
    LinearSlippage,
    NoSlippage,
    PairsModel,
    RSIModel,
    StrategyEngine,
    ThresholdDecision,
    TWAPPolicy,
)
from quant_engine.report import report_from_directory

DAYS = DataSpec(source=PartSpec("synthetic", {"days": 3, "seed": 4}), interval="5m")


@pytest.fixture
def strategy():
    return StrategyEngine(
        model=RSIModel(window=14),
        decision=ThresholdDecision(threshold=0.2),
        risk=ATRSizer(atr_window=14, risk_fraction=0.02),
        execution=TWAPPolicy(segments=5),
        slippage=LinearSlippage(window=20),
    )


def block(page: str, language: str, beginning: str) -> str:
    """The code in a page that begins so."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (found,) = [text for text in blocks if text.startswith(beginning)]
    return found


def test_the_overviews_snippet_runs_as_written(founding, done, year_2022, tmp_path):
    done("catalog", "ingest", year_2022, "--symbol", "BTCUSDT")
    names: dict[str, object] = {}
    exec(block(founding("2_quant_engine_v4_overview.md"), "python", "from quant_engine import"), names)
    report = tmp_path / "reports" / "btc_rsi_twap"
    assert report_from_directory(report).summary == names["strategy"].report.summary
    assert names["strategy"].report.summary.counts["BTCUSDT"]["bars"] > 525_000
    assert (report / "report.html").stat().st_size > 100_000


def test_the_overviews_json_runs_as_written(founding, done, write, tmp_path):
    done("catalog", "synth", "--symbol", "BTCUSDT", "--days", 3)
    write("strategy.json", block(founding("2_quant_engine_v4_overview.md"), "json", "{"))
    done("backtest", "strategy.json", "--out", "report")
    assert report_from_directory(tmp_path / "report").summary.counts["BTCUSDT"]["fills"] > 100


def test_python_and_json_are_the_same_run(strategy, done, write, mean_reversion, rows, csv):
    write("s.json", {"BTCUSDT": {"strategy": mean_reversion["BTCUSDT"]["strategy"]}})
    write("b.csv", csv(rows))
    summary = msgspec.json.decode(done("backtest", "s.json", "--data", "b.csv", "--no-report", "--json"))
    same = StrategyEngine(
        model=RSIModel(window=14),
        decision=ThresholdDecision(threshold=0.4, exit=0.0),
        risk=ATRSizer(atr_window=14, risk_fraction=0.02),
        execution=TWAPPolicy(segments=3),
        slippage=LinearSlippage(window=20),
    ).backtest("BTCUSDT", data="b.csv")
    assert same.summary.run.run_id == summary["run"]["run_id"]
    assert same.summary.run.decision_hash == summary["run"]["decision_hash"]


@pytest.mark.parametrize("kind", ["a name", "a path", "a description", "a mapping", "a mapping of names"])
def test_data_is_a_file_a_description_or_several_by_symbol(strategy, write, rows, csv, kind):
    path = write("b.csv", csv(rows))
    described = DataSpec(source=PartSpec("csv", {"path": "b.csv"}))
    data = {
        "a name": "b.csv",
        "a path": path,
        "a description": described,
        "a mapping": {"BTCUSDT": described},
        "a mapping of names": {"BTCUSDT": "b.csv"},
    }[kind]
    report = strategy.backtest("BTCUSDT", data=data)
    assert report is strategy.report
    assert report.summary.counts["BTCUSDT"]["bars"] == 300 - 21


def test_a_pair_needs_the_bars_of_two_symbols():
    pair = StrategyEngine(
        model=PairsModel(other="ETHUSDT", window=20),
        decision=ThresholdDecision(threshold=0.5),
        risk=[ATRSizer(), ExposureLimit(max_gross=0.5)],
        execution=ImmediatePolicy(),
        slippage=NoSlippage(),
        account=AccountSpec(cash=Decimal(10_000)),
    )
    report = pair.backtest("BTCUSDT", data={"BTCUSDT": DAYS, "ETHUSDT": DAYS})
    assert report.summary.trades.closed
    assert report.summary.limits["BTCUSDT"].keys() <= {"max_leverage", "max_gross"}
    with pytest.raises(
        ConfigError, match=r"model \(PairsModel\): Spread reads ETHUSDT, which is not declared"
    ):
        pair.backtest("BTCUSDT", data=DAYS)


class Drift(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """A feature of one's own: how far the close is above that of some bars ago."""

    bars: int = 3

    def __post_init__(self) -> None:
        self._closes: list[float] = []

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"drift_{self.bars}",)

    @property
    def warmup(self) -> int:
        return self.bars + 1

    def update(self, bar: Bar) -> tuple[float, ...] | None:
        self._closes = [*self._closes[-self.bars :], bar.close]
        if len(self._closes) <= self.bars:
            return None
        return (bar.close / self._closes[0] - 1.0,)


class DriftModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of one's own on it."""

    scale: float = 100.0

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec("Drift", {"bars": 3}),)

    def predict(self, features: Mapping[str, float]) -> float:
        return max(-1.0, min(1.0, self.scale * features["drift_3"]))


class SignDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    needs = ()

    def decide(self, score: Score, features: Mapping[str, float], held: Intent) -> Intent:
        direction = 1 if score.value > 0 else 0
        return Intent(score.ts, score.symbol, direction, float(direction), "sign")


class OneCoin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: float = 1.0
    needs = ()

    def adjust(self, intent: Intent, context: RiskContext) -> Proposal:
        return Proposal(intent.direction * self.size)


class TwoHalves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    def slices(self, parent: ParentOrder) -> tuple[Slice, ...]:
        half = parent.instrument.size(float(parent.quantity) / 2)
        return (Slice(0, half), Slice(parent.market.interval, parent.quantity - half))


class Patient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    def route(self, parent: ParentOrder, quantity: Decimal, market: object) -> Route:
        return Route("market", None, "gtc")


class FlatFee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bps: float = 5.0
    needs = ()

    def fraction(self, quantity: float, done: float, volatility: float, daily_volume: float) -> float:
        return self.bps / 10_000


@pytest.fixture
def own():
    return StrategyEngine(
        model=DriftModel(),
        decision=SignDecision(),
        risk=OneCoin(0.01),
        execution=TwoHalves(),
        router=Patient(),
        slippage=FlatFee(),
        features=[Drift(bars=3)],
    )


def test_parts_of_ones_own_work_without_being_registered(own):
    report = own.backtest("BTCUSDT", data=DAYS)
    assert report.summary.counts["BTCUSDT"]["fills"] > 100
    (costs,) = report.summary.costs.by_symbol
    assert costs.slippage > 0
    parts = {part.role: (part.name, part.version) for part in report.record.manifest.parts}
    assert parts["BTCUSDT.model"] == ("DriftModel", "local")
    assert parts["BTCUSDT.features.0"] == ("Drift", "local")
    assert parts["matching"][0] == "BarMatchingEngine"


def test_parts_without_block_forms_give_the_same_bar_by_bar(own):
    quick, slow = (own.backtest("BTCUSDT", data=DAYS, batch=batch) for batch in (True, False))
    assert quick.summary == slow.summary
    assert quick.record.fills == slow.record.fills


def test_observers_hear_every_event_of_their_type(strategy):
    heard: dict[type, list[object]] = {kind: [] for kind in (Score, Target, OrderIntent, Fill, StepSnapshot)}
    report = strategy.backtest(
        "BTCUSDT", data=DAYS, observers=[(kind, events.append) for kind, events in heard.items()]
    )
    counts = report.summary.counts["BTCUSDT"]
    assert heard[Fill] == report.record.fills
    assert len(heard[OrderIntent]) == counts["orders"]
    assert len(heard[Score]) == len(heard[Target]) == len(heard[StepSnapshot]) == counts["steps"]
    assert report.summary == strategy.backtest("BTCUSDT", data=DAYS).summary, "listening changes nothing"


def test_progress_is_told(strategy):
    told: list[tuple[int, int, int]] = []
    strategy.backtest("BTCUSDT", data=DAYS, progress=lambda *moments: told.append(moments))
    starts, nows, ends = zip(*told, strict=True)
    assert len(set(starts)) == len(set(ends)) == 1
    assert list(nows) == sorted(nows)
    assert nows[-1] == ends[-1]


def test_a_backtest_can_be_run_again(strategy):
    assert strategy.backtest("BTCUSDT", data=DAYS).summary == strategy.backtest("BTCUSDT", data=DAYS).summary


def test_what_goes_wrong_says_what_to_do(strategy, write):
    with pytest.raises(ConfigError, match=r"there is no report yet; call backtest\(\) first"):
        strategy.report  # noqa: B018 - asking is the test
    with pytest.raises(
        DataError, match="no bars of BTCUSDT in catalog 'catalog'; make some with: quant-engine"
    ):
        strategy.backtest("BTCUSDT")
    with pytest.raises(ConfigError, match="BTCUSDT is not declared in data; did you mean 'BTCUSD'"):
        strategy.backtest("BTCUSDT", data={"BTCUSD": DAYS})
    with pytest.raises(ConfigError, match=r"\$\.run\.start: 'soon' is not a date; write 2022-01-01"):
        strategy.backtest("BTCUSDT", "soon", data=DAYS)
    with pytest.raises(ConfigError, match=r"bars are read from \.parquet, \.csv, \.csv\.gz files"):
        strategy.backtest("BTCUSDT", data=write("bars.xls", ""))


def test_a_part_that_no_file_could_describe_is_refused(strategy):
    class Opaque:
        needs = ()

        def predict(self, features: Mapping[str, float]) -> float:
            return 0.0

    with pytest.raises(
        ConfigError, match=r"Opaque cannot be written down as settings: .* make it a msgspec\.Struct"
    ):
        StrategyEngine(
            model=Opaque(),
            decision=ThresholdDecision(),
            risk=ATRSizer(),
            execution=ImmediatePolicy(),
        )


def test_two_parts_of_one_name_are_refused():
    def other() -> type:
        class Drift(msgspec.Struct):
            pass

        return Drift

    with pytest.raises(
        ConfigError, match="two feature channels of this strategy are called 'Drift'; rename one"
    ):
        StrategyEngine(
            model=DriftModel(),
            decision=SignDecision(),
            risk=OneCoin(),
            execution=TwoHalves(),
            features=[Drift(), other()()],
        )
