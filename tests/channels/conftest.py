"""Bars as dirty files, and files as bars."""

from __future__ import annotations

import pytest

from quant_channels.klines.historical import HistoricalDataHandler
from quant_contracts.blocks import BarBlock

HEADER = "open_time_ms,open,high,low,close,volume"


@pytest.fixture
def csv_file(tmp_path):
    """A function from lines to a CSV file; the header is put on top unless it is given."""

    def write(*lines, header=HEADER, name="bars.csv"):
        path = tmp_path / name
        path.write_text("\n".join([*([header] if header else []), *lines]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def read():
    """A function that cleans a file and returns all its bars as one block, and the handler."""

    def clean(path, *, start=None, end=None, rows=65_536, **settings):
        kind = "parquet" if str(path).endswith(".parquet") else "csv"
        handler = HistoricalDataHandler("BTCUSDT", str(path), settings.pop("format", kind), **settings)
        return BarBlock.join(list(handler.blocks(start, end, rows))), handler

    return clean
