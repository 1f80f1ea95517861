"""Feeds of recorded frames, of their books and of trades in files keep what every stream feed promises."""

from __future__ import annotations

import pytest

from quant_channels.feeds.from_book import FromBookFeed
from quant_channels.feeds.recording import RecordingFeed
from quant_channels.feeds.trades_file import TradesFileFeed
from quant_contracts.convert import convert
from quant_contracts.testing.streams import CHECKS, DERIVED_CHECKS

FROM_DATA = {"symbol": "BTCUSDT", "venue": "binance", "tick": "0.01", "lot": "0.00001"}
SUSHI = {"symbol": "SUSHIUSDT", "venue": "binance_usdm", "tick": "0.001", "lot": "1"}
SESSION = "l2/binance_usdm_4sym_session.jsonl.gz"
CASES = {
    "book of binance": (RecordingFeed, "orderbook", SESSION, SUSHI),
    "quotes of binance": (RecordingFeed, "quotes", SESSION, SUSHI),
    "trades of binance": (RecordingFeed, "trades", SESSION, {**SUSHI, "kind": "agg_trade"}),
    "book of deribit": (
        RecordingFeed,
        "orderbook",
        "l2/deribit_options_session.jsonl.gz",
        {"symbol": "BTC", "venue": "deribit", "tick": "0.0005", "instrument": "BTC-24SEP21-8000-P"},
    ),
    "options of deribit": (
        RecordingFeed,
        "options",
        "l2/deribit_options_session.jsonl.gz",
        {"symbol": "BTC", "venue": "deribit"},
    ),
    "book of hyperliquid": (
        RecordingFeed,
        "orderbook",
        "l2/hyperliquid_BTC_frames_20250126.jsonl.gz",
        {"symbol": "BTC", "venue": "hyperliquid", "tick": "1"},
    ),
    "book of frames without a receive time": (
        RecordingFeed,
        "orderbook",
        "l2/bybit_XRPUSDT_ob500_20241201_first50.jsonl",
        {
            "symbol": "XRPUSDT",
            "venue": "bybit",
            "tick": "0.0001",
            "lot": "1",
            "assume_received": "venue+100ms",
        },
    ),
    "trades in a file": (
        TradesFileFeed,
        "trades",
        "trades/binance_usdm_BTCUSDT_trades_20240808T2354.parquet",
        {"clock_offset": "1.27s"},
    ),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_promises_of_a_stream_feed(shared_data, case, check):
    kind, domain, name, settings = CASES[case]
    path = str(shared_data(name))
    check(lambda: convert({**FROM_DATA, **settings, "domain": domain, "path": path}, kind, "$.source"))


@pytest.mark.parametrize("check", [*CHECKS, *DERIVED_CHECKS], ids=lambda check: check.__name__)
def test_quotes_of_a_book_keep_them_too(check):
    check(lambda: convert({**FROM_DATA, "domain": "quotes"}, FromBookFeed, "$.source"))
