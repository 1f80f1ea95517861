"""Every feed keeps the promise of `Feed`, and is built from a configuration as the loader builds it."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal
from importlib.metadata import entry_points
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_channels.feeds.catalog import CatalogFeed
from quant_channels.feeds.csv import CsvFeed
from quant_channels.feeds.parquet import ParquetFeed
from quant_channels.feeds.synthetic import SyntheticFeed
from quant_channels.klines.catalog import Catalog
from quant_channels.klines.handler import KlineHandler
from quant_channels.klines.ingest import ingest
from quant_contracts.blocks import BarBlock
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.protocols import Feed
from quant_contracts.testing.samples import FIRST_OPEN, random_bars
from quant_contracts.units import DAY, HOUR, MILLISECOND, MINUTE

MINUTES = random_bars(3 * 1_440, seed=11)
COLUMNS = ("open", "high", "low", "close", "volume")
FROM_DATA = {"symbol": "BTCUSDT", "venue": "binance", "interval": None, "repair": [], "tick": "0.01"}
"""What the loader adds to the parameters of any feed."""


@pytest.fixture
def places(tmp_path):
    """The same bars as a Parquet file, a CSV file and a catalog: parameters by feed."""
    table = pa.table(
        {"open_time_ms": [bar.ts_open // MILLISECOND for bar in MINUTES]}
        | {name: [getattr(bar, name) for bar in MINUTES] for name in COLUMNS}
    )
    pq.write_table(table, tmp_path / "bars.parquet", row_group_size=1_000)
    rows = [[str(value) for value in row.values()] for row in table.to_pylist()]
    lines = [",".join(table.column_names), *(",".join(row) for row in rows)]
    (tmp_path / "bars.csv").write_text("\n".join(lines), encoding="utf-8")
    ingest(Catalog(tmp_path / "catalog"), ParquetFeed("BTCUSDT", str(tmp_path / "bars.parquet")), "binance")
    return {
        ParquetFeed: {"path": str(tmp_path / "bars.parquet")},
        CsvFeed: {"path": str(tmp_path / "bars.csv")},
        CatalogFeed: {"root": str(tmp_path / "catalog")},
        SyntheticFeed: {"seed": 7, "days": 3},
    }


FEEDS = pytest.mark.parametrize("kind", [ParquetFeed, CsvFeed, CatalogFeed, SyntheticFeed])
FILES = pytest.mark.parametrize("kind", [ParquetFeed, CsvFeed, CatalogFeed])


def bars_of(feed, start=None, end=None, rows=1_000):
    return [bar for block in feed.blocks(start, end, rows) for bar in block.events()]


def test_the_names_of_the_feeds_lead_to_them():
    installed = {point.name: point for point in entry_points(group="quant_engine.feeds")}
    for name, kind in (
        ("parquet", ParquetFeed),
        ("csv", CsvFeed),
        ("catalog", CatalogFeed),
        ("synthetic", SyntheticFeed),
    ):
        assert installed[name].load() is kind
    (klines,) = entry_points(group="quant_engine.handlers", name="klines")
    assert klines.load() is KlineHandler


@FEEDS
def test_it_is_a_feed_and_keeps_the_promises_of_one(places, kind):
    feed = convert({**FROM_DATA, **places[kind]}, kind, "$.data.BTCUSDT.source")
    assert isinstance(feed, Feed)
    assert (feed.symbol, feed.interval) == ("BTCUSDT", MINUTE)
    bars = bars_of(feed)
    assert len(bars) == len(MINUTES)
    assert all(earlier.ts_event < later.ts_event for earlier, later in pairwise(bars))
    assert all(bar.ts_known >= bar.ts_event for bar in bars)
    assert all(len(block) <= 77 for block in feed.blocks(None, None, 77))
    assert bars_of(feed, rows=77) == bars
    start, end = FIRST_OPEN + DAY, FIRST_OPEN + DAY + 2 * HOUR
    assert bars_of(feed, start, end) == [bar for bar in bars if bar.ts_open >= start and bar.ts_event <= end]
    assert feed.last_close() in {bars[-1].ts_event, None}
    assert feed.info() == feed.info()
    assert len(feed.info().sha256) == 64
    assert "/tmp" not in feed.info().name
    assert feed.quality() == ()


@FILES
def test_bars_come_out_as_they_were_written(places, kind):
    assert bars_of(kind("BTCUSDT", **places[kind])) == MINUTES


@FEEDS
def test_finer_bars_become_the_bars_that_were_asked_for(places, kind):
    feed = convert({**FROM_DATA, "interval": "15m", **places[kind]}, kind, "$")
    assert feed.interval == 15 * MINUTE
    bars = bars_of(feed)
    assert len(bars) == 3 * 96
    assert {bar.interval for bar in bars} == {15 * MINUTE}
    minutes = bars_of(convert({**FROM_DATA, **places[kind]}, kind, "$"))
    assert [bar.close for bar in bars] == [bar.close for bar in minutes[14::15]]
    assert [bar.high for bar in bars[:5]] == [
        max(bar.high for bar in minutes[row : row + 15]) for row in range(0, 75, 15)
    ]


@FILES
def test_coarser_bars_than_stored_cannot_be_made_finer(places, kind):
    feed = convert({**FROM_DATA, "interval": "90s", **places[kind]}, kind, "$")
    with pytest.raises(DataError, match="cannot become bars of 90s"):
        bars_of(feed)


@FEEDS
def test_a_range_outside_the_data_says_what_there_is(places, kind):
    feed = kind("BTCUSDT", **places[kind])
    with pytest.raises(DataError, match="covers 2022-01-01T00:00:00Z to 2022-01-04T00:00:00Z") as refused:
        bars_of(feed, FIRST_OPEN + 10 * DAY, FIRST_OPEN + 11 * DAY)
    assert "\n" not in str(refused.value)


@FEEDS
def test_making_a_feed_and_a_handler_opens_nothing(kind, tmp_path):
    params = {
        ParquetFeed: {"path": "none.parquet"},
        CsvFeed: {"path": "none.csv"},
        CatalogFeed: {"root": "none"},
    }
    handler = KlineHandler(kind("BTCUSDT", **params.get(kind, {"days": 36_000})))
    assert handler.last is None
    if kind is not SyntheticFeed:
        with pytest.raises(DataError, match="none"):
            handler.load_history(None, None, 4096)


@FEEDS
@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"paht": "x"}, "unknown key 'paht'"),
        ({"interval": "15"}, "'15' is not an interval"),
        ({"tick": 0.01}, "write 0.01 as a string"),
    ],
)
def test_a_slip_in_the_settings_is_refused_by_name(places, kind, params, says):
    with pytest.raises(ConfigError, match=says):
        convert({**FROM_DATA, **places[kind], **params}, kind, "$.data.BTCUSDT.source")


@FILES
def test_an_unknown_repair_is_refused_before_any_file_is_opened(kind):
    with pytest.raises(ValueError, match="no repair policy 'fill'; did you mean 'fill_gaps'"):
        kind("BTCUSDT", **({} if kind is CatalogFeed else {"path": "none"}), repair=["fill"])


def test_the_catalog_is_in_the_current_folder_or_where_the_variable_says(places, tmp_path, monkeypatch):
    monkeypatch.delenv("QUANT_ENGINE_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert len(bars_of(CatalogFeed("BTCUSDT"))) == len(MINUTES)
    monkeypatch.chdir("/")
    with pytest.raises(DataError, match="no bars of BTCUSDT in catalog 'catalog'"):
        bars_of(CatalogFeed("BTCUSDT"))
    monkeypatch.setenv("QUANT_ENGINE_CATALOG", str(tmp_path / "catalog"))
    assert len(bars_of(CatalogFeed("BTCUSDT"))) == len(MINUTES)
    with pytest.raises(DataError, match="no bars of ETHUSDT in catalog"):
        bars_of(CatalogFeed("ETHUSDT"))


def test_gaps_of_the_catalog_can_be_filled_on_the_way_out(tmp_path):
    bars = [bar for row, bar in enumerate(MINUTES[:100]) if row % 10 != 5]
    catalog = Catalog(tmp_path / "catalog")
    path = tmp_path / "gaps.parquet"
    columns = {name: [getattr(bar, name) for bar in bars] for name in COLUMNS}
    pq.write_table(pa.table({"open_time_ms": [bar.ts_open // MILLISECOND for bar in bars], **columns}), path)
    ingest(catalog, ParquetFeed("BTCUSDT", str(path)), "binance")
    feed = CatalogFeed("BTCUSDT", str(catalog.root), repair=["fill_gaps"], tick=Decimal("0.01"))
    block = BarBlock.join(list(feed.blocks(None, None, 30)))
    assert len(block) == 100
    assert np.count_nonzero(block.volume == 0) == 10
    assert [(row.check, row.count, row.repaired) for row in feed.quality() if row.check != "gap_range"] == [
        ("gap", 10, "fill_gaps")
    ]


def test_csv_in_binances_format(tmp_path):
    path = tmp_path / "BTCUSDT-1m-2022-01.csv"
    lines = [
        f"{bar.ts_open // MILLISECOND},{bar.open},{bar.high},{bar.low},{bar.close},{bar.volume},0,0,1,0,0,0"
        for bar in MINUTES[:50]
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert bars_of(CsvFeed("BTCUSDT", str(path), layout="binance")) == MINUTES[:50]


def test_memory_does_not_grow_with_the_length_of_the_history(tmp_path):
    """Five times the rows in one row group, and the most that Python and Arrow hold stays the same."""
    peaks = []
    for count in (400_000, 2_000_000):
        table = pa.table(
            {
                "open_time_ms": 60_000 * np.arange(count),
                "open": np.random.default_rng(7).normal(100, 0.001, count),
                "high": np.full(count, 200.0),
                "low": np.full(count, 50.0),
                "close": np.full(count, 100.0),
                "volume": np.ones(count),
            }
        )
        path = tmp_path / f"{count}.parquet"
        pq.write_table(table, path, row_group_size=count)
        del table
        feed = ParquetFeed("BTCUSDT", str(path))
        arrow = pa.total_allocated_bytes()
        tracemalloc.start()
        most, rows = 0, 0
        for block in feed.blocks(None, None, 65_536):
            rows += len(block)
            most = max(most, pa.total_allocated_bytes() - arrow)
        peaks.append(tracemalloc.get_traced_memory()[1] + most)
        tracemalloc.stop()
        assert rows == count
    assert peaks[1] < 1.2 * peaks[0]
