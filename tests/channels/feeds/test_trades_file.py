"""Trades from Parquet: what is known when, what is left out, and what is no file of trades."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_channels.feeds.recording import RecordingFeed
from quant_channels.feeds.trades_file import TradesFileFeed
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.protocols import StreamFeed
from quant_contracts.units import MILLISECOND

MS = 1_784_000_000_000
FROM_DATA = {"domain": "trades", "symbol": "BTCUSDT", "venue": "binance", "tick": "0.01", "lot": "0.00001"}
COLUMNS = ("recv_ns", "trade_time_ms", "trade_id", "price", "qty", "buyer_is_maker")


@pytest.fixture
def write(tmp_path):
    """A function from rows, and what to change of the columns, to a Parquet file."""

    def make(*rows, drop=(), **columns):
        table = {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)}
        table = {name: columns.get(name, values) for name, values in table.items() if name not in drop}
        path = tmp_path / "trades.parquet"
        pq.write_table(pa.table(table), path)
        return path

    return make


def row(number, price=100.5, quantity=1.0, *, ms=None, recv=None, maker=False):
    ms = MS + number if ms is None else ms
    return ((MS + number + 1) * MILLISECOND if recv is None else recv, ms, number, price, quantity, maker)


def feed(path, **settings):
    return convert({**FROM_DATA, "path": str(path), **settings}, TradesFileFeed, "$.source")


def trades(made, start=None, end=None, rows=1_000):
    return [trade for block in made.blocks(start, end, rows) for trade in block.events()]


def checks(made):
    return {found.check: found.count for found in made.quality()}


def test_it_is_a_stream_feed_and_delivers_what_the_file_says(write):
    made = feed(write(row(1), row(2, 100.51, 0.25, maker=True)))
    assert isinstance(made, StreamFeed)
    first, second = trades(made)
    assert (first.price, first.quantity, first.side, first.trade_id) == (100.5, 1.0, 1, 1)
    assert (second.price, second.quantity, second.side) == (100.51, 0.25, -1)
    assert first.ts_event == (MS + 1) * MILLISECOND
    assert first.ts_known == (MS + 2) * MILLISECOND
    assert checks(made) == {}
    assert made.info().name == "trades.parquet"


def test_rows_that_cannot_be_are_left_out_and_counted(write):
    made = feed(
        write(
            row(1),
            row(2, float("nan")),
            row(3, -1.0),
            row(4, quantity=0.0),
            row(5, 100.555),
            row(6, ms=10**18),
            row(7, ms=MS + 60_000),
            row(8, float("inf")),
            row(9, None),
            row(9),
            row(9),
            row(8),
            row(12),
        )
    )
    assert [trade.trade_id for trade in trades(made)] == [1, 9, 8, 12]
    assert checks(made) == {
        "missing_value": 3,
        "not_positive": 2,
        "off_grid": 1,
        "wild_time": 1,
        "time_ahead": 1,
        "duplicate": 1,
        "out_of_order": 1,
        "clock_went_back": 1,
        "gap": 9,
    }


def test_known_never_falls_and_never_precedes_the_trade(write):
    at = MS * MILLISECOND
    made = feed(write(row(1, ms=MS, recv=at), row(2, ms=MS, recv=at - 5), row(3, ms=MS + 1, recv=at + 7)))
    assert [trade.ts_known - at for trade in trades(made)] == [0, 0, MILLISECOND]
    assert checks(made) == {"early": 2, "clock_went_back": 1}
    assert [trade.ts_known - at for trade in trades(feed(made.path, clock_offset="1ms"))] == [
        MILLISECOND,
        MILLISECOND,
        MILLISECOND + 7,
    ]


def test_ranges_include_both_ends_and_blocks_hold_at_most_as_many_rows(write):
    made = feed(write(*(row(number) for number in range(1, 11))))
    start, end = (MS + 4) * MILLISECOND, (MS + 8) * MILLISECOND
    assert [trade.trade_id for trade in trades(made, start, end)] == [3, 4, 5, 6, 7]
    assert [len(block) for block in made.blocks(start, end, 2)] == [2, 2, 1]
    assert trades(made, end + 10**12) == []
    with pytest.raises(ValueError, match="at least 1 row"):
        trades(made, rows=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": ("trade_id",)}, r"no column trade_id; it has recv_ns, .*, and trades need recv_ns, "),
        ({"price": ["100"]}, r"column price holds string, not numbers"),
        ({"qty": [float("nan")]}, r"not one usable trade in it: 1 rows missing_value"),
    ],
)
def test_a_file_that_holds_no_trades_says_why(write, change, message):
    with pytest.raises(DataError, match=message) as raised:
        trades(feed(write(row(1), **change)))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_none_or_not_there(tmp_path):
    (tmp_path / "text.parquet").write_text("price,qty\n1,2\n")
    with pytest.raises(DataError, match="not a Parquet file or damaged"):
        trades(feed(tmp_path / "text.parquet"))
    with pytest.raises(DataError, match="no such file; check the path"):
        trades(feed(tmp_path / "none.parquet"))


def test_it_serves_trades_alone():
    with pytest.raises(ConfigError, match="the file holds trades, not 'quotes'"):
        feed("trades.parquet", domain="quotes")


def test_the_shared_trades_are_those_of_the_recorded_frames(shared_data):
    name = "binance_usdm_BTCUSDT_{}_20240808T2354"
    settings = {**FROM_DATA, "tick": "0.1", "lot": "0.001", "venue": "binance_usdm", "clock_offset": "1.27s"}
    path = str(shared_data(f"trades/{name.format('trades')}.parquet"))
    made = convert({**settings, "path": path}, TradesFileFeed, "$")
    blocks = list(made.blocks(None, None, 5_000))
    assert sum(map(len, blocks)) == 21_313
    assert set(checks(made)) <= {"early"}
    path = str(shared_data(f"l2/{name.format('frames')}.jsonl.gz"))
    others = list(convert({**settings, "path": path}, RecordingFeed, "$").blocks(None, None, 5_000))
    for column in ("ts", "known", "price", "quantity", "side", "trade_id"):
        ours, theirs = (
            np.concatenate([getattr(block, column) for block in found]) for found in (blocks, others)
        )
        assert (ours == theirs).all(), column
