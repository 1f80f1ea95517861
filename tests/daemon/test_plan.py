"""`quant-engine plan` says who reads each stream, and how long each channel takes."""

import json
from pathlib import Path

from click.testing import CliRunner

from quant_daemon.commands.plan import plan as command
from quant_daemon.plan import make_plan

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/five_domains.json"
TERMS = "BTCUSDT.strategy.model.params.terms"


def readers(changes):
    (symbol,) = make_plan(json.loads(EXAMPLE.read_text()), changes).symbols
    return {stream.domain: stream.read_by for stream in symbol.streams}


def test_a_stream_that_another_is_made_from_is_read_by_it():
    found = readers({})
    assert found["options"] == ("surface",)
    assert found["surface"] == ("IVSurfaceFeature",)
    assert found["sentiment"] == ("SentimentScore",)


def test_a_stream_that_is_only_declared_is_read_by_nobody_nor_is_what_it_is_made_from():
    found = readers({TERMS: [{"channel": "RSI", "output": "rsi_14", "weight": 1.0}]})
    assert found["surface"] == found["options"] == found["orderbook"] == ()


def test_one_bar_is_one_bar_and_long_warm_ups_can_be_read():
    said = CliRunner().invoke(command, [str(EXAMPLE)]).output
    assert "read by surface" in said
    assert "Warm after 1 bar." in said
    assert "Warm after 31 bars." in said
    assert "97 bars before the first step" in said
