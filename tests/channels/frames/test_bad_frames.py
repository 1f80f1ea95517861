"""Bad frames are refused and counted: nothing is raised, and no value of theirs goes on."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_channels.frames.said import Depth, Lost
from quant_channels.frames.venues import READERS, parser_of
from quant_contracts.instrument import Grid

NOW = 1_784_000_000_000_000_000
MS = 1_723_161_256_299
L2_TIME = "2021-04-17T16:43:30.244075Z"
GOOD = {
    "binance": [
        {"e": "depthUpdate", "E": MS, "s": "A-B", "U": 5, "u": 9, "b": [["1.00", "2"]], "a": [["2.00", "3"]]},
        {
            "stream": "a-b@trade",
            "data": {"e": "trade", "s": "A-B", "t": 5, "p": "1.00", "q": "1", "T": MS, "m": True},
        },
        {
            "e": "bookTicker",
            "u": 7,
            "s": "A-B",
            "b": "1.00",
            "B": "3",
            "a": "2.00",
            "A": "1",
            "T": MS,
            "E": MS,
        },
        {"lastUpdateId": 7, "bids": [["1.00", "2"]], "asks": [["2.00", "3"]]},
        {"e": "markPriceUpdate", "E": MS, "s": "A-B", "p": "1.5", "i": "1.4", "r": "0.0001", "T": MS},
    ],
    "deribit": [
        {
            "method": "subscription",
            "params": {
                "channel": "book.A-B.raw",
                "data": {
                    "type": "change",
                    "timestamp": MS,
                    "instrument_name": "A-B",
                    "change_id": 9,
                    "prev_change_id": 8,
                    "bids": [["new", 1.0, 2.0]],
                    "asks": [["delete", 2.0, 0.0]],
                },
            },
        },
        {
            "method": "subscription",
            "params": {
                "channel": "ticker.A-B.raw",
                "data": {
                    "timestamp": MS,
                    "instrument_name": "A-B",
                    "mark_price": 1.5,
                    "index_price": 1.4,
                    "best_bid_price": 1.0,
                    "best_bid_amount": 3.0,
                    "best_ask_price": 2.0,
                    "best_ask_amount": 4.0,
                },
            },
        },
    ],
    "coinbase": [
        {"type": "snapshot", "product_id": "A-B", "bids": [["1.00", "2"]], "asks": [["2.00", "3"]]},
        {"type": "l2update", "product_id": "A-B", "changes": [["buy", "1.00", "2"]], "time": L2_TIME},
        {
            "type": "match",
            "product_id": "A-B",
            "trade_id": 5,
            "side": "buy",
            "size": "2",
            "price": "1.00",
            "time": L2_TIME,
        },
    ],
    "okx": [
        {
            "arg": {"channel": "books", "instId": "A-B"},
            "action": "update",
            "data": [
                {
                    "asks": [["2.00", "3", "0", "1"]],
                    "bids": [["1.00", "2", "0", "1"]],
                    "ts": str(MS),
                    "checksum": 5,
                }
            ],
        },
        {
            "arg": {"channel": "trades", "instId": "A-B"},
            "data": [
                {"instId": "A-B", "tradeId": "5", "px": "1.00", "sz": "2", "side": "buy", "ts": str(MS)}
            ],
        },
    ],
    "bybit": [
        {
            "topic": "orderbook.50.A-B",
            "type": "delta",
            "ts": MS,
            "data": {"s": "A-B", "b": [["1.00", "2"]], "a": [["2.00", "3"]], "u": 9, "seq": 1},
            "cts": MS,
        },
        {
            "topic": "publicTrade.A-B",
            "ts": MS,
            "data": [{"T": MS, "s": "A-B", "S": "Buy", "v": "2", "p": "1.00", "i": "5"}],
        },
    ],
    "hyperliquid": [
        {
            "channel": "l2Book",
            "data": {
                "coin": "A-B",
                "time": MS,
                "levels": [[{"px": "1.00", "sz": "2", "n": 1}], [{"px": "2.00", "sz": "3", "n": 1}]],
            },
        },
        {"channel": "trades", "data": [{"coin": "A-B", "side": "B", "px": "1.00", "sz": "2", "time": MS}]},
    ],
}
FRAMES = [(venue, frame) for venue, frames in GOOD.items() for frame in frames]
DEEP = "[" * 3_000 + "]" * 3_000


def parser(venue):
    return parser_of(venue, "AB", Grid(Decimal("0.01"), Decimal("0.001")), "A-B")


def sound(said):
    """Whether every number in it is one that may go on."""
    if isinstance(said, Lost):
        return True
    if isinstance(said, Depth):
        return all(
            0 < ticks < 1 << 53 and 0 <= lots < 1 << 62
            for side in (said.bids, said.asks)
            for ticks, lots in side
        )
    values = [value for value in msgspec.structs.astuple(said) if isinstance(value, float)]
    is_close = said.ts_event == NOW or 1_230_768_000 <= said.ts_event // 10**9 <= 4_102_444_800
    return is_close and all(math.isfinite(value) for value in values)


def refused(venue, text):
    """The reason for which a frame was refused; empty where it was not."""
    one = parser(venue)
    said = one.parse(text, NOW)
    assert all(map(sound, said))
    assert not one.refused or all(isinstance(each, Lost) for each in said)
    return "".join(one.refused)


def test_every_venue_has_good_frames_here():
    assert set(GOOD) == {name.partition("_")[0] for name in READERS}


@pytest.mark.parametrize(("venue", "frame"), FRAMES)
def test_a_good_frame_is_taken(venue, frame):
    one = parser(venue)
    assert one.parse(json.dumps(frame), NOW)
    assert not one.refused


@pytest.mark.parametrize(("venue", "frame"), FRAMES)
def test_a_frame_cut_anywhere_is_refused(venue, frame):
    text = json.dumps(frame)
    for length in range(len(text)):
        assert refused(venue, text[:length]) == "broken_json"


@pytest.mark.parametrize(("venue", "frame"), FRAMES)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\xff\xfe\x00", "broken_json"),
        (b'"\xff"', "wrong_type"),
        (b"null", "wrong_type"),
        (b"[]", "wrong_type"),
        (b"7", "wrong_type"),
        (b"{}", ""),
        (DEEP, "wrong_type"),
        ('{"x":' + DEEP + "}", "nested_too_deep"),
        ('{"data":' + DEEP + ',"params":' + DEEP + "}", "nested_too_deep"),
        ("{} {}", "broken_json"),
        ('{"e":"\ud800"}', "not_utf8"),
    ],
)
def test_what_is_no_frame_at_all_is_refused(venue, frame, text, reason):
    assert refused(venue, text) == reason or (text != b"{}" and refused(venue, text))
    del frame


def paths(value, at=()):
    """Every place of a frame that holds a plain value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*at, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths(item, (*at, place))
    else:
        yield at


def replaced(frame, at, new):
    copy = json.loads(json.dumps(frame))
    inner = copy
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = new
    return copy


BAD = [
    None,
    True,
    "NaN",
    "-1",
    -1,
    "1e309",
    10**18,
    10**30,
    "",
    [],
    {},
    "Infinity",
    "0.001",
    0.001,
    1.5,
    "\x00",
]


NO_VALUES = ("NaN", "Infinity", "1e309", "-1", 10**30, [], {})
"""A value in no place of any frame."""


@pytest.mark.parametrize(("venue", "frame"), FRAMES)
def test_a_bad_value_in_any_place_never_goes_on(venue, frame):
    good = parser(venue).parse(json.dumps(frame), NOW)
    for at in paths(frame):
        for bad in BAD:
            text = json.dumps(replaced(frame, at, bad))
            if refused(venue, text) or bad not in NO_VALUES:
                continue
            said = parser(venue).parse(text, NOW)
            # Either the place is not read, or the frame became one of something else.
            assert not said or said == good or (venue, at[-1]) == ("bybit", "i"), (at, bad)


@pytest.mark.parametrize(("venue", "frame"), FRAMES)
def test_a_frame_of_another_instrument_is_passed_over_and_counted(venue, frame):
    one = parser_of(venue, "AB", Grid(Decimal("0.01"), Decimal("0.001")), "C-D")
    said = one.parse(json.dumps(frame), NOW)
    if "lastUpdateId" in frame:
        # It does not say whose it is; whoever asked knows.
        assert len(said) == 1
    else:
        assert not said
        assert [name for name, _ in one.wanted.passed] == ["A-B"]


def test_prices_between_ticks_negative_sizes_and_wild_times_have_their_own_names():
    diff = GOOD["binance"][0]
    assert refused("binance", json.dumps({**diff, "b": [["1.005", "2"]]})) == "off_grid"
    assert refused("binance", json.dumps({**diff, "b": [["1.00", "-2"]]})) == "negative"
    assert refused("binance", json.dumps({**diff, "b": [["NaN", "2"]]})) == "not_a_number"
    assert refused("binance", json.dumps({**diff, "b": [["1e309", "2"]]})) == "too_large"
    assert refused("binance", json.dumps({**diff, "b": [["0", "2"]]})) == "not_positive"
    assert refused("binance", json.dumps({**diff, "E": 10**18})) == "wild_time"
    assert refused("binance", json.dumps({**diff, "U": 10, "u": 9})) == "wild_number"
    assert refused("binance", json.dumps({**diff, "b": None})) == "wrong_type"
    ticker = {**GOOD["binance"][2], "b": "3.00"}
    assert refused("binance", json.dumps(ticker)) == "crossed"


def test_a_frame_that_may_have_been_the_books_leaves_a_mark():
    one = parser("okx")
    text = json.dumps(GOOD["okx"][0])
    assert [type(said) for said in one.parse(text[:-9], NOW)] == [Lost]
    trade = json.dumps(GOOD["okx"][1]).replace('"1.00"', '"x"')
    assert one.parse(trade, NOW) == ()
    assert one.refused == {"broken_json": 1, "not_a_number": 1}


def test_names_of_what_is_passed_over_are_bounded():
    one = parser("coinbase")
    for number in range(2_000):
        frame = {**GOOD["coinbase"][1], "product_id": f"X-{number}"}
        one.parse(json.dumps(frame), NOW)
    assert len(one.wanted.passed) < 300
    assert sum(one.wanted.passed.values()) == 2_000


@st.composite
def mutated(draw):
    """A real frame with some of its bytes changed, doubled or gone."""
    venue, frame = draw(st.sampled_from(FRAMES))
    text = bytearray(json.dumps(frame).encode())
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text) - 1))
        what = draw(st.sampled_from(["set", "drop", "repeat", "insert"]))
        if what == "set":
            text[place] = draw(st.integers(0, 255))
        elif what == "drop":
            del text[place : place + draw(st.integers(1, 8))]
            text = text or bytearray(b" ")
        elif what == "repeat":
            text[place:place] = text[place : place + 8]
        else:
            text[place:place] = draw(
                st.sampled_from([b"-", b"e9", b"null", b"9" * 20, b"[", b"\xff", b".", b"NaN"])
            )
    return venue, bytes(text)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_no_mutation_of_a_real_frame_raises_or_gets_an_unsound_value_through(case):
    venue, text = case
    one = parser(venue)
    assert all(map(sound, one.parse(text, NOW)))


@settings(max_examples=150, deadline=None)
@given(venue=st.sampled_from(sorted(READERS)), text=st.binary(max_size=60) | st.text(max_size=60))
def test_no_text_at_all_raises(venue, text):
    assert all(map(sound, parser(venue).parse(text, NOW)))
