"""Arrow tables as Parquet files, written so that they are on the disk when they are said to be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from quant_channels.klines.arrow_columns import unreadable
from quant_contracts.units import Nanos

ROW_GROUP: Final = 65_536
"""Rows in one row group of a file: the least that is read to find a time."""
READ_AHEAD: Final = 1 << 20
"""Bytes of each column held at a time; without it, a column of a whole row group is."""


def write_table(path: Path, table: Any) -> None:
    """Write and sync `table`, whose first or second column is a time and rises."""
    # Byte streams compress prices as well as a dictionary does and are read twice as fast.
    encodings = {
        field.name: "BYTE_STREAM_SPLIT" if pa.types.is_floating(field.type) else "DELTA_BINARY_PACKED"
        for field in table.schema
        if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
    }
    with path.open("wb") as file:
        pq.write_table(
            table,
            file,
            row_group_size=ROW_GROUP,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            column_encoding=encodings,
        )
        file.flush()
        os.fsync(file.fileno())


def read_tables(path: Path, first: Nanos | None, last: Nanos | None) -> Iterator[Any]:
    """The rows of every row group with rows known in [first, last], a group at a time."""
    try:
        with pq.ParquetFile(path, buffer_size=READ_AHEAD, pre_buffer=False) as file:
            known = file.schema_arrow.names.index("known")
            for group in range(file.num_row_groups):
                told = file.metadata.row_group(group).column(known).statistics
                if told is not None and told.has_min_max:
                    if last is not None and told.min > last:
                        return
                    if first is not None and told.max < first:
                        continue
                yield file.read_row_group(group)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, "Parquet", error) from None


def read_table(path: Path) -> Any:
    """All rows of a file."""
    return pa.concat_tables(read_tables(path, None, None))
