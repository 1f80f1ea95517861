"""The settings under which installed parts are checked, and the files that feeds among them read."""

from __future__ import annotations

from functools import partial
from itertools import chain
from operator import attrgetter

import msgspec
import pytest

from quant_channels.catalog.ingest import ingest_stream
from quant_channels.catalog.streams import StreamCatalog
from quant_channels.klines.catalog import Catalog
from quant_channels.klines.ingest import ingest
from quant_contracts.convert import convert
from quant_contracts.events import BookDelta, BookSnapshot, Quote
from quant_contracts.testing.samples import TEMPERS, SampleFeed, SampleStream, random_bars, sample_events
from quant_contracts.units import MILLISECOND
from quant_daemon.journal.header import RunIdentity
from quant_daemon.journal.writer import JournalWriter
from quant_daemon.registry import KINDS, Registry, installed

BARS = random_bars(700)

SETTINGS = {
    # Required settings, and settings that switch on what the defaults leave out.
    "Bollinger": [{}, {"window": 2}],
    "EMA": [{}, {"window": 2}],
    "RSI": [{}, {"window": 2}],
    "Return": [{}, {"window": 96}],
    "Spread": [{"other": "ETHUSDT"}, {"other": "BTCUSDT", "window": 3, "max_age_bars": 5}],
    "ZScore": [{}, {"window": 2}],
    "LinearModel": [
        {"terms": [{"channel": "RSI", "output": "rsi_14", "weight": -0.6, "centre": 50.0, "scale": 30.0}]},
        {
            "terms": [
                {"channel": "ZScore", "output": "zscore_20", "weight": 0.5},
                {"channel": "IVFactors", "output": "iv_rr25_30d", "weight": 0.3, "optional": True},
                {"channel": "SentimentScore", "output": "sentiment_6h", "weight": 0.3, "optional": True},
            ]
        },
    ],
    "PairsModel": [{"other": "ETHUSDT"}],
    "RSIModel": [{}, {"follow": True}],
    "ThresholdDecision": [
        {},
        {"threshold": 0.4, "exit": 0.1},
        {"threshold": 0.4, "exit": -0.4},
        {"threshold": 0.2, "exit": -0.9, "allow_short": False},
        {"allow_long": False},
    ],
    "ATRSizer": [{}, {"place_stop": True, "max_leverage": 3.0}],
    "ExposureLimit": [{"max_symbol": 0.5, "max_gross": 1.5, "max_net": 0.7}, {"max_gross": 0.0}],
    "StopLossTakeProfit": [{"stop_loss": 0.05, "take_profit": 0.1}, {"take_profit": 1.5}],
    "TWAPPolicy": [{}, {"segments": 1}, {"segments": 17, "interval": "7m"}],
    "LinearSlippage": [{}, {"half_spread_bps": 0.0, "eta": 2.0}],
    "BarMatchingEngine": [{}, {"participation": 1.0, "maker_fee": "-0.0001"}],
    "Ledger": [{"cash": "100000"}],
    "catalog": [
        {"symbol": "BTCUSDT", "root": "catalog"},
        {"symbol": "BTCUSDT", "root": "catalog", "interval": "5m"},
    ],
    "csv": [
        {"symbol": "BTCUSDT", "path": "bars.csv"},
        {"symbol": "BTCUSDT", "path": "bars.csv", "interval": "15m"},
    ],
    "parquet": [{"symbol": "BTCUSDT", "path": "bars.parquet"}],
    "synthetic": [
        {"symbol": "BTCUSDT", "days": 2},
        {"symbol": "ETHUSDT", "days": 2, "interval": "15m", "seed": 3},
    ],
    "journal": [{"symbol": "BTCUSDT", "path": "journal"}],
    "options": [{}, {"max_contracts": 500}],
    "orderbook": [{}, {"depth": 3, "keep": 2, "most_levels": 1_000}],
    "quotes": [{}, {"keep": 64}],
    "trade_bars": [
        {"symbol": "XBTUSDT", "path": "frames.jsonl", "interval": "10s", "instrument": "BTCUSDT"},
        {"symbol": "BTCUSDT", "path": "trades.parquet", "interval": "1s", "layout": "parquet"},
    ],
    "trades": [{}, {"keep": 64}],
}
"""By name of the part; one that is not here is checked with its defaults."""


def stream(domain, **settings):
    """What the loader sets, and settings of the feed's own."""
    return {"domain": domain, "symbol": "BTCUSDT", "venue": "binance", **settings}


GENERATED = ("orderbook", "quotes", "trades", "options", "sentiment")

STREAMS = {
    "catalog": [stream(domain, root="streams") for domain in TEMPERS],
    "documents": [
        stream("sentiment", path="documents.jsonl"),
        stream("sentiment", path="documents.jsonl", scores="now", delay="1m", least_relevance=0.2),
    ],
    "fitted": [
        stream("surface", refit="30m"),
        stream("surface", refit="30m", model="svi"),
        stream("surface", refit="30m", model="sabr", source="mark"),
    ],
    "from_book": [stream("quotes")],
    "journal": [stream(domain, path="journal") for domain in TEMPERS],
    "options_file": [stream("options", path="tickers.parquet", layout="deribit_tickers")],
    "recording": [stream(domain, path="frames.jsonl") for domain in ("orderbook", "quotes", "trades")],
    "stored": [stream("surface", path="surfaces.jsonl")],
    "synthetic": [
        *[stream(domain, days=1) for domain in GENERATED],
        stream("orderbook", days=1, gaps_per_day=50.0, book_levels=5, seed=3),
        stream("options", days=1, premium="linear", strikes=7, chain_interval="1h"),
    ],
    "trades_file": [stream("trades", path="trades.parquet")],
}
"""The same for feeds of streams beside the bars, some of which have the name of a feed of bars."""


def settings_of(kind, name):
    return (STREAMS if kind == "streams" else SETTINGS).get(name, [{}])


GROUPS = {
    "part": tuple(KINDS),
    "reading_part": ("models", "decisions", "risk"),
    "fast_part": ("features", "models", "decisions"),
}
"""Arguments of tests that run over installed parts, and the kinds each runs over."""


def pytest_generate_tests(metafunc):
    """A case for every installed part under each of its settings: kind, name, settings."""
    for argument in GROUPS.keys() & set(metafunc.fixturenames):
        cases = [
            pytest.param((kind, name, settings), id=f"{kind}-{name}-{number}")
            for kind in GROUPS[argument]
            for name in installed(kind)
            for number, settings in enumerate(settings_of(kind, name))
        ]
        metafunc.parametrize(argument, cases)


@pytest.fixture
def settings_table():
    return SETTINGS


@pytest.fixture
def stream_settings():
    return STREAMS


@pytest.fixture
def factory_of(sample_files, monkeypatch):
    """A function from a case to what makes fresh parts of it, among the sample files."""
    monkeypatch.chdir(sample_files)

    def find(case):
        kind, name, settings = case
        part = Registry().find(kind, name, "test")
        if issubclass(part, msgspec.Struct):
            return partial(convert, settings, part, name)
        return partial(part, **settings)

    return find


@pytest.fixture(scope="session")
def sample_files(tmp_path_factory):
    """A folder with the same bars, and streams beside them, in every kind of file."""
    import pyarrow as pa
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("samples")
    columns = {
        "open_time_ms": [bar.ts_open // 1_000_000 for bar in BARS],
        **{name: [getattr(bar, name) for bar in BARS] for name in ("open", "high", "low", "close", "volume")},
    }
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in rows)]
    (folder / "bars.csv").write_text("\n".join(lines) + "\n")
    parquet.write_table(pa.table(columns), folder / "bars.parquet")
    ingest(Catalog(folder / "catalog"), SampleFeed(BARS), "binance")
    streams = {domain: sample_events(domain, BARS[:120]) for domain in TEMPERS}
    with JournalWriter(folder / "journal", RunIdentity("run", "config", "0.1.0", seed=0)) as journal:
        for event in sorted([*BARS, *chain.from_iterable(streams.values())], key=attrgetter("ts_known")):
            journal.append("input", event)
    parquet.write_table(pa.table(tickers(streams["options"])), folder / "tickers.parquet")
    parquet.write_table(pa.table(prints(streams["trades"])), folder / "trades.parquet")
    for domain in TEMPERS:
        ingest_stream(StreamCatalog(folder / "streams"), SampleStream.of(domain, BARS[:120]), "binance")
    lines = {
        "surfaces": map(msgspec.to_builtins, streams["surface"]),
        "documents": map(recorded, streams["sentiment"]),
        "frames": frames(streams),
    }
    for name, rows in lines.items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return folder


def tickers(quotes):
    """Option quotes as columns of the tickers of a venue."""
    return {
        "ts_ms": [quote.ts_known // MILLISECOND for quote in quotes],
        "expiry_ms": [quote.expiry // MILLISECOND for quote in quotes],
        "strike": [quote.strike for quote in quotes],
        "right": ["C" if quote.right > 0 else "P" for quote in quotes],
        "bid_price": [quote.bid for quote in quotes],
        "bid_size": [quote.bid_size for quote in quotes],
        "ask_price": [quote.ask for quote in quotes],
        "ask_size": [quote.ask_size for quote in quotes],
        "mark_price": [quote.mark for quote in quotes],
        "mark_iv_pct": [quote.mark_iv * 100.0 for quote in quotes],
        "underlying_price": [quote.forward for quote in quotes],
        "open_interest": [quote.open_interest for quote in quotes],
    }


def prints(trades):
    """Trades as the columns of a recorded file."""
    return {
        "recv_ns": [trade.ts_known for trade in trades],
        "trade_time_ms": [trade.ts_event // MILLISECOND for trade in trades],
        "trade_id": [trade.trade_id for trade in trades],
        "price": [round(trade.price, 2) for trade in trades],
        "qty": [round(trade.quantity, 5) for trade in trades],
        "buyer_is_maker": [trade.side < 0 for trade in trades],
    }


def recorded(document):
    """A document as a line of a recorded file."""
    return {
        "id": document.doc_id,
        "source": document.source,
        "url": document.url,
        "text": document.text,
        "published_ns": document.ts_event,
        "first_seen_ns": document.first_seen,
        "vader": document.vader,
        "vader_model": document.models[0],
    }


def frames(streams):
    """Trades, best prices and changes of the book as Binance sends them, by the time at which they came."""
    events = [*streams["orderbook"], *streams["quotes"], *streams["trades"]]
    last = 0
    for number, event in enumerate(sorted(events, key=attrgetter("ts_known"))):
        stamp = {"E": event.ts_event // MILLISECOND, "s": event.symbol}
        kind = "recv"
        match event:
            case BookSnapshot(sequence=last):
                kind, frame = (
                    "http",
                    {"lastUpdateId": last, "bids": texts(event.bids), "asks": texts(event.asks)},
                )
            case BookDelta():
                sides = {"b": texts(event.bids), "a": texts(event.asks)}
                frame = {"e": "depthUpdate", **stamp, "U": last + 1, "u": event.sequence, **sides}
                last = event.sequence
            case Quote():
                (bid, bid_size), (ask, ask_size) = texts(
                    ((event.bid, event.bid_size + 0.01), (event.ask, event.ask_size + 0.01))
                )
                frame = {"u": number, "s": event.symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
            case _:
                ((price, size),) = texts(((event.price, event.quantity),))
                traded = {"t": event.trade_id, "p": price, "q": size, "T": stamp["E"], "m": event.side < 0}
                frame = {"e": "trade", **stamp, **traded}
        url = f"/api/v3/depth?symbol={event.symbol}" if kind == "http" else ""
        yield {"recv_ns": event.ts_known, "kind": kind, "url": url, "frame": frame}


def texts(levels):
    return [(f"{price:.2f}", f"{size:.5f}") for price, size in levels]
