"""The shared recordings, dirty as they are, give the counts that their description states."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_contracts.errors import DataError
from quant_contracts.units import MILLISECOND, MINUTE


def found(handler):
    return {
        row.check: (row.count, row.repaired, row.example)
        for row in handler.quality()
        if row.check != "gap_range"
    }


def test_a_clean_year_of_15_minutes(shared_data, read):
    path = shared_data("klines/binance_spot_BTCUSDT_15m_2025.parquet")
    block, handler = read(path)
    assert len(block) == 35_040
    assert handler.interval == 15 * MINUTE
    assert handler.quality() == ()
    table = pq.read_table(path)
    assert (block.ts == (table["close_time_ms"].to_numpy() + 1) * MILLISECOND).all()
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(block, name), table[name].to_numpy())


def test_a_year_of_minutes_has_no_gap_and_64_calm_bars(shared_data, read):
    block, handler = read(shared_data("klines/binance_um_BTCUSDT_1m_2022.parquet"))
    assert len(block) == 525_600
    assert bool((np.diff(block.ts) == MINUTE).all())
    assert found(handler) == {"zero_volume": (64, "-", "")}
    assert handler.last_close() == int(block.ts[-1])


@pytest.mark.parametrize(
    ("name", "rows", "missing", "gaps"),
    [
        ("XRPUSD_1m_2018-01_2018-03", 128_655, 945, 702),
        ("LTCUSD_1m_2017-04_2017-06", 102_969, 28_070, 15_471),
    ],
)
def test_gaps_of_bitfinex_are_counted_and_can_be_filled(shared_data, read, name, rows, missing, gaps):
    path = shared_data(f"klines/bitfinex_{name}.parquet")
    block, handler = read(path)
    assert len(block) == rows
    assert found(handler) == {"gap": (missing, "-", f"in {gaps:,} gaps")}
    filled, handler = read(path, repair=["fill_gaps"])
    assert len(filled) == rows + missing
    assert bool((np.diff(filled.ts) == MINUTE).all())
    assert found(handler)["gap"] == (missing, "fill_gaps", f"in {gaps:,} gaps")
    kept = np.isin(filled.ts, block.ts)
    assert np.array_equal(filled.close[kept], block.close)
    assert bool((filled.volume[~kept] == 0).all())
    assert np.array_equal(filled.open[~kept], np.append(np.nan, filled.close[:-1])[~kept])


def test_minutes_without_trades_at_coinbase_are_refused_and_can_be_left_out(shared_data, read):
    path = shared_data("klines/coinbase_BTCUSD_1m_trades_quotes_20180404_20180405.parquet")
    with pytest.raises(DataError, match=r"row 1007 \(2018-04-04T16:46:00Z\): .*missing.*'drop_invalid'"):
        read(path)
    block, handler = read(path, repair=["drop_invalid"])
    assert len(block) == 2_879 - 432
    assert found(handler)["not_finite"][:2] == (432, "drop_invalid")
    # One minute is absent from the file beside those that are null.
    assert found(handler)["gap"][:2] == (433, "-")


def test_a_file_put_together_in_the_wrong_order_is_mended_to_the_same_bars(shared_data, read, tmp_path):
    path = shared_data("klines/binance_spot_BTCUSDT_15m_2025.parquet")
    table = pq.read_table(path)
    shuffled = table.take(np.random.default_rng(7).permutation(table.num_rows))
    mixed = tmp_path / "mixed.parquet"
    pq.write_table(shuffled, mixed)
    with pytest.raises(DataError, match=r"opens before a bar that stands above it.*'sort'"):
        read(mixed)
    block, _ = read(mixed, repair=["sort"])
    whole, _ = read(path)
    assert np.array_equal(block.ts, whole.ts)
    assert np.array_equal(block.close, whole.close)


@pytest.mark.parametrize("rows", [1_000, 4_096, 65_536])
def test_any_size_of_blocks_gives_the_same_minutes(shared_data, read, rows):
    path = shared_data("klines/binance_um_ETHUSDT_1m_2022-01_2022-04.parquet")
    block, _ = read(path, rows=rows)
    table = pq.read_table(path, columns=["close", "volume"])
    assert np.array_equal(block.close, table["close"].to_numpy())
    assert np.array_equal(block.volume, table["volume"].to_numpy())
