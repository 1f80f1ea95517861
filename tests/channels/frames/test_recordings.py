"""Every frame of the recordings is read, and says what a reader of JSON with exact decimals finds in it."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from quant_channels.frames.said import Depth
from quant_contracts.events import Bar, FormingBar, Liquidation, OptionQuote, Quote, Trade

BINANCE = [
    ("binance_spot_4sym_session.jsonl.gz", "binance_spot", symbol, tick)
    for symbol, tick in (
        ("NKNUSDT", "0.00001"),
        ("BLZETH", "0.00000001"),
        ("LRCBTC", "0.00000001"),
        ("RUNEEUR", "0.001"),
    )
] + [
    ("binance_usdm_4sym_session.jsonl.gz", "binance_usdm", symbol, tick)
    for symbol, tick in (
        ("SUSHIUSDT", "0.001"),
        ("AKROUSDT", "0.00001"),
        ("KEEPUSDT", "0.0001"),
        ("CTKUSDT", "0.00001"),
    )
]
COINBASE = (
    "SKL-USD",
    "SKL-BTC",
    "BAND-GBP",
    "NMR-EUR",
    "BAND-BTC",
    "YFI-BTC",
    "DASH-BTC",
    "NU-GBP",
    "CRV-EUR",
)
OKX = (("BTC-USDT", "0.1"), ("BTC-USD-220527", "0.1"), ("UNI-USD-SWAP", "0.001"))


def levels(pairs, tick, lot="0.00000001"):
    """Price levels in whole steps, by decimal arithmetic alone."""
    return [(Decimal(price) / Decimal(tick), Decimal(size) / Decimal(lot)) for price, size, *_ in pairs]


def parsed(parser, lines, kinds=("recv",)):
    """What each frame says, beside the frame."""
    return [
        (line, said)
        for line in lines
        if line.get("kind", "recv") in kinds
        for said in parser.parse(line["text"], line["recv_ns"])
    ]


@pytest.mark.parametrize(("name", "venue", "symbol", "tick"), BINANCE, ids=lambda value: value[:12])
def test_binance_sessions(recorded, parser_for, name, venue, symbol, tick):
    parser = parser_for(venue, symbol, tick=tick, symbol=symbol)
    counts = Counter()
    for line, said in parsed(parser, recorded(name)):
        counts[type(said)] += 1
        data = line["frame"]["data"]
        assert data["s"] == symbol
        if isinstance(said, Depth):
            assert (said.first, said.last, said.previous) == (data["U"], data["u"], data.get("pu"))
            assert said.bids == levels(data["b"], tick)
            assert said.asks == levels(data["a"], tick)
        elif isinstance(said, Quote):
            assert (said.bid, said.bid_size, said.ask, said.ask_size) == tuple(
                float(data[key]) for key in "bBaA"
            )
        elif isinstance(said, Trade):
            assert (said.trade_id, said.price, said.quantity) == (
                data["a"],
                float(data["p"]),
                float(data["q"]),
            )
        else:
            assert isinstance(said, Bar | FormingBar)
            assert said.close == float(data["k"]["c"])
    assert not parser.refused
    streams = Counter(
        line["frame"]["stream"].partition("@")[0].upper() for line in recorded(name) if line["kind"] == "recv"
    )
    assert sum(counts.values()) == streams[symbol]


def test_the_ten_minutes_of_binance(recorded, parser_for):
    parser = parser_for("binance_spot", "BTCUSDT")
    for line, said in parsed(
        parser, recorded("binance_spot_BTCUSDT_frames_20240808T2354.jsonl.gz", most=10_000)
    ):
        frame = line["frame"]
        if isinstance(said, Depth):
            data = frame.get("data", frame)
            assert said.bids == levels(data.get("b") or data.get("bids", []), "0.01")
            assert said.asks == levels(data.get("a") or data.get("asks", []), "0.01")
    assert not parser.refused


@pytest.mark.parametrize("product", COINBASE)
def test_coinbase(recorded, parser_for, product):
    tick = "0.00000001" if product.endswith("BTC") else "0.0001"
    parser = parser_for("coinbase", product, tick=tick, symbol=product)
    for line, said in parsed(parser, recorded("coinbase_session.jsonl.gz")):
        frame = line["frame"]
        assert frame["product_id"] == product
        if isinstance(said, Trade):
            assert (said.price, said.quantity) == (float(frame["price"]), float(frame["size"]))
        elif said.is_snapshot:
            assert said.bids == levels(frame["bids"], tick)
            assert said.asks == levels(frame["asks"], tick)
        else:
            ((side, price, size),) = frame["changes"]
            changed = levels([(price, size)], tick)
            assert (said.bids, said.asks) == ((changed, []) if side == "buy" else ([], changed))
    assert not parser.refused


@pytest.mark.parametrize(("instrument", "tick"), OKX)
def test_okx(recorded, parser_for, instrument, tick):
    parser = parser_for("okx", instrument, tick=tick)
    counts = Counter()
    for line, said in parsed(parser, recorded("okx_session.jsonl.gz")):
        counts[type(said)] += 1
        data = line["frame"]["data"][0]
        if isinstance(said, Depth):
            assert said.checksum == data["checksum"]
            assert (said.bids, said.asks) == (levels(data["bids"], tick), levels(data["asks"], tick))
    assert set(counts) == {Depth, Trade, Quote}
    assert not parser.refused


def test_deribit(recorded, parser_for):
    lines = recorded("deribit_options_session.jsonl.gz")
    found = Counter()
    for coin in ("BTC", "ETH"):
        parser = parser_for("deribit", coin, tick="0.0005", lot="0.1", symbol=coin)
        for _, said in parsed(parser, lines, kinds=("recv", "http")):
            assert isinstance(said, OptionQuote)
            assert 0 < said.mark_iv < 3
            found[coin] += 1
        assert not parser.refused
    assert found == {"BTC": 69, "ETH": 20}


def test_bybit(shared_data, parser_for):
    parser = parser_for("bybit", "XRPUSDT", tick="0.0001", lot="1")
    with shared_data("l2/bybit_XRPUSDT_ob500_20241201_first50.jsonl").open() as file:
        frames = file.readlines()
    for text in frames:
        (depth,) = parser.parse(text, 1_733_011_201_000_000_000)
        data = json.loads(text)["data"]
        assert depth.last == data["u"]
        assert depth.bids == levels(data["b"], "0.0001", "1")
    assert not parser.refused


def test_hyperliquid(recorded, parser_for):
    parser = parser_for("hyperliquid", "BTC", tick="1")
    said = [said for _, said in parsed(parser, recorded("hyperliquid_BTC_frames_20250126.jsonl.gz"))]
    assert Counter(map(type, said)) == {Depth: 46, Trade: 64}
    assert all(len(each.bids) == len(each.asks) == 20 for each in said if isinstance(each, Depth))
    assert not parser.refused


def test_no_recording_holds_a_liquidation(recorded, parser_for):
    # Stated so that the one in the known frames is known to be the only evidence there is.
    parser = parser_for("binance_usdm", "SUSHIUSDT", tick="0.001", kinds=("liquidation",))
    said = parsed(parser, recorded("binance_usdm_4sym_session.jsonl.gz"))
    assert not [each for _, each in said if isinstance(each, Liquidation)]
