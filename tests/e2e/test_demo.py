"""The first command anybody types: a whole run on made-up bars, and a report that proves itself."""

from __future__ import annotations

import json
from pathlib import Path

SYMBOLS = {"BTCUSDT", "ETHUSDT", "SOLUSDT"}


def test_the_demo_trades_three_symbols_and_leaves_a_report(done):
    told = done("demo", "--days", 30, "--out", "report")
    assert "report: report/report.html" in told
    summary = json.loads(Path("report/summary.json").read_text())
    assert set(summary["run"]["symbols"]) == SYMBOLS
    assert all(summary["counts"][symbol]["fills"] for symbol in SYMBOLS)
    assert summary["identities"], "the books were proved"
    assert "every file is as it was saved, and the numbers follow from the record" in done("report", "report")


def test_another_seed_is_another_market(done):
    runs = [
        json.loads(done("demo", "--days", 20, "--seed", seed, "--out", f"{seed}", "--json"))
        for seed in (1, 1, 2)
    ]
    first, again, other = (run["run"]["decision_hash"] for run in runs)
    assert first == again != other


def test_a_report_that_was_changed_is_refused(done, refused):
    done("demo", "--days", 20, "--out", "report")
    fills = Path("report/fills.csv")
    fills.write_text(fills.read_text().replace("BTCUSDT", "BTCUSDC", 1))
    line = refused(65, "report", "report")
    assert line == "report: fills.csv was changed after it was saved; save the report again"
