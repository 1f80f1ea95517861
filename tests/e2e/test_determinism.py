"""One run is one result: whatever the process, the way it is computed and what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from quant_contracts.config import override

TABLES = ("fills", "orders", "parents", "trades", "equity", "daily")
FILES = {
    "summary.json",
    "report.html",
    "data_quality.json",
    "record.msgpack",
    "manifest.json",
    *(f"{table}.{kind}" for table in TABLES for kind in ("csv", "parquet")),
}
WAYS = {
    "again": ((), {"PYTHONHASHSEED": "1"}),
    "with another hash seed": ((), {"PYTHONHASHSEED": "2"}),
    "bar by bar": (("--one-by-one",), {}),
    "in blocks of 7 rows": (("--block-rows", "7"), {}),
}
LEVELS = ("off", "decisions", "full")


def manifest(report: Path):
    return json.loads((report / "manifest.json").read_text())["run"]


@pytest.fixture(scope="module")
def year(attempts, mean_reversion, year_2022):
    """A function from further words by name to the reports of a real year in bars of 15 minutes."""

    def run(ways) -> dict[str, Path]:
        words = ["backtest", "s.json", "--data", year_2022, "--interval", "15m", "--out", "report"]
        files = {"s.json": mean_reversion}
        done = attempts({name: (files, [*words, *more], env) for name, (more, env) in ways.items()})
        return {name: attempt.report() for name, attempt in done.items()}

    return run


@pytest.fixture(scope="module")
def ways(year):
    return year(WAYS)


@pytest.fixture(scope="module")
def levels(year):
    return year({level: (("--trace", level), {}) for level in LEVELS})


@pytest.fixture(scope="module")
def days(attempts, mean_reversion, year_2022):
    """A function from configurations and words by name to the reports of two days of minutes."""

    def run(ways) -> dict[str, Path]:
        span = ["--start", "2022-03-01", "--end", "2022-03-03", "--out", "report"]
        done = attempts(
            {
                name: ({"s.json": config}, ["backtest", "s.json", "--data", year_2022, *span, *more])
                for name, (config, more) in ways.items()
            }
        )
        return {name: attempt.report() for name, attempt in done.items()}

    return run


def test_a_report_holds_these_files_and_the_journal(ways, files_of):
    found = files_of(ways["again"])
    assert set(found) == FILES | {"journal", "journal/000001.qej"}
    assert len((ways["again"] / "fills.csv").read_text().splitlines()) > 1_000


@pytest.mark.parametrize("way", list(WAYS)[1:])
def test_every_byte_is_the_same(ways, files_of, way):
    assert files_of(ways[way]) == files_of(ways["again"])


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_kept_changes_no_decision_and_no_row(levels, ways, files_of, level):
    kept, plain = levels[level], ways["again"]
    assert manifest(kept)["decision_hash"] == manifest(plain)["decision_hash"]
    for table in TABLES:
        assert (kept / f"{table}.csv").read_bytes() == (plain / f"{table}.csv").read_bytes()
    assert (kept / "journal").exists() == (level != "off")


@pytest.fixture(scope="module")
def sizes(days, mean_reversion):
    ways: dict[str, Sequence[str]] = {
        "one by one": ["--one-by-one"],
        **{f"blocks of {rows}": ["--block-rows", str(rows)] for rows in (1, 7, 4096)},
    }
    return days({name: (mean_reversion, more) for name, more in ways.items()})


@pytest.mark.parametrize("size", ["blocks of 1", "blocks of 7", "blocks of 4096"])
def test_the_size_of_a_block_changes_nothing(sizes, files_of, size):
    assert files_of(sizes[size]) == files_of(sizes["one by one"])


@pytest.fixture(scope="module")
def swaps(days, mean_reversion):
    """Two days with one part exchanged for another, in the configuration alone."""
    strategy = "BTCUSDT.strategy"
    changes = {
        "as it was": {},
        "execution": {f"{strategy}.execution": {"class": "ImmediatePolicy"}},
        "slippage": {f"{strategy}.slippage.class": "NoSlippage", f"{strategy}.slippage.params": {}},
        "decision": {f"{strategy}.decision.params.threshold": 0.3},
    }
    return days({name: (override(mean_reversion, change), ()) for name, change in changes.items()})


def hashes(report: Path) -> dict[str, str]:
    return {part["role"]: part["hash"] for part in manifest(report)["parts"]}


@pytest.mark.parametrize("part", ["execution", "decision"])
def test_exchanging_a_part_changes_its_own_hash_and_no_other(swaps, part):
    before, after = hashes(swaps["as it was"]), hashes(swaps[part])
    assert before.keys() == after.keys()
    assert {role for role in before if before[role] != after[role]} == {f"BTCUSDT.{part}"}
    assert manifest(swaps[part])["run_id"] != manifest(swaps["as it was"])["run_id"]


def test_a_part_that_needs_no_features_takes_its_own_out(swaps):
    before, after = hashes(swaps["as it was"]), hashes(swaps["slippage"])
    gone = before.keys() - after.keys()
    assert gone == {"BTCUSDT.features.2", "BTCUSDT.features.3"}
    assert {role for role in after if before[role] != after[role]} == {"BTCUSDT.slippage"}


@pytest.fixture(scope="module")
def recorded(days, mean_reversion):
    return days({"recorded": (mean_reversion, ["--trace", "full"])})["recorded"]


@pytest.mark.parametrize(
    "span",
    [
        pytest.param([], id="all of it"),
        pytest.param(["--start", "2022-03-01", "--end", "2022-03-03"], id="the same range"),
        pytest.param(["--one-by-one", "--block-rows", "5"], id="another way"),
    ],
)
def test_a_recorded_run_is_the_input_of_another(recorded, attempt, write, mean_reversion, tmp_path, span):
    """The journal holds the bars of the warm-up too, so the second run decides the same from the start."""
    write("s.json", mean_reversion)
    words = ["backtest", "s.json", "--data", recorded / "journal", "--out", "report", *span]
    replayed = attempt(tmp_path, words).report()
    assert manifest(replayed)["decision_hash"] == manifest(recorded)["decision_hash"]
    assert manifest(replayed)["cursors"] == manifest(recorded)["cursors"]
    assert (replayed / "fills.csv").read_bytes() == (recorded / "fills.csv").read_bytes()


def test_a_journal_of_decisions_alone_is_refused_as_input(days, attempt, write, mean_reversion, tmp_path):
    decisions = days({"decisions": (mean_reversion, ["--trace", "decisions"])})["decisions"]
    write("s.json", mean_reversion)
    words = ["backtest", "s.json", "--data", decisions / "journal", "--out", "report"]
    line = attempt(tmp_path, words).refusal(65)
    assert "no bars of BTCUSDT; the journal holds no bars at all" in line


def test_settings_on_the_command_line_are_named_and_are_part_of_the_runs_name(days, mean_reversion):
    cheap = ["--set", "matching.params.taker_fee=0.0005"]
    written = override(
        mean_reversion, {"matching": {"class": "BarMatchingEngine", "params": {"taker_fee": "0.0005"}}}
    )
    runs = days({"plain": (mean_reversion, ()), "set": (mean_reversion, cheap), "written": (written, ())})
    plain, by_set, by_file = (manifest(runs[name]) for name in ("plain", "set", "written"))
    assert by_set["overrides"]["matching.params.taker_fee"] == "0.0005"
    assert by_set["run_id"] != plain["run_id"]
    assert by_set["run_id"] == by_file["run_id"], "the same run has the same name, however it was said"
    assert by_set["decision_hash"] == by_file["decision_hash"]
