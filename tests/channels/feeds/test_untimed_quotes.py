"""Best prices that say no time are not known before the book and the trades of the same recording."""

from __future__ import annotations

import json

import numpy as np
import pytest

from quant_channels.feeds.recording import RecordingFeed
from quant_contracts.convert import convert
from quant_contracts.errors import DataError
from quant_contracts.units import MILLISECOND, SECOND

START = 1_784_000_000_000_000_000
SPOT = "l2/binance_spot_BTCUSDT_frames_20240808T2354.jsonl.gz"
STEPS = {"symbol": "BTCUSDT", "venue": "binance_spot", "tick": "0.01", "lot": "0.00001"}


def feed(path, domain="quotes", **settings):
    return convert({**STEPS, "domain": domain, "path": str(path), **settings}, RecordingFeed, "$.source")


def read(made, names, end=None):
    blocks = list(made.blocks(None, end, 4_096))
    return [np.concatenate([getattr(block, name) for block in blocks]) for name in names]


def quote(number, **more):
    fields = {"u": number, "s": "BTCUSDT", "b": "100.00", "B": str(number), "a": "101.00", "A": "2"}
    return {**fields, **more}


def trade(lead, place, symbol="BTCUSDT"):
    """A trade that the venue sent `lead` ms after it was received as line `place`."""
    sent = START // MILLISECOND + place * 1_000 + lead
    fields = {
        "e": "trade",
        "E": sent,
        "T": sent,
        "s": symbol,
        "t": place,
        "p": "100.50",
        "q": "1",
        "m": False,
    }
    return {"stream": f"{symbol.lower()}@trade", "data": fields}


@pytest.fixture
def record(tmp_path):
    """A function that writes frames as a recording, one a second, each with its connection or without."""

    def write(*frames):
        path = tmp_path / "frames.jsonl"
        with path.open("w") as file:
            for place, each in enumerate(frames):
                frame, more = each if isinstance(each, tuple) else (each, {})
                file.write(json.dumps({"recv_ns": START + place * SECOND, "frame": frame, **more}) + "\n")
        return path

    return write


def test_a_clock_that_ran_behind_by_the_other_frames_is_refused_with_the_offset_to_declare(record):
    path = record(quote(1), trade(1_200, 1), quote(2), trade(1_277, 3), quote(3))
    with pytest.raises(DataError) as caught:
        read(feed(path), ["known"])
    message = str(caught.value)
    assert "would be known before they happened: they have no time of the venue's own" in message
    assert "sent up to 1.277 s after they were received; declare --set clock_offset=1.28s " in message
    assert '"clock_offset": "1.28s"' in message
    assert "\n" not in message
    made = feed(path, clock_offset="1.28s")
    (known,) = read(made, ["known"])
    assert (known - START).tolist() == [1_280_000_000, 3_280_000_000, 5_280_000_000]
    assert made.quality() == ()


def test_an_offset_that_is_too_small_is_refused_with_the_whole_one(record):
    path = record(quote(1), trade(1_277, 1))
    with pytest.raises(DataError, match=r"up to 0\.277 s .* by clock_offset=1s; .* clock_offset=1\.28s "):
        read(feed(path, clock_offset="1s"), ["known"])


@pytest.mark.parametrize("lead", [-200, 0, 50])
def test_what_clocks_differ_by_anyway_is_borne(record, lead):
    (known,) = read(feed(record(quote(1), trade(lead, 1), quote(2))), ["known"])
    assert (known - START).tolist() == [0, 2 * SECOND]


def test_the_best_few_levels_are_judged_alike(record):
    few = {"lastUpdateId": 7, "bids": [["100.00", "1"]], "asks": [["101.00", "2"]]}
    path = record({"stream": "btcusdt@depth5@100ms", "data": few}, trade(900, 1))
    with pytest.raises(DataError, match=r"clock_offset=0\.9s "):
        read(feed(path, kind="partial_depth"), ["known"])


def test_quotes_that_say_their_time_need_no_witness(record):
    timed = {"T": START // MILLISECOND + 40, "E": START // MILLISECOND + 41}
    made = feed(record(quote(1, **timed), trade(1_277, 1)))
    (known,) = read(made, ["known"])
    assert (known - START).tolist() == [40 * MILLISECOND]
    (early,) = made.quality()
    assert (early.check, early.count) == ("early", 1)
    assert "up to 0.04 s before" in early.example
    assert "clock_offset=0.04s" in early.example


@pytest.mark.parametrize(
    ("witness", "is_heard"),
    [
        pytest.param((trade(500, 1, "ETHUSDT"), {"conn": "a"}), True, id="another coin, same connection"),
        pytest.param((trade(500, 1), {"conn": "b"}), True, id="same coin, another connection"),
        pytest.param((trade(500, 1, "ETHUSDT"), {"conn": "b"}), False, id="another coin and connection"),
        pytest.param((trade(500, 1)["data"], {"kind": "http"}), False, id="a reply to a request"),
        pytest.param(({**trade(500, 1)["data"], "E": START}, {}), False, id="a time in nanoseconds"),
        pytest.param(("{", {}), False, id="damaged"),
    ],
)
def test_witnesses_came_over_the_same_connection_or_are_about_the_same_coin(record, witness, is_heard):
    made = feed(record((quote(1), {"conn": "a"}), witness))
    if is_heard:
        with pytest.raises(DataError, match=r"clock_offset=0\.5s "):
            read(made, ["known"])
    else:
        assert len(read(made, ["known"])[0]) == 1


def test_early_trades_and_books_name_the_largest_lead_and_its_offset(record):
    made = feed(record(quote(1), trade(1_200, 1), trade(1_277, 2)), "trades", clock_offset="100ms")
    read(made, ["known"])
    (early,) = made.quality()
    assert (early.check, early.count) == ("early", 2)
    assert "received up to 1.177 s before it happened" in early.example
    assert "clock_offset=1.28s" in early.example


class TestTheSharedRecording:
    def test_is_refused_without_an_offset(self, shared_data):
        with pytest.raises(DataError, match=r"up to 1\.2767 s .* --set clock_offset=1\.28s "):
            read(feed(shared_data(SPOT)), ["known"])

    def test_trades_print_at_the_best_price_more_often_where_the_offset_is_declared(self, shared_data):
        path = shared_data(SPOT)
        happened, known, price, side = read(
            feed(path, "trades", clock_offset="1.28s"), ["ts", "known", "price", "side"]
        )
        quoted, bid, ask = read(feed(path, clock_offset="1.28s"), ["known", "bid", "ask"])

        def share(quoted, traded):
            """Trades at the best price, as last known before them, of the side that was taken from."""
            last = quoted.searchsorted(traded) - 1
            best = np.where(side > 0, ask[last], bid[last])
            return float((best == price)[last >= 0].mean())

        declared = share(quoted, known)
        # As it would be without: quotes when they came, trades when they happened.
        silent = share(quoted - 1_280 * MILLISECOND, happened)
        assert silent < 0.2
        assert declared > 0.35
