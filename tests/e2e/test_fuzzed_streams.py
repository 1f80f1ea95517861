"""Recordings broken at random, through whole runs: an error with a name or a result, never an odd number."""

from __future__ import annotations

import json
import math
import random
from functools import cache

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_channels.options.stored import write_surfaces
from quant_channels.synthetic.feed import SyntheticStreamFeed
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import Features, StepSnapshot, Surface
from quant_contracts.units import HOUR, MILLISECOND, SECOND
from quant_daemon.extractor import reads
from quant_daemon.loader import Loader
from quant_daemon.registry import Registry, installed

START = 1_640_995_200 * SECOND
"""2022, where synthetic days begin."""
ODD = (
    "NaN",
    "-1",
    "1e309",
    "null",
    '"x"',
    "0",
    "9" * 25,
    "[]",
    "true",
    "-0.0",
    "1e-320",
    "Infinity",
    '"1e9"',
    "{}",
)
"""What stands in the place of a value."""
RUNS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

STRATEGY = {
    "model": {"class": "RSIModel", "params": {"window": 3}},
    "decision": {"class": "ThresholdDecision", "params": {"threshold": 0.1}},
    "risk": {"class": "ATRSizer", "params": {"atr_window": 3}},
    "execution": {"class": "ImmediatePolicy"},
    "slippage": {"class": "NoSlippage"},
}


def channels(*domains):
    """Every installed channel that reads nothing but these domains, with a window that is soon full."""
    found = []
    for name in installed("features"):
        kind = Registry().find("features", name, "test")
        if name == "Spread":
            continue
        windows = {"window": 2} if "window" in kind.__struct_fields__ else {}
        read = {stream.domain for stream in reads(kind(**windows))}
        if read and read <= set(domains):
            found.append({"class": name, "params": windows})
    return found


def run(plain):
    """Run over what there is; every number that a step was told of is finite."""
    numbers = []

    def look(event):
        numbers.extend(event.values.values())

    def look_at_step(event):
        numbers.extend(value for row in event.features.values() for value in row.values())

    observers = [(Features, look), (StepSnapshot, look_at_step)]
    try:
        record = Loader.from_config(plain, observers=observers).backtest()
    except (DataError, ConfigError):
        return None
    assert all(map(math.isfinite, numbers))
    return record


@st.composite
def broken(draw, count):
    """Some changes of a file of `count` lines: where, which, and a seed for the rest."""
    return draw(
        st.lists(
            st.tuples(st.integers(0, count - 1), st.sampled_from(CHANGES), st.integers(0, 2**32)),
            min_size=1,
            max_size=12,
        )
    )


def drop(lines, at, chance):
    del lines[at]


def repeat(lines, at, chance):
    lines.insert(min(at + chance.randrange(20), len(lines)), lines[at])


def move(lines, at, chance):
    lines.insert(chance.randrange(len(lines)), lines.pop(at))


def cut(lines, at, chance):
    lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]


def flip(lines, at, chance):
    line = bytearray(lines[at])
    if line:
        line[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
    lines[at] = bytes(line).replace(b"\n", b" ")


def odd(lines, at, chance):
    """Another value for one of those in the line, wherever in it that is."""
    try:
        plain = json.loads(lines[at])
    except (ValueError, UnicodeDecodeError, RecursionError):
        return
    places = [*slots(plain)]
    if places:
        holder, key = chance.choice(places)
        holder[key] = "\0odd"
        lines[at] = json.dumps(plain).replace(json.dumps("\0odd"), chance.choice(ODD)).encode()


def slots(value):
    """Every place inside a value at which another could stand."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield value, key
        yield from slots(item)


CHANGES = (drop, repeat, move, cut, flip, odd, odd, odd)


def applied(lines, changes):
    """The file with the changes made, as bytes."""
    lines = [*lines]
    for at, change, seed in changes:
        if lines:
            change(lines, at % len(lines), random.Random(seed))
    return b"\n".join(lines) + b"\n"


def frame(ms, **frame):
    return json.dumps({"recv_ns": ms * MILLISECOND, "frame": frame}).encode()


def market(seconds=90):
    """A quiet market at Binance: each second a quote, a trade and a change of the book."""
    first = START // MILLISECOND
    bids = [[f"{99.99 - level / 100:.2f}", "2.0"] for level in range(8)]
    asks = [[f"{100.01 + level / 100:.2f}", "1.0"] for level in range(8)]
    lines = [frame(first, lastUpdateId=1000, bids=bids, asks=asks)]
    for second in range(seconds):
        ms, size = first + 1000 * second, f"{1 + second % 7}.0"
        price = f"{100 + ((second * 7) % 11 - 5) / 100:.2f}"
        bids = [["99.99", size], [f"{99.9 - second % 5 / 100:.2f}", size]]
        lines += [
            frame(ms + 100, u=5000 + second, s="BTCUSDT", b="99.99", B=size, a="100.01", A="1.0"),
            frame(
                ms + 200,
                e="trade",
                E=ms,
                s="BTCUSDT",
                t=1 + second,
                p=price,
                q="1.0",
                T=ms + 199,
                m=second % 2 > 0,
            ),
            frame(
                ms + 300, e="depthUpdate", E=ms, s="BTCUSDT", U=1001 + second, u=1001 + second, b=bids, a=[]
            ),
        ]
    return lines


FRAMES = market()
TICKS = channels("orderbook", "quotes", "trades")


def on_frames(bars, ticks):
    source = {"class": "recording", "params": {"path": str(ticks)}}
    streams = {
        domain: {"source": source, "when_stale": "use"} for domain in ("orderbook", "quotes", "trades")
    }
    return {
        "BTCUSDT": {"strategy": STRATEGY | {"features": TICKS}},
        "data": {
            "BTCUSDT": {
                "source": {"class": "trade_bars", "params": {"path": str(bars)}},
                "interval": "1s",
                "min_notional": "0.1",
                **streams,
            }
        },
    }


@RUNS
@given(changes=broken(len(FRAMES)), with_bars=st.booleans())
def test_frames(tmp_path, changes, with_bars):
    """Bars out of the same file, or out of one that is whole."""
    whole, ticks = tmp_path / "whole.jsonl", tmp_path / "ticks.jsonl"
    whole.write_bytes(applied(FRAMES, ()))
    ticks.write_bytes(applied(FRAMES, changes))
    run(on_frames(ticks if with_bars else whole, ticks))


def test_frames_that_are_whole_give_every_channel_something_to_say(tmp_path):
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(applied(FRAMES, ()))
    assert len(TICKS) > 12
    record = run(on_frames(whole, whole))
    looks = record.counts["BTCUSDT"]["bars"]
    assert record.fills
    assert {name for name, times in record.readiness["BTCUSDT"].missing.items() if times >= looks} == set()


def synthetic(**streams):
    return {
        "BTCUSDT": {"strategy": STRATEGY},
        "data": {
            "BTCUSDT": {
                "source": {"class": "synthetic", "params": {"days": 1}},
                "interval": "5m",
                **{domain: {"source": source, "when_stale": "use"} for domain, source in streams.items()},
            }
        },
        "run": {"end": "2022-01-01T04:00:00"},
    }


@cache
def quotes():
    """Four hours of a small chain, as events."""
    feed = SyntheticStreamFeed("options", "BTCUSDT", days=1, expiries=3, strikes=7, chain_interval="30m")
    return [event for block in feed.blocks(None, START + 4 * HOUR, 10_000) for event in block.events()]


def columns(quotes):
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
        "mark_iv_pct": [None if quote.mark_iv is None else quote.mark_iv * 100.0 for quote in quotes],
        "underlying_price": [quote.forward for quote in quotes],
        "open_interest": [quote.open_interest for quote in quotes],
    }


NUMBERS = (None, math.nan, math.inf, -1.0, 0.0, 1e-320, 1e308, 3.7, 1e6)
CHAIN = channels("options", "surface")


@RUNS
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 2**20), st.integers(2, 11), st.sampled_from(NUMBERS)), max_size=40
    ),
    columns_of=st.lists(st.tuples(st.integers(4, 11), st.sampled_from(NUMBERS)), max_size=2),
    model=st.sampled_from(["ssvi", "svi", "sabr"]),
    source=st.sampled_from(["quotes", "mark"]),
)
def test_chains(tmp_path, changes, columns_of, model, source):
    """Odd numbers in cells, and in whole columns."""
    table = columns(quotes())
    names = [*table]
    for column, value in columns_of:
        table[names[column]] = [value] * len(quotes())
    for row, column, value in changes:
        if names[column] != "right":
            table[names[column]][row % len(quotes())] = value
    kinds = {"ts_ms": pa.int64(), "expiry_ms": pa.int64(), "right": pa.string()}
    arrays = {name: pa.array(cells, type=kinds.get(name, pa.float64())) for name, cells in table.items()}
    pq.write_table(pa.table(arrays), tmp_path / "chain.parquet")
    path = str(tmp_path / "chain.parquet")
    plain = synthetic(
        options={"class": "options_file", "params": {"path": path, "layout": "deribit_tickers"}},
        surface={"class": "fitted", "params": {"refit": "30m", "model": model, "source": source}},
    )
    plain["BTCUSDT"]["strategy"] = STRATEGY | {"features": CHAIN}
    run(plain)


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory):
    """The lines of a file of surfaces."""
    path = tmp_path_factory.mktemp("surfaces") / "surfaces.jsonl"
    said = []
    plain = synthetic(
        options={"class": "synthetic", "params": {"days": 1, "chain_interval": "30m"}},
        surface={"class": "fitted", "params": {"refit": "30m"}},
    )
    plain["BTCUSDT"]["strategy"] = STRATEGY | {"features": channels("surface")}
    Loader.from_config(plain, observers=[(Surface, said.append)]).backtest()
    write_surfaces(path, said)
    lines = path.read_bytes().splitlines()
    assert len(lines) > 5
    return lines


@RUNS
@given(data=st.data())
def test_stored_surfaces(tmp_path, surfaces, data):
    path = tmp_path / "surfaces.jsonl"
    path.write_bytes(applied(surfaces, data.draw(broken(len(surfaces)))))
    plain = synthetic(surface={"class": "stored", "params": {"path": str(path)}})
    plain["BTCUSDT"]["strategy"] = STRATEGY | {"features": channels("surface")}
    run(plain)


def headline(number):
    texts = ("Bitcoin rallies as buyers return", "Bitcoin plunges, panic selling", "What to watch in Bitcoin")
    seen = START + number * 7 * 60 * SECOND
    return {
        "id": f"n{number % 25}",
        "source": ("rss:a", "rss:b")[number % 2],
        "title": f"{texts[number % 3]} {number}",
        "url": f"https://news.example/{number}",
        "published_ns": seen - SECOND,
        "first_seen_ns": seen,
        "vader": (number % 7 - 3) / 4,
        "vader_model": "vader",
    }


HEADLINES = [msgspec.json.encode(headline(number)) for number in range(32)]


@RUNS
@given(changes=broken(len(HEADLINES)))
def test_documents(tmp_path, changes):
    path = tmp_path / "news.jsonl"
    path.write_bytes(applied(HEADLINES, changes))
    plain = synthetic(sentiment={"class": "documents", "params": {"path": str(path)}})
    plain["BTCUSDT"]["strategy"] = STRATEGY | {"features": channels("sentiment")}
    run(plain)
