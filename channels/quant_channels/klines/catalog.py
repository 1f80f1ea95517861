"""The Parquet catalog: cleaned bars kept on disk, one folder a stream, one file a year.

    catalog/binance/BTCUSDT/klines/1m/2022.parquet     ts (close, ns), open, high, low, close, volume
                                      catalog.json     rows, first, last and digest of each file; sources

Streams of less than a minute have a file a month. A bar belongs to the period in which it opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

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
from quant_channels.klines.cleaner import Cleaner
from quant_channels.klines.historical import clean_blocks, nothing_between, time_span, within
from quant_channels.klines.quality import BarFindings
from quant_channels.klines.raw import CHUNK, RawBars, TimeSpan
from quant_contracts.blocks import BarBlock
from quant_contracts.duration import interval_name, parse_interval, time_name
from quant_contracts.errors import DataError
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import Nanos


class StreamIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `catalog.json` says of the files beside it."""

    venue: str
    symbol: str
    interval: str
    files: tuple[StoredFile, ...] = ()
    """In the order of time."""
    sources: tuple[StoredSource, ...] = ()
    """In the order in which they were taken in."""
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Bars in all files."""
        return sum(file.rows for file in self.files)


class Stream(msgspec.Struct, dict=True):
    """The stored bars of one symbol and interval: a feed over their files."""

    folder: Path
    index: StreamIndex
    repair: Sequence[str] = ()
    tick: float | None = None

    def __post_init__(self) -> None:
        self._findings = BarFindings(self.symbol)

    @property
    def symbol(self) -> str:
        return self.index.symbol

    @property
    def interval(self) -> Nanos:
        return parse_interval(self.index.interval)

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        """Stored bars of [start, end]. They pass the same checks again: a catalog can be damaged too."""
        cleaner = Cleaner("", self.symbol, self.interval, repair=self.repair, tick=self.tick)
        cleaner.phase = (self.index.files[0].first if self.index.files else 0) % self.interval
        self._findings = cleaner.findings
        empty = True
        for block in clean_blocks(cleaner, self._chunks(time_span(start, end, self.interval), cleaner), rows):
            empty = False
            yield block
        if empty:
            covers = "nothing"
            if self.index.files:
                first = time_name(self.index.files[0].first - self.interval)
                covers = f"{first} to {time_name(self.index.files[-1].last)}"
            raise nothing_between(str(self.folder), start, end, covers)

    def _chunks(self, span: TimeSpan, cleaner: Cleaner) -> Iterator[RawBars]:
        # Arrow takes 50 ms to import, which listing a catalog should not pay for.
        from quant_channels.klines.parquet_file import stored_chunks  # noqa: PLC0415 - see above

        for file in self.index.files:
            if file.last - self.interval >= span.first and file.first - self.interval <= span.last:
                path = self.folder / file.name
                cleaner.source = str(path)
                for raw in stored_chunks(path, self.interval, span):
                    inside = within(raw, span)
                    if len(inside):
                        yield inside

    def last_close(self) -> Nanos | None:
        """Close of the last stored bar."""
        return self.index.files[-1].last if self.index.files else None

    def info(self) -> SourceInfo:
        """The stream's key and a digest of its files; raises DataError for one that was tampered with."""
        digest = digest_of(self.folder, self.index.files)
        return SourceInfo(f"{self.index.venue}/{self.symbol}/{self.index.interval}", digest)

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found in the bars delivered so far, after what was mended when they were taken in."""
        mended = (row for source in self.index.sources for row in source.quality if row.repaired != "-")
        return (*mended, *self._findings.table())

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the stored files, as file name and problem; reads all of them."""
        yield from misplaced(self.folder, self.index.files)
        for file in self.index.files:
            if problem := self._problem(file):
                yield file.name, problem

    def _problem(self, file: StoredFile) -> str:
        alone = Stream(self.folder, msgspec.structs.replace(self.index, files=(file,)))
        try:
            alone.info()
            ends = [
                (len(block), int(block.ts[0]), int(block.ts[-1])) for block in alone.blocks(None, None, CHUNK)
            ]
        except DataError as error:
            return str(error)
        found = (sum(rows for rows, _, _ in ends), ends[0][1], ends[-1][2])
        return "" if found == (file.rows, file.first, file.last) else f"not the rows that {INDEX} records"


class Catalog(msgspec.Struct, frozen=True):
    """All streams under one folder."""

    root: Path

    def folder(self, venue: str, symbol: str, interval: str) -> Path:
        """Where a stream lies; a symbol such as BTC/USDT is quoted."""
        return stream_folder(self.root, venue, symbol, "klines") / interval

    def streams(self) -> list[Stream]:
        """Every stream, sorted by venue, symbol and length of its bars."""
        return self._streams("*", "*")

    def _streams(self, venue: str, folder: str) -> list[Stream]:
        found = [read_stream(path.parent) for path in self.root.glob(f"{venue}/{folder}/klines/*/{INDEX}")]
        return sorted(found, key=lambda stream: (stream.index.venue, stream.symbol, stream.interval))

    def find(self, venue: str, symbol: str, wanted: Nanos | None) -> Stream:
        """The stream for bars of `wanted`: stored so, or with the longest bars they can be made of."""
        check_names(venue, symbol)
        folder = quote(symbol, safe="")
        here = self._streams(venue, folder)
        if not here:
            raise self._missing(venue, symbol, [stream.index.venue for stream in self._streams("*", folder)])
        lengths = ", ".join(stream.index.interval for stream in here)
        if wanted is None:
            if len(here) > 1:
                raise DataError(f"{symbol} is stored as bars of {lengths}; say which: interval")
            return here[0]
        fit = [stream for stream in here if wanted % stream.interval == 0]
        if not fit:
            raise DataError(
                f"{symbol} is stored as bars of {lengths}, which cannot become bars of "
                f"{interval_name(wanted)}; ask for a multiple"
            )
        return fit[-1]

    def _missing(self, venue: str, symbol: str, venues: Sequence[str]) -> DataError:
        if venues:
            has = ", ".join(sorted(set(venues)))
            return DataError(f"no bars of {symbol} of venue {venue!r} in catalog '{self.root}', but of {has}")
        options = f"--symbol {symbol} --venue {venue} --catalog {self.root}"
        return DataError(
            f"no bars of {symbol} in catalog '{self.root}'; make some with: "
            f"quant-engine catalog synth {options} or bring a file in with: "
            f"quant-engine catalog ingest FILE {options}"
        )


def read_stream(folder: Path) -> Stream:
    """The stream in `folder`, once a commit that was cut off has been finished."""
    return Stream(folder, read_index(folder, StreamIndex))
