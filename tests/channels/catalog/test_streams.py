"""Stored streams can be read from any moment on, and damage is found."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_channels.catalog.ingest import ingest_stream
from quant_channels.catalog.streams import StreamCatalog
from quant_channels.feeds.stream_catalog import StreamCatalogFeed
from quant_channels.synthetic.feed import SyntheticStreamFeed
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import BookGap, BookSnapshot, OptionQuote
from quant_contracts.protocols import StreamFeed
from quant_contracts.strategy import DOMAINS
from quant_contracts.testing.streams import (
    check_block_size_changes_nothing,
    check_range_is_kept,
    check_rows_are_lawful,
    check_rows_come_as_they_became_known,
    check_second_reading_is_the_same,
    check_source_is_named,
)
from quant_contracts.units import DAY, HOUR, MINUTE

START = 1_640_995_200_000_000_000
FEW = {"days": 2, "trades_per_minute": 8, "book_levels": 4, "chain_interval": "30m", "strikes": 5}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A catalog with two days of a synthetic market; the book loses some minutes."""
    catalog = StreamCatalog(tmp_path_factory.mktemp("filled"))
    events = {}
    for domain in ("orderbook", "quotes", "trades", "options", "sentiment"):
        feed = SyntheticStreamFeed(domain, "BTCUSDT", seed=3, gaps_per_day=60, **FEW)
        ingest_stream(catalog, feed, "binance")
        events[domain] = [event for block in feed.blocks(None, None, 65_536) for event in block.events()]
    return catalog, events


def state_of(domain, events, ts):
    """What a book, or a chain, is at `ts` after `events`."""
    state = None if domain == "orderbook" else {}
    for event in events:
        if event.ts_known > ts:
            break
        if isinstance(event, OptionQuote):
            state[event.expiry, event.strike, event.right] = event
        elif isinstance(event, BookGap):
            state = None
        else:
            if isinstance(event, BookSnapshot):
                state = ({}, {})
            for side, changed in zip(state or ({}, {}), (event.bids, event.asks), strict=True):
                side.update(changed)
                for price, size in changed:
                    if not size:
                        side.pop(price, None)
    if domain == "options":
        return {key: quote for key, quote in state.items() if quote.expiry > ts}
    return state


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moment=st.integers(0, 2 * DAY), length=st.integers(0, 3 * HOUR))
def test_reading_can_begin_anywhere(filled, moment, length):
    catalog, everything = filled
    start, end = START + moment, START + moment + length
    for domain, events in everything.items():
        stream = catalog.find("binance", "BTCUSDT", domain)
        expected = [event for event in events if start <= event.ts_known <= end]
        try:
            blocks = list(stream.blocks(start, end, 1000))
        except DataError:
            assert not expected
            continue
        found = [event for block in blocks for event in block.events()]
        assert found[len(found) - len(expected) :] == expected
        ahead = found[: len(found) - len(expected)]
        if domain in {"orderbook", "options"}:
            assert state_of(domain, ahead, start) == state_of(domain, events, start - 1)
        else:
            assert ahead == []


@pytest.mark.parametrize("domain", ["orderbook", "options"])
def test_reading_begins_with_the_file_that_holds_the_moment(filled, domain):
    catalog, events = filled
    stream = catalog.find("binance", "BTCUSDT", domain)
    start = START + DAY + 5 * HOUR + 30 * MINUTE
    first = next(stream.blocks(start, None, 10))
    oldest = min(event.ts_known for event in first.events())
    assert oldest >= START + DAY + 4 * HOUR if domain == "orderbook" else oldest >= START
    index = stream.index
    assert index.files[0].lead == 0
    assert all(file.lead > 0 for file in index.files[1:])
    assert index.rows == sum(len(block) for block in stream.blocks(None, None, 4096))
    assert len(events[domain]) <= index.rows


@pytest.mark.parametrize("domain", ["orderbook", "quotes", "trades", "options", "sentiment"])
@pytest.mark.parametrize(
    "check",
    [
        check_rows_are_lawful,
        check_rows_come_as_they_became_known,
        check_block_size_changes_nothing,
        check_range_is_kept,
        check_second_reading_is_the_same,
        check_source_is_named,
    ],
)
def test_the_feed_keeps_the_promises_of_a_stream(filled, domain, check):
    catalog, _ = filled
    check(lambda: StreamCatalogFeed(domain, "BTCUSDT", root=str(catalog.root)))


@pytest.mark.parametrize("domain", ["orderbook", "quotes", "trades", "options", "sentiment"])
@pytest.mark.parametrize(
    "check",
    [check_rows_are_lawful, check_block_size_changes_nothing, check_range_is_kept, check_source_is_named],
)
def test_so_does_the_synthetic_feed(domain, check):
    check(lambda: SyntheticStreamFeed(domain, "BTCUSDT", seed=3, **FEW))


def test_a_range_beside_the_stored_one_is_refused(filled):
    catalog, _ = filled
    stream = catalog.find("binance", "BTCUSDT", "trades")
    for start, end in ((START + 5 * DAY, None), (None, START - DAY)):
        with pytest.raises(DataError, match=r"no rows between .* covers 2022-01-01T.* to 2022-01-02T"):
            list(stream.blocks(start, end, 10))


@pytest.mark.parametrize("damage", ["cut", "changed", "removed", "added", "index"])
@pytest.mark.parametrize("domain", DOMAINS)
def test_damage_is_found(catalog, sample, domain, damage):
    ingest_stream(catalog, sample(domain), "binance")
    folder = catalog.folder("binance", "BTCUSDT", domain)
    path = sorted(folder.glob("*.parquet"))[1]
    content = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(content[:-9])
        case "changed":
            path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
        case "removed":
            path.unlink()
        case "added":
            path.with_name("1999-01-01.parquet").write_bytes(content)
        case "index":
            index = folder / "catalog.json"
            rows = catalog.find("binance", "BTCUSDT", domain).index.files[1].rows
            index.write_text(index.read_text().replace(f'"rows": {rows},', f'"rows": {rows + 1},', 2))
    problems = list(catalog.find("binance", "BTCUSDT", domain).problems())
    assert problems
    assert all(name.endswith(".parquet") and problem and "\n" not in problem for name, problem in problems)
    if damage in {"cut", "changed", "removed"}:
        with pytest.raises(DataError):
            StreamCatalogFeed(domain, "BTCUSDT", root=str(catalog.root)).info()


def test_what_is_missing_says_where_it_is_or_how_to_get_it(filled, tmp_path):
    catalog, _ = filled
    with pytest.raises(DataError, match=r"no trades of BTCUSDT of venue 'kraken' .* but of binance"):
        catalog.find("kraken", "BTCUSDT", "trades")
    with pytest.raises(DataError, match=r"catalog synth --domain trades --symbol ETHUSDT") as missing:
        StreamCatalog(tmp_path).find("binance", "ETHUSDT", "trades")
    assert "catalog ingest FILE --domain trades" in str(missing.value)


def test_an_index_of_a_newer_version_is_refused(catalog, sample):
    ingest_stream(catalog, sample("trades"), "binance")
    path = catalog.folder("binance", "BTCUSDT", "trades") / "catalog.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(DataError, match="newer version"):
        catalog.find("binance", "BTCUSDT", "trades")


def test_streams_are_listed_by_venue_symbol_and_domain(filled):
    catalog, _ = filled
    assert [stream.domain for stream in catalog.streams()] == [
        "orderbook", "quotes", "trades", "options", "sentiment",
    ]  # fmt: skip
    assert all(isinstance(StreamCatalogFeed(domain, "BTCUSDT"), StreamFeed) for domain in DOMAINS)


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="no domain 'trade'; did you mean 'trades'"):
        convert({"domain": "trade", "symbol": "BTCUSDT"}, StreamCatalogFeed, "here")
