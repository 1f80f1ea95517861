"""Recorded books: their frames, and a reference of its own, made of plain dictionaries and exact decimals."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import msgspec
import pytest

from quant_channels.frames.venues import parser_of
from quant_contracts.instrument import Grid

NOW = 1_784_000_000_000_000_000

SESSIONS = {
    "binance_spot": ("binance_spot_4sym_session.jsonl.gz", "NKNUSDT", "0.00001", "0.1"),
    "binance_usdm": ("binance_usdm_4sym_session.jsonl.gz", "SUSHIUSDT", "0.001", "1"),
    "deribit": ("deribit_options_session.jsonl.gz", "BTC-24SEP21-8000-P", "0.0005", "0.1"),
    "okx": ("okx_session.jsonl.gz", "UNI-USD-SWAP", "0.001", "1"),
    "okx_numbered": ("okx_session.jsonl.gz", "UNI-USD-SWAP", "0.001", "1"),
    "coinbase": ("coinbase_session.jsonl.gz", "SKL-GBP", "0.0001", "0.1"),
    "bybit": ("bybit_XRPUSDT_ob500_20241201_first50.jsonl", "XRPUSDT", "0.0001", "1"),
    "hyperliquid": ("hyperliquid_BTC_frames_20250126.jsonl.gz", "BTC", "1", "0.00001"),
}


class Line(msgspec.Struct):
    recv_ns: int = NOW
    kind: str = "recv"
    url: str = ""
    frame: msgspec.Raw = msgspec.Raw(b"null")


class Reference:
    """The book by the text of the frames, in their recorded order, which has no gap."""

    def __init__(self, tick: str, lot: str) -> None:
        self.tick, self.lot = Decimal(tick), Decimal(lot)
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}

    def put(self, side: dict[Decimal, Decimal], levels) -> None:
        for price, size in levels:
            if Decimal(size):
                side[Decimal(price)] = Decimal(size)
            else:
                side.pop(Decimal(price), None)

    def whole(self, bids, asks) -> None:
        self.bids, self.asks = {}, {}
        self.change(bids, asks)

    def change(self, bids, asks) -> None:
        self.put(self.bids, bids)
        self.put(self.asks, asks)

    def steps(self) -> dict[int, dict[int, int]]:
        """Both sides in whole ticks and lots, as a ladder has them."""
        return {
            side: {int(price / self.tick): int(size / self.lot) for price, size in levels.items()}
            for side, levels in ((1, self.bids), (-1, self.asks))
        }


def plain(venue: str, frame: dict):
    """What a frame says of a book: number, whether it is whole, bids, asks. None if it says nothing."""
    if venue.startswith("binance"):
        if "lastUpdateId" in frame:
            return frame["lastUpdateId"], True, frame["bids"], frame["asks"]
        data = frame.get("data", frame)
        return (data["u"], False, data["b"], data["a"]) if data.get("e") == "depthUpdate" else None
    if venue == "deribit":
        params = frame.get("params", {})
        if not params.get("channel", "").startswith("book."):
            return None
        sides = [
            [(price, "0" if action == "delete" else size) for action, price, size in params["data"][side]]
            for side in ("bids", "asks")
        ]
        return params["data"]["change_id"], params["data"]["type"] == "snapshot", *sides
    if venue.startswith("okx"):
        if frame.get("arg", {}).get("channel") != "books" or "data" not in frame:
            return None
        (data,) = frame["data"]
        sides = [[level[:2] for level in data[side]] for side in ("bids", "asks")]
        return data.get("seqId", int(data["ts"])), frame["action"] == "snapshot", *sides
    if venue == "coinbase":
        if frame.get("type") == "snapshot":
            return 0, True, frame["bids"], frame["asks"]
        if frame.get("type") != "l2update":
            return None
        sides = [[change[1:] for change in frame["changes"] if change[0] == side] for side in ("buy", "sell")]
        return frame["time"], False, *sides
    if venue == "hyperliquid":
        if frame["channel"] != "l2Book":
            return None
        sides = [[(level["px"], level["sz"]) for level in side] for side in frame["data"]["levels"]]
        return frame["data"]["time"], True, *sides
    return frame["data"]["u"], frame["type"] == "snapshot", frame["data"]["b"], frame["data"]["a"]


class Session:
    """The frames of one book as text, in order, and the true book after each of them by its number."""

    def __init__(
        self, venue: str, instrument: str, tick: str, lot: str, lines: list[Line], *, keep: bool = True
    ) -> None:
        self.venue = venue.removesuffix("_numbered")
        self.instrument, self.tick, self.lot = instrument, tick, lot
        self._lines = lines
        self.texts: list[str] = []
        self.truth: dict[object, dict[int, dict[int, int]]] = {}
        reference, began = Reference(tick, lot), None
        seen = 0
        for line in lines:
            text = bytes(line.frame).decode()
            ours = instrument in text or (line.kind == "http" and f"symbol={instrument}&" in line.url)
            frame = json.loads(text, parse_float=str) if ours else None
            if not isinstance(frame, dict) or (said := plain(venue, frame)) is None:
                continue
            if venue == "okx_numbered":
                frame["data"][0] |= {"seqId": 100 + 3 * seen, "prevSeqId": 97 + 3 * seen, "checksum": 0}
                text = json.dumps(frame)
                said = plain(venue, frame)
            seen += 1
            self.texts.append(text)
            number, is_whole, bids, asks = said
            if is_whole:
                began = number
                reference.whole(bids, asks)
            elif began is None or (self.venue.startswith("binance") and number <= began):
                continue
            else:
                reference.change(bids, asks)
            if keep:
                self.truth[number] = reference.steps()
        self.last = reference.steps()

    def of(self, instrument: str, tick: str, lot: str) -> Session:
        """Another book of the same recording."""
        return Session(self.venue, instrument, tick, lot, self._lines, keep=False)

    def parser(self):
        grid = Grid(Decimal(self.tick), Decimal(self.lot))
        return parser_of(self.venue, "SYMBOL", grid, self.instrument, frozenset({"depth"}))


@pytest.fixture(scope="session")
def session_of(request):
    """A function from a name in `SESSIONS` to that session; each is read once."""
    made = {}
    root = request.config.rootpath.parent / "shared" / "data" / "l2"

    def make(name):
        if name not in made:
            file, instrument, tick, lot = SESSIONS[name]
            if not (root / file).exists():
                pytest.skip(f"needs the shared market data: ../shared/data/l2/{file}")
            opened = gzip.open if file.endswith(".gz") else open
            with opened(root / file, "rb") as text:
                if name == "bybit":
                    lines = [Line(frame=msgspec.Raw(line)) for line in text]
                else:
                    lines = [msgspec.json.decode(line, type=Line) for line in text]
            made[name] = Session(name, instrument, tick, lot, lines)
        return made[name]

    return make


@pytest.fixture
def reference():
    """A function that makes an empty reference book, and one that reads a frame."""
    return Reference, plain
