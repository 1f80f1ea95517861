"""Tables as CSV and Parquet, the same bytes for the same table.

CSV: exact amounts as they are, floats with the fewest digits that name them, times in ISO 8601 UTC,
nothing for None. Parquet: amounts as decimal128(38, 18), so that they can be added up without a cast,
or as the CSV's text in a table with one that does not fit; times as UTC nanoseconds; zstd, and neither
a clock nor another library's notes in the metadata.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from quant_contracts.duration import time_name
from quant_contracts.units import SECOND, Nanos
from quant_engine.report.tables import Table, TableColumn

if TYPE_CHECKING:
    import pyarrow as pa


def iso_time(ts: Nanos) -> str:
    """A moment to the last nanosecond, in UTC.

    >>> iso_time(0), iso_time(1_500_000_000)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500000000Z')
    """
    whole = time_name(ts)
    return f"{whole[:-1]}.{ts % SECOND:09d}Z" if ts % SECOND else whole


def to_csv(table: Table) -> bytes:
    """A header and one line a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows(zip(*(_texts(column) for column in table.columns), strict=True))
    return text.getvalue().encode()


def _texts(column: TableColumn) -> Sequence[object]:
    """Values as the csv module writes them: it takes repr of a float and nothing for None."""
    if column.kind == "time":
        return ["" if value is None else iso_time(value) for value in column.values]  # type: ignore[arg-type] # the kind says int
    if column.kind == "exact":
        return ["" if value is None else f"{value:f}" for value in column.values]
    return column.values


def to_parquet(text: bytes, table: Table) -> bytes:
    """The CSV `text` of `table` with its types, as one row group: both files say the same by construction."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only saving needs it
    import pyarrow.parquet as pq  # noqa: PLC0415 - ditto

    try:
        columns = _read(text, table, pa.decimal128(38, 18))
    except pa.ArrowInvalid:
        columns = _read(text, table, pa.string())
    sink = io.BytesIO()
    pq.write_table(columns, sink, compression="zstd", row_group_size=max(columns.num_rows, 1))
    return sink.getvalue()


def _read(text: bytes, table: Table, amount: pa.DataType) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - as above
    from pyarrow import csv as arrow  # noqa: PLC0415 - ditto

    kinds = {
        "time": pa.timestamp("ns", tz="UTC"),
        "text": pa.string(),
        "exact": amount,
        "float": pa.float64(),
        "count": pa.int64(),
    }
    return arrow.read_csv(
        pa.BufferReader(text),
        read_options=arrow.ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=arrow.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow.ConvertOptions(
            column_types={column.name: kinds[column.kind] for column in table.columns}
        ),
    )
