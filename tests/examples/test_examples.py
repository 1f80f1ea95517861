"""Every example runs: on real bars where they are at hand, and on made-up ones everywhere.

The commands and the script of examples/README.md run with the other pages, in tests/docs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quant_channels.feeds.synthetic import SyntheticFeed
from quant_channels.klines.catalog import Catalog
from quant_channels.klines.ingest import ingest
from quant_contracts.config import read_plain
from quant_daemon.loader import Loader
from quant_engine.report import build_report

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
RECORDED = EXAMPLES / "recorded_book.json"
CONFIGURATIONS = sorted(
    path
    for folder in (EXAMPLES, ROOT / "deploy")
    for path in folder.iterdir()
    if path.suffix in {".json", ".toml"} and path != RECORDED
)
SNIPPET = re.compile(
    r"^```python\n(from quant_engine import \(\n    RSIModel.*?)^```$", re.MULTILINE | re.DOTALL
)
BTC = "klines/binance_um_BTCUSDT_1m_2022.parquet"
ETH = "klines/binance_um_ETHUSDT_1m_2022-01_2022-04.parquet"
YEAR = "klines/binance_spot_BTCUSDT_15m_2025.parquet"
FRAMES = "l2/binance_spot_BTCUSDT_frames_20240808T2354.jsonl.gz"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A catalog of four months of three symbols."""
    root = tmp_path_factory.mktemp("examples") / "catalog"
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        ingest(Catalog(root), SyntheticFeed(symbol, days=120, timeframe="1h"), "binance")
    return root


def run(path, files=None, **overrides):
    """The report of a configuration, in which every symbol traded; `files` replaces sources by symbol."""
    plain = read_plain(path)
    for symbol, file in (files or {}).items():
        stream = plain.setdefault("data", {}).setdefault(symbol, {})
        stream["source"] = {"class": "parquet", "params": {"path": str(file)}}
    report = build_report(Loader.from_config(plain, overrides=overrides).backtest())
    counts = report.summary.counts
    assert counts.keys() == {key for key in plain if key.isupper()}
    assert all(count["fills"] for count in counts.values())
    return report


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_a_configuration_runs_on_made_up_bars(path, catalog, monkeypatch):
    monkeypatch.setenv("QUANT_ENGINE_CATALOG", str(catalog))
    run(path)


def test_the_pair_runs_on_real_bars(shared_data):
    files = {"BTCUSDT": shared_data(BTC), "ETHUSDT": shared_data(ETH)}
    run(EXAMPLES / "pair.json", files, **{"run.end": "2022-03-01"})


def test_the_single_symbol_runs_on_a_real_year(shared_data):
    report = run(EXAMPLES / "rsi_twap.json", {"BTCUSDT": shared_data(YEAR)})
    assert report.summary.counts["BTCUSDT"]["bars"] > 34_000


def test_the_recorded_book_runs_on_a_real_recording(shared_data, tmp_path, monkeypatch):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "BTCUSDT.jsonl.gz").symlink_to(shared_data(FRAMES))
    monkeypatch.chdir(tmp_path)
    report = run(RECORDED)
    assert report.summary.counts["BTCUSDT"]["bars"] > 50
    (ready,) = report.summary.beside.outcomes
    assert (ready.go, ready.hold, ready.flatten) == (64, 0, 0)
    assert not report.record.gaps


def test_five_domains_are_all_looked_at_and_each_is_missed_once():
    report = run(EXAMPLES / "five_domains.json")
    assert [row.stream for row in report.summary.beside.streams] == [
        *("quotes", "orderbook", "trades", "surface", "sentiment")
    ]
    (ready,) = report.summary.beside.outcomes
    assert ready.hold
    assert ready.flatten
    assert ready.go > 1_400
    assert report.summary.beside.gaps == {"BTCUSDT.orderbook": 5}


def test_every_example_is_shown_with_the_command_that_runs_it():
    page = (EXAMPLES / "README.md").read_text()
    for path in (*EXAMPLES.rglob("*.json"), *EXAMPLES.rglob("*.toml"), *EXAMPLES.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        assert f"quant-engine backtest {name}\n" in page or f"python {name}\n" in page


def test_the_script_is_the_snippet_of_the_readme_to_the_letter():
    (snippet,) = SNIPPET.findall((ROOT / "README.md").read_text())
    script = (EXAMPLES / "python" / "rsi_twap.py").read_text()
    assert script.endswith("\n\n" + snippet)


@pytest.mark.parametrize(("language", "start"), [("python", "from quant_engine"), ("json", "{")])
def test_the_readme_shows_what_the_overview_asked_for(language, start):
    overview = ROOT.parent / "shared" / "founding" / "2_quant_engine_v4_overview.md"
    if not overview.exists():
        pytest.skip("needs the founding documents beside the repository")
    block = rf"^```{language}\n({re.escape(start)}.*?)^```$"
    (asked,) = re.findall(block, overview.read_text(), re.MULTILINE | re.DOTALL)
    assert asked in (ROOT / "README.md").read_text()
