"""Streams beside the bars: the same decisions however they are read, and what a symbol does without them."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from quant_contracts.blocks import block_of
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import (
    BookDelta,
    DataGap,
    Document,
    Features,
    Intent,
    OptionQuote,
    OrderIntent,
    Quote,
    Readiness,
    Score,
    StepSnapshot,
    Surface,
    Target,
    Trade,
)
from quant_contracts.protocols import FeatureSpec, Stream
from quant_contracts.strategy import DOMAINS as ALL
from quant_contracts.testing.samples import SampleStream, random_bars, sample_events, sample_grid
from quant_contracts.units import MINUTE
from quant_daemon.registry import installed

DOMAINS = tuple(d for d in ALL if d in installed("stream_handlers"))
BARS = random_bars(110, seed=31)
ETH = random_bars(110, seed=32, symbol="ETHUSDT", price=3000.0)


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that depends on all that was seen of one stream."""

    domain: str
    of: str = ""

    @property
    def outputs(self):
        return (f"probe_{self.domain}{self.of}",)

    @property
    def warmup(self):
        return 1

    @property
    def reads(self):
        return (Stream(self.domain, self.of),)

    def update(self, bar, seen):
        return None if seen is None else (fingerprint(seen),)


def fingerprint(seen) -> float:
    """A number in [0, 1) that differs when anything that was seen differs."""
    import zlib

    return zlib.crc32(repr(plain(seen)).encode()) / 2**32


def plain(seen):
    if isinstance(seen, msgspec.Struct):
        return [plain(getattr(seen, field)) for field in seen.__struct_fields__]
    if isinstance(seen, tuple):
        return [plain(item) for item in seen]
    return seen.tolist() if hasattr(seen, "tolist") else seen


class ProbeModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores by the fingerprints of every stream it is told to read."""

    domains: list[str]
    optional: list[str] = []

    @property
    def needs(self):
        return tuple(
            FeatureSpec("Probe", {"domain": domain}, optional=domain in self.optional)
            for domain in self.domains
        )

    def predict(self, features):
        return 2.0 * (sum(features.values()) % 1.0) - 1.0


GRIDS = {
    bars[0].symbol: {"tick": str(grid.tick), "lot": str(grid.lot)}
    for bars in (BARS, ETH)
    for grid in [sample_grid(bars[0].close)]
}
LOCAL = {"features": {"Probe": Probe}, "models": {"ProbeModel": ProbeModel}}


def strategy(domains, **model):
    return {
        "model": {"class": "ProbeModel", "params": {"domains": list(domains), **model}},
        "decision": {"class": "ThresholdDecision", "params": {"threshold": 0.3, "exit": 0.1}},
        "risk": {"class": "ATRSizer", "params": {"risk_fraction": 0.01}},
        "execution": {"class": "TWAPPolicy", "params": {"segments": 3, "interval": "90s"}},
        "slippage": {"class": "LinearSlippage", "params": {"window": 30}},
    }


def config(domains=DOMAINS, symbols=("BTCUSDT",), **declared):
    stream = {"when_stale": "use", **declared}
    return {
        **{symbol: {"strategy": strategy(domains)} for symbol in symbols},
        "data": {
            symbol: {**GRIDS[symbol], "min_notional": "1", **{domain: dict(stream) for domain in domains}}
            for symbol in symbols
        },
    }


def streams_of(bars, domains=DOMAINS, temper="calm", seed=5):
    symbol = bars[0].symbol
    return {(symbol, domain): SampleStream.of(domain, bars, temper, seed) for domain in domains}


@pytest.fixture
def run(session_of):
    """A function that runs a configuration and gives what the run left."""

    def make(plain, bars, streams, *, observers=(), overrides=None, **how):
        session = session_of(plain, bars, overrides, local=LOCAL, streams=streams, observers=observers)
        return session.backtest(**how)

    return make


def encode(record) -> bytes:
    """Everything a run leaves, less what names its trace level."""
    return msgspec.msgpack.encode(
        [
            *(record.manifest.decision_hash, record.fills, record.orders, record.equity, record.counts),
            *(record.limits, record.start, record.end, record.readiness, record.gaps),
        ]
    )


TWO = {"BTCUSDT": BARS, "ETHUSDT": ETH}
CASES = {
    "all six streams of one symbol": (config(), {"BTCUSDT": BARS}, streams_of(BARS)),
    "two symbols, each with its own": (
        config(symbols=TWO),
        TWO,
        {**streams_of(BARS), **streams_of(ETH, seed=6)},
    ),
    "a stale stream holds": (config(max_age="20s", when_stale="hold"), {"BTCUSDT": BARS}, streams_of(BARS)),
    "a stale stream flattens": (
        config(max_age="20s", when_stale="flatten"),
        {"BTCUSDT": BARS},
        streams_of(BARS),
    ),
    "a book with gaps flattens": (
        config(["orderbook", "trades"], when_stale="flatten"),
        {"BTCUSDT": BARS},
        {
            ("BTCUSDT", "orderbook"): SampleStream.of("orderbook", BARS, "gaps", 5),
            ("BTCUSDT", "trades"): SampleStream.of("trades", BARS, "calm", 5),
        },
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.mark.parametrize("rows", [1, 7, 64, 4096])
def test_blocks_of_any_size_give_what_single_steps_give(run, case, rows):
    one_by_one = run(*case, batch=False)
    assert one_by_one.fills
    assert encode(run(*case, rows=rows)) == encode(one_by_one)


@pytest.mark.parametrize("level", ["off", "decisions", "full"])
def test_the_trace_level_changes_nothing(run, case, level, tmp_path):
    traced = run(*case, overrides={"run.trace": level}, journal=tmp_path / "journal")
    assert encode(traced) == encode(run(*case))


def test_a_listener_to_every_event_changes_nothing(run, case):
    said = []
    kinds = (Trade, Quote, BookDelta, OptionQuote, Surface, Document, DataGap, Readiness)
    listened = run(*case, observers=[(kind, said.append) for kind in kinds])
    assert encode(listened) == encode(run(*case))
    assert said


def test_events_come_one_by_one_in_the_lawful_order_between_the_steps(run):
    said = []
    kinds = (Trade, Quote, BookDelta, OptionQuote, Surface, Document, StepSnapshot)
    plain, bars, streams = CASES["two symbols, each with its own"]
    record = run(plain, bars, streams, observers=[(kind, said.append) for kind in kinds])
    times = [event.timestamp if isinstance(event, StepSnapshot) else event.ts_known for event in said]
    assert times == sorted(times)
    for before, after in itertools.pairwise(said):
        if isinstance(before, StepSnapshot):
            assert isinstance(after, StepSnapshot) or after.ts_known > before.timestamp
    trades = [event for event in said if isinstance(event, Trade) and event.symbol == "BTCUSDT"]
    every = [event for event in sample_events("trades", BARS, "calm", 5) if event.ts_known > record.start]
    assert trades == every


def test_a_stream_that_holds_takes_no_step_and_one_that_flattens_closes(run):
    held = run(*CASES["a stale stream holds"])
    flattened = run(*CASES["a stale stream flattens"])
    outcomes = flattened.readiness["BTCUSDT"].outcomes
    assert held.readiness["BTCUSDT"].outcomes == {
        "go": outcomes["go"],
        "hold": outcomes["flatten"],
    }
    assert held.counts["BTCUSDT"]["steps"] == flattened.counts["BTCUSDT"]["steps"] < len(BARS)

    said = []
    plain, bars, streams = CASES["a stale stream flattens"]
    run(plain, bars, streams, observers=[(Intent, said.append), (StepSnapshot, said.append)])
    stale = [event.reason for event in said if isinstance(event, Intent) and event.reason.endswith("stale")]
    assert stale
    states = {
        state
        for event in said
        if isinstance(event, StepSnapshot)
        for state in event.readiness["BTCUSDT"].values()
    }
    assert states == {"fresh", "stale"}


def test_a_book_behind_a_gap_is_missing_and_the_gap_is_reported(run):
    record = run(*CASES["a book with gaps flattens"])
    ready = record.readiness["BTCUSDT"]
    assert ready.states["orderbook"]["missing"]
    assert {gap.domain for gap in record.gaps} == {"orderbook"}
    assert [change.state for change in ready.changes if change.domain == "orderbook"][:2] == [
        "fresh",
        "missing",
    ]
    assert ready.missing["probe_orderbook"] == ready.states["orderbook"]["missing"]


def test_what_is_optional_is_absent_while_it_is_missing_and_says_why(run):
    plain, bars, streams = CASES["a book with gaps flattens"]
    model = {"optional": ["orderbook"]}
    plain = {
        "BTCUSDT": {"strategy": strategy(["orderbook", "trades"], **model)},
        "data": {"BTCUSDT": {"min_notional": "1", "orderbook": {"when_stale": "use"}}},
    }
    said = []
    record = run(plain, bars, streams, observers=[(Features, said.append)])
    absent = [event for event in said if "probe_orderbook" not in event.values]
    assert absent
    assert len(said) == record.counts["BTCUSDT"]["steps"] == len(BARS) - 31
    for event in absent:
        assert event.missing == {"probe_orderbook": "orderbook missing: gap"}
    assert encode(run(plain, bars, streams)) == encode(record)


def test_what_became_known_after_a_step_cannot_reach_it(run):
    """Noise in every stream behind a moment changes nothing before it."""
    cut = BARS[70].ts_known
    other = streams_of(BARS, seed=77)

    def poisoned(domain, feed):
        before = [event for block in feed.blocks(None, None, 10**9) for event in block.events()]
        behind = [
            event
            for block in other["BTCUSDT", domain].blocks(None, None, 10**9)
            for event in block.events()
            if event.ts_known > cut
        ]
        known = [event for event in before if event.ts_known <= cut]
        return SampleStream(domain, block_of(domain, "BTCUSDT", known + behind, sample_grid(BARS[0].close)))

    def outputs(streams):
        said = []
        kinds = (Score, Intent, Target, OrderIntent, StepSnapshot)
        run(config(), {"BTCUSDT": BARS}, streams, observers=[(kind, said.append) for kind in kinds])
        times = [event.timestamp if isinstance(event, StepSnapshot) else event.ts for event in said]
        split = next(place for place, ts in enumerate(times) if ts > cut)
        return [msgspec.msgpack.encode(event) for event in said[:split]], said[split:]

    clean, after = outputs(streams_of(BARS))
    noisy, later = outputs({key: poisoned(key[1], feed) for key, feed in streams_of(BARS).items()})
    assert len(clean) > 60
    assert noisy == clean
    assert after != later


def test_an_undeclared_stream_is_named_with_the_line_that_would_declare_it(session_of):
    with pytest.raises(ConfigError, match="reads the trades of BTCUSDT; declare where they come from"):
        session_of({"BTCUSDT": {"strategy": strategy(["trades"])}}, {"BTCUSDT": BARS}, local=LOCAL)


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"max_age": "soon"}, r"\$\.data\.BTCUSDT\.trades\.max_age: 'soon' is not an interval"),
        ({"lookback": "-1d"}, r"\$\.data\.BTCUSDT\.trades\.lookback: '-1d' is not an interval"),
        ({"when_stale": "panic"}, r"\$\.data\.BTCUSDT\.trades"),
        ({"handler": {"kep": 5}}, r"\$\.data\.BTCUSDT\.trades\.handler: unknown setting 'kep'.*keep"),
        ({"handler": {"keep": "5"}}, r"\$\.data\.BTCUSDT\.trades\.handler\.keep: Expected 'int', got 'str'"),
        ({"handler": {"keep": 0}}, r"\$\.data\.BTCUSDT\.trades\.handler: .*keep must be at least 1"),
        ({"source": {"class": "memry"}}, r"\$\.data\.BTCUSDT\.trades\.source: no stream feed is called"),
        ({"source": {"class": "memory", "params": {"symbol": "X"}}}, "leave it out"),
    ],
)
def test_a_bad_declaration_is_refused_by_its_path(session_of, declared, says):
    plain = config(["trades"], **declared)
    with pytest.raises(ConfigError, match=says):
        session_of(plain, {"BTCUSDT": BARS}, local=LOCAL, streams=streams_of(BARS, ["trades"]))


def test_a_stream_nobody_reads_is_checked_all_the_same(session_of):
    plain = config(["trades"])
    plain["data"]["BTCUSDT"]["sentiment"] = {"handler": {"age": 5}}
    with pytest.raises(ConfigError, match=r"sentiment\.handler\.age: 5 is no length of time"):
        session_of(plain, {"BTCUSDT": BARS}, local=LOCAL, streams=streams_of(BARS, ["trades", "sentiment"]))


def test_a_handler_that_hides_the_types_of_its_settings_is_refused_by_name(session_of):
    class Shy:
        def __init__(self, feed: Hidden, keep: int = 5) -> None:  # noqa: F821 - what is under test
            """Never called."""

    local = {**LOCAL, "stream_handlers": {"trades": Shy}}
    with pytest.raises(ConfigError, match=r"Shy does not say of what types its settings are: name 'Hidden'"):
        session_of(config(["trades"]), {"BTCUSDT": BARS}, local=local, streams=streams_of(BARS, ["trades"]))


def test_a_stream_nobody_reads_is_not_opened(run, session_of):
    plain = config(["trades"])
    plain["data"]["BTCUSDT"]["quotes"] = {}
    session = session_of(
        plain, {"BTCUSDT": BARS}, local=LOCAL, streams=streams_of(BARS, ["trades", "quotes"])
    )
    record = session.backtest()
    assert set(record.manifest.inputs) == {"BTCUSDT", "BTCUSDT.trades"}


def test_the_manifest_says_how_far_every_stream_had_come_when_warm_up_ended(run):
    record = run(*CASES["all six streams of one symbol"])
    cursors = record.manifest.cursors
    assert set(cursors) == {"BTCUSDT", *(f"BTCUSDT.{domain}" for domain in DOMAINS)}
    assert all(record.start - MINUTE < cursor <= record.start for cursor in cursors.values())


def test_a_journal_of_every_stream_is_the_input_of_the_same_run(run, session_of, case, tmp_path):
    plain, bars, streams = case
    recorded = run(plain, bars, streams, overrides={"run.trace": "full"}, journal=tmp_path / "journal")
    source = {"source": {"class": "journal", "params": {"path": str(tmp_path / "journal")}}}
    replayed = {
        **plain,
        "data": {
            symbol: {
                **spec,
                **source,
                **{domain: {**spec[domain], **source} for domain in DOMAINS if domain in spec},
            }
            for symbol, spec in plain["data"].items()
        },
    }
    session = session_of(replayed, bars, local=LOCAL)
    again = session.backtest()
    assert again.fills == recorded.fills
    assert again.manifest.decision_hash == recorded.manifest.decision_hash


def test_arrival_between_sources_may_be_shuffled(run, case):
    """Only the order within a stream means anything: how streams are cut and declared does not."""
    plain, bars, streams = case
    turned = {
        **plain,
        "data": {symbol: dict(reversed(spec.items())) for symbol, spec in reversed(plain["data"].items())},
    }
    shuffled = dict(reversed(streams.items()))
    assert encode(run(turned, bars, shuffled, rows=13)) == encode(run(plain, bars, streams))


def test_a_recorded_book_is_not_moved_to_another_grid(run, session_of, tmp_path):
    plain, bars, streams = CASES["a book with gaps flattens"]
    run(plain, bars, streams, overrides={"run.trace": "full"}, journal=tmp_path / "journal")
    source = {"source": {"class": "journal", "params": {"path": str(tmp_path / "journal")}}}
    book = {**plain["data"]["BTCUSDT"], "orderbook": source, "tick": "0.05"}
    session = session_of(
        {**plain, "data": {"BTCUSDT": book}}, bars, local=LOCAL, streams=dict([*streams.items()][1:])
    )
    with pytest.raises(DataError, match=r"is no multiple of the tick 0\.05; declare the tick and lot"):
        session.backtest()


def test_the_record_says_when_the_last_row_of_a_stream_became_known(session_of):
    early = streams_of(BARS[:30])
    record = session_of(config(["trades"]), {"BTCUSDT": BARS}, local=LOCAL, streams=early).backtest()
    (last,) = record.readiness["BTCUSDT"].last_rows.values()
    assert BARS[28].ts_known <= last.known <= BARS[29].ts_known
    assert last.bars == (record.end - last.known) // BARS[0].interval >= len(BARS) - 30
