"""What a run took in, given to another."""

from __future__ import annotations

import hashlib
import math

import msgspec
import pytest

from quant_contracts.errors import ConfigError, DataError, StorageError
from quant_contracts.events import Bar, FormingBar
from quant_contracts.protocols import Feed
from quant_contracts.testing.feeds import CHECKS
from quant_contracts.testing.samples import FIRST_OPEN, random_bars
from quant_contracts.units import HOUR, MINUTE
from quant_daemon.journal.feed import JournalFeed


def both(count):
    """Bars of two symbols in the order of time, and between them what is no bar to trade on."""
    btc, eth = random_bars(count, 1), random_bars(count, 2, symbol="ETHUSDT")
    made = []
    for one, other in zip(btc, eth, strict=True):
        fields = msgspec.structs.astuple(one)
        made += [("input", one), ("input", FormingBar(*fields)), ("input", other), ("stage", one)]
    return btc, eth, made


def bars_of(feed, start=None, end=None, rows=7):
    return [bar for block in feed.blocks(start, end, rows) for bar in block.events()]


def test_the_bars_of_each_symbol_come_back(tmp_path, write):
    btc, eth, made = both(100)
    path = str(write(tmp_path / "journal", made))
    assert isinstance(JournalFeed(symbol="BTCUSDT", path=path), Feed)
    assert JournalFeed(symbol="BTCUSDT", path=path).last_close() is None
    assert bars_of(JournalFeed(symbol="BTCUSDT", path=path)) == btc
    assert bars_of(JournalFeed(symbol="ETHUSDT", path=path)) == eth


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_promises_of_a_feed(tmp_path, write, check):
    path = str(write(tmp_path / "journal", both(450)[2], segment_bytes=50_000))
    check(lambda: JournalFeed(symbol="BTCUSDT", path=path))


def test_blocks_have_at_most_the_rows_asked_for(tmp_path, write):
    path = str(write(tmp_path / "journal", both(100)[2]))
    sizes = [len(block) for block in JournalFeed(symbol="BTCUSDT", path=path).blocks(None, None, 30)]
    assert sizes == [30, 30, 30, 10]


def test_start_is_by_the_open_and_end_by_the_close(tmp_path, write):
    btc, _, made = both(50)
    feed = JournalFeed(symbol="BTCUSDT", path=str(write(tmp_path / "journal", made)))
    start, end = FIRST_OPEN + 10 * MINUTE, FIRST_OPEN + 20 * MINUTE
    assert bars_of(feed, start, end) == btc[10:20]
    assert bars_of(feed, start + 1, end - 1) == btc[11:19]
    assert bars_of(feed, FIRST_OPEN + 1_000 * MINUTE) == []


def test_late_bars_keep_the_time_they_were_known(tmp_path, write):
    made = [
        msgspec.structs.replace(bar, ts_known=bar.ts_known + index % 2)
        for index, bar in enumerate(random_bars(9))
    ]
    path = str(write(tmp_path / "journal", [("input", bar) for bar in made]))
    assert bars_of(JournalFeed(symbol="BTCUSDT", path=path)) == made


def test_the_interval_is_that_of_the_first_bar_unless_given(tmp_path, write):
    path = str(write(tmp_path / "journal", both(5)[2]))
    assert JournalFeed(symbol="ETHUSDT", path=path).interval == MINUTE
    assert msgspec.convert(
        {"symbol": "ETHUSDT", "path": "never opened", "interval": "1h"}, JournalFeed
    ).interval == HOUR  # fmt: skip


def test_nothing_is_opened_before_it_is_asked_for(tmp_path):
    feed = JournalFeed(symbol="BTCUSDT", path=str(tmp_path / "absent"))
    blocks = feed.blocks(None, None, 10)
    with pytest.raises(DataError, match="no such journal"):
        next(blocks)


def test_two_lengths_of_one_symbol_need_a_choice(tmp_path, write):
    short, long = random_bars(4), random_bars(2, interval=2 * MINUTE)
    made = [("input", bar) for bar in sorted([*short, *long], key=lambda bar: (bar.ts_known, bar.interval))]
    path = str(write(tmp_path / "journal", made))
    for feed in (JournalFeed(symbol="BTCUSDT", path=path), JournalFeed(symbol="BTCUSDT", path=path)):
        with pytest.raises(
            DataError, match='more than one length; say which to take, such as "interval": "15m"'
        ):
            bars_of(feed)
    for interval, expected in (("1m", short), ("2m", long)):
        plain = {"symbol": "BTCUSDT", "path": path, "interval": interval}
        assert bars_of(msgspec.convert(plain, JournalFeed)) == expected


def test_a_symbol_that_is_not_there_is_answered_with_those_that_are(tmp_path, write):
    path = str(write(tmp_path / "journal", both(5)[2]))
    with pytest.raises(DataError, match="no bars of SOLUSDT; the journal holds BTCUSDT 1m, ETHUSDT 1m"):
        bars_of(JournalFeed(symbol="SOLUSDT", path=path))
    with pytest.raises(DataError, match="no 1h bars of BTCUSDT; the journal holds BTCUSDT 1m, ETHUSDT 1m"):
        bars_of(msgspec.convert({"symbol": "BTCUSDT", "path": path, "interval": "1h"}, JournalFeed))
    empty = str(write(tmp_path / "empty", []))
    with pytest.raises(DataError, match="no bars of BTCUSDT; the journal holds no bars at all"):
        _ = JournalFeed(symbol="BTCUSDT", path=empty).interval


@pytest.mark.parametrize("again", [0, -1], ids=["twice", "back in time"])
def test_a_bar_that_is_not_later_is_refused(tmp_path, write, again):
    bars = random_bars(3)
    made = [("input", bar) for bar in [*bars, bars[again - 1]]]
    path = str(write(tmp_path / "journal", made))
    with pytest.raises(DataError, match=r"record 4: a bar of BTCUSDT that closed .* is not after"):
        bars_of(JournalFeed(symbol="BTCUSDT", path=path))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"open": math.nan}, id="no number"),
        pytest.param({"high": math.inf}, id="infinite"),
        pytest.param({"low": 0.0}, id="price of nothing"),
        pytest.param({"close": 9.0}, id="close above the high"),
        pytest.param({"volume": -1.0}, id="volume below 0"),
        pytest.param({"ts_known": 1}, id="known before it closed"),
    ],
)
def test_what_cannot_be_a_bar_is_refused(tmp_path, write, change):
    bar = msgspec.structs.replace(Bar(MINUTE, MINUTE, "A", MINUTE, 1.0, 2.0, 1.0, 1.0, 0.0), **change)
    path = str(write(tmp_path / "journal", [("input", bar)]))
    with pytest.raises(DataError, match=r"this cannot be a bar: Bar\(ts_event=60000000000"):
        bars_of(JournalFeed(symbol="A", path=path))


def test_the_source_is_named_without_its_place_and_digested(tmp_path, write):
    path = write(tmp_path / "journal", both(60)[2])
    files = sorted(path.iterdir())
    assert len(files) > 1
    info = JournalFeed(symbol="BTCUSDT", path=str(path)).info()
    assert info.name == "journal"
    assert info.sha256 == hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_a_source_that_cannot_be_read_is_an_error_of_the_disk(tmp_path, write, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied")

    feed = JournalFeed(symbol="BTCUSDT", path=str(write(tmp_path / "journal", both(5)[2])))
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(StorageError, match="cannot be read: Permission denied"):
        feed.info()


def test_a_torn_tail_is_told_in_the_quality(tmp_path, write):
    path = write(tmp_path / "journal", both(5)[2], close=False)
    feed = JournalFeed(symbol="BTCUSDT", path=str(path))
    bars_of(feed)
    assert feed.quality() == ()
    segment = path / "000001.qej"
    segment.write_bytes(segment.read_bytes()[:-9])
    bars_of(feed)
    (row,) = feed.quality()
    assert (row.symbol, row.check, row.count, row.repaired) == ("BTCUSDT", "torn_tail", 1, "-")
    assert "000001.qej: " in row.example


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="'soon' is not an interval"):
        JournalFeed("BTCUSDT", "journal", "soon")
    with pytest.raises(msgspec.ValidationError, match="unknown field `speed`"):
        msgspec.convert({"symbol": "A", "path": "p", "speed": 2}, JournalFeed)
