"""Recorded frames as rows: what is known when, what is refused, and what a damaged file still gives."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pytest

from quant_channels.feeds.recording import RecordingFeed
from quant_channels.orderbook.ladder import ASK, BID, Ladder
from quant_contracts.blocks import GAP, RESET, BookBlock, ChainBlock, QuoteBlock, TradeBlock
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import BookDelta, BookGap, BookSnapshot
from quant_contracts.protocols import StreamFeed
from quant_contracts.units import MILLISECOND, SECOND

START = 1_784_000_000_000_000_000
FROM_DATA = {"symbol": "BTCUSDT", "venue": "binance", "tick": "0.01", "lot": "0.00001"}
"""What the loader adds to the parameters of any stream feed, beside the domain."""
SPOT = "l2/binance_spot_BTCUSDT_frames_20240808T2354.jsonl.gz"
USDM = "l2/binance_usdm_BTCUSDT_frames_20240808T2354.jsonl.gz"


def ms(place):
    """The venue's time of what is received `place` seconds after the start."""
    return START // MILLISECOND + 1_000 * place


def diff(first, last, bids=(), asks=(), at=0):
    return {
        "e": "depthUpdate",
        "E": ms(at),
        "s": "BTCUSDT",
        "U": first,
        "u": last,
        "b": list(bids),
        "a": list(asks),
    }


def snapshot(last, bids=(("100.00", "5"),), asks=(("101.00", "2"),)):
    return {"lastUpdateId": last, "bids": list(bids), "asks": list(asks)}


def trade(trade_id, at=0, price="100.50"):
    fields = {"e": "trade", "E": ms(at), "s": "BTCUSDT", "t": trade_id, "p": price, "q": "1"}
    return {**fields, "T": ms(at), "m": False}


@pytest.fixture
def record(tmp_path):
    """A function that writes frames as a recording, one a second, and returns its path.

    A frame may be given with other fields of its line, as a pair.
    """

    def write(*frames, name="frames.jsonl"):
        lines = []
        for place, each in enumerate(frames):
            frame, more = each if isinstance(each, tuple) else (each, {})
            lines.append(json.dumps({"recv_ns": START + place * SECOND, **more, "frame": frame}))
        path = tmp_path / name
        text = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    return write


def feed(path, domain="orderbook", **settings):
    return convert({**FROM_DATA, "domain": domain, "path": str(path), **settings}, RecordingFeed, "$.source")


def events(made, start=None, end=None, rows=1_000):
    return [event for block in made.blocks(start, end, rows) for event in block.events()]


def checks(made):
    return {row.check: row.count for row in made.quality()}


def columns(blocks, names):
    return {name: np.concatenate([getattr(block, name) for block in blocks]) for name in names}


BOOK = ("ts", "known", "action", "side", "ticks", "lots", "sequence")


def test_it_is_a_stream_feed(record):
    made = feed(record(diff(1, 2), snapshot(2)))
    assert isinstance(made, StreamFeed)
    assert (made.domain, made.symbol) == ("orderbook", "BTCUSDT")
    assert made.info().name == "frames.jsonl"
    assert len(made.info().sha256) == 64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"domain": "surface"}, "a recording holds no 'surface'"),
        ({"venue": "binanse"}, r"no reader for the frames of venue 'binanse'; did you mean 'binance'"),
        ({"kind": "ticker"}, "orderbook are not made of 'ticker'"),
        ({"domain": "trades", "kind": "quote"}, "trades are not made of 'quote'"),
        ({"clock_offset": "fast"}, r"clock_offset must be a number .*, not 'fast'"),
        ({"assume_received": "venue-1s"}, r"assume_received must be venue, or such as venue\+100ms, not"),
        ({"assume_received": "now"}, r"assume_received must be .*, not 'now'"),
        ({"tick": "0"}, "tick must be above 0"),
        ({"color": "red"}, "unknown key 'color'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        feed("frames.jsonl", **settings)


def test_a_book_becomes_known_with_its_snapshot_and_then_change_by_change(record):
    first, second, third, gap = events(
        feed(
            record(
                diff(1, 2),
                diff(3, 4, [("99.00", "1")]),
                snapshot(2),
                diff(5, 6, [("99.00", "0")], at=3),
                diff(9, 9),
            )
        )
    )
    assert isinstance(first, BookSnapshot)
    assert (first.sequence, first.ts_known, first.ts_event) == (2, START + 2 * SECOND, START + 2 * SECOND)
    assert (first.bids, first.asks) == (((100.0, 5.0),), ((101.0, 2.0),))
    assert isinstance(second, BookDelta)
    assert (second.ts_event, second.ts_known, second.bids) == (START, START + 2 * SECOND, ((99.0, 1.0),))
    assert (third.sequence, third.ts_known, third.bids) == (6, START + 3 * SECOND, ((99.0, 0.0),))
    assert isinstance(gap, BookGap)
    assert (gap.sequence, gap.ts_known) == (6, START + 4 * SECOND)


def test_what_was_refused_missing_or_doubled_is_counted(record):
    made = feed(
        record(
            diff(1, 2),
            snapshot(2),
            diff(1, 2),
            '{"e":"depthUp',
            diff(3, 4, [("99.005", "1")]),
            diff(3, 4),
            diff(9, 9),
            snapshot(5),
            trade(5),
        )
    )
    assert [type(event) for event in events(made)] == [BookSnapshot, BookDelta, BookGap]
    assert checks(made) == {
        "refused_broken_json": 1,
        "refused_off_grid": 1,
        "old": 1,
        "gap": 1,
        "stale_snapshot": 1,
        "unreadable_frame": 2,
    }
    assert all(row.example for row in made.quality())


def test_a_frame_that_was_no_json_stands_in_the_recording_as_text(record):
    made = feed(record(trade(1), json.dumps(trade(2)), "not a frame", trade(3)), "trades")
    assert [each.trade_id for each in events(made)] == [1, 2, 3]
    assert checks(made) == {"refused_broken_json": 1}


def test_each_trade_is_delivered_once_and_jumps_of_the_id_are_counted(record):
    made = feed(record(*(trade(number, at) for at, number in enumerate((5, 6, 5, 6, 7, 10, 9)))), "trades")
    assert [each.trade_id for each in events(made)] == [5, 6, 7, 10, 9]
    assert checks(made) == {"duplicate": 2, "gap": 2, "out_of_order": 1}


def test_a_quote_is_a_row_where_it_differs(record):
    quote = {"u": 7, "s": "BTCUSDT", "b": "100.00", "B": "1", "a": "101.00", "A": "2"}
    made = feed(record(quote, {**quote, "u": 8}, {**quote, "u": 9, "B": "3"}), "quotes")
    assert [(each.bid, each.bid_size) for each in events(made)] == [(100.0, 1.0), (100.0, 3.0)]
    assert checks(made) == {"unchanged": 1}


class TestClocks:
    def test_a_declared_offset_is_added(self, record):
        made = feed(record(trade(1), trade(2, 1)), "trades", clock_offset="1.27s")
        assert [each.ts_known - each.ts_event for each in events(made)] == [1_270_000_000] * 2
        assert checks(made) == {}

    def test_nothing_is_known_before_it_happened(self, record):
        path = record(trade(1, at=1), trade(2, at=1), trade(3, at=2))
        made = feed(path, "trades")
        assert [each.ts_known for each in events(made)] == [
            START + SECOND,
            START + SECOND,
            START + 2 * SECOND,
        ]
        assert checks(made) == {"early": 1}

    def test_more_than_two_seconds_ahead_is_refused_and_says_what_to_declare(self, record):
        path = record(trade(1, at=5), trade(2, at=6))
        with pytest.raises(DataError, match=r"2 frames refused, time_ahead: .* declare clock_offset"):
            events(feed(path, "trades"))
        assert len(events(feed(path, "trades", clock_offset="5s"))) == 2

    def test_a_receive_clock_that_goes_back_does_not_take_the_rows_back(self, record):
        path = record(trade(1), (trade(2), {"recv_ns": START - SECOND}), trade(3, 2))
        made = feed(path, "trades")
        known = [each.ts_known for each in events(made)]
        assert known == [START, START, START + 2 * SECOND]
        assert checks(made) == {"clock_went_back": 1}


class TestFramesWithoutAReceiveTime:
    @pytest.fixture
    def bare(self, tmp_path):
        """A function that writes frames as they came, a line each, and returns their path."""

        def write(*frames):
            path = tmp_path / "bare.jsonl"
            lines = [frame if isinstance(frame, str) else json.dumps(frame) for frame in frames]
            path.write_text("\n".join(lines) + "\n")
            return path

        return write

    def test_they_are_refused_until_somebody_declares_when_they_came(self, bare):
        path = bare(trade(1))
        with pytest.raises(DataError, match=r'line 1 .*assume_received = "venue\+100ms"$'):
            events(feed(path, "trades"))

    @pytest.mark.parametrize(("declared", "later"), [("venue", 0), ("venue+100ms", 100 * MILLISECOND)])
    def test_then_they_are_known_so_much_after_the_venues_time(self, bare, declared, later):
        made = feed(bare(trade(1), trade(2, at=3)), "trades", assume_received=declared)
        assert [each.ts_known for each in events(made)] == [START + later, START + 3 * SECOND + later]
        (row,) = made.quality()
        assert (row.check, row.count) == ("assumed_received", 2)
        assert row.example == f"taken as received at {declared}"

    def test_they_never_come_before_the_frame_ahead_of_them(self, bare):
        made = feed(bare(trade(1, at=3), trade(2, at=1)), "trades", assume_received="venue")
        assert [each.ts_known for each in events(made)] == [START + 3 * SECOND] * 2

    def test_what_has_no_time_of_its_own_comes_with_the_frame_ahead_of_it(self, bare):
        made = feed(bare(diff(1, 2, at=1), snapshot(2), diff(3, 4, at=5)), assume_received="venue")
        assert [each.ts_known for each in events(made)] == [START + SECOND, START + 5 * SECOND]
        assert checks(made) == {"assumed_received": 3}

    def test_what_has_no_time_of_its_own_does_not_move_time_on(self, bare):
        quote = {"s": "BTCUSDT", "b": "100.00", "B": "1", "a": "101.00", "A": "2"}
        quotes = [{**quote, "u": 7 + more, "B": str(1 + more)} for more in range(3)]
        timed = {"E": ms(1), "T": ms(1)}
        made = feed(bare(quotes[0] | timed, *quotes[1:]), "quotes", assume_received="venue+100ms")
        at = START + SECOND + 100 * MILLISECOND
        assert [each.ts_known for each in events(made)] == [at] * 3
        assert [each.ts_event for each in events(made)] == [START + SECOND, at, at]

    def test_where_no_frame_is_ahead_of_it_it_is_refused(self, bare):
        made = feed(bare(snapshot(2), diff(3, 4), snapshot(4)), assume_received="venue")
        assert [each.sequence for each in events(made)] == [4]
        assert checks(made)["refused_no_time"] == 1

    def test_a_receive_time_that_was_recorded_stands(self, record):
        path = record((trade(1), {"recv_ns": START + 7 * SECOND}))
        path.write_text(path.read_text() + json.dumps(trade(2, at=9)) + "\n")
        made = feed(path, "trades", assume_received="venue")
        assert [each.ts_known for each in events(made)] == [START + 7 * SECOND, START + 9 * SECOND]
        assert checks(made) == {"assumed_received": 1}

    def test_a_line_that_is_no_frame_ends_the_file(self, bare):
        made = feed(bare(trade(1), '{"e":"tra'), "trades", assume_received="venue")
        with pytest.raises(DataError, match="line 2 is no recorded frame"):
            events(made)


class TestConnections:
    def test_a_book_begins_anew_with_its_connection(self, record):
        over = {"conn": "a"}
        made = feed(
            record(
                (diff(1, 2), over),
                snapshot(2),
                (None, {"kind": "connect", "conn": "b"}),
                (diff(3, 4), over),
                (None, {"kind": "connect", "conn": "a"}),
                (diff(30, 31), over),
                (snapshot(31), {"kind": "http", "url": "https://x/depth?symbol=BTCUSDT&limit=1000"}),
            )
        )
        kinds = [type(event) for event in events(made)]
        assert kinds == [BookSnapshot, BookDelta, BookGap, BookSnapshot]
        assert checks(made) == {"reconnected": 1}

    def test_a_snapshot_of_another_symbol_is_not_ours(self, record):
        of = "https://x/api/v3/depth?symbol={}&limit=1000"
        made = feed(
            record(
                diff(1, 2),
                (snapshot(2, bids=[("7.00", "1")]), {"kind": "http", "url": of.format("ETHUSDT")}),
                (snapshot(2), {"kind": "http", "url": of.format("BTCUSDT")}),
            )
        )
        assert [event.bids for event in events(made)] == [((100.0, 5.0),)]

    def test_where_snapshots_have_no_date_a_subscription_tells_a_fresh_one(self, record):
        whole = {"type": "snapshot", "product_id": "A-B", "bids": [["1.00", "2"]], "asks": [["2.00", "3"]]}
        made = feed(
            record(whole, "garbage", whole, ({"type": "subscribe"}, {"kind": "send"}), whole),
            venue="coinbase",
            instrument="A-B",
        )
        assert [type(event) for event in events(made)] == [BookSnapshot, BookGap, BookSnapshot]


class TestDamage:
    GOOD = (trade(1), trade(2, 1), trade(3, 2))

    def left(self, path, domain="trades"):
        """What a file gives before it raises, and the error."""
        found, message = [], ""
        try:
            for block in feed(path, domain).blocks(None, None, 1_000):
                found += block.events()
        except DataError as error:
            message = str(error)
        assert message
        assert "\n" not in message
        return found, message

    def test_a_line_that_is_no_line_ends_it_and_nothing_before_is_lost(self, record):
        path = record(*self.GOOD)
        path.write_text(path.read_text() + "garbage\n" + path.read_text())
        found, message = self.left(path)
        assert len(found) == 3
        assert f"{path}: line 4 is no recorded frame: " in message

    @pytest.mark.parametrize("line", ['{"frame":{}}', '{"recv_ns":"1","frame":{}}', "[]", '{"recv_ns":1.5}'])
    def test_a_line_without_a_receive_time_is_no_line(self, record, line):
        path = record(*self.GOOD)
        path.write_text(path.read_text() + line + "\n")
        assert "it needs recv_ns and frame" in self.left(path)[1]

    def test_a_receive_time_in_another_unit_is_refused(self, record):
        path = record((trade(1), {"recv_ns": START // MILLISECOND}))
        assert "is no time in nanoseconds" in self.left(path)[1]

    def test_a_gzip_that_was_cut_gives_what_is_in_it(self, record):
        path = record(*(trade(number) for number in range(1, 30_000)), name="frames.jsonl.gz")
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        found, message = self.left(path)
        assert len(found) > 5_000
        assert "the gzip ends or breaks behind line" in message

    def test_a_gzip_that_was_damaged_gives_what_stands_before(self, record):
        path = record(*(trade(number) for number in range(1, 30_000)), name="frames.jsonl.gz")
        text = bytearray(path.read_bytes())
        text[len(text) // 2] ^= 0xFF
        path.write_bytes(bytes(text))
        found, _ = self.left(path)
        assert [each.trade_id for each in found] == list(range(1, len(found) + 1))

    def test_an_empty_file_and_one_that_is_not_there(self, tmp_path):
        (tmp_path / "empty.jsonl").touch()
        assert self.left(tmp_path / "empty.jsonl")[1].endswith("the file is empty; record or copy it again")
        assert self.left(tmp_path / "none.jsonl")[1].endswith("no such file; check the path")

    def test_a_recording_of_something_else_says_what_it_holds(self, record):
        path = record(trade(1), diff(1, 2))
        with pytest.raises(
            DataError, match=r"no trades of ETHUSDT in it: .*; it holds depth trade of BTCUSDT$"
        ):
            events(feed(path, "trades", symbol="ETHUSDT"))
        with pytest.raises(
            DataError, match=r"no quotes of BTCUSDT in it: .*; it holds depth trade of BTCUSDT$"
        ):
            events(feed(path, "quotes"))
        with pytest.raises(DataError, match="no snapshot that its changes follow"):
            events(feed(path, "orderbook"))

    @pytest.mark.parametrize("instrument", ["A-B", "C-D"])
    def test_a_ticker_without_sizes_is_not_called_a_quote(self, record, instrument):
        ticker = {"type": "ticker", "product_id": "A-B", "best_bid": "1.00", "best_ask": "2.00"}
        made = feed(record(ticker), "quotes", venue="coinbase", instrument=instrument)
        with pytest.raises(DataError, match=rf"no quotes of {instrument} in it: .*; it holds ticker of A-B$"):
            events(made)


class TestRanges:
    FRAMES = (
        diff(1, 2),
        snapshot(2),
        diff(3, 3, [("99.00", "1")], at=2),
        diff(4, 4, [("98.00", "1")], at=3),
        diff(5, 5, [("97.00", "1")], at=4),
        diff(6, 6, [("96.00", "1")], at=5),
    )

    def test_a_book_begins_whole_with_what_was_known_before(self, record):
        whole, *rest = events(feed(record(*self.FRAMES)), START + 4 * SECOND, START + 4 * SECOND)
        assert isinstance(whole, BookSnapshot)
        assert (whole.ts_known, whole.sequence) == (START + 3 * SECOND, 4)
        assert dict(whole.bids) == {100.0: 5.0, 99.0: 1.0, 98.0: 1.0}
        assert [each.sequence for each in rest] == [5]

    def test_trades_of_the_range_and_no_others(self, record):
        path = record(*(trade(number, number) for number in range(6)))
        found = events(feed(path, "trades"), START + 2 * SECOND, START + 4 * SECOND)
        assert [each.trade_id for each in found] == [2, 3, 4]
        assert events(feed(path, "trades"), START + 90 * SECOND) == []

    @pytest.mark.parametrize("rows", [1, 2, 3, 100])
    def test_a_frame_is_never_divided(self, record, rows):
        levels = [(f"{price}.00", "1") for price in range(90, 99)]
        made = feed(record(*self.FRAMES, diff(7, 7, levels, at=6)))
        blocks = list(made.blocks(None, None, rows))
        assert all(len(block) for block in blocks)
        assert len(blocks[-1]) >= 9
        assert [event for block in blocks for event in block.events()] == events(made)

    def test_no_rows_at_a_time_is_refused(self, record):
        with pytest.raises(ValueError, match="at least 1 row"):
            next(feed(record(*self.FRAMES)).blocks(None, None, 0))

    def test_a_chain_begins_with_the_last_quote_of_every_option_that_lives(self, record):
        def ticker(name, bid, at):
            data = {"instrument_name": name, "timestamp": ms(at), "mark_price": 0.05, "index_price": 30_000.0}
            data |= {
                "best_bid_price": bid,
                "best_bid_amount": 1.0,
                "mark_iv": 80.0,
                "underlying_price": 30_100.0,
            }
            return {"method": "subscription", "params": {"channel": f"ticker.{name}.raw", "data": data}}

        gone, lives = "BTC-13JUL26-30000-C", "BTC-25DEC26-30000-C"
        path = record(
            ticker(gone, 0.01, 0), ticker(lives, 0.02, 1), ticker(lives, 0.03, 2), ticker(lives, 0.04, 3)
        )
        made = feed(path, "options", symbol="BTC", venue="deribit")
        found = events(made, START + 3 * SECOND)
        assert [quote.bid for quote in found] == [0.03, 0.04]
        assert len(events(made)) == 4


class TestRealRecordings:
    def test_ten_minutes_of_a_book(self, shared_data):
        made = feed(shared_data(SPOT), venue="binance_spot", clock_offset="1.28s")
        ladder, rows, last = Ladder[int](), 0, 0
        for block in made.blocks(None, None, 4_096):
            assert isinstance(block, BookBlock)
            assert block.known[0] >= last
            assert (np.diff(block.known) >= 0).all()
            assert (block.known >= block.ts).all()
            last = block.known.item(-1)
            rows += len(block)
            assert not (block.action == GAP).any()
            ladder.absorb(block)
        assert rows == 300_094
        assert not ladder.is_crossed
        assert set(checks(made)) <= {"early", "old", "near_edge"}

    def test_memory_does_not_grow_with_the_recording(self, record, monkeypatch):
        monkeypatch.setattr("quant_channels.frames.exact.REMEMBERED", 64)
        peaks = []
        for count in (500, 4_000):
            frames = (diff(n, n, [(f"{90 + n % 9}.00", str(n))], at=n) for n in range(2, count))
            path = record(diff(1, 1), snapshot(1), *frames, name=f"{count}.jsonl.gz")
            made = feed(path)
            tracemalloc.start()
            for _ in made.blocks(None, None, 64):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < peaks[0] + 60_000

    def test_blocks_of_any_size_hold_the_same_rows(self, shared_data):
        path = shared_data("l2/okx_session.jsonl.gz")
        made = feed(path, venue="okx", instrument="BTC-USDT", tick="0.1")
        whole = columns(list(made.blocks(None, None, 10**9)), BOOK)
        for rows in (1, 100, 5_000):
            parts = columns(list(made.blocks(None, None, rows)), BOOK)
            assert all((parts[name] == whole[name]).all() for name in BOOK)

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_a_book_read_from_the_middle_is_the_one_read_from_the_start(self, shared_data, share):
        path = shared_data("l2/binance_usdm_4sym_session.jsonl.gz")
        settings = {"symbol": "SUSHIUSDT", "venue": "binance_usdm", "tick": "0.001", "lot": "1"}
        made = feed(path, **settings)
        (whole,) = made.blocks(None, None, 10**9)
        start = whole.known.item(int(share * len(whole)))
        ladders = []
        for since in (None, start):
            ladder = Ladder[int]()
            blocks = list(feed(path, **settings).blocks(since, None, 500))
            assert blocks[0].action[0] == RESET
            for block in blocks:
                ladder.absorb(block)
            ladders.append(ladder.sides)
        assert ladders[0] == ladders[1]
        assert ladders[0][BID]
        assert ladders[0][ASK]

    def test_trades_are_those_of_the_parquet_file(self, shared_data):
        import pyarrow.parquet as pq

        blocks = list(feed(shared_data(SPOT), "trades", clock_offset="1.27s").blocks(None, None, 4_096))
        assert all(isinstance(block, TradeBlock) for block in blocks)
        found = columns(blocks, ("ts", "price", "quantity", "side", "trade_id"))
        file = SPOT.replace("l2/", "trades/").replace("_frames_", "_trades_").replace(".jsonl.gz", ".parquet")
        table = pq.read_table(shared_data(file)).to_pydict()
        assert found["trade_id"].tolist() == table["trade_id"]
        assert found["price"].tolist() == table["price"]
        assert found["quantity"].tolist() == table["qty"]
        assert found["ts"].tolist() == [ms * MILLISECOND for ms in table["trade_time_ms"]]
        assert found["side"].tolist() == [-1 if maker else 1 for maker in table["buyer_is_maker"]]

    def test_quotes_and_options(self, shared_data):
        made = feed(
            shared_data(USDM), "quotes", venue="binance_usdm", tick="0.1", lot="0.001", clock_offset="1.27s"
        )
        blocks = list(made.blocks(None, None, 10_000))
        assert all(isinstance(block, QuoteBlock) for block in blocks)
        assert sum(map(len, blocks)) == 66_089
        made = feed(
            shared_data("l2/deribit_options_session.jsonl.gz"), "options", symbol="BTC", venue="deribit"
        )
        (chain,) = made.blocks(None, None, 10_000)
        assert isinstance(chain, ChainBlock)
        assert (len(chain), chain.premium, len(set(chain.strike.tolist()))) == (69, "inverse", 6)

    def test_an_aggregate_is_read_where_it_is_asked_for(self, shared_data):
        path = shared_data("l2/binance_usdm_4sym_session.jsonl.gz")
        settings = {"symbol": "SUSHIUSDT", "venue": "binance_usdm", "tick": "0.001", "lot": "1"}
        assert len(events(feed(path, "trades", kind="agg_trade", **settings))) == 40
        with pytest.raises(DataError, match="agg_trade depth kline quote of SUSHIUSDT"):
            events(feed(path, "trades", **settings))

    def test_a_price_between_two_ticks_is_refused_until_its_step_is_declared(self, shared_data):
        path = shared_data("l2/binance_spot_4sym_session.jsonl.gz")
        settings = {"symbol": "NKNUSDT", "venue": "binance_spot", "tick": "0.0001", "lot": "1"}
        cause = (
            "no orderbook of NKNUSDT in it: 1 frame refused, off_grid: price 0.25974000 lies between two "
            "steps of 0.0001; declare tick 0.00001 if that is the venue's, else --set price_step=0.00001 "
            '(in a configuration "price_step": "0.00001"); no snapshot that its changes follow; it holds'
        )
        with pytest.raises(DataError, match=re.escape(cause)):
            events(feed(path, **settings))
        (block,) = feed(path, price_step="0.00001", **settings).blocks(None, None, 10**6)
        assert block.grid.tick == Decimal("0.00001")


class TestWhatToDeclare:
    """The setting that would read the file, where there is one."""

    SESSIONS = (
        (
            "binance_usdm",
            "trades",
            "SUSHIUSDT",
            '--set kind=agg_trade (in a configuration "kind": "agg_trade")',
        ),
        ("coinbase", "trades", "BANDBTC", "--set instrument=BAND-BTC (in a configuration "),
        ("okx", "trades", "BTCUSDT", "--set instrument=BTC-USDT (in a configuration "),
        ("deribit", "options", "BTCUSD", "--set instrument=BTC (in a configuration "),
    )
    FILES: ClassVar = {"deribit": "deribit_options", "binance_usdm": "binance_usdm_4sym"}

    @pytest.mark.parametrize(("venue", "domain", "symbol", "setting"), SESSIONS)
    def test_it_is_named_and_reads(self, shared_data, venue, domain, symbol, setting):
        path = shared_data(f"l2/{self.FILES.get(venue, venue)}_session.jsonl.gz")
        settings = {"symbol": symbol, "venue": venue, "tick": "0.00000001", "lot": "0.00000001"}
        with pytest.raises(DataError) as caught:
            events(feed(path, domain, **settings))
        assert f"; declare {setting}" in str(caught.value)
        name, _, value = setting.split()[1].partition("=")
        assert events(feed(path, domain, **settings, **{name: value}))

    def test_both_are_named_where_both_are_needed(self, shared_data):
        made = feed(shared_data("l2/okx_session.jsonl.gz"), "quotes", venue="okx")
        with pytest.raises(
            DataError, match=r"declare --set instrument=BTC-USDT .*\) and --set kind=ticker .*\)$"
        ):
            events(made)

    @pytest.mark.parametrize(
        ("domain", "symbol"), [("trades", "ETHUSDT"), ("trades", "BTCUSDT1"), ("quotes", "BTCUSDT")]
    )
    def test_nothing_is_named_where_nothing_would_do(self, record, domain, symbol):
        with pytest.raises(DataError, match=r"it holds depth trade of BTCUSDT$"):
            events(feed(record(trade(1), diff(1, 2)), domain, symbol=symbol))

    def test_the_finest_step_of_all_refused_prices_and_sizes_is_named(self, record):
        trades = [trade(1, price="100.5"), trade(2, price="100.125"), {**trade(3), "p": "101", "q": "0.5"}]
        made = feed(record(*trades), "trades", tick="1", size_step="1")
        with pytest.raises(DataError) as caught:
            events(made)
        message = str(caught.value)
        assert "3 frames refused, off_grid: price 100.125 lies between two steps of 1; " in message
        assert "declare tick 0.001 if that is the venue's, else --set price_step=0.001 " in message
        assert "size 0.5 lies between two steps of 1; declare lot 0.1 " in message
        assert "no frame of that kind" not in message
        (row,) = made.quality()
        assert (row.check, row.count) == ("refused_off_grid", 3)
        assert "price 100.125 lies between" in row.example

    def test_text_that_nobody_could_read_does_not_hide_that_another_kind_is_held(self, record):
        with pytest.raises(
            DataError, match=r"no frame of that kind; 1 frame refused, broken_json: .*; it holds trade of"
        ):
            events(feed(record(trade(1), '{"e":"bookTi'), "quotes"))
