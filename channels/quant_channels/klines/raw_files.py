"""Reads raw bars from Parquet and CSV files in bounded chunks. The only file that knows Arrow's readers."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quant_channels.klines.raw import (
    BINANCE_COLUMNS,
    CHUNK,
    EVERYTHING,
    LATEST,
    NO_TIME,
    Layout,
    RawBars,
    TimeSpan,
    TimeUnit,
    find_layout,
)
from quant_contracts.blocks import COLUMNS, Column, Times
from quant_contracts.errors import DataError
from quant_contracts.units import MILLISECOND, Nanos

READ_AHEAD: Final = 1 << 20
"""Bytes of a file held at a time."""

DECODE: Final = 65_536
"""Rows of a Parquet file decoded at a time, where Arrow is at its best."""


class ParquetBars(msgspec.Struct, dict=True):
    """The raw bars in a Parquet file."""

    path: Path
    declared: TimeUnit | None = None

    def __post_init__(self) -> None:
        self.times = _TimeReader(self.path)
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
            raise _unreadable(self.path, "Parquet", error) from None

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
            raise _unreadable(self.path, "Parquet", error) from None

    def span(self) -> TimeSpan | None:
        """First and last opening time by the file's own statistics, None where it has none."""
        try:
            with _opened(self.path) as file:
                layout = find_layout(self.path, file.schema_arrow.names, self.declared)
                groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.path, "Parquet", error) from None
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
                times = _nanos(batch.column("ts")) - interval
                known = _nanos(batch.column("known")) if late else None
                yield msgspec.structs.replace(_raw(batch, layout, row, times), known=known)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, "Parquet", error) from None


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
    values = tuple(_numbers(batch.column(name)) for name in layout.values)
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


class CsvBars(msgspec.Struct, dict=True):
    """The raw bars in a CSV file, plain or gzipped, with a header or in Binance's headerless format."""

    path: Path
    declared: TimeUnit | None = None
    binance: bool = False
    skip_broken: bool = False
    """Leave out rows with too few or too many values and list them in `skipped`, instead of refusing."""

    def __post_init__(self) -> None:
        self.times = _TimeReader(self.path)
        self.skipped: list[int] = []

    def chunks(self, span: TimeSpan = EVERYTHING) -> Iterator[RawBars]:
        """Every row in order, about `READ_AHEAD` bytes and never more than `CHUNK` rows at a time."""
        del span  # nothing in a CSV file says where to find a time
        # Only CSV needs it, and it costs a few milliseconds.
        from pyarrow import csv as arrow_csv  # noqa: PLC0415 - see above

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
                        numbers = self._row_numbers(done, part.num_rows)
                        done += part.num_rows
                        times = self.times.read(part.column(0), layout.unit, int(numbers[0]))
                        values = tuple(_numbers(column) for column in part.columns[1:])
                        yield RawBars(numbers, times, values)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            if broken:
                number, has, wants = broken[0]
                raise DataError(
                    f"{self.path}: row {number}: {has} values where the header has {wants}; "
                    "the repair 'drop_invalid' would leave the row out"
                ) from None
            raise _unreadable(self.path, "CSV", error) from None

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
        raise _unreadable(path, "CSV", error) from None
    if not line:
        raise DataError(f"{path}: the file is empty; download or export it again")
    names = next(csv.reader([line]))
    if not names[0][:1].isalpha():
        raise DataError(
            f"{path}: no header: the first line is {line.strip()[:40]!r}; "
            "add one, or say that it is Binance's headerless format with layout 'binance'"
        )
    return names


class _TimeReader(msgspec.Struct, dict=True):
    """Turns a column of times into nanoseconds. The first chunk fixes how a file writes its times."""

    path: Path

    def __post_init__(self) -> None:
        self.naive = False
        """True where times are text or timestamps that name no zone; they are read as UTC."""
        self._kind: Any = None

    def read(self, column: Any, unit: Nanos | None, first_row: int) -> Times:
        """The times of a column whose first row has the number `first_row`; `NO_TIME` where unreadable."""
        kind = column.type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            self.naive = pa.types.is_date(kind) or kind.tz is None
            counts, unit = _nanos(pc.cast(column, pa.timestamp("ns"))), 1
        elif text and unit is None:
            counts, unit = self._texts(column), 1
        elif unit is None:
            raise self._no_unit(column[0])
        else:
            counts = _nanos(_cast(column, pa.int64()))
        if not len(counts):
            return counts
        limit = LATEST // unit
        if counts.max() > limit or counts.min() < -limit:
            gone = counts == NO_TIME
            wild = np.flatnonzero(((counts > limit) | (counts < -limit)) & ~gone)
            if len(wild):
                raise DataError(
                    f"{self.path}: row {first_row + int(wild[0])}: the time {counts[wild[0]]} lies "
                    "beyond the year 2261; is the unit right? say time_unit s, ms, us or ns"
                )
            return np.where(gone, NO_TIME, counts * unit)
        return counts * unit

    def _texts(self, column: Any) -> Times:
        for item in column if self._kind is None else ():
            sample = pa.array([item.as_py()], pa.string())
            if _cast(sample, pa.float64())[0].is_valid:
                raise self._no_unit(item)
            zones = [zone for zone in (None, "UTC") if _cast(sample, pa.timestamp("ns", zone))[0].is_valid]
            if zones:
                self.naive = zones == [None]
                self._kind = pa.timestamp("ns", zones[0])
                break
        return _nanos(_cast(column, self._kind or pa.timestamp("ns")))

    def _no_unit(self, value: object) -> DataError:
        return DataError(
            f"{self.path}: the unit of times such as {value} is not said; "
            "declare time_unit s, ms, us or ns, or name the column open_time_ms"
        )


def _nanos(column: Any) -> Times:
    whole = column.cast(pa.int64())
    if whole.null_count:
        whole = whole.fill_null(NO_TIME)
    times: Times = whole.to_numpy(zero_copy_only=False)
    return times


def _numbers(column: Any) -> Column:
    if column.type != pa.float64():
        column = _cast(column, pa.float64())
    numbers: Column = column.to_numpy(zero_copy_only=False)
    return numbers


def _cast(column: Any, kind: Any) -> Any:
    """`column` as `kind`, null where a value cannot be read as one."""
    try:
        return pc.cast(column, kind)
    except pa.ArrowInvalid:
        pass
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return pa.array([_value(text, kind) for text in texts.to_pylist()], kind)


def _value(text: str | None, kind: Any) -> Any:
    # 1640995200.0 is a whole number to whoever exported it.
    ways = (pa.float64(), kind) if kind == pa.int64() else (kind,)
    try:
        value = pa.scalar(text)
        for way in ways:
            value = value.cast(way)
    except pa.ArrowInvalid:
        return None
    return value


def _unreadable(path: Path, kind: str, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file; check the path")
    if isinstance(error, OSError) and error.strerror:
        return DataError(f"{path}: cannot be read: {error.strerror}")
    said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return DataError(f"{path}: not a {kind} file or damaged: {said}; download or export it again")
