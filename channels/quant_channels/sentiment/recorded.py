"""Texts from a recorded file, row by row: Parquet or JSON lines, in the order in which they were seen.

A row has `id` and `text` or `title`, and may have `source`, `url`, `deleted`, `vader` and `finbert` with
`vader_model` and `finbert_model`, and times: `published`, `revised`, `first_seen`, `ingested`. A time is
ISO 8601, or a number whose unit ends its name, as in `published_ms`. A later row of the same source and
id is the next version.
"""

from __future__ import annotations

import gzip
import heapq
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from quant_channels.sentiment.items import UNITS, RawItem, make_item, moment
from quant_channels.sentiment.versions import Output
from quant_contracts.errors import DataError
from quant_contracts.units import Nanos

TIMES: Final = ("published", "revised", "first_seen", "ingested")
BATCH: Final = 4_096
REORDERED: Final = 10_000
"""Rows that are held back to bring those into order that stand a little out of it."""
MOST_LINE: Final = 2**20
"""Bytes of one line of JSON."""


class Row(msgspec.Struct, frozen=True):
    """One good row."""

    source: str
    item: RawItem
    first_seen: Nanos | None
    """None where nobody recorded it."""
    ingested: Nanos | None
    outputs: tuple[Output, ...] = ()


def read_rows(path: Path) -> Iterator[Row | None]:
    """The rows of a file as they stand there; None for one that is none. Raises DataError for no file."""
    name = path.name.removesuffix(".gz")
    try:
        rows = _parquet_rows(path) if name.endswith(".parquet") else _json_rows(path)
        for row in rows:
            yield None if row is None else _row(row, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _json_rows(path: Path) -> Iterator[dict[str, Any] | None]:
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
        while line := file.readline(MOST_LINE):
            if len(line) == MOST_LINE and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = file.readline(MOST_LINE)
                yield None
                continue
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else None


def _parquet_rows(path: Path) -> Iterator[dict[str, Any] | None]:
    import pyarrow as pa  # noqa: PLC0415 - a cold start does without
    import pyarrow.parquet as pq  # noqa: PLC0415 - ditto

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise DataError(f"{path}: not a Parquet file, or damaged: {error}") from None


def _row(row: Mapping[str, Any], path: Path) -> Row | None:
    times: dict[str, Nanos | None] = {}
    for name in TIMES:
        told = _time(row, name)
        if told == 0:
            return None
        times[name] = told
    source = row.get("source") or f"file:{path.name.partition('.')[0]}"
    outputs = _outputs(row)
    item = make_item(
        row.get("id"),
        url=row.get("url"),
        title=row.get("title"),
        text=row.get("text"),
        published=times["published"],
        revised=times["revised"],
        is_deleted=row.get("deleted") is True,
    )
    if item is None or outputs is None or not isinstance(source, str) or len(source) > 100:
        return None
    return Row(source, item, times["first_seen"], times["ingested"], outputs)


def _time(row: Mapping[str, Any], name: str) -> Nanos | None:
    """A time by any of its names; None where there is none, 0 where what is there is none."""
    if (value := row.get(name)) is not None:
        # A number without its unit is not guessed at; text and times of Parquet say what they are.
        text = value.isoformat() if isinstance(value, date) else value
        return (moment(text) or 0) if isinstance(text, str) and not text.isdigit() else 0
    for unit in UNITS:
        if (value := row.get(f"{name}_{unit}")) is not None:
            return moment(value, unit) or 0
    return None


def _outputs(row: Mapping[str, Any]) -> tuple[Output, ...] | None:
    """The outputs that name their model; others are worth nothing to a replay. None for unlawful ones."""
    found: list[Output] = []
    for kind in ("vader", "finbert"):
        model, values = row.get(f"{kind}_model"), row.get(kind)
        if model is None or values is None:
            continue
        listed = values if isinstance(values, list) else [values]
        if not isinstance(model, str) or not all(isinstance(value, int | float) for value in listed):
            return None
        if not all(math.isfinite(value) for value in listed):
            return None
        try:
            found.append(msgspec.convert({"kind": kind, "model": model, "values": listed}, Output))
        except msgspec.ValidationError:
            return None
    return tuple(found)


def in_order(rows: Iterable[tuple[Nanos, Row]], path: Path) -> Iterator[tuple[Nanos, Row]]:
    """The same rows by rising time; raises DataError where one stands too far from its place."""
    held: list[tuple[Nanos, int, Row]] = []
    last: Nanos = 0
    for number, (ts, row) in enumerate(rows):
        if ts < last:
            raise DataError(
                f"{path}: row {row.item.native_id!r} stands more than {REORDERED:,} rows behind its time; "
                "sort the file by the time of its first sight"
            )
        heapq.heappush(held, (ts, number, row))
        if len(held) > REORDERED:
            last, _, first = heapq.heappop(held)
            yield last, first
    while held:
        last, _, first = heapq.heappop(held)
        yield last, first
