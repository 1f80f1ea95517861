"""`quant-engine view` from end to end: a page, JSON, and one clear line for what cannot be."""

import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from quant_contracts.errors import ConfigError, DataError, StorageError
from quant_engine.commands.view import view as command

AT = "2022-01-01T02:03:20"
SOURCE = {"class": "synthetic", "params": {"seed": 7, "days": 1, "strikes": 9, "expiries": 3}}
CONFIG = {
    "BTCUSDT": {
        "strategy": {
            "model": {"class": "RSIModel"},
            "decision": {"class": "ThresholdDecision"},
            "risk": {"class": "ATRSizer"},
            "execution": {"class": "TWAPPolicy"},
        }
    },
    "data": {
        "BTCUSDT": {
            "source": {"class": "synthetic"},
            "orderbook": {"source": SOURCE, "max_age": "30s"},
            "trades": {"source": SOURCE},
            "options": {"source": SOURCE},
            "surface": {"source": {"class": "fitted"}},
        },
        "ETHUSDT": {"source": {"class": "synthetic"}},
    },
}


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "strategy.json"
    path.write_text(json.dumps(CONFIG))
    return path


def call(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_writes_one_page_and_says_where(tmp_path, page_of):
    made = call("strategy.json", "BTCUSDT", "--at", AT)
    assert made.exit_code == 0, made.exception
    assert "orderbook  fresh\n" in made.output
    assert made.output.endswith("page: BTCUSDT_20220101T020320Z.html\n")
    page = page_of((tmp_path / "BTCUSDT_20220101T020320Z.html").read_text())
    assert "2022-01-01 02:03:20.000 UTC" in page.words
    anchors = [value for tag, name, value in page.attributes if tag == "section" and name == "id"]
    assert anchors == ["book", "trades", "surface", "sources"]


def test_draws_one_picture_where_one_is_asked_for(tmp_path, page_of):
    made = call("strategy.json", "BTCUSDT", "--at", AT, "--what", "book", "--out", "book.html")
    assert made.exit_code == 0, made.exception
    page = page_of((tmp_path / "book.html").read_text())
    assert [value for tag, name, value in page.attributes if tag == "section"] == ["book", "sources"]


def test_json_is_what_is_seen_and_nothing_else(tmp_path):
    made = call("strategy.json", "BTCUSDT", "--at", AT, "--what", "book", "--json")
    said = json.loads(made.output)
    assert said["symbol"] == "BTCUSDT"
    assert said["book"]["bids"][0][0] < said["book"]["asks"][0][0]
    assert said["streams"][0]["state"] == "fresh"
    assert not list(tmp_path.glob("*.html"))


def test_settings_of_the_configuration_can_be_replaced():
    change = "data.BTCUSDT.orderbook.handler={'depth': 3}".replace("'", '"')
    made = call("strategy.json", "BTCUSDT", "--at", AT, "--what", "book", "--json", "--set", change)
    assert len(json.loads(made.output)["book"]["bids"]) == 3


def test_a_source_alone_can_be_looked_at():
    made = call(
        *("--stream", "trades", "--source", "synthetic", "--set", "days=1", "--set", "seed=3"),
        *("--symbol", "ETHUSDT", "--at", AT, "--window", "5m", "--json"),
    )
    assert made.exit_code == 0, made.exception
    said = json.loads(made.output)
    assert said["trades"]["before"]
    assert said["streams"][0]["source"] == "synthetic(days=1, seed=3)"


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (
            ("strategy.json", "BTCUSD", "--at", AT),
            ConfigError,
            "BTCUSD is not declared; did you mean 'BTCUSDT' or",
        ),
        (("strategy.json", "ETHUSDT", "--at", AT), ConfigError, "no stream is declared beside its bars"),
        (
            ("strategy.json", "BTCUSDT", "--at", AT, "--what", "sentiment"),
            ConfigError,
            "needs a stream of sentiment; declared: orderbook, trades, options, surface",
        ),
        (("nowhere.json", "BTCUSDT", "--at", AT), ConfigError, "nowhere.json: no such file"),
        (("strategy.json", "BTCUSDT", "--at", "noon"), ConfigError, "--at: 'noon' is not a date"),
        (("strategy.json", "BTCUSDT", "--at", AT, "--window", "x"), ConfigError, "--window: 'x' is not an"),
        (("strategy.json", "BTCUSDT", "--at", "2021-01-01"), DataError, "2022-01-01"),
        (("strategy.json", "BTCUSDT", "--at", "2023-01-01"), DataError, "the last was its"),
        (
            ("strategy.json", "BTCUSDT", "--at", AT, "--out", "no/where.html"),
            StorageError,
            "cannot be written",
        ),
        (
            ("--stream", "tades", "--source", "synthetic", "--symbol", "X", "--at", AT),
            ConfigError,
            "did you mean 'trades'?",
        ),
        (
            ("--stream", "trades", "--source", "sinthetic", "--symbol", "X", "--at", AT),
            ConfigError,
            "did you mean 'synthetic'?",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments, error, said):
    raised = call(*arguments).exception
    assert type(raised) is error
    assert said in str(raised)
    assert "\n" not in str(raised)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--at", AT),
        ("strategy.json", "--at", AT),
        ("strategy.json", "BTCUSDT"),
        ("strategy.json", "BTCUSDT", "--symbol", "BTCUSDT", "--at", AT),
        ("strategy.json", "BTCUSDT", "--stream", "trades", "--at", AT),
        ("--stream", "trades", "--symbol", "BTCUSDT", "--at", AT),
    ],
)
def test_a_command_line_that_says_too_little_or_too_much_is_refused(arguments):
    assert call(*arguments).exit_code == 2


def test_the_example_of_a_refusal_is_whole(config):
    said = call("strategy.json", "--at", AT).output
    assert "such as: quant-engine view strategy.json BTCUSDT --at 2022-01-01T12:00" in said


@pytest.mark.slow
def test_a_browser_shows_every_picture(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a Chromium")
    call("strategy.json", "BTCUSDT", "--at", AT, "--out", "page.html")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"--user-data-dir={tmp_path / 'p'}"]
    made = subprocess.run(
        [browser, *flags, (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert made.stdout.count("<svg") == 6
    assert "Content-Security" in made.stdout


def test_the_command_itself_draws_in_no_heavy_library():
    code = "import sys, quant_engine.commands.view; print({'scipy', 'pyarrow', 'aiohttp'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
