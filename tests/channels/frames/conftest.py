"""Recorded frames of the venues, and parsers for them."""

from __future__ import annotations

import gzip
import itertools
import json
from decimal import Decimal

import msgspec
import pytest

from quant_channels.frames.said import KINDS
from quant_channels.frames.venues import parser_of
from quant_contracts.instrument import Grid


class Line(msgspec.Struct):
    recv_ns: int
    kind: str = "recv"
    frame: msgspec.Raw = msgspec.Raw(b"null")


NOW = 1_784_000_000_000_000_000


@pytest.fixture
def parser_for():
    """A function from venue and instrument to a parser on a fine grid."""

    def make(venue, instrument, tick="0.01", lot="0.00000001", symbol="BTCUSDT", kinds=KINDS):
        return parser_of(venue, symbol, Grid(Decimal(tick), Decimal(lot)), instrument, frozenset(kinds))

    return make


@pytest.fixture
def read_one(parser_for):
    """A function that reads one frame, given as text or as plain values, and returns what it says."""

    def read(venue, instrument, frame, recv_ns=NOW, **settings):
        parser = parser_for(venue, instrument, **settings)
        text = frame if isinstance(frame, str | bytes) else json.dumps(frame)
        return parser.parse(text, recv_ns), parser

    return read


@pytest.fixture
def recorded(shared_data):
    """A function from the name of a recording to its lines: plain values, and the frame's text as `text`."""

    def lines(name, most=None):
        with gzip.open(shared_data(f"l2/{name}"), "rt") as file:
            found = [msgspec.json.decode(line, type=Line) for line in itertools.islice(file, most)]
        texts = [bytes(line.frame).decode() for line in found]
        return [
            {"recv_ns": line.recv_ns, "kind": line.kind, "text": text}
            | {"frame": json.loads(text, parse_float=str)}
            for line, text in zip(found, texts, strict=True)
        ]

    return lines


@pytest.fixture
def fixture_frames(shared_data):
    """A function from the name of a file of fixtures to its frames by name."""

    def frames(name):
        with shared_data(f"fixtures/{name}").open() as file:
            rows = [json.loads(line) for line in file]
        return {row["name"]: row["frame"] for row in rows}

    return frames
