"""Streams go in whole or not at all, and come out as they went in."""

from __future__ import annotations

import signal
import subprocess
import sys
from decimal import Decimal

import msgspec
import pytest

from quant_channels.catalog.ingest import ingest_stream
from quant_channels.catalog.streams import StreamCatalog
from quant_channels.feeds.stream_catalog import StreamCatalogFeed
from quant_channels.synthetic.feed import SyntheticStreamFeed
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import BookGap
from quant_contracts.strategy import DOMAINS
from quant_contracts.units import DAY, MINUTE

START = 1_640_995_200_000_000_000


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_goes_in_comes_out(catalog, sample, stored, domain):
    feed = sample(domain)
    done = ingest_stream(catalog, feed, "binance")
    assert done.rows == done.added >= len(feed.events)
    assert len(done.files) in {3, 4}
    for rows in (1, 333, 100_000):
        assert stored(catalog, domain, rows=rows) == feed.events
    stream = catalog.find("binance", "BTCUSDT", domain)
    assert stream.index.rows == done.rows
    assert list(stream.problems()) == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_same_rows_again_change_nothing(catalog, sample, tape, bytes_of, domain):
    feed = sample(domain)
    ingest_stream(catalog, feed, "binance")
    before = bytes_of(catalog)
    part = tape(domain, feed.events[: len(feed.events) // 2], name="half", grid=feed.grid)
    for again in (feed, part):
        done = ingest_stream(catalog, again, "binance")
        assert (done.added, done.replaced, done.files) == (0, 0, ())
    assert bytes_of(catalog) == before


@pytest.mark.parametrize("domain", DOMAINS)
def test_parts_in_any_order_make_the_same_files(tmp_path, sample, tape, bytes_of, domain):
    feed = sample(domain)
    ingest_stream(StreamCatalog(tmp_path / "whole"), feed, "binance")
    count = len(feed.events)
    for start, stop in ((count // 2, count), (0, count // 3), (count // 4, 3 * count // 4)):
        part = tape(domain, feed.events[start:stop], name=f"from {start}", grid=feed.grid)
        ingest_stream(StreamCatalog(tmp_path / "parts"), part, "binance")
    whole, parts = (bytes_of(StreamCatalog(tmp_path / name)) for name in ("whole", "parts"))
    index = f"binance/BTCUSDT/{domain}/catalog.json"
    assert {**whole, index: b""} == {**parts, index: b""}


def test_rows_that_contradict_are_refused_until_they_may_replace(catalog, sample, tape, stored, bytes_of):
    feed = sample("trades")
    ingest_stream(catalog, feed, "binance")
    before = bytes_of(catalog)
    events = list(feed.events)
    middle = len(events) // 2
    events[middle] = msgspec.structs.replace(events[middle], price=events[middle].price + 1)
    other = tape("trades", events[10:-10], name="other tape")
    with pytest.raises(DataError, match=r"other tape: what became known at 2022-.* --replace") as refused:
        ingest_stream(catalog, other, "binance")
    assert "\n" not in str(refused.value)
    assert bytes_of(catalog) == before
    done = ingest_stream(catalog, other, "binance", replace=True)
    assert done.added == 0
    assert done.replaced > 0
    assert len(done.files) == 1
    assert stored(catalog, "trades") == tuple(events)
    assert list(catalog.find("binance", "BTCUSDT", "trades").problems()) == []


@pytest.mark.parametrize("change", ["one row less", "one row more"])
def test_missing_and_new_rows_within_what_is_known_are_contradictions(catalog, sample, tape, change):
    feed = sample("trades")
    ingest_stream(catalog, feed, "binance")
    events = list(feed.events)
    if change == "one row less":
        del events[100]
    else:
        events.insert(100, events[100])
    with pytest.raises(DataError, match="is stored otherwise"):
        ingest_stream(catalog, tape("trades", events), "binance")


def test_rows_where_another_source_was_silent_are_a_contradiction(catalog, sample, tape):
    feed = sample("trades")
    silent = [event for event in feed.events if not START + DAY <= event.ts_known < START + 2 * DAY]
    ingest_stream(catalog, tape("trades", silent), "binance")
    spoken = [event for event in feed.events if START + DAY <= event.ts_known < START + 2 * DAY]
    with pytest.raises(DataError, match="is stored otherwise"):
        ingest_stream(catalog, tape("trades", spoken, name="another"), "binance")


def test_a_day_that_a_replacement_has_nothing_of_goes(catalog, sample, tape, stored):
    feed = sample("trades")
    ingest_stream(catalog, feed, "binance")
    events = [event for event in feed.events if not START + DAY <= event.ts_known < START + 2 * DAY]
    gapped = tape("trades", events, name="gapped")
    with pytest.raises(DataError, match=r"gapped: has nothing where 2022-01-02\.parquet is stored"):
        ingest_stream(catalog, gapped, "binance")
    assert stored(catalog, "trades") == feed.events
    ingest_stream(catalog, gapped, "binance", replace=True)
    assert stored(catalog, "trades") == tuple(events)
    assert list(catalog.find("binance", "BTCUSDT", "trades").problems()) == []


def test_behind_a_replaced_piece_of_a_book_is_a_gap(catalog, sample, tape, stored):
    feed = sample("orderbook")
    ingest_stream(catalog, feed, "binance")
    events = feed.events
    at = next(place for place, event in enumerate(events) if event.ts_known > START + 90 * MINUTE)
    when = {"ts_event": events[at].ts_event, "ts_known": events[at].ts_known}
    snapshot = msgspec.structs.replace(events[0], **when)
    other = tape("orderbook", [snapshot], name="a snapshot", grid=feed.grid)
    ingest_stream(catalog, other, "binance", replace=True)
    found = stored(catalog, "orderbook")
    place = found.index(snapshot)
    assert isinstance(found[place + 1], BookGap)
    assert found[place + 2] in events


@pytest.mark.parametrize("breaks_after", [0, 1, 4])
def test_an_ingestion_that_is_stopped_leaves_the_old_state(
    catalog, sample, tape, stored, bytes_of, breaks_after
):
    feed = sample("trades")
    half = tape("trades", feed.events[: len(feed.events) // 2])
    ingest_stream(catalog, half, "binance")
    before = bytes_of(catalog)
    with pytest.raises(KeyboardInterrupt):
        ingest_stream(catalog, tape("trades", feed.events, breaks_after=breaks_after), "binance")
    assert bytes_of(catalog) == before
    ingest_stream(catalog, feed, "binance")
    assert stored(catalog, "trades") == feed.events


@pytest.mark.parametrize("breaks_after", [1, 4])
def test_a_first_ingestion_that_is_stopped_leaves_no_folder(catalog, sample, breaks_after):
    with pytest.raises(KeyboardInterrupt):
        ingest_stream(catalog, sample("trades", breaks_after=breaks_after), "binance")
    assert not catalog.root.exists()
    ingest_stream(catalog, sample("quotes"), "binance")
    with pytest.raises(KeyboardInterrupt):
        ingest_stream(catalog, sample("trades", breaks_after=breaks_after), "binance")
    assert [path.name for path in catalog.root.glob("*/*/*")] == ["quotes"]


KILLED = """
import os, signal, sys
from pathlib import Path
from quant_channels.catalog.ingest import ingest_stream
from quant_channels.catalog.streams import StreamCatalog
from quant_channels.synthetic.feed import SyntheticStreamFeed

def progress(rows):
    if rows > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

feed = SyntheticStreamFeed("trades", "BTCUSDT", days=3, trades_per_minute=10)
ingest_stream(StreamCatalog(Path(sys.argv[1])), feed, "binance", progress=progress)
"""


def test_a_killed_ingestion_leaves_the_old_state_and_can_be_done_again(catalog, stored):
    few = {"trades_per_minute": 10}
    one, three = (SyntheticStreamFeed("trades", "BTCUSDT", days=days, **few) for days in (1, 3))
    ingest_stream(catalog, one, "binance")
    before = stored(catalog, "trades")
    for rows in (0, len(before) + 1_000, 10**9):
        code = [sys.executable, "-c", KILLED, str(catalog.root), str(rows)]
        done = subprocess.run(code, capture_output=True, check=False)
        survived = rows == 10**9
        assert done.returncode == (0 if survived else -signal.SIGKILL), done.stderr
        if not survived:
            assert stored(catalog, "trades") == before
            assert list(catalog.find("binance", "BTCUSDT", "trades").problems()) == []
    expected = [event for block in three.blocks(None, None, 4096) for event in block.events()]
    assert stored(catalog, "trades") == tuple(expected)


def test_findings_are_kept_with_their_source(catalog, sample, tape):
    feed = sample("quotes")
    ingest_stream(catalog, tape("quotes", feed.events, name="dirty"), "binance")
    stream = StreamCatalogFeed("quotes", "BTCUSDT", root=str(catalog.root))
    assert [(row.check, row.count) for row in stream.quality()] == [("refused", 3)]
    (source,) = catalog.find("binance", "BTCUSDT", "quotes").index.sources
    assert (source.name, source.rows, source.first) == ("dirty", len(feed.events), feed.events[0].ts_known)


def test_a_source_without_rows_is_refused(catalog, tape):
    with pytest.raises(DataError, match="no usable trades of BTCUSDT in it; is the symbol right"):
        ingest_stream(catalog, tape("trades", []), "binance")
    assert not catalog.root.exists()


def test_rows_out_of_order_are_refused(catalog, sample, tape):
    events = list(sample("trades").events)
    events[50], events[60] = events[60], events[50]
    with pytest.raises(DataError, match="not in the order in which they became known"):
        ingest_stream(catalog, tape("trades", events), "binance")
    with pytest.raises(DataError, match="no trades of BTCUSDT in catalog"):
        catalog.find("binance", "BTCUSDT", "trades")


def test_a_book_of_other_ticks_is_refused(catalog):
    for tick in ("0.01", "0.1"):
        feed = SyntheticStreamFeed(
            "orderbook", "BTCUSDT", tick=Decimal(tick), days=1, trades_per_minute=8, book_levels=2
        )
        if tick == "0.01":
            ingest_stream(catalog, feed, "binance")
    with pytest.raises(DataError, match=r"orderbook with tick 0\.1, lot .* stored with tick 0\.01"):
        ingest_stream(catalog, feed, "binance")


def test_names_that_lead_elsewhere_are_refused(catalog, sample):
    with pytest.raises(ConfigError, match="is not a venue"):
        ingest_stream(catalog, sample("trades"), "../up")


def test_memory_is_that_of_one_file(tmp_path):
    """Three days of a book need no more memory than one."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from quant_channels.catalog.ingest import ingest_stream\n"
        "from quant_channels.catalog.streams import StreamCatalog\n"
        "from quant_channels.synthetic.feed import SyntheticStreamFeed\n"
        "feed = SyntheticStreamFeed('orderbook', 'BTCUSDT', days=int(sys.argv[1]), trades_per_minute=8)\n"
        "ingest_stream(StreamCatalog(Path(sys.argv[2])), feed, 'binance')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    used = []
    for days in ("1", "3"):
        command = [sys.executable, "-c", code, days, str(tmp_path / days)]
        used.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert used[1] < 1.15 * used[0]
