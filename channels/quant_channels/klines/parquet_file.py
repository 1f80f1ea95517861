"""Raw bars from Parquet files in bounded chunks; row groups that cannot meet the range are skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quant_channels.klines.arrow_columns import TimeReader, nanos, numbers, unreadable
from quant_channels.klines.raw import CHUNK, EVERYTHING, Layout, RawBars, TimeSpan, TimeUnit, find_layout
from quant_contracts.blocks import COLUMNS, Times
from quant_contracts.errors import DataError
from quant_contracts.units import Nanos

READ_AHEAD: Final = 1 << 20
"""Bytes of each column held at a time."""

DECODE: Final = 65_536
"""Rows decoded at a time, where Arrow is at its best."""


class ParquetBars(msgspec.Struct, dict=True):
    """The raw bars in a Parquet file."""

    path: Path
    declared: TimeUnit | None = None

    def __post_init__(self) -> None:
        self.times = TimeReader(self.path)
        self.skipped: list[int] = []

    def chunks(self, span: TimeSpan = EVERYTHING) -> Iterator[RawBars]:
        """The rows of every row group that can hold times of `span`, `CHUNK` at a time."""
        try:
            with _opened(self.path) as file:
                layout = find_layout(self.path, file.schema_arrow.names, self.declared)
                for row, batch in _batches(file, layout, span):
                    times = self.times.read(batch.column(layout.time), layout.unit, row)
                    yield _raw(batch, layout, row, times)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.path, "Parquet", error) from None

    def opened(self, rows: int = CHUNK) -> Iterator[Times]:
        """The opening times alone, `rows` at a time."""
        try:
            with _opened(self.path) as file:
                layout = find_layout(self.path, file.schema_arrow.names, self.declared)
                row = 1
                for batch in file.iter_batches(rows, columns=[layout.time]):
                    yield self.times.read(batch.column(0), layout.unit, row)
                    row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.path, "Parquet", error) from None

    def span(self) -> TimeSpan | None:
        """First and last opening time by the file's own statistics, None where it has none."""
        try:
            with _opened(self.path) as file:
                layout = find_layout(self.path, file.schema_arrow.names, self.declared)
                groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.path, "Parquet", error) from None
        bounds = [_bounds(meta, layout) for meta in groups]
        known = [bound for bound in bounds if bound is not None]
        if not known or len(known) < len(bounds):
            return None
        return TimeSpan(min(bound.first for bound in known), max(bound.last for bound in known))


def _opened(path: Path) -> Any:
    # Without these, a column of a whole row group is held in memory, however long it is.
    return pq.ParquetFile(path, buffer_size=READ_AHEAD, pre_buffer=False)


def stored_chunks(path: Path, interval: Nanos, span: TimeSpan = EVERYTHING) -> Iterator[RawBars]:
    """The rows of a catalog file, whose column `ts` holds closes, of row groups that can meet `span`."""
    layout = Layout("ts", 1, COLUMNS)
    closes = TimeSpan(span.first + interval, span.last + interval)
    try:
        with _opened(path) as file:
            late = "known" in file.schema_arrow.names
            if missing := set(layout.columns) - set(file.schema_arrow.names):
                raise DataError(f"{path}: not a file of the catalog: no column {', '.join(sorted(missing))}")
            for row, batch in _batches(file, layout, closes, ["known"] if late else []):
                times = nanos(batch.column("ts")) - interval
                known = nanos(batch.column("known")) if late else None
                yield msgspec.structs.replace(_raw(batch, layout, row, times), known=known)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, "Parquet", error) from None


def _batches(
    file: Any, layout: Layout, span: TimeSpan, also: Sequence[str] = ()
) -> Iterator[tuple[int, Any]]:
    """Batches of the row groups that can hold times of `span`, each with the number of its first row."""
    first_row = 1
    for group in range(file.num_row_groups):
        meta = file.metadata.row_group(group)
        bounds = _bounds(meta, layout)
        if bounds is None or (bounds.first <= span.last and bounds.last >= span.first):
            row = first_row
            for batch in file.iter_batches(DECODE, [group], [*layout.columns, *also]):
                for start in range(0, batch.num_rows, CHUNK):
                    yield row + start, batch.slice(start, CHUNK)
                row += batch.num_rows
        first_row += meta.num_rows


def _raw(batch: Any, layout: Layout, row: int, times: Times) -> RawBars:
    # By name, since a batch holds its columns in the order of the file.
    values = tuple(numbers(batch.column(name)) for name in layout.values)
    return RawBars(np.arange(row, row + len(times), dtype=np.int64), times, values)


def _bounds(meta: Any, layout: Layout) -> TimeSpan | None:
    """Times of a row group where its statistics have them as whole numbers of a known unit."""
    for index in range(meta.num_columns):
        column = meta.column(index)
        if column.path_in_schema != layout.time:
            continue
        told = column.statistics
        if told is None or not told.has_min_max or not isinstance(told.min, int) or layout.unit is None:
            return None
        return TimeSpan(told.min * layout.unit, told.max * layout.unit)
    return None
