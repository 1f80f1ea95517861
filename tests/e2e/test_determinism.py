"""One run is one result: whatever the process, the way it is computed and what is kept of it."""

from __future__ import annotations

import json
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
STRATEGY = "BTCUSDT.strategy"
YEAR = {
    "as it comes": ((), {"PYTHONHASHSEED": "1"}),
    "another hash seed": ((), {"PYTHONHASHSEED": "2"}),
    "bar by bar": (("--one-by-one",), {}),
    "blocks of 97": (("--block-rows", "97"), {}),
    "nothing kept": (("--trace", "off"), {}),
    "everything kept": (("--trace", "full"), {}),
}
"""Ways to run over a real year in bars of 15 minutes: further words, and the environment."""

DAYS = {
    "as it comes": ({}, ()),
    "bar by bar": ({}, ("--one-by-one",)),
    "blocks of 1": ({}, ("--block-rows", "1")),
    "blocks of 7": ({}, ("--block-rows", "7")),
    "blocks of 4096": ({}, ("--block-rows", "4096")),
    "recorded": ({}, ("--trace", "full")),
    "another execution": ({f"{STRATEGY}.execution": {"class": "ImmediatePolicy"}}, ()),
    "another decision": ({f"{STRATEGY}.decision.params.threshold": 0.3}, ()),
    "another slippage": ({f"{STRATEGY}.slippage": {"class": "NoSlippage"}}, ()),
    "a fee in the file": (
        {"matching": {"class": "BarMatchingEngine", "params": {"taker_fee": "0.0005"}}},
        (),
    ),
    "a fee on the command line": ({}, ("--set", "matching.params.taker_fee=0.0005")),
}
"""Ways to run over two days of minutes: changes of the configuration, and further words."""


def manifest(report: Path):
    return json.loads((report / "manifest.json").read_text())["run"]


def hashes(report: Path) -> dict[str, str]:
    return {part["role"]: part["hash"] for part in manifest(report)["parts"]}


@pytest.fixture(scope="module")
def year(attempts, mean_reversion, year_2022):
    words = ["backtest", "s.json", "--data", year_2022, "--interval", "15m", "--out", "report"]
    files = {"s.json": mean_reversion}
    done = attempts({way: (files, [*words, *more], env) for way, (more, env) in YEAR.items()})
    return {way: attempt.report() for way, attempt in done.items()}


@pytest.fixture(scope="module")
def days(attempts, mean_reversion, year_2022):
    words = ["backtest", "s.json", "--data", year_2022, "--start", "2022-03-01", "--end", "2022-03-03"]
    done = attempts(
        {
            way: ({"s.json": override(mean_reversion, changes)}, [*words, "--out", "report", *more])
            for way, (changes, more) in DAYS.items()
        }
    )
    return {way: attempt.report() for way, attempt in done.items()}


def test_a_report_holds_these_files_and_the_journal(year, files_of):
    found = files_of(year["as it comes"])
    assert set(found) == FILES | {"journal", "journal/000001.qej"}
    assert len((year["as it comes"] / "fills.csv").read_text().splitlines()) > 1_000


@pytest.mark.parametrize("way", ["another hash seed", "bar by bar", "blocks of 97"])
def test_every_byte_of_a_year_is_the_same(year, files_of, way):
    assert files_of(year[way]) == files_of(year["as it comes"])


@pytest.mark.parametrize("way", ["bar by bar", "blocks of 1", "blocks of 7", "blocks of 4096"])
def test_every_byte_of_two_days_is_the_same(days, files_of, way):
    assert files_of(days[way]) == files_of(days["as it comes"])


@pytest.mark.parametrize("way", ["nothing kept", "everything kept"])
def test_what_is_kept_changes_no_decision_and_no_row(year, way):
    kept, plain = year[way], year["as it comes"]
    assert manifest(kept)["decision_hash"] == manifest(plain)["decision_hash"]
    for table in TABLES:
        assert (kept / f"{table}.csv").read_bytes() == (plain / f"{table}.csv").read_bytes()
    assert (kept / "journal").exists() == (way == "everything kept")


@pytest.mark.parametrize("part", ["execution", "decision"])
def test_exchanging_a_part_changes_its_own_hash_and_no_other(days, part):
    before, after = hashes(days["as it comes"]), hashes(days[f"another {part}"])
    assert before.keys() == after.keys()
    assert {role for role in before if before[role] != after[role]} == {f"BTCUSDT.{part}"}
    assert manifest(days["as it comes"])["run_id"] != manifest(days[f"another {part}"])["run_id"]


def test_a_part_takes_with_it_the_features_that_only_it_needed(days):
    before, after = hashes(days["as it comes"]), hashes(days["another slippage"])
    assert before.keys() - after.keys() == {"BTCUSDT.features.2", "BTCUSDT.features.3"}
    assert {role for role in after if before[role] != after[role]} == {"BTCUSDT.slippage"}


@pytest.mark.parametrize(
    "span",
    [
        pytest.param([], id="all of it"),
        pytest.param(["--start", "2022-03-01", "--end", "2022-03-03"], id="the same range"),
        pytest.param(["--one-by-one", "--block-rows", "5"], id="another way"),
    ],
)
def test_a_recorded_run_is_the_input_of_another(days, attempt, write, mean_reversion, tmp_path, span):
    """The journal holds the bars of the warm-up too, so the second run decides the same from the start."""
    write("s.json", mean_reversion)
    words = ["backtest", "s.json", "--data", days["recorded"] / "journal", "--out", "report", *span]
    replayed = attempt(tmp_path, words).report()
    assert manifest(replayed)["decision_hash"] == manifest(days["recorded"])["decision_hash"]
    assert manifest(replayed)["cursors"] == manifest(days["recorded"])["cursors"]
    assert (replayed / "fills.csv").read_bytes() == (days["recorded"] / "fills.csv").read_bytes()


def test_a_journal_of_decisions_alone_is_refused_as_input(days, refused, write, mean_reversion):
    write("s.json", mean_reversion)
    line = refused(65, "backtest", "s.json", "--data", days["as it comes"] / "journal")
    assert "no bars of BTCUSDT; the journal holds no bars at all" in line


def test_a_setting_on_the_command_line_is_named_and_is_part_of_the_runs_name(days):
    plain, by_set, by_file = (
        manifest(days[way]) for way in ("as it comes", "a fee on the command line", "a fee in the file")
    )
    assert by_set["overrides"]["matching.params.taker_fee"] == "0.0005"
    assert by_set["run_id"] != plain["run_id"]
    assert by_set["run_id"] == by_file["run_id"], "the same run has the same name, however it was said"
    assert by_set["decision_hash"] == by_file["decision_hash"]
