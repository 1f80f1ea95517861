"""`quant-engine catalog` with the streams beside the bars: files of every format, made-up markets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from quant_channels.commands import catalog
from quant_channels.commands.formats import usual_format
from quant_channels.feeds.stream_catalog import StreamCatalogFeed
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.strategy import DOMAINS

FORMATS = {
    "recording": "quant_channels.feeds.recording:RecordingFeed",
    "trades_file": "quant_channels.feeds.trades_file:TradesFileFeed",
    "options_file": "quant_channels.options.chain_file:OptionsFileFeed",
    "stored": "quant_channels.options.stored:StoredSurfaceFeed",
    "documents": "quant_channels.sentiment.documents:DocumentsFeed",
    "fitted": "quant_channels.options.fitted:FittedSurfaceFeed",
    "synthetic": "quant_channels.synthetic.feed:SyntheticStreamFeed",
    "broken": "quant_channels.feeds.nowhere:Feed",
    "plain": "builtins:dict",
}


@pytest.fixture(autouse=True)
def _formats(tmp_path_factory, monkeypatch):
    """Formats are found by entry point, here those of a distribution of the test."""
    site = tmp_path_factory.mktemp("site")
    folder = site / "quant_formats-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: quant-formats\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in FORMATS.items()]
    (folder / "entry_points.txt").write_text("[quant_engine.streams]\n" + "\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(site)
    assert "broken" in {point.name for point in entry_points(group="quant_engine.streams")}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function from words to the result of the command, run in an empty folder."""
    monkeypatch.delenv("QUANT_ENGINE_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(catalog, [str(word) for word in words])


def answer(result):
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


FEW = ("--days", 1, "--set", "trades_per_minute=8", "--set", "book_levels=3", "--set", "strikes=5")


def test_a_market_in_all_domains_is_made_listed_and_verified(run, tmp_path):
    made = run("synth", "--symbol", "BTCUSDT", "--seed", 3, "--all-domains", *FEW)
    assert made.exit_code == 0, made.exception
    assert "BTCUSDT 1m of binance: 1,440 bars read" in made.stdout
    assert "BTCUSDT orderbook of binance: " in made.stdout
    assert "24 files, 2022-01-01T00.parquet to 2022-01-01T23.parquet" in made.stdout
    listed = answer(run("list", "--json"))
    assert [row["domain"] for row in listed] == [
        "klines", "orderbook", "quotes", "trades", "options", "sentiment",
    ]  # fmt: skip
    shown = run("list").stdout
    for domain in ("klines 1m", "orderbook", "sentiment"):
        assert domain in shown
    total = sum(len(row["files"]) for row in listed)
    assert f"{total} files are as they were written" in run("verify").stdout
    path = tmp_path / "catalog/binance/BTCUSDT/trades/2022-01-01.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    damaged = run("verify")
    assert "2022-01-01.parquet: " in damaged.stdout
    assert damaged.exception.exit_code == 65


def test_what_shapes_the_path_shapes_bars_and_streams(run):
    run(
        "synth", "--symbol", "BTCUSDT", "--domain", "klines", "--domain", "trades", *FEW, "--set", "price=100"
    )
    bars, trades = answer(run("list", "--json"))
    assert (bars["domain"], trades["domain"]) == ("klines", "trades")
    feed = StreamCatalogFeed("trades", "BTCUSDT", root="catalog")
    prices = [price for block in feed.blocks(None, None, 10_000) for price in block.price.tolist()]
    assert 90 < min(prices) < max(prices) < 110


def test_the_same_market_again_is_nothing_new_and_another_is_refused(run):
    words = ("synth", "--symbol", "BTCUSDT", "--domain", "trades", *FEW)
    run(*words)
    assert "nothing new" in run(*words).stdout
    other = run(*words, "--seed", 9)
    assert isinstance(other.exception, DataError)
    assert "--replace" in str(other.exception)
    (done,) = answer(run(*words, "--seed", 9, "--replace", "--json"))
    assert done["domain"] == "trades"
    assert done["replaced"] > 0


SPOT = "l2/binance_spot_4sym_session.jsonl.gz"
FUTURES = "l2/binance_usdm_4sym_session.jsonl.gz"
COINBASE = "l2/coinbase_session.jsonl.gz"
SMALL = "--tick 0.00000001 --lot 0.00000001"
RAW = [
    pytest.param("orderbook", SPOT, f"BLZETH --venue binance_spot {SMALL}", id="spot book"),
    pytest.param(
        "orderbook", FUTURES, "SUSHIUSDT --venue binance_usdm --tick 0.001 --lot 1", id="futures book"
    ),
    pytest.param(
        "orderbook", COINBASE, f"SKLUSD --venue coinbase {SMALL} --set instrument=SKL-USD", id="coinbase book"
    ),
    pytest.param(
        "orderbook",
        "l2/bybit_XRPUSDT_ob500_20241201_first50.jsonl",
        "XRPUSDT --venue bybit --tick 0.0001 --lot 1 --set assume_received=venue+100ms",
        id="bare frames",
    ),
    pytest.param(
        "trades", "l2/hyperliquid_BTC_frames_20250126.jsonl.gz", "BTC --venue hyperliquid", id="trades"
    ),
    pytest.param("options", "l2/deribit_options_session.jsonl.gz", "BTC --venue deribit", id="tickers"),
    pytest.param(
        "trades",
        "trades/binance_usdm_BTCUSDT_trades_20240808T2354.parquet",
        "BTCUSDT --tick 0.1 --lot 0.001 --set clock_offset=1.3s",
        id="a file of trades",
    ),
    pytest.param(
        "options",
        "options/deribit_ETH_book_summary_20240108.parquet",
        "ETH --set layout=deribit_book_summary",
        id="a Deribit chain",
    ),
    pytest.param(
        "options",
        "options/us_SPXW_minute_quotes_202101.parquet",
        "SPXW --set layout=us_minute_quotes --set is_american=false",
        id="a US chain",
    ),
    pytest.param(
        "sentiment",
        "text/crypto_headlines_labelled_20251001_a.parquet",
        "BTCUSDT --set assume_first_seen=published+5m",
        id="headlines",
    ),
]


@pytest.mark.parametrize(("domain", "name", "words"), RAW)
def test_every_raw_format_goes_in_and_comes_out(run, shared_data, domain, name, words):
    symbol, *rest = words.split()
    command = ("ingest", shared_data(name), "--domain", domain, "--symbol", symbol, *rest, "--json")
    (done,) = answer(run(*command))
    assert (done["domain"], done["symbol"]) == (domain, symbol)
    assert done["rows"] == done["added"] > 0
    (again,) = answer(run(*command))
    assert again["files"] == []
    assert answer(run("verify", "--json")) == []
    venue = rest[rest.index("--venue") + 1] if "--venue" in rest else "binance"
    feed = StreamCatalogFeed(domain, symbol, root="catalog", venue=venue)
    assert sum(len(block) for block in feed.blocks(None, None, 1000)) == done["rows"]


def test_findings_are_shown(run, shared_data):
    words = ("--symbol", "BLZETH", "--venue", "binance_spot", "--tick", "0.00000001", "--lot", "0.1")
    shown = run("ingest", shared_data(SPOT), "--domain", "orderbook", *words)
    assert "Data quality" in shown.stdout
    assert "early" in shown.stdout


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        ("none.jsonl --domain trades", DataError, "none.jsonl"),
        ("none.parquet --domain trades", DataError, "none.parquet"),
        ("x.csv --domain trades --format recordin", ConfigError, "did you mean 'recording'?"),
        ("x.csv --domain trades --format broken", ConfigError, "'broken' cannot be loaded"),
        ("x.csv --domain trades --format plain", ConfigError, "'plain' has no settings"),
        ("x.csv --domain trades --format synthetic", ConfigError, "reads no file"),
        ("x.csv --domain surface --format fitted", ConfigError, "reads no file"),
        ("x.jsonl --domain trades --repair sort", ConfigError, "--repair is for bars, not for trades"),
        ("x.jsonl --domain trades --interval 1m", ConfigError, "--interval is for bars"),
        ("x.jsonl --domain trades --set clock", ConfigError, "--set takes a key and a value"),
        ("x.jsonl --domain trades --set clock=1", ConfigError, "unknown key 'clock'"),
        ("x.jsonl --domain trades --tick a", ConfigError, "tick"),
        ("x.parquet --domain options", ConfigError, "layout"),
        ("x.parquet --domain quotes --format trades_file", ConfigError, "the file holds trades"),
        ("x.jsonl --domain trades --venue ../up", ConfigError, "venue"),
    ],
)
def test_a_slip_is_one_line_that_says_what_to_do(run, tmp_path, words, error, says):
    result = run("ingest", *words.split(), "--symbol", "BTCUSDT")
    assert type(result.exception) is error, result.exception
    assert says in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "catalog").exists()


def test_an_unknown_domain_lists_those_there_are(run):
    result = run("ingest", "x", "--domain", "news", "--symbol", "BTCUSDT")
    assert result.exit_code == 2
    for domain in DOMAINS:
        assert domain in result.output


@pytest.mark.parametrize(
    ("domain", "file", "expected"),
    [
        ("orderbook", "a.jsonl.gz", "recording"),
        ("quotes", "a.parquet", "recording"),
        ("trades", "a.jsonl", "recording"),
        ("trades", "2024.01.parquet", "trades_file"),
        ("options", "frames.jsonl.gz", "recording"),
        ("options", "chain.parquet", "options_file"),
        ("sentiment", "texts.jsonl.gz", "documents"),
        ("sentiment", "store", "documents"),
        ("surface", "surface.parquet", "stored"),
    ],
)
def test_the_usual_format_of_a_file(domain, file, expected):
    assert usual_format(domain, file) == expected


def test_ctrl_c_leaves_with_130_and_the_catalog_as_it_was(tmp_path):
    code = (
        "import os, signal, sys\n"
        # A parent in the background may have had it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from quant_channels.synthetic import feed\n"
        "real = feed.trades_of\n"
        "def interrupted(market, tape):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(market, tape)\n"
        "feed.trades_of = interrupted\n"
        "from quant_daemon.cli import main\n"
        "main()\n"
    )
    words = ["catalog", "synth", "--symbol", "BTCUSDT", "--domain", "trades", "--days", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "QUANT_ENGINE_CATALOG"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.parquet"))
