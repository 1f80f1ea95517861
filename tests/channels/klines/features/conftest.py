"""What the tests of the feature channels share: a way to play bars to a channel, and real bars."""

from __future__ import annotations

from functools import lru_cache
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from quant_contracts.blocks import BarBlock
from quant_contracts.units import MINUTE


@pytest.fixture(scope="session")
def play():
    """Plays a block to a channel, in pieces of the sizes given (0: one bar through `update`), over and over.

    The answer has one row per bar and one column per output, NaN where there was None.
    """

    def play(channel, block, sizes=(0,), *, other=None):
        rows = np.full((len(block), len(channel.outputs)), np.nan)
        start = 0
        for size in cycle(sizes):
            if start >= len(block):
                return rows
            stop = min(start + max(size, 1), len(block))
            if size:
                beside = () if other is None else (other.slice(start, stop),)
                rows[start:stop] = np.column_stack(channel.update_many(block.slice(start, stop), *beside))
            else:
                beside = () if other is None else (other.bar(start),)
                if (values := channel.update(block.bar(start), *beside)) is not None:
                    assert all(type(value) is float for value in values)
                    rows[start] = values
            start = stop
        return rows

    return play


@pytest.fixture(scope="session")
def same_bits():
    """True when two arrays have the same bits, any NaN being as good as any other."""

    def same_bits(a, b):
        missing = np.isnan(a)
        return np.array_equal(missing, np.isnan(b)) and a[~missing].tobytes() == b[~missing].tobytes()

    return same_bits


@pytest.fixture
def bitcoin(shared_data) -> BarBlock:
    """A year of BTCUSDT in bars of 15 minutes."""
    return _block(shared_data("klines/binance_spot_BTCUSDT_15m_2025.parquet"), 15 * MINUTE)


@pytest.fixture
def bitcoin_minutes(shared_data) -> BarBlock:
    """300,000 minutes of BTCUSDT."""
    return _block(shared_data("klines/binance_um_BTCUSDT_1m_2022.parquet"), MINUTE).slice(0, 300_000)


@lru_cache
def _block(path: Path, interval: int) -> BarBlock:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = {name: table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    closes = table["open_time_ms"].to_numpy() * 1_000_000 + interval
    return BarBlock(symbol="BTCUSDT", interval=interval, ts=closes, **columns)
