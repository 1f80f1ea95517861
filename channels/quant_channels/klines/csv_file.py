"""Raw bars from CSV files, plain or gzipped, in bounded chunks."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from quant_channels.klines.arrow_columns import TimeReader, numbers, unreadable
from quant_channels.klines.raw import (
    BINANCE_COLUMNS,
    CHUNK,
    EVERYTHING,
    Layout,
    RawBars,
    TimeSpan,
    TimeUnit,
    find_layout,
)
from quant_contracts.blocks import Times
from quant_contracts.errors import DataError
from quant_contracts.units import MILLISECOND

READ_AHEAD: Final = 1 << 20
"""Bytes of a file held at a time."""


class CsvBars(msgspec.Struct, dict=True):
    """The raw bars in a CSV file, plain or gzipped, with a header or in Binance's headerless format."""

    path: Path
    declared: TimeUnit | None = None
    binance: bool = False
    skip_broken: bool = False
    """Leave out rows with too few or too many values and list them in `skipped`, instead of refusing."""

    def __post_init__(self) -> None:
        self.times = TimeReader(self.path)
        self.skipped: list[int] = []

    def chunks(self, span: TimeSpan = EVERYTHING) -> Iterator[RawBars]:
        """Every row in order, about `READ_AHEAD` bytes and never more than `CHUNK` rows at a time."""
        del span  # nothing in a CSV file says where to find a time
        header = list(BINANCE_COLUMNS) if self.binance else _header(self.path)
        layout = self._layout(header)
        broken: list[tuple[int, int, int]] = []
        self.skipped = []

        def on_broken(row: Any) -> str:
            number = row.number - (0 if self.binance else 1)
            # A row that runs over several lines has an open quote and may have swallowed good ones.
            if self.skip_broken and "\n" not in row.text:
                self.skipped.append(number)
                return "skip"
            broken.append((number, row.actual_columns, row.expected_columns))
            return "error"

        try:
            reader = arrow_csv.open_csv(
                self.path,
                # One thread, because only then does Arrow say which row is broken.
                arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=READ_AHEAD,
                    column_names=header if self.binance else None,
                ),
                arrow_csv.ParseOptions(invalid_row_handler=on_broken),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(layout.columns, pa.string()),
                    include_columns=layout.columns,
                    strings_can_be_null=True,
                ),
            )
            done = 0
            with reader:
                for batch in reader:
                    for start in range(0, batch.num_rows, CHUNK):
                        part = batch.slice(start, CHUNK)
                        row_numbers = self._row_numbers(done, part.num_rows)
                        done += part.num_rows
                        times = self.times.read(part.column(0), layout.unit, int(row_numbers[0]))
                        values = tuple(numbers(column) for column in part.columns[1:])
                        yield RawBars(row_numbers, times, values)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            if broken:
                number, has, wants = broken[0]
                raise DataError(
                    f"{self.path}: row {number}: {has} values where the header has {wants}; "
                    "the repair 'drop_invalid' would leave the row out"
                ) from None
            raise unreadable(self.path, "CSV", error) from None

    def opened(self, rows: int = CHUNK) -> Iterator[Times]:
        """The opening times alone, `rows` at a time at most."""
        for raw in self.chunks():
            for start in range(0, len(raw), rows):
                yield raw.opened[start : start + rows]

    def span(self) -> TimeSpan | None:
        """None: only reading all of it would tell."""
        return None

    def _layout(self, header: list[str]) -> Layout:
        layout = find_layout(self.path, header, self.declared)
        if self.binance and self.declared is None:
            layout = msgspec.structs.replace(layout, unit=MILLISECOND)
        return layout

    def _row_numbers(self, done: int, count: int) -> Times:
        rows = np.arange(done + 1, done + count + 1, dtype=np.int64)
        if self.skipped:
            before = np.array(self.skipped) - 1 - np.arange(len(self.skipped))
            rows += np.searchsorted(before, np.arange(done, done + count), side="right")
        return rows


def _header(path: Path) -> list[str]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            line = file.readline(READ_AHEAD).decode("utf-8-sig")
            while line and not line.strip():
                line = file.readline(READ_AHEAD).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise unreadable(path, "CSV", error) from None
    if not line:
        raise DataError(f"{path}: the file is empty; download or export it again")
    names = next(csv.reader([line]))
    if not names[0][:1].isalpha():
        raise DataError(
            f"{path}: no header: the first line is {line.strip()[:40]!r}; "
            "add one, or say that it is Binance's headerless format with layout 'binance'"
        )
    return names
