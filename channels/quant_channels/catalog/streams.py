"""The stored streams beside the bars: one folder a domain, one file a day, of books one an hour.

catalog/binance/BTCUSDT/trades/2024-08-08.parquet         rows in the order in which they became known
                               catalog.json               rows, first, last and digest of each; sources
                        orderbook/2024-08-08T23.parquet   begins with the whole book at that moment
                        options/2024-08-08.parquet        begins with the last quote of every option
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from quant_channels.catalog.commit import INDEX
from quant_channels.catalog.index import (
    FORMAT,
    StoredFile,
    StoredSource,
    check_names,
    digest_of,
    misplaced,
    read_index,
    stream_folder,
)
from quant_channels.streams.cutting import cut, no_rows
from quant_contracts.blocks import Block
from quant_contracts.blocks.columns import Times
from quant_contracts.duration import time_name
from quant_contracts.errors import DataError
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.strategy import DOMAINS
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK: Final = 65_536
"""Rows looked at together where nobody says how many."""

WHOLE_AT_START: Final = ("orderbook", "options")
"""Domains whose files begin with a lead."""


class StoredPart(StoredFile, frozen=True, forbid_unknown_fields=True):
    """One file of a stream beside the bars."""

    lead: int = 0
    """Rows ahead of its own, which say what was so when it begins; not counted in `rows`."""


class DomainIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `catalog.json` says of the files beside it."""

    venue: str
    symbol: str
    domain: str
    traits: dict[str, str] = {}
    """What holds for all rows: tick and lot of a book, premium and style of options."""
    files: tuple[StoredPart, ...] = ()
    """In the order of time."""
    sources: tuple[StoredSource, ...] = ()
    """In the order in which they were taken in."""
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(file.rows for file in self.files)


class StoredStream(msgspec.Struct, frozen=True):
    """The stored rows of one domain of a symbol: all that a stream feed is, save its settings."""

    folder: Path
    index: DomainIndex

    @property
    def symbol(self) -> str:
        return self.index.symbol

    @property
    def domain(self) -> str:
        return self.index.domain

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        """Stored rows known from `start` to `end`; books and chains begin with what makes them whole."""
        # Arrow takes 50 ms to import, which listing a catalog should not pay for.
        from quant_channels.catalog.rows import decode  # noqa: PLC0415 - see above

        files = self.index.files
        beside = not files or (end is not None and end < files[0].first)
        if beside or (start is not None and start > files[-1].last):
            covers = f"{time_name(files[0].first)} to {time_name(files[-1].last)}" if files else "nothing"
            raise no_rows(str(self.folder), start, end, covers)
        for table in _whole_moments(self._tables(start, end)):
            yield from cut(decode(self.domain, self.symbol, self.index.traits, table), rows)

    def info(self) -> SourceInfo:
        """The stream's key and a digest of its files; raises DataError for one that was tampered with."""
        name = f"{self.index.venue}/{self.symbol}/{self.domain}"
        return SourceInfo(name, digest_of(self.folder, self.index.files))

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found when the sources were taken in."""
        return tuple(row for source in self.index.sources for row in source.quality)

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the stored files, as file name and problem; reads all of them."""
        yield from misplaced(self.folder, self.index.files)
        for file in self.index.files:
            if problem := self._problem(file):
                yield file.name, problem

    def _problem(self, file: StoredPart) -> str:
        alone = StoredStream(self.folder, msgspec.structs.replace(self.index, files=(file,)))
        rows, first, last = -file.lead, 0, 0
        try:
            alone.info()
            for block in alone.blocks(None, None, CHUNK):
                known = block.ts_known
                if known.item(0) < last or bool((known[1:] < known[:-1]).any()):
                    return "rows are not in the order in which they became known"
                if rows <= 0 < rows + len(block):
                    first = known.item(-rows)
                rows, last = rows + len(block), known.item(-1)
        except DataError as error:
            return str(error)
        found = (rows, first, last)
        return "" if found == (file.rows, file.first, file.last) else f"not the rows that {INDEX} records"

    def _tables(self, start: Nanos | None, end: Nanos | None) -> Iterator[pa.Table]:
        """Rows of the range as they are stored, file by file."""
        from quant_channels.catalog.parquet import read_tables  # noqa: PLC0415 - as above

        files = [file for file in self.index.files if end is None or file.first <= end]
        begin = 0
        if start is not None:
            reached = [place for place, file in enumerate(files) if file.first <= start]
            begin = reached[-1] if reached else 0
        first = None if self.domain in WHOLE_AT_START else start
        for place, file in enumerate(files[begin:]):
            # Who comes from the file before knows what the lead says.
            passed = 0 if place == 0 else file.lead
            for table in read_tables(self.folder / file.name, first, end):
                yield between(table.slice(passed), first, end)
                passed = max(0, passed - len(table))


class StreamCatalog(msgspec.Struct, frozen=True):
    """All stored streams beside the bars under one folder."""

    root: Path

    def folder(self, venue: str, symbol: str, domain: str) -> Path:
        """Where a stream lies."""
        return stream_folder(self.root, venue, symbol, domain)

    def streams(self) -> list[StoredStream]:
        """Every stream, sorted by venue, symbol and the order of domains."""
        found = [
            read_domain(path.parent) for domain in DOMAINS for path in self.root.glob(f"*/*/{domain}/{INDEX}")
        ]
        return sorted(found, key=lambda stream: (stream.index.venue, stream.symbol))

    def find(self, venue: str, symbol: str, domain: str) -> StoredStream:
        """The stored stream; raises DataError that says what there is instead."""
        check_names(venue, symbol)
        folder = self.folder(venue, symbol, domain)
        if (folder / INDEX).exists() or (folder / ".new" / INDEX).exists():
            return read_domain(folder)
        others = sorted(path.parts[-4] for path in self.root.glob(f"*/{folder.parent.name}/{domain}/{INDEX}"))
        if others:
            raise DataError(
                f"no {domain} of {symbol} of venue {venue!r} in catalog '{self.root}', "
                f"but of {', '.join(others)}"
            )
        options = f"--domain {domain} --symbol {symbol} --venue {venue} --catalog {self.root}"
        raise DataError(
            f"no {domain} of {symbol} in catalog '{self.root}'; make some up with: "
            f"quant-engine catalog synth {options} or bring a file in with: "
            f"quant-engine catalog ingest FILE {options}"
        )


def read_domain(folder: Path) -> StoredStream:
    """The stream in `folder`, once a commit that was cut off has been finished."""
    return StoredStream(folder, read_index(folder, DomainIndex))


def known_of(table: pa.Table) -> Times:
    """When each row became known."""
    column: Any = table.column("known").combine_chunks()
    known: Times = np.from_dlpack(column).view(np.int64)
    return known


def between(table: pa.Table, first: Nanos | None, last: Nanos | None) -> pa.Table:
    """The rows known from `first` to `last`, both included; None is no bound."""
    known = known_of(table)
    start = 0 if first is None else int(known.searchsorted(first))
    stop = len(table) if last is None else int(known.searchsorted(last, side="right"))
    return table.slice(start, stop - start)


def _whole_moments(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, no moment divided between two tables, none of them empty."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    held: pa.Table | None = None
    for table in tables:
        if not len(table):
            continue
        joined = table if held is None else pa.concat_tables([held, table])
        known = known_of(joined)
        start = int(known.searchsorted(known[-1]))
        if start:
            yield joined.slice(0, start)
        held = joined.slice(start)
    if held is not None:
        yield held
