"""Arrow columns as numpy arrays of times and numbers; what cannot be read is marked, never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_channels.klines.raw import LATEST, NO_TIME
from quant_contracts.blocks import Column, Times
from quant_contracts.errors import DataError
from quant_contracts.units import Nanos


class TimeReader(msgspec.Struct, dict=True):
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
            counts, unit = nanos(pc.cast(column, pa.timestamp("ns"))), 1
        elif text and unit is None:
            counts, unit = self._texts(column), 1
        elif unit is None:
            raise self._no_unit(column[0])
        else:
            counts = nanos(_cast(column, pa.int64()))
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
        return nanos(_cast(column, self._kind or pa.timestamp("ns")))

    def _no_unit(self, value: object) -> DataError:
        return DataError(
            f"{self.path}: the unit of times such as {value} is not said; "
            "declare time_unit s, ms, us or ns, or name the column open_time_ms"
        )


def nanos(column: Any) -> Times:
    """A column of whole numbers or ns timestamps; `NO_TIME` where it is null."""
    times: Times = _values(column.cast(pa.int64()), NO_TIME)
    return times


def numbers(column: Any) -> Column:
    """A column as floats; NaN where it is null or holds no number."""
    if column.type != pa.float64():
        column = _cast(column, pa.float64())
    values: Column = _values(column, float("nan"))
    return values


def _values(column: Any, where_null: float) -> Any:
    """The values of a column. Its own `to_numpy` imports pandas wherever it can, a quarter of a second."""
    if column.null_count:
        column = column.fill_null(where_null)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return np.from_dlpack(column)


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


def unreadable(path: Path, kind: str, error: Exception) -> DataError:
    """The one-line error for a file that the system or Arrow could not read."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file; check the path")
    if isinstance(error, OSError) and error.strerror:
        return DataError(f"{path}: cannot be read: {error.strerror}")
    said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return DataError(f"{path}: not a {kind} file or damaged: {said}; download or export it again")
