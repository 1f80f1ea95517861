"""What goes into the catalog comes out again, and a change to it happens whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os

import msgspec
import numpy as np
import pytest

from quant_channels.catalog import commit
from quant_channels.feeds.synthetic import SyntheticFeed
from quant_channels.klines import ingest
from quant_channels.klines.catalog import Catalog, read_stream
from quant_channels.klines.historical import HistoricalDataHandler
from quant_contracts.blocks import COLUMNS, BarBlock
from quant_contracts.errors import DataError, StorageError
from quant_contracts.protocols import Feed, QualityRow, SourceInfo
from quant_contracts.testing.samples import FIRST_OPEN, random_bars
from quant_contracts.units import DAY, HOUR, MINUTE, SECOND


class Recorded:
    """A feed over bars in memory, which can break after some blocks."""

    def __init__(self, bars, name="tape", quality=(), breaks_after=None):
        self.bars, self.name, self.rows, self.breaks_after = bars, name, quality, breaks_after
        self.symbol, self.interval = bars[0].symbol, bars[0].interval

    def blocks(self, start, end, rows):
        for place, first in enumerate(range(0, len(self.bars), 500)):
            if place == self.breaks_after:
                raise KeyboardInterrupt
            yield BarBlock.of(self.bars[first : first + 500])

    def last_close(self):
        return None

    def info(self):
        return SourceInfo(self.name, f"digest of {self.name}")

    def quality(self):
        return self.rows


@pytest.fixture
def catalog(tmp_path):
    return Catalog(tmp_path / "catalog")


def hours(count, first_open=FIRST_OPEN, seed=0):
    return random_bars(count, seed, interval=HOUR, first_open=first_open)


def stored(catalog, symbol="BTCUSDT", venue="binance", wanted=None, start=None, end=None, rows=65_536):
    stream = catalog.find(venue, symbol, wanted)
    return [bar for block in stream.blocks(start, end, rows) for bar in block.events()]


def bytes_of(catalog):
    return {
        str(path.relative_to(catalog.root)): path.read_bytes()
        for path in sorted(catalog.root.rglob("*"))
        if path.is_file()
    }


YEAR = 365 * 24


def test_what_goes_in_comes_out(catalog):
    bars = hours(3 * YEAR)
    done = ingest.ingest(catalog, Recorded(bars), "binance")
    assert done.files == ("2022.parquet", "2023.parquet", "2024.parquet")
    assert (done.rows, done.added, done.replaced) == (3 * YEAR, 3 * YEAR, 0)
    assert stored(catalog) == bars
    for rows in (1_000, 7_777):
        assert stored(catalog, rows=rows) == bars
    stream = catalog.find("binance", "BTCUSDT", None)
    assert isinstance(stream, Feed)
    assert [file.rows for file in stream.index.files] == [YEAR, YEAR, YEAR]
    assert stream.last_close() == bars[-1].ts_event
    assert list(stream.problems()) == []


def test_a_range_reads_only_the_files_it_needs(catalog):
    bars = hours(3 * YEAR)
    ingest.ingest(catalog, Recorded(bars), "binance")
    folder = catalog.folder("binance", "BTCUSDT", "1h")
    (folder / "2022.parquet").unlink()
    start, end = bars[YEAR + 10].ts_open, bars[YEAR + 20].ts_event
    assert stored(catalog, start=start, end=end) == bars[YEAR + 10 : YEAR + 21]
    with pytest.raises(DataError, match=r"2022\.parquet: no such file"):
        stored(catalog)


def test_a_bar_belongs_to_the_year_in_which_it_opened(catalog):
    bars = hours(YEAR + 5)
    ingest.ingest(catalog, Recorded(bars), "binance")
    first, second = catalog.find("binance", "BTCUSDT", None).index.files
    assert (first.name, first.rows, first.last) == ("2022.parquet", YEAR, FIRST_OPEN + 365 * DAY)
    assert (second.name, second.rows) == ("2023.parquet", 5)


def test_streams_of_seconds_have_a_file_a_month(catalog):
    bars = random_bars(1_000, interval=SECOND, first_open=FIRST_OPEN + 31 * DAY - 400 * SECOND)
    done = ingest.ingest(catalog, Recorded(bars), "binance")
    assert done.files == ("2022-01.parquet", "2022-02.parquet")
    assert stored(catalog) == bars


def test_late_bars_keep_when_they_were_known(catalog):
    bars = [
        msgspec.structs.replace(bar, ts_known=bar.ts_event + row % 3 * SECOND)
        for row, bar in enumerate(hours(50))
    ]
    ingest.ingest(catalog, Recorded(bars), "binance")
    assert stored(catalog) == bars


def test_the_same_bars_again_change_nothing(catalog):
    bars = hours(2 * YEAR)
    ingest.ingest(catalog, Recorded(bars), "binance")
    before = bytes_of(catalog)
    again = ingest.ingest(catalog, Recorded(bars[100:9_000], name="another tape"), "binance")
    assert (again.rows, again.added, again.files) == (8_900, 0, ())
    assert bytes_of(catalog) == before


def test_parts_in_any_order_make_the_same_files(catalog, tmp_path):
    bars = hours(2 * YEAR)
    ingest.ingest(catalog, Recorded(bars), "binance")
    other = Catalog(tmp_path / "other")
    for start, stop in ((5_000, 10_000), (0, 6_000), (9_000, 2 * YEAR)):
        ingest.ingest(other, Recorded(bars[start:stop], name=f"part {start}"), "binance")
    whole, parts = bytes_of(catalog), bytes_of(other)
    index = "binance/BTCUSDT/klines/1h/catalog.json"
    assert {**whole, index: b""} == {**parts, index: b""}
    names = [source.name for source in other.find("binance", "BTCUSDT", None).index.sources]
    assert names == ["part 5000", "part 0", "part 9000"]


def test_bars_that_contradict_stored_ones_are_refused_until_they_may_replace_them(catalog):
    bars = hours(100)
    ingest.ingest(catalog, Recorded(bars), "binance")
    before = bytes_of(catalog)
    other = [*bars[:50], *hours(60, first_open=bars[50].ts_open, seed=9)]
    with pytest.raises(
        DataError, match=r"second tape: the bar .* 2022-01-03T03:00:00Z .* 50 bars differ.*--replace"
    ):
        ingest.ingest(catalog, Recorded(other, name="second tape"), "binance")
    assert bytes_of(catalog) == before
    done = ingest.ingest(catalog, Recorded(other, name="second tape"), "binance", replace=True)
    assert (done.added, done.replaced) == (10, 50)
    assert stored(catalog) == other


def test_a_conflict_late_in_the_data_takes_nothing_in(catalog):
    bars = hours(3 * YEAR)
    ingest.ingest(catalog, Recorded(bars[-100:]), "binance")
    before = bytes_of(catalog)
    wrong = [*bars[:-1], msgspec.structs.replace(bars[-1], volume=bars[-1].volume + 1)]
    with pytest.raises(DataError, match="1 bars differ"):
        ingest.ingest(catalog, Recorded(wrong), "binance")
    assert bytes_of(catalog) == before


@pytest.mark.parametrize("breaks_after", [0, 1, 20, 40])
def test_an_ingestion_that_is_stopped_leaves_the_old_state_and_can_be_done_again(catalog, breaks_after):
    bars = hours(3 * YEAR)
    ingest.ingest(catalog, Recorded(bars[:1_000]), "binance")
    before = bytes_of(catalog)
    with pytest.raises(KeyboardInterrupt):
        ingest.ingest(catalog, Recorded(bars, breaks_after=breaks_after), "binance")
    assert bytes_of(catalog) == before
    ingest.ingest(catalog, Recorded(bars), "binance")
    assert stored(catalog) == bars


def test_a_first_ingestion_that_is_stopped_or_refused_leaves_no_folder(catalog):
    bars = hours(3 * YEAR)
    with pytest.raises(KeyboardInterrupt):
        ingest.ingest(catalog, Recorded(bars, breaks_after=20), "binance")
    assert not catalog.root.exists()
    catalog.root.mkdir()
    with pytest.raises(KeyboardInterrupt):
        ingest.ingest(catalog, Recorded(bars, breaks_after=0), "binance")
    assert list(catalog.root.iterdir()) == []


class _Death(BaseException):
    """The process ends here: nothing after it runs."""


def _deaths(monkeypatch, after):
    """Let the process die at the call number `after` that touches the disk; returns the calls seen so far."""
    calls = []

    def dying(real):
        def call(*arguments, **named):
            calls.append(real.__name__)
            if len(calls) > after:
                raise _Death
            return real(*arguments, **named)

        return call

    monkeypatch.setattr(commit.Path, "replace", dying(commit.Path.replace))
    monkeypatch.setattr(os, "fsync", dying(os.fsync))
    # A process that is gone tidies nothing up.
    monkeypatch.setattr(commit.shutil, "rmtree", dying(commit.shutil.rmtree))
    return calls


@pytest.mark.parametrize("after", range(16))
def test_a_process_that_dies_anywhere_leaves_the_old_state_or_the_new(catalog, monkeypatch, after):
    bars = hours(3 * YEAR)
    ingest.ingest(catalog, Recorded(bars[:1_000]), "binance")
    with monkeypatch.context() as patch:
        calls = _deaths(patch, after)
        try:
            ingest.ingest(catalog, Recorded(bars), "binance")
        except _Death:
            assert len(calls) > after
    now = stored(catalog)
    assert now in (bars[:1_000], bars)
    assert list(catalog.find("binance", "BTCUSDT", None).problems()) == []
    ingest.ingest(catalog, Recorded(bars), "binance")
    assert stored(catalog) == bars
    assert not (catalog.folder("binance", "BTCUSDT", "1h") / commit.STAGE).exists()


def test_both_outcomes_of_a_death_were_seen(catalog, monkeypatch):
    """The places of death above lie on both sides of the commit."""
    bars = hours(3 * YEAR)
    ingest.ingest(catalog, Recorded(bars[:1_000]), "binance")
    with monkeypatch.context() as patch:
        calls = _deaths(patch, 1_000)
        ingest.ingest(catalog, Recorded(bars), "binance")
    # Three files and the index synced, the index put on the stage, the stage synced, four moves, a sync.
    assert calls.count("fsync") == 3 + 1 + 1 + 1
    assert calls.count("replace") == 1 + 4
    assert len(calls) <= 16


def test_a_full_disk_is_a_storage_error_and_changes_nothing(catalog, monkeypatch):
    bars = hours(2_000)
    ingest.ingest(catalog, Recorded(bars[:1_000]), "binance")
    before = bytes_of(catalog)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="cannot be written: No space left on device") as refused:
            ingest.ingest(catalog, Recorded(bars), "binance")
    assert refused.value.exit_code == 74
    assert bytes_of(catalog) == before


def test_two_writers_do_not_meet(catalog):
    bars = hours(10)
    folder = catalog.folder("binance", "BTCUSDT", "1h")
    folder.mkdir(parents=True)
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(StorageError, match="another process is writing"):
            ingest.ingest(catalog, Recorded(bars), "binance")
    finally:
        os.close(handle)
    assert ingest.ingest(catalog, Recorded(bars), "binance").added == 10


def test_progress_is_told_after_every_block(catalog):
    seen = []
    ingest.ingest(catalog, Recorded(hours(1_200)), "binance", progress=seen.append)
    assert seen == [500, 1_000, 1_200]


def test_what_was_mended_on_the_way_in_is_told_on_the_way_out(catalog, csv_file):
    lines = [f"{1_640_995_200_000 + 60_000 * minute},10,12,9,11,{minute % 2}" for minute in (0, 1, 1, 2, 5)]
    handler = HistoricalDataHandler("BTCUSDT", str(csv_file(*lines)), "csv", repair=["drop_duplicates"])
    ingest.ingest(catalog, handler, "binance")
    stream = catalog.find("binance", "BTCUSDT", None)
    assert len(list(stream.blocks(None, None, 100))) == 1
    assert [(row.check, row.count, row.repaired) for row in stream.quality()] == [
        ("duplicate", 1, "drop_duplicates"),
        ("gap", 2, "-"),
        ("gap_range", 2, "-"),
        ("zero_volume", 2, "-"),
    ]
    (source,) = stream.index.sources
    assert (source.name, source.rows) == ("bars.csv", 4)
    assert all(isinstance(row, QualityRow) for row in source.quality)


def test_streams_are_listed_in_order(catalog):
    assert catalog.streams() == []
    for symbol, venue, interval in (
        ("ETHUSDT", "binance", MINUTE),
        ("BTC/USDT", "kraken", HOUR),
        ("BTCUSDT", "binance", HOUR),
        ("BTCUSDT", "binance", MINUTE),
    ):
        ingest.ingest(catalog, Recorded(random_bars(20, symbol=symbol, interval=interval)), venue)
    assert [(s.index.venue, s.symbol, s.index.interval, s.index.rows) for s in catalog.streams()] == [
        ("binance", "BTCUSDT", "1m", 20),
        ("binance", "BTCUSDT", "1h", 20),
        ("binance", "ETHUSDT", "1m", 20),
        ("kraken", "BTC/USDT", "1h", 20),
    ]
    assert (catalog.root / "kraken" / "BTC%2FUSDT" / "klines" / "1h" / "2022.parquet").exists()


def test_the_best_stored_length_is_found(catalog):
    for interval in (MINUTE, 5 * MINUTE, HOUR):
        ingest.ingest(catalog, Recorded(random_bars(200, interval=interval)), "binance")
    found = {
        wanted: catalog.find("binance", "BTCUSDT", wanted).interval
        for wanted in (MINUTE, 15 * MINUTE, 2 * HOUR)
    }
    assert found == {MINUTE: MINUTE, 15 * MINUTE: 5 * MINUTE, 2 * HOUR: HOUR}
    with pytest.raises(DataError, match="BTCUSDT is stored as bars of 1m, 5m, 1h; say which"):
        catalog.find("binance", "BTCUSDT", None)
    with pytest.raises(DataError, match="cannot become bars of 90s"):
        catalog.find("binance", "BTCUSDT", 90 * SECOND)


def test_a_symbol_that_is_not_there_comes_with_the_commands_that_bring_it(catalog):
    with pytest.raises(DataError) as refused:
        catalog.find("binance", "BTCUSDT", None)
    message = str(refused.value)
    assert message.startswith(f"no bars of BTCUSDT in catalog '{catalog.root}'; make some with: ")
    assert "quant-engine catalog synth --symbol BTCUSDT" in message
    assert "quant-engine catalog ingest FILE --symbol BTCUSDT" in message
    ingest.ingest(catalog, Recorded(hours(5)), "kraken")
    with pytest.raises(
        DataError, match=r"no bars of BTCUSDT of venue 'binance' in catalog .*, but of kraken"
    ):
        catalog.find("binance", "BTCUSDT", None)


def test_a_range_outside_the_stored_bars_is_refused_with_what_there_is(catalog):
    ingest.ingest(catalog, Recorded(hours(48)), "binance")
    with pytest.raises(DataError, match="covers 2022-01-01T00:00:00Z to 2022-01-03T00:00:00Z"):
        stored(catalog, start=FIRST_OPEN + 10 * DAY)


def _other_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _short(path):
    path.write_bytes(path.read_bytes()[:-100])


def _of_another_year(path):
    path.write_bytes((path.parent / "2023.parquet").read_bytes())


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(_other_byte, "changed since", id="a bit flipped"),
        pytest.param(_short, "changed since", id="cut short"),
        pytest.param(_of_another_year, "changed since", id="another file in its place"),
        pytest.param(lambda path: path.unlink(), "no such file", id="deleted"),
    ],
)
def test_damage_is_found_by_verify_and_before_a_run_takes_the_digest(catalog, damage, says):
    ingest.ingest(catalog, Recorded(hours(2 * YEAR)), "binance")
    damage(catalog.folder("binance", "BTCUSDT", "1h") / "2022.parquet")
    stream = catalog.find("binance", "BTCUSDT", None)
    ((name, problem),) = stream.problems()
    assert name == "2022.parquet"
    assert says in problem
    with pytest.raises(DataError, match=says):
        stream.info()


def test_a_damaged_file_is_not_merged_with_and_comes_back_once_deleted(catalog):
    bars = hours(2 * YEAR)
    ingest.ingest(catalog, Recorded(bars), "binance")
    path = catalog.folder("binance", "BTCUSDT", "1h") / "2022.parquet"
    _other_byte(path)
    with pytest.raises(DataError, match=r"2022\.parquet: changed since it was taken in; delete it"):
        ingest.ingest(catalog, Recorded(bars), "binance")
    path.unlink()
    assert ingest.ingest(catalog, Recorded(bars), "binance").files == ("2022.parquet",)
    assert stored(catalog) == bars


def test_a_file_nobody_listed_is_found(catalog):
    ingest.ingest(catalog, Recorded(hours(10)), "binance")
    folder = catalog.folder("binance", "BTCUSDT", "1h")
    (folder / "2021.parquet").write_bytes(b"?")
    assert list(read_stream(folder).problems()) == [("2021.parquet", "not in catalog.json")]


@pytest.mark.parametrize(
    ("index", "says"),
    [
        (b"{", "damaged"),
        (b'{"venue": "binance", "symbol": "BTCUSDT", "interval": "1h", "rows": 7}', "damaged.*unknown field"),
        (b'{"venue": "binance", "symbol": "BTCUSDT", "interval": "1h", "format": 2}', "newer version"),
    ],
)
def test_an_index_that_cannot_be_trusted_is_refused(catalog, index, says):
    ingest.ingest(catalog, Recorded(hours(10)), "binance")
    (catalog.folder("binance", "BTCUSDT", "1h") / "catalog.json").write_bytes(index)
    with pytest.raises(DataError, match=says):
        catalog.streams()


def test_the_digest_of_a_stream_is_of_its_bars(catalog, tmp_path):
    feed = SyntheticFeed("BTCUSDT", seed=3, days=2)
    other = Catalog(tmp_path / "other")
    for place in (catalog, other):
        ingest.ingest(place, feed, "binance")
    one, two = (place.find("binance", "BTCUSDT", None).info() for place in (catalog, other))
    assert one == two
    assert one.name == "binance/BTCUSDT/1m"
    ingest.ingest(other, SyntheticFeed("BTCUSDT", seed=3, days=3), "binance")
    assert other.find("binance", "BTCUSDT", None).info() != one


def test_a_year_of_real_minutes_comes_out_as_it_went_in(catalog, shared_data, read):
    path = shared_data("klines/binance_um_BTCUSDT_1m_2022.parquet")
    block, handler = read(path)
    ingest.ingest(catalog, handler, "binance")
    again = BarBlock.join(list(catalog.find("binance", "BTCUSDT", None).blocks(None, None, 65_536)))
    for name in ("ts", *COLUMNS):
        assert np.array_equal(getattr(again, name), getattr(block, name))
