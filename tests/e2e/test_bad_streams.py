"""Streams with something wrong in them: one line that says what, the right code, nothing left behind."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from quant_contracts.config import override
from quant_contracts.errors import ConfigError, DataError
from quant_daemon.loader import Loader

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BTC = "data.BTCUSDT"
FIVE = json.loads((EXAMPLES / "five_domains.json").read_text())
BOOK = json.loads((EXAMPLES / "recorded_book.json").read_text())
WITHOUT = {
    "class": "LinearModel",
    "params": {"terms": FIVE["BTCUSDT"]["strategy"]["model"]["params"]["terms"][:1]},
}
"""A model that reads nothing but bars."""

FIRST = 1_723_161_600_000
"""A moment in ms: 2024-08-09 00:00."""


def lines(rows):
    return "".join(json.dumps({"recv_ns": ms * 1_000_000, "frame": frame}) + "\n" for ms, frame in rows)


def trade(ms, number, price="100.00", quantity="1.00000", **more):
    return ms, {
        "e": "trade",
        "E": ms,
        "s": "BTCUSDT",
        "t": number,
        "p": price,
        "q": quantity,
        "T": ms,
        "m": True,
        **more,
    }


def quote(ms, number, **more):
    return ms, {
        "u": number,
        "s": "BTCUSDT",
        "b": "99.99",
        "B": "2.00000",
        "a": "100.01",
        "A": "1.00000",
        **more,
    }


def snapshot(ms, number):
    return ms, {"lastUpdateId": number, "bids": [["99.99", "2.00000"]], "asks": [["100.01", "1.00000"]]}


def depth(ms, number, **more):
    return ms, {
        "e": "depthUpdate",
        "E": ms,
        "s": "BTCUSDT",
        "U": number,
        "u": number,
        "b": [["99.98", "1.50000"]],
        "a": [["100.02", "1.50000"]],
        **more,
    }


def market(seconds=300):
    """A recording of a quiet market: each second a quote, a trade and a change of the book."""
    rows = [snapshot(FIRST, 1000)]
    for second in range(seconds):
        ms = FIRST + 1000 * second
        price = 100 + ((second * 7) % 11 - 5) / 100
        rows.append(quote(ms + 100, 5000 + second, B=f"{1 + second % 7}.00000"))
        rows.append(trade(ms + 200, 1 + second, f"{price:.2f}"))
        rows.append(depth(ms + 300, 1001 + second, b=[["99.99", f"{1 + second % 5}.00000"]]))
    return rows


MARKET = market()
WHOLE = lines(MARKET)


def recorded(path="r.jsonl", **changes):
    """The example of a recorded book on a file of its own."""
    places = ("source", *(f"{domain}.source" for domain in ("orderbook", "quotes", "trades")))
    settings = {f"{BTC}.{place}.params": {"path": path} for place in places}
    return override(BOOK, settings | {key.replace("__", "."): value for key, value in changes.items()})


SLIPS = {
    "text for a stream": (
        {f"{BTC}.trades": "recording"},
        "$.data.BTCUSDT.trades: Expected 'object | null', got 'str'",
    ),
    "a list for a stream": (
        {f"{BTC}.trades": []},
        "$.data.BTCUSDT.trades: Expected 'object | null', got 'array'",
    ),
    "no source": ({f"{BTC}.trades": {"max_age": "5s"}}, "$.data.BTCUSDT.trades: missing 'source'"),
    "unknown domain": (
        {f"{BTC}.orderbok": FIVE["data"]["BTCUSDT"]["orderbook"]},
        "$.data.BTCUSDT: unknown key 'orderbok'; did you mean 'orderbook'?",
    ),
    "unknown key": (
        {f"{BTC}.trades.maxage": "5s"},
        "$.data.BTCUSDT.trades: unknown key 'maxage'; did you mean 'max_age'?",
    ),
    "unknown source": (
        {f"{BTC}.trades.source.class": "recordng"},
        "$.data.BTCUSDT.trades.source: no stream feed is called 'recordng'; did you mean 'recording'?",
    ),
    "a source of bars": (
        {f"{BTC}.trades.source": {"class": "csv", "params": {"path": "x"}}},
        "$.data.BTCUSDT.trades.source: no stream feed is called 'csv'; valid names: ",
    ),
    "a source of another domain": (
        {f"{BTC}.trades.source": {"class": "fitted"}},
        "(fitted): a fitted surface serves the domain surface, not trades",
    ),
    "unknown setting of a source": (
        {f"{BTC}.trades.source.params.sed": 7},
        "$.data.BTCUSDT.trades.source (synthetic): unknown key 'sed'; did you mean 'seed'?",
    ),
    "wrong type in a source": (
        {f"{BTC}.trades.source.params.seed": "seven"},
        "$.data.BTCUSDT.trades.source (synthetic).seed: Expected 'int', got 'str'",
    ),
    "true for a number": (
        {f"{BTC}.trades.source.params.days": True},
        "$.data.BTCUSDT.trades.source (synthetic).days: Expected 'int', got 'bool'",
    ),
    "the symbol in a source": (
        {f"{BTC}.trades.source.params.symbol": "ETHUSDT"},
        "'symbol' follows from where it is declared; leave it out",
    ),
    "a negative age": (
        {f"{BTC}.trades.max_age": "-5s"},
        "$.data.BTCUSDT.trades.max_age: '-5s' is not an interval; write a number and one of",
    ),
    "an age that is a number": (
        {f"{BTC}.trades.max_age": 5},
        '$.data.BTCUSDT.trades.max_age: 5 is no length of time; write text such as "5s"',
    ),
    "an age of nothing": (
        {f"{BTC}.trades.max_age": ""},
        "$.data.BTCUSDT.trades.max_age: '' is not an interval",
    ),
    "a slip in when_stale": (
        {f"{BTC}.trades.when_stale": "flaten"},
        "$.data.BTCUSDT.trades.when_stale: 'flaten' is not among 'use', 'hold', 'flatten'",
    ),
    "a lookback that is no length": (
        {f"{BTC}.trades.lookback": "long"},
        "$.data.BTCUSDT.trades.lookback: 'long' is not an interval",
    ),
    "unknown setting of a handler": (
        {f"{BTC}.orderbook.handler": {"dept": 5}},
        "$.data.BTCUSDT.orderbook.handler: unknown setting 'dept'; did you mean 'depth'?",
    ),
    "text for a depth": (
        {f"{BTC}.orderbook.handler": {"depth": "5"}},
        "$.data.BTCUSDT.orderbook.handler.depth: Expected 'int', got 'str'",
    ),
    "true for a depth": (
        {f"{BTC}.orderbook.handler": {"depth": True}},
        "$.data.BTCUSDT.orderbook.handler.depth: Expected 'int', got 'bool'",
    ),
    "a depth of 0": (
        {f"{BTC}.orderbook.handler": {"depth": 0}},
        "$.data.BTCUSDT.orderbook.handler: BTCUSDT orderbook: depth must be at least 1, not 0",
    ),
    "null for a depth": (
        {f"{BTC}.orderbook.handler": {"depth": None}},
        "$.data.BTCUSDT.orderbook.handler.depth: Expected 'int', got 'null'",
    ),
    "half a trade kept": (
        {f"{BTC}.trades.handler": {"keep": 0.5}},
        "$.data.BTCUSDT.trades.handler.keep: Expected 'int', got 'float'",
    ),
    "a list for quotes kept": (
        {f"{BTC}.quotes.handler": {"keep": [1]}},
        "$.data.BTCUSDT.quotes.handler.keep: Expected 'int', got 'array'",
    ),
    "a number for an age of documents": (
        {f"{BTC}.sentiment.handler": {"age": 5}},
        "$.data.BTCUSDT.sentiment.handler.age: 5 is no length of time",
    ),
    "text for options kept": (
        {f"{BTC}.options.handler": {"max_contracts": "many"}},
        "$.data.BTCUSDT.options.handler.max_contracts: Expected 'int', got 'str'",
    ),
    "a surface without options": (
        {f"{BTC}.options": None},
        "$.data.BTCUSDT.surface.source: fitted is made from the options of BTCUSDT, which are not",
    ),
    "quotes without the book they come from": (
        {f"{BTC}.quotes.source": {"class": "from_book"}, f"{BTC}.orderbook": None},
        "from_book is made from the orderbook of BTCUSDT, which are not declared",
    ),
    "a channel whose stream is not declared": (
        {f"{BTC}.trades": None},
        "(TradeFlowImbalance): reads the trades of BTCUSDT; declare where they come from",
    ),
    "a channel for the record whose stream is not declared": (
        {
            "BTCUSDT.strategy.model": WITHOUT,
            "BTCUSDT.strategy.features": [{"class": "VPIN"}],
            f"{BTC}.trades": None,
        },
        "(VPIN): reads the trades of BTCUSDT; declare where",
    ),
    "documents of a symbol that is not declared": (
        {"BTCUSDT.strategy.features": [{"class": "SentimentScore", "params": {"symbol": "DOGEUSDT"}}]},
        "(SentimentScore): reads the sentiment of DOGEUSDT, which is not declared",
    ),
    "an output the channel has not": (
        {"BTCUSDT.strategy.model.params.terms.1.output": "ofi_6"},
        "(LinearModel): OrderFlowImbalance says no 'ofi_6'; did you mean 'ofi_5'?",
    ),
    "more levels than quotes have": (
        {"BTCUSDT.strategy.features": [{"class": "BookImbalance", "params": {"levels": 5, "of": "quotes"}}]},
        "(BookImbalance): quotes have 1 level, not 5; read the orderbook for more",
    ),
    "a venue nobody reads": (
        {f"{BTC}.trades.source": {"class": "recording", "params": {"path": "x", "venue": "nyse"}}},
        "(recording): no reader for the frames of venue 'nyse'; valid names: binance",
    ),
    "bars of trades without a length": (
        {f"{BTC}.source": {"class": "trade_bars", "params": {"path": "x"}}, f"{BTC}.interval": None},
        "(trade_bars): trades have no interval of their own; declare one, such as 10s",
    ),
}


COMMANDS = ("unknown domain", "a slip in when_stale", "text for a depth", "a surface without options")
"""Slips that are shown to the command itself; the others come to the loader, as the command's do."""


@pytest.fixture(scope="module")
def slips(attempts):
    words = ["backtest", "s.json"]
    return attempts({name: ({"s.json": override(FIVE, SLIPS[name][0])}, words) for name in COMMANDS})


@pytest.mark.parametrize("slip", COMMANDS)
def test_a_slip_is_refused_with_its_path(slips, slip):
    line = slips[slip].refusal(78)
    assert line.startswith("s.json: $")
    assert SLIPS[slip][1] in line


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_refused_at_load(slip):
    changes, said = SLIPS[slip]
    with pytest.raises(ConfigError) as refused:
        Loader.from_config(override(FIVE, changes))
    line = str(refused.value)
    assert line.startswith("$")
    assert said in line
    assert "\n" not in line


LINES = WHOLE.splitlines(keepends=True)
PACKED = gzip.compress(WHOLE.encode())


def among(line: str | bytes) -> bytes:
    """The recording with one more line in its midst."""
    more = line.encode() if isinstance(line, str) else line
    return "".join(LINES[:500]).encode() + more + b"\n" + "".join(LINES[500:]).encode()


def less(what: str) -> str:
    """The recording without the lines in which a text stands."""
    return "".join(line for line in LINES if what not in line)


RECORDINGS = {
    "no file": (None, "r.jsonl: no such file; check the path"),
    "an empty file": ("", "r.jsonl: the file is empty; record or copy it again"),
    "half a gzip": (PACKED[: len(PACKED) // 2], "r.jsonl: the gzip ends or breaks behind line "),
    "a line of garbage": (among("garbage"), "r.jsonl: line 501 is no recorded frame: "),
    "bytes that are no text": (among(b"\xff\xfe\x00"), "r.jsonl: line 501 is no recorded frame: "),
    "NaN in a line": (among('{"recv_ns": NaN, "frame": {}}'), "r.jsonl: line 501 is no recorded frame: "),
    "a line without a time": (
        among('{"frame": {}}'),
        "r.jsonl: line 501 is no recorded frame: it needs recv_ns and frame",
    ),
    "a time in milliseconds": (among('{"recv_ns": 1723161600000, "frame": {}}'), "is no time in nanoseconds"),
    "3,000 lists deep": (
        among('{"recv_ns": 1723161700000000000, "frame": ' + "[" * 3000 + "]" * 3000 + "}"),
        "r.jsonl: line 501 is no recorded frame: ",
    ),
    "a list for a line": (among("[1, 2]"), "r.jsonl: line 501 is no recorded frame: Expected 'object'"),
    "another symbol": (
        WHOLE.replace("BTCUSDT", "DOGEUSDT"),
        "r.jsonl: no trades of BTCUSDT in it: no frame of that kind; it holds depth of BTCUSDT, depth",
    ),
    "no snapshot of the book": (
        less("lastUpdateId"),
        "r.jsonl: no orderbook of BTCUSDT in it: no snapshot that its changes follow",
    ),
    "no trades": (
        less('"trade"'),
        "r.jsonl: no trades of BTCUSDT in it: no frame of that kind; it holds depth",
    ),
    "no quotes": (
        less('"B"'),
        "r.jsonl: no quotes of BTCUSDT in it: no frame of that kind; it holds depth trade",
    ),
    "a recording of seconds": (
        "".join(LINES[:40]),
        "r.jsonl: not one whole bar of 10s in the range asked for",
    ),
}
"""What a file of frames may hold, and what is said of it."""


@pytest.fixture(scope="module")
def recordings(attempts):
    words = ["backtest", "s.json", "--out", "report"]
    files = {
        name: {} if content is None else {"r.jsonl": content} for name, (content, _) in RECORDINGS.items()
    }
    return attempts({name: ({"s.json": recorded(), **file}, words) for name, file in files.items()})


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_is_no_recording_is_refused(recordings, name):
    assert RECORDINGS[name][1] in recordings[name].refusal(65)


def test_frames_between_two_ticks_are_refused_with_what_to_declare(refused, write):
    write("r.jsonl", WHOLE)
    write("s.json", recorded(data__BTCUSDT__tick="0.5"))
    line = refused(65, "backtest", "s.json")
    assert "in it: 301 frames refused, off_grid: price 99.99 lies between two steps of 0.5; " in line


ODD = {
    "a frame that is no JSON": ('{"recv_ns": %d, "frame": "{\\"u\\":"}', "refused_broken_json"),
    "a price beyond measure": (trade(0, 998, price="1e309"), "refused_too_large"),
    "a price of NaN": (trade(0, 998, price="NaN"), "refused_not_a_number"),
    "a price below 0": (trade(0, 998, price="-5.00"), "refused_negative"),
    "nothing traded": (trade(0, 998, quantity="0.00000"), "refused_not_positive"),
    "null for a price": (trade(0, 998, price=None), "refused_wrong_type"),
    "a number of a trade as text": (trade(0, "998"), "refused_wrong_type"),
    "a trade of 1970": (trade(0, 998, T=5), "refused_wild_time"),
    "a bid above the ask": (quote(0, 1, b="101.00"), "refused_crossed"),
    "a frame 3,000 lists deep": (
        '{"recv_ns": %d, "frame": "{\\"e\\": \\"trade\\", \\"p\\": ' + "[" * 3000 + "]" * 3000 + '}"}',
        "refused_nested_too_deep",
    ),
}
"""Frames that cannot be taken, and the finding under which they are counted."""


@pytest.fixture(scope="module")
def odd(attempts):
    ms = json.loads(LINES[499])["recv_ns"] // 1_000_000
    made = {}
    for name, (frame, _) in ODD.items():
        line = (
            frame % (ms * 1_000_000) if isinstance(frame, str) else lines([(ms, frame[1] | {"E": ms})])[:-1]
        )
        if isinstance(frame, tuple) and frame[1].get("T") == 0:
            line = lines([(ms, frame[1] | {"E": ms, "T": ms})])[:-1]
        made[name] = (
            {"s.json": recorded(), "r.jsonl": among(line)},
            ["backtest", "s.json", "--no-report", "--json"],
        )
    return attempts(made)


@pytest.mark.parametrize("name", ODD)
def test_a_frame_that_cannot_be_taken_is_counted_and_the_run_goes_on(odd, name):
    summary = json.loads(odd[name].output())
    found = {row["check"]: row["count"] for row in summary["quality"]}
    assert found[ODD[name][1]] >= 1
    assert summary["counts"]["BTCUSDT"]["bars"] > 20


def garbage(*names):
    """The same for several feeds: a file that is not there, one that is empty, one of garbage."""
    return {
        f"{what} for {name}": (name, content)
        for name in names
        for what, content in (("no file", None), ("an empty file", b""), ("garbage", b"garbage\n\xff\x00\n"))
    }


OTHER_FEEDS = {
    "options_file": ("options", {"path": "x", "layout": "deribit_tickers"}),
    "stored": ("surface", {"path": "x"}),
    "documents": ("sentiment", {"path": "x"}),
    "trades_file": ("trades", {"path": "x"}),
    "journal": ("orderbook", {"path": "x"}),
    "catalog": ("trades", {"root": "x"}),
}
OTHERS = garbage(*OTHER_FEEDS)


@pytest.mark.parametrize("name", OTHERS)
def test_what_no_feed_can_read_is_refused_in_one_line(name, tmp_path):
    """In this process: that such an error is one line with code 65 is shown above."""
    feed, content = OTHERS[name]
    domain, params = OTHER_FEEDS[feed]
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    changes = {f"{BTC}.{domain}.source": {"class": feed, "params": params}, "run.end": "2022-01-01T02:00:00"}
    with pytest.raises(DataError) as refused:
        Loader.from_config(override(FIVE, changes)).backtest()
    line = str(refused.value)
    assert "x" in line
    assert "\n" not in line
