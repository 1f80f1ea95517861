"""Whole recordings rebuild without a gap, equal to a reference of plain dictionaries and exact decimals."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest

from quant_channels.feeds.recording import RecordingFeed
from quant_channels.frames.venues import parser_of
from quant_channels.orderbook.builder import BookBuilder, Resync
from quant_channels.orderbook.ladder import ASK, BID, Ladder
from quant_channels.orderbook.sequence import rule_of
from quant_contracts.blocks import RESET, BookBlock
from quant_contracts.instrument import Grid
from quant_contracts.units import MILLISECOND

TEN_MINUTES = {
    "binance_spot": ("binance_spot_BTCUSDT_frames_20240808T2354.jsonl.gz", "0.01", "0.00000001"),
    "binance_usdm": ("binance_usdm_BTCUSDT_frames_20240808T2354.jsonl.gz", "0.1", "0.001"),
}
EVERY = 400
"""Frames between two comparisons of whole books."""
REQUESTS = {"no snapshot yet", "near_edge"}
"""What a gapless recording makes the builder ask for."""


class Line(msgspec.Struct):
    recv_ns: int
    frame: msgspec.Raw


@pytest.mark.parametrize("venue", TEN_MINUTES)
def test_ten_minutes_of_binance(shared_data, reference, venue):
    file, tick, lot = TEN_MINUTES[venue]
    make, plain = reference
    parser = parser_of(venue, "BTCUSDT", Grid(Decimal(tick), Decimal(lot)), kinds=frozenset({"depth"}))
    builder = BookBuilder("BTCUSDT", rule_of(venue))
    book, began, waiting, frames, compared, confirmed = make(tick, lot), None, [], 0, 0, 0
    ticker = b""
    with gzip.open(shared_data(f"l2/{file}"), "rb") as lines:
        for text in lines:
            if b"@bookTicker" in text:
                ticker = text
            if b"@depth" not in text and b"lastUpdateId" not in text:
                continue
            line = msgspec.json.decode(text, type=Line)
            for said in parser.parse(line.frame, line.recv_ns):
                outcome = builder.take(said, line.recv_ns)
                assert {each.reason for each in outcome if isinstance(each, Resync)} <= REQUESTS
            number, is_whole, bids, asks = plain(venue, json.loads(bytes(line.frame)))
            if is_whole:
                began = number
                book.whole(bids, asks)
                for change, *sides in waiting:
                    if change > began:
                        book.change(*sides)
                continue
            if began is None:
                waiting.append((number, bids, asks))
            elif number > began:
                book.change(bids, asks)
            frames += 1
            if began is None:
                continue
            assert (builder.state, builder.at) == ("valid", max(number, began))
            data = json.loads(ticker)["frame"]["data"]
            if number == data["u"]:
                # The venue's own best prices, taken from the book of this very number.
                confirmed += 1
                bid, ask = builder.ladder.best(BID), builder.ladder.best(ASK)
                assert [Decimal(data[key]) for key in "bBaA"] == [
                    bid * book.tick,
                    builder.ladder.sides[BID][bid] * book.lot,
                    ask * book.tick,
                    builder.ladder.sides[ASK][ask] * book.lot,
                ]
            if not frames % EVERY:
                compared += 1
                assert builder.ladder.sides == book.steps()
    assert builder.ladder.sides == book.steps()
    assert not parser.refused
    assert set(builder.counts) <= {"waiting", "old", "near_edge"}
    assert frames > 6_000
    assert compared > 12
    assert confirmed > 100


NAMES = ("binance_spot", "binance_usdm", "deribit", "okx", "coinbase", "bybit", "hyperliquid")


@pytest.mark.parametrize("name", NAMES)
def test_sessions_rebuild_without_a_gap(session_of, name):
    session = session_of(name)
    parser, builder = session.parser(), BookBuilder("SYMBOL", rule_of(session.venue))
    states = []
    for place, text in enumerate(session.texts):
        for said in parser.parse(text, 1_784_000_000_000_000_000 + place):
            outcome = builder.take(said, 1_784_000_000_000_000_000 + place)
            assert {each.reason for each in outcome if isinstance(each, Resync)} <= REQUESTS
        states.append(builder.state)
        if builder.state == "valid" and builder.at in session.truth:
            assert builder.ladder.sides == session.truth[builder.at]
    assert states[-1] == "valid"
    first = states.index("valid")
    assert set(states[first:]) == {"valid"}
    assert not parser.refused
    assert builder.ladder.sides == session.last
    assert session.last[BID]
    assert session.last[ASK]


@pytest.mark.parametrize(
    ("name", "instrument", "tick", "lot"),
    [
        *(
            ("okx", name, tick, lot)
            for name, tick, lot in (("BTC-USDT", "0.1", "1e-8"), ("BTC-USD-220527", "0.1", "1"))
        ),
        *(("binance_spot", name, "1e-8", "0.1") for name in ("BLZETH", "LRCBTC", "RUNEEUR")),
        *(("binance_usdm", name, "0.00001", "1") for name in ("AKROUSDT", "KEEPUSDT", "CTKUSDT")),
        *(
            ("coinbase", name, "1e-8" if name.endswith("BTC") else "0.0001", "1e-8")
            for name in (
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
        ),
        *(
            ("deribit", name, "0.0005", "0.1")
            for name in (
                "BTC-30JUL21-24000-P",
                "ETH-30JUL21-2800-C",
                "BTC-31DEC21-34000-P",
                "BTC-24SEP21-34000-P",
                "BTC-24JUN22-15000-C",
                "BTC-31DEC21-300000-C",
                "ETH-27AUG21-4000-P",
                "BTC-25MAR22-30000-C",
                "ETH-23JUL21-2300-C",
            )
        ),
    ],
)
def test_every_other_book_of_the_sessions(session_of, name, instrument, tick, lot):
    session = session_of(name).of(instrument, tick, lot)
    parser, builder = session.parser(), BookBuilder("SYMBOL", rule_of(session.venue))
    for place, text in enumerate(session.texts):
        for said in parser.parse(text, place):
            builder.take(said, place)
    assert not parser.refused
    assert builder.state == "valid"
    assert set(builder.counts) <= {"waiting", "old", "near_edge"}
    assert builder.ladder.sides == session.last


def test_frames_that_were_recorded_without_their_arrival_make_the_same_book(session_of, shared_data):
    session = session_of("bybit")
    path = shared_data("l2/bybit_XRPUSDT_ob500_20241201_first50.jsonl")
    feed = RecordingFeed(
        "orderbook",
        "XRPUSDT",
        str(path),
        venue="bybit",
        tick=Decimal(session.tick),
        lot=Decimal(session.lot),
        size_step=Decimal(session.lot),
        assume_received="venue+100ms",
    )
    book, states = Ladder(), {}
    for block in feed.blocks(None, None, 1_000):
        assert isinstance(block, BookBlock)
        assert (block.known - block.ts == 100 * MILLISECOND).all()
        starts = [*block.frame_starts().tolist(), len(block)]
        for start, stop in pairwise(starts):
            if block.action[start] == RESET:
                book.clear()
            for row in range(start, stop):
                book.put(block.side.item(row), block.ticks.item(row), block.lots.item(row))
            states[block.sequence.item(start)] = {side: dict(book.sides[side]) for side in (BID, ASK)}
    assert states == session.truth
    assert len(states) == 50
    assert {row.check: row.count for row in feed.quality()} == {"assumed_received": 50}
