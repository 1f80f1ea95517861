"""A market made up on the fly and the same one out of the catalog are traded alike."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

FEW = {"trades_per_minute": 8, "book_levels": 5, "gaps_per_day": 40, "chain_interval": "30m", "strikes": 9}
MADE_UP = {"class": "synthetic", "params": {"seed": 7, "days": 1, **FEW}}
STREAMS = {
    "orderbook": {"max_age": "1m", "when_stale": "flatten", "handler": {"depth": 5}},
    "quotes": {"max_age": "1m"},
    "trades": {"max_age": "1m"},
    "options": {"when_stale": "use"},
    "sentiment": {"when_stale": "use"},
}
MODEL = {
    "class": "LinearModel",
    "params": {
        "terms": [
            {"channel": channel, "params": params, "output": output, "weight": weight, "scale": 0.5}
            for channel, params, output, weight in (
                ("BookImbalance", {"levels": 3}, "imbalance_3", 0.3),
                ("TradeFlowImbalance", {"window": 5}, "trade_flow_imbalance_5", 0.4),
                ("SentimentScore", {"half_life": "2h"}, "sentiment_2h", 0.3),
            )
        ]
    },
}


@pytest.fixture
def folder(attempt, tmp_path, mean_reversion):
    """A folder with the same market as a catalog and as two configurations."""
    settings = [word for name, value in FEW.items() for word in ("--set", f"{name}={value}")]
    words = ["catalog", "synth", "--symbol", "BTCUSDT", "--seed", 7, "--days", 1, "--all-domains", *settings]
    attempt(tmp_path, words).output()
    symbol = deepcopy(mean_reversion["BTCUSDT"])
    symbol["strategy"] |= {"model": MODEL}
    for name, bars, source in (
        ("made", {"class": "synthetic", "params": {"seed": 7, "days": 1}}, MADE_UP),
        ("stored", {"class": "catalog"}, {"class": "catalog"}),
    ):
        streams = {domain: {"source": source, **spec} for domain, spec in STREAMS.items()}
        data = {"BTCUSDT": {"source": bars, "interval": "1m", **streams}}
        config = {"data": data, "BTCUSDT": symbol, "run": {"trace": "full"}}
        (tmp_path / f"{name}.json").write_text(json.dumps(config))
    return tmp_path


def test_what_is_stored_is_traded_as_what_is_made(attempt, folder):
    for name in ("made", "stored"):
        attempt(folder, ["backtest", f"{name}.json", "--out", name]).output()
    for file in ("readiness.csv", "gaps.csv", "orders.csv", "fills.csv", "equity.csv"):
        made, stored = ((folder / name / file).read_text() for name in ("made", "stored"))
        assert made == stored, file
        assert made.count("\n") > 10, file
