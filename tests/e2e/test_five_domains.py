"""Five domains in one run: one result, whatever the process, the way it is computed and what is kept."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import signal
import subprocess
from pathlib import Path

import pytest

from quant_contracts.config import override
from quant_contracts.strategy import DOMAINS
from quant_daemon.journal.header import RunIdentity
from quant_daemon.journal.reader import read_journal
from quant_daemon.journal.writer import JournalWriter

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TABLES = ("fills", "orders", "parents", "trades", "equity", "daily", "readiness", "gaps")
BTC = "data.BTCUSDT"
SMALLER = {
    f"{BTC}.orderbook.source.params": {
        "seed": 7,
        "days": 1,
        "gaps_per_day": 60,
        "trades_per_minute": 12,
        "book_levels": 5,
    },
    **{
        f"{BTC}.{domain}.source.params": {"seed": 7, "days": 1, "trades_per_minute": 12}
        for domain in ("quotes", "trades")
    },
    "BTCUSDT.strategy.decision.params.threshold": 0.2,
    "run.end": "2022-01-01T04:00:00",
}
"""The example's day up to four in the morning, with fewer trades, more gaps, and more changes of mind."""

WAYS = {
    "as it comes": ((), {"PYTHONHASHSEED": "1"}),
    "another hash seed": ((), {"PYTHONHASHSEED": "2"}),
    "event by event": (("--one-by-one",), {}),
    "blocks of 1": (("--block-rows", "1"), {}),
    "blocks of 97": (("--block-rows", "97"), {}),
    "nothing kept": (("--trace", "off"), {}),
    "everything kept": (("--trace", "full"), {}),
}
"""Ways to run: further words, and the environment."""

NO_SCIPY = 'raise ModuleNotFoundError("No module named \'scipy\'", name="scipy")\n'
FRAMES = "l2/binance_spot_BTCUSDT_frames_20240808T2354.jsonl.gz"


def run_of(report: Path):
    return json.loads((report / "manifest.json").read_text())["run"]


def rows_of(report: Path):
    return {table: (report / f"{table}.csv").read_bytes() for table in TABLES}


@pytest.fixture(scope="module")
def five():
    """The example of five domains, smaller."""
    return override(json.loads((EXAMPLES / "five_domains.json").read_text()), SMALLER)


@pytest.fixture(scope="module")
def ways(attempts, five):
    words = ["backtest", "s.json", "--out", "report"]
    done = attempts({way: ({"s.json": five}, [*words, *more], env) for way, (more, env) in WAYS.items()})
    return {way: attempt.report() for way, attempt in done.items()}


@pytest.fixture(scope="module")
def journal(ways):
    """The journal that holds everything."""
    return ways["everything kept"] / "journal"


def from_journal(plain, path):
    """The same strategy on what a journal holds."""
    source = {"class": "journal", "params": {"path": str(path)}}
    places = [BTC, *(f"{BTC}.{domain}" for domain in DOMAINS)]
    return override(plain, {f"{place}.source": source for place in places})


def test_every_domain_is_read_and_has_a_say(ways):
    plain = ways["as it comes"]
    assert set(run_of(plain)["inputs"]) == {"BTCUSDT", *(f"BTCUSDT.{d}" for d in DOMAINS if d != "options")}
    beside = json.loads((plain / "summary.json").read_text())["beside"]
    (outcome,) = beside["outcomes"]
    assert outcome["flatten"] > 3
    assert outcome["missing"]["iv_skew_7d_24"] < 60
    assert len((plain / "fills.csv").read_text().splitlines()) > 20
    assert len((plain / "gaps.csv").read_text().splitlines()) > 3


@pytest.mark.parametrize("way", ["another hash seed", "event by event", "blocks of 1", "blocks of 97"])
def test_every_byte_is_the_same(ways, files_of, way):
    assert files_of(ways[way]) == files_of(ways["as it comes"])


@pytest.mark.parametrize("way", ["nothing kept", "everything kept"])
def test_what_is_kept_changes_no_decision_and_no_row(ways, way):
    assert run_of(ways[way])["decision_hash"] == run_of(ways["as it comes"])["decision_hash"]
    assert rows_of(ways[way]) == rows_of(ways["as it comes"])


@pytest.mark.parametrize("more", [(), ("--one-by-one", "--block-rows", "5")], ids=["blocks", "one by one"])
def test_a_journal_of_all_domains_is_the_input_of_the_same_run(
    ways, journal, attempt, write, five, tmp_path, more
):
    write("s.json", from_journal(five, journal))
    replayed = attempt(tmp_path, ["backtest", "s.json", "--out", "report", *more]).report()
    recorded = ways["everything kept"]
    assert run_of(replayed)["decision_hash"] == run_of(recorded)["decision_hash"]
    # The options were read for the record, and for nothing else.
    assert run_of(replayed)["cursors"].items() <= run_of(recorded)["cursors"].items()
    assert rows_of(replayed) == rows_of(recorded)


@pytest.mark.parametrize("seed", [1, 2])
def test_how_the_streams_of_one_file_are_interleaved_means_nothing(
    ways, journal, attempt, write, five, tmp_path, seed
):
    """Order within each stream and the times at which things became known are kept; nothing else is."""
    streams: dict[tuple[str, str], list] = {}
    for _, kind, event in read_journal(journal):
        if kind == "input":
            name = "book" if type(event).__name__.startswith("Book") else type(event).__name__
            streams.setdefault((event.symbol, name), []).append(event)
    assert len(streams) == 1 + len(DOMAINS)
    chance = random.Random(seed)
    order = [key for key, events in streams.items() for _ in events]
    chance.shuffle(order)
    waiting = {key: iter(events) for key, events in streams.items()}
    with JournalWriter(tmp_path / "shuffled", RunIdentity("run", "config", "0.1.0", seed=0)) as writer:
        for key in order:
            writer.append("input", next(waiting[key]))
    write("s.json", from_journal(five, "shuffled"))
    replayed = attempt(tmp_path, ["backtest", "s.json", "--out", "report"]).report()
    assert run_of(replayed)["decision_hash"] == run_of(ways["everything kept"])["decision_hash"]
    assert rows_of(replayed) == rows_of(ways["everything kept"])


def test_surfaces_fitted_to_recorded_options_are_those_that_were_recorded(
    ways, journal, attempt, write, five, tmp_path
):
    fitted = {f"{BTC}.surface.source": five["data"]["BTCUSDT"]["surface"]["source"]}
    write("s.json", override(from_journal(five, journal), fitted))
    replayed = attempt(tmp_path, ["backtest", "s.json", "--out", "report"]).report()
    assert run_of(replayed)["decision_hash"] == run_of(ways["everything kept"])["decision_hash"]
    assert rows_of(replayed) == rows_of(ways["everything kept"])


def stream_of(line: str) -> str:
    """Which stream a recorded line belongs to; the snapshot of the book is the book's."""
    frame = json.loads(line)["frame"]
    return frame.get("stream", "btcusdt@depth").partition("@")[2].partition("@")[0]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """The first third of the recording, by stream, as lines."""
    path = Path(__file__).resolve().parents[2].parent / "shared" / "data" / FRAMES
    if not path.exists():
        pytest.skip(f"needs the shared market data: ../shared/data/{FRAMES}")
    with gzip.open(path, "rt") as file:
        return [*itertools.islice(file, 33_000)]


def test_one_file_or_several_or_another_order_of_one_moment_is_the_same_recording(recording, attempts):
    plain = override(
        json.loads((EXAMPLES / "recorded_book.json").read_text()),
        {"BTCUSDT.strategy.decision.params.threshold": 0.1},
    )
    by_stream: dict[str, list[str]] = {}
    for line in recording:
        by_stream.setdefault(stream_of(line), []).append(line)
    assert set(by_stream) == {"depth", "bookTicker", "trade"}
    # Lines of one moment, as far as the clock tells, in another order between streams.
    turned = [
        line
        for _, moment in itertools.groupby(recording, key=lambda line: json.loads(line)["recv_ns"])
        for line in sorted(moment, key=stream_of)
    ]
    files = {"depth": "orderbook", "bookTicker": "quotes", "trade": "trades"}
    places = {stream: f"{BTC}.{domain}.source.params.path" for stream, domain in files.items()}
    apart = {place: f"{stream}.jsonl" for stream, place in places.items()}
    whole = dict.fromkeys([*places.values(), f"{BTC}.source.params.path"], "whole.jsonl")
    words = ["backtest", "s.json", "--out", "report"]
    done = attempts(
        {
            "whole": ({"s.json": override(plain, whole), "whole.jsonl": "".join(recording)}, words),
            "turned": ({"s.json": override(plain, whole), "whole.jsonl": "".join(turned)}, words),
            "apart": (
                {
                    "s.json": override(plain, {**apart, f"{BTC}.source.params.path": "trade.jsonl"}),
                    **{f"{stream}.jsonl": "".join(lines) for stream, lines in by_stream.items()},
                },
                words,
            ),
        }
    )
    reports = {way: attempt.report() for way, attempt in done.items()}
    assert len((reports["whole"] / "fills.csv").read_text().splitlines()) > 5
    assert len({run_of(report)["decision_hash"] for report in reports.values()}) == 1
    for way in ("turned", "apart"):
        assert rows_of(reports[way]) == rows_of(reports["whole"])


def test_ctrl_c_in_the_midst_of_five_domains_leaves_nothing(program, write, five, files_of, tmp_path):
    days = {
        f"{BTC}{place}.source.params.days": 30
        for place in ("", ".orderbook", ".quotes", ".trades", ".options", ".sentiment")
    }
    write("s.json", override(five, {**days, "run": {"trace": "full"}}))
    # A process that ignores Ctrl-C, as one in the background does, would have its children ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [program, "backtest", "s.json", "--out", "reports/five"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        journal = tmp_path / "reports" / ".five.journal" / "000001.qej"
        while not (journal.exists() and journal.stat().st_size > 1_000_000):
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert (process.returncode, out, err) == (130, "", "stopped\n")
    assert set(files_of(tmp_path)) == {"s.json"}


def test_without_the_extra_one_line_names_it(refused, done, write, five):
    write("site/scipy/__init__.py", NO_SCIPY)
    write("s.json", five)
    env = {"PYTHONPATH": "site", "PYTHONDONTWRITEBYTECODE": "1"}
    line = refused(78, "backtest", "s.json", env=env)
    assert 'pip install "quant-engine[options]"' in line
    # What fits nothing needs none of it.
    terms = five["BTCUSDT"]["strategy"]["model"]["params"]["terms"]
    without = [term for term in terms if term["channel"] != "IVSurfaceFeature"]
    write("t.json", override(five, {"BTCUSDT.strategy.model.params.terms": without}))
    assert "BTCUSDT" in done("backtest", "t.json", "--no-report", env=env)
