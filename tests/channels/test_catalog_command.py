"""`quant-engine catalog` does what its help says, for people and for machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from quant_channels.commands import catalog
from quant_contracts.errors import ConfigError, DataError


def line(minute, close=11):
    return f"{1_640_995_200_000 + 60_000 * minute},10,12,9,{close},5"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function from words to the result of the command, run in an empty folder."""
    monkeypatch.delenv("QUANT_ENGINE_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(catalog, [str(word) for word in words])


def answer(result):
    assert result.exception is None, result.exception
    assert result.exit_code == 0
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", [[], ["ingest"], ["list"], ["verify"], ["synth"]])
def test_help_teaches_by_example(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"quant-engine catalog {' '.join(command)}".strip() in " ".join(result.stdout.split()).replace(
        "- ", "-"
    )


def test_made_up_bars_are_listed_and_verified(run, tmp_path):
    result = run(
        "synth", "--symbol", "BTCUSDT", "--symbol", "ETHUSDT", "--days", 3, "--interval", "15m", "--seed", 7
    )
    assert result.exit_code == 0
    assert "BTCUSDT 15m of binance: 288 bars read, 288 added in 2022.parquet" in result.stdout
    assert (tmp_path / "catalog/binance/ETHUSDT/klines/15m/2022.parquet").exists()
    listed = run("list")
    assert listed.stdout.split()[:7] == ["venue", "symbol", "stream", "first", "last", "rows", "sources"]
    assert "BTCUSDT  klines 15m  2022-01-01  2022-01-04   288        1" in listed.stdout
    (one, two) = answer(run("list", "--json"))
    assert (one["symbol"], two["symbol"]) == ("BTCUSDT", "ETHUSDT")
    assert one["files"][0]["rows"] == 288
    assert one["sources"][0]["name"] == "synthetic BTCUSDT, seed 7, 3 days from 2022-01-01"
    assert "2 files are as they were written" in run("verify").stdout
    assert answer(run("verify", "--json")) == []


def test_a_long_venue_is_broken_in_the_list_and_no_number_is_cut_off(run):
    run("synth", "--symbol", "BTCUSDT", "--days", 30, "--venue", "a_venue_with_a_long_name_of_its_own")
    listed = run("list").stdout
    assert "BTCUSDT  klines 1m  2022-01-01  2022-01-31  43,200        1" in listed
    assert "…" not in listed


def test_the_same_bars_again_are_nothing_new(run):
    run("synth", "--symbol", "BTCUSDT", "--days", 2)
    again = run("synth", "--symbol", "BTCUSDT", "--days", 1)
    assert "1,440 bars read, nothing new" in again.stdout


def test_another_seed_is_refused_until_it_may_replace(run):
    run("synth", "--symbol", "BTCUSDT", "--days", 1)
    refused = run("synth", "--symbol", "BTCUSDT", "--days", 1, "--seed", 1)
    assert isinstance(refused.exception, DataError)
    assert "--replace" in str(refused.exception)
    (done,) = answer(run("synth", "--symbol", "BTCUSDT", "--days", 1, "--seed", 1, "--replace", "--json"))
    assert (done["added"], done["replaced"]) == (0, 1_440)


def test_a_dirty_file_is_refused_then_mended_and_its_flaws_are_shown(run, csv_file):
    path = csv_file(line(0), line(1), line(1, close=11.5), line(4))
    refused = run("ingest", path, "--symbol", "BTCUSD")
    assert isinstance(refused.exception, DataError)
    assert "row 3" in str(refused.exception)
    assert refused.stdout == ""
    mended = run("ingest", path, "--symbol", "BTCUSD", "--repair", "drop_duplicates", "--tick", "1")
    assert "BTCUSD 1m of binance: 3 bars read, 3 added in 2022.parquet" in mended.stdout
    assert "Data quality" in mended.stdout
    for check in ("conflicting_duplicate", "gap", "off_tick"):
        assert check in mended.stdout
    (done,) = answer(run("ingest", path, "--symbol", "BTCUSD", "--repair", "drop_duplicates", "--json"))
    assert done["files"] == []
    assert done["quality"][0]["check"] == "conflicting_duplicate"


def test_of_many_gaps_three_are_shown_and_all_are_kept(run, csv_file):
    path = csv_file(*(line(minute) for minute in range(62) if minute % 3 != 2))
    shown = run("ingest", path, "--symbol", "BTCUSD").stdout
    assert "in 20 gaps" in shown
    assert shown.count("gap_range") == 3 + 1
    assert "and 17 more" in shown
    (done,) = answer(run("ingest", path, "--symbol", "BTCUSD", "--json"))
    assert [row["check"] for row in done["quality"]].count("gap_range") == 20
    (stream,) = answer(run("list", "--json"))
    assert [row["check"] for row in stream["sources"][0]["quality"]].count("gap_range") == 20


def test_three_gaps_are_all_that_there_are(run, csv_file):
    path = csv_file(*(line(minute) for minute in range(11) if minute % 3 != 2))
    shown = run("ingest", path, "--symbol", "BTCUSD").stdout
    assert shown.count("gap_range") == 3
    assert "more" not in shown


def test_a_file_that_is_refused_leaves_no_catalog_behind(run, csv_file, tmp_path):
    path = csv_file(line(0), line(1), line(1, close=11.5))
    assert isinstance(run("ingest", path, "--symbol", "BTCUSD").exception, DataError)
    assert not (tmp_path / "catalog").exists()


def test_every_option_of_ingest_reaches_the_cleaner(run, tmp_path):
    path = tmp_path / "BTCUSD-2m.csv"
    rows = [f"{1_640_995_200 + 60 * minute},1000,1200,900,1100,5,0,0,0,0,0,0" for minute in (2, 0, 4, 5)]
    path.write_text("\n".join(rows), encoding="utf-8")
    words = [
        "ingest", path, "--symbol", "BTCUSD", "--venue", "kraken", "--format", "binance", "--time-unit", "s",
        "--interval", "1m", "--repair", "sort", "--repair", "fill_gaps", "--price-scale", "0.01",
        "--volume-scale", "2", "--catalog", tmp_path / "elsewhere", "--json",
    ]  # fmt: skip
    (done,) = answer(run(*words))
    assert (done["venue"], done["interval"], done["rows"]) == ("kraken", "1m", 6)
    assert {row["check"]: row["count"] for row in done["quality"] if row["check"] != "gap_range"} == {
        "out_of_order": 1,
        "gap": 2,
        "rescaled": 4,
    }
    (stream,) = answer(run("list", "--catalog", tmp_path / "elsewhere", "--json"))
    assert stream["venue"] == "kraken"


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (["ingest", "none.csv", "--symbol", "BTCUSDT"], DataError, "none.csv: no such file"),
        (
            ["ingest", "x.csv", "--symbol", "BTCUSDT", "--repair", "fil"],
            ConfigError,
            "no repair policy 'fil'",
        ),
        (["ingest", "x.csv", "--symbol", "BTCUSDT", "--tick", "a"], ConfigError, "tick"),
        (["ingest", "x.csv", "--symbol", "BTCUSDT", "--time-unit", "h"], ConfigError, "time_unit"),
        (["ingest", "x.csv", "--symbol", "BTCUSDT", "--format", "xls"], ConfigError, "format"),
        (
            ["ingest", "x.csv", "--symbol", "BTCUSDT", "--interval", "1"],
            ConfigError,
            "'1' is not an interval",
        ),
        (["ingest", "x.csv", "--symbol", "../../x"], ConfigError, "is not a symbol"),
        (["synth", "--symbol", "BTCUSDT", "--venue", "../up"], ConfigError, "is not a venue"),
        (
            ["synth", "--symbol", "BTCUSDT", "--interval", "10s"],
            ConfigError,
            "interval must be whole minutes",
        ),
        (["synth", "--symbol", "BTCUSDT", "--start", "soon"], ConfigError, "is not a date"),
    ],
)
def test_a_slip_is_one_line_that_says_what_to_do(run, tmp_path, words, error, says):
    result = run(*words)
    assert type(result.exception) is error
    assert says in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "catalog").exists()


def test_an_empty_catalog_says_how_to_fill_it(run):
    assert "quant-engine catalog synth --symbol BTCUSDT" in run("list").stdout
    assert "holds nothing to verify" in str(run("verify").exception)


def test_verify_finds_damage_and_leaves_with_65(run, tmp_path):
    run("synth", "--symbol", "BTCUSDT", "--days", 2)
    path = tmp_path / "catalog/binance/BTCUSDT/klines/1m/2022.parquet"
    path.write_bytes(path.read_bytes()[:-7])
    result = run("verify")
    assert isinstance(result.exception, DataError)
    assert result.exception.exit_code == 65
    assert "2022.parquet: " in result.stdout
    found = run("verify", "--json")
    assert json.loads(found.stdout)[0]["problem"]


def test_the_variable_names_the_catalog(run, tmp_path, monkeypatch):
    monkeypatch.setenv("QUANT_ENGINE_CATALOG", str(tmp_path / "kept"))
    run("synth", "--symbol", "BTCUSDT", "--days", 1)
    assert (tmp_path / "kept/binance/BTCUSDT/klines/1m/catalog.json").exists()


COMMAND = [sys.executable, "-c", "from quant_daemon.cli import main; main()", "catalog"]


def test_the_installed_command(tmp_path, csv_file):
    environment = {name: value for name, value in os.environ.items() if name != "QUANT_ENGINE_CATALOG"}

    def run(*words):
        return subprocess.run(
            [*COMMAND, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    csv_file(line(0), line(1), line(1))
    done = run("ingest", "bars.csv", "--symbol", "BTCUSDT", "--repair", "drop_duplicates", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["rows"] == 2
    refused = run("ingest", "bars.csv", "--symbol", "BTCUSDT")
    assert refused.returncode == 65
    assert refused.stderr.startswith("error: bars.csv: row 3 ")
    assert refused.stderr.count("\n") == 1


def test_the_group_is_imported_without_its_heavy_parts():
    code = "import sys, quant_channels.commands; print({'numpy', 'pyarrow', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
