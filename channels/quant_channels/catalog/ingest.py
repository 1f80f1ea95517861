"""Takes streams beside the bars into the catalog: whole or not at all; the same rows again change nothing.

A source speaks for all the time from its first row to its last. Where another one spoke before, both must say
the same, row for row; where none did, its rows are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt

from quant_channels.catalog.commit import INDEX, changing, commit
from quant_channels.catalog.index import StoredSource, check_names, digest_of
from quant_channels.catalog.lead import lead_of
from quant_channels.catalog.streams import (
    CHUNK,
    DomainIndex,
    StoredPart,
    StreamCatalog,
    between,
    known_of,
    read_domain,
)
from quant_channels.klines.historical import file_digest
from quant_contracts.blocks import GAP, Block
from quant_contracts.blocks.columns import Times
from quant_contracts.duration import time_name
from quant_contracts.errors import DataError
from quant_contracts.protocols import StreamFeed
from quant_contracts.units import DAY, HOUR, Nanos

if TYPE_CHECKING:
    import pyarrow as pa

PERIODS: Final = {"orderbook": (HOUR, "h")}
"""How long a file is, and numpy's name for it, where it is not a day."""


class StreamIngested(msgspec.Struct, frozen=True):
    """What an ingestion did."""

    venue: str
    symbol: str
    domain: str
    rows: int
    """Rows read from the source."""
    added: int
    replaced: int
    """Stored rows that gave way to others."""
    files: tuple[str, ...]
    """Names of the files that were written; empty when everything was there already."""


class Period(msgspec.Struct, frozen=True, eq=False):
    """The rows of a source that belong into one file."""

    name: str
    rows: pa.Table
    lead: pa.Table | None
    """What the source said was so when the file begins."""
    first: Nanos | None
    """The source speaks from here ..."""
    last: Nanos | None
    """... to here; None is the end of the period."""


def ingest_stream(
    catalog: StreamCatalog,
    feed: StreamFeed,
    venue: str,
    *,
    replace: bool = False,
    progress: Callable[[int], None] | None = None,
) -> StreamIngested:
    """Take every row of `feed` into the catalog.

    What is stored of the time that the feed speaks for must be what it says, or `replace` must be set, which
    keeps the new rows. `progress` is called with the number of rows read after each block. Holds one file of
    rows in memory. Raises DataError for a conflict and for a damaged source, StorageError when the disk
    refuses.
    """
    check_names(venue, feed.symbol)
    blocks = feed.blocks(None, None, CHUNK)
    first = next(blocks, None)
    if first is None:
        found = "".join(f", {row.count:,} {row.check}" for row in feed.quality())
        raise DataError(
            f"{feed.info().name}: no usable {feed.domain} of {feed.symbol} in it{found}; is the symbol right?"
        )
    folder = catalog.folder(venue, feed.symbol, feed.domain)
    with changing(folder) as stage:
        index = DomainIndex(venue, feed.symbol, feed.domain)
        if (folder / INDEX).exists():
            index = read_domain(folder).index
        index = _of_one_kind(index, first, feed)
        merger = _Merger(folder, stage, index, feed, replace)
        rows = 0
        begin = end = first.ts_known.item(0)
        for period in _periods(_counted(chain([first], blocks), feed, progress), feed.domain):
            merger.merge(period)
            rows += len(period.rows)
            end = known_of(period.rows).item(-1)
        gone = merger.drop_unspoken()
        if merger.written or gone:
            info = feed.info()
            source = StoredSource(info.name, info.sha256, rows, begin, end, feed.quality())
            others = tuple(other for other in index.sources if other.sha256 != source.sha256)
            files = tuple(merger.files[name] for name in sorted(merger.files))
            index = msgspec.structs.replace(index, files=files, sources=(*others, source))
            commit(folder, msgspec.json.format(msgspec.json.encode(index)))
        for name in gone:
            (folder / name).unlink(missing_ok=True)
    done = tuple(merger.written)
    return StreamIngested(venue, feed.symbol, feed.domain, rows, merger.added, merger.replaced, done)


class _Merger:
    """Puts the periods of one source among the stored rows, on the stage."""

    def __init__(
        self, folder: Path, stage: Path, index: DomainIndex, feed: StreamFeed, replace: bool
    ) -> None:
        self.folder, self.stage, self.index, self.feed, self.replace = folder, stage, index, feed, replace
        self.files = {file.name: file for file in index.files}
        self.written: list[str] = []
        self.added = self.replaced = 0
        self._seen: list[str] = []

    def merge(self, period: Period) -> None:
        """Write the file of the period anew where the source has something to add."""
        import pyarrow as pa  # noqa: PLC0415 - takes 50 ms, which listing a catalog should not pay for

        self._seen.append(period.name)
        new, lead = period.rows, period.lead
        claimed = new.filter(pa.array(self._spoken_for(known_of(new))))
        parts = [new]
        agree, gone = True, 0
        stored = self.files.get(period.name)
        if stored is not None:
            old_lead, old = self._stored(stored)
            inside = between(old, period.first, period.last)
            agree, gone = inside.equals(claimed), len(inside)
            before = old.slice(0, 0) if period.first is None else between(old, None, period.first - 1)
            after = old.slice(len(before) + gone)
            if not agree and not self.replace:
                raise self._conflict(inside, claimed)
            lead = old_lead if len(before) else lead
            parts = [before, new, *([] if agree else _seam(self.index.domain, after)), after]
        if agree and len(claimed) == len(new):
            return
        self.added += len(new) - len(claimed)
        self.replaced += 0 if agree else gone
        self.written.append(period.name)
        self.files[period.name] = _write(self.stage / period.name, pa.concat_tables(parts), lead)

    def drop_unspoken(self) -> list[str]:
        """Files of the time that the source speaks for and has nothing to say of."""
        gone = [
            name for name in self.files if self._seen[0] < name < self._seen[-1] and name not in self._seen
        ]
        if gone and not self.replace:
            raise DataError(
                f"{self.feed.info().name}: has nothing where {gone[0]} is stored; "
                "pass --replace to keep the new rows"
            )
        for name in gone:
            self.replaced += self.files.pop(name).rows
        return gone

    def _spoken_for(self, known: Times) -> npt.NDArray[np.bool_]:
        """Rows of which another source spoke."""
        spoken = np.zeros(len(known), dtype=np.bool_)
        for source in self.index.sources:
            spoken |= (known >= source.first) & (known <= source.last)
        return spoken

    def _stored(self, file: StoredPart) -> tuple[pa.Table | None, pa.Table]:
        """Lead and rows of a stored file."""
        from quant_channels.catalog.parquet import read_table  # noqa: PLC0415 - as above

        digest_of(self.folder, [file])
        table = read_table(self.folder / file.name)
        return table.slice(0, file.lead) if file.lead else None, table.slice(file.lead)

    def _conflict(self, old: pa.Table, new: pa.Table) -> DataError:
        same, different = 0, min(len(old), len(new)) + 1
        while different - same > 1:
            middle = (same + different) // 2
            if old.slice(0, middle).equals(new.slice(0, middle)):
                same = middle
            else:
                different = middle
        begin = known_of(old if same < len(old) else new).item(same)
        return DataError(
            f"{self.feed.info().name}: what became known at {time_name(begin)} is stored otherwise "
            f"({len(old) - same:,} stored rows, {len(new) - same:,} that come); "
            "pass --replace to keep the new ones"
        )


def _of_one_kind(index: DomainIndex, first: Block, feed: StreamFeed) -> DomainIndex:
    """The index with the traits of the rows, which those of all sources share."""
    from quant_channels.catalog.rows import traits_of  # noqa: PLC0415 - as above

    traits = traits_of(first)
    if index.files and index.traits != traits:
        was, comes = (
            ", ".join(f"{name} {value}" for name, value in kind.items()) for kind in (index.traits, traits)
        )
        raise DataError(
            f"{feed.info().name}: {feed.domain} with {comes}, stored with {was}; "
            "give both the same, or another venue name"
        )
    return msgspec.structs.replace(index, traits=traits)


def _counted(
    blocks: Iterable[Block], feed: StreamFeed, progress: Callable[[int], None] | None
) -> Iterator[Block]:
    """The blocks, once it is sure that they are in order."""
    done, last = 0, 0
    for block in blocks:
        known = block.ts_known
        if known.item(0) < last or bool((known[1:] < known[:-1]).any()):
            raise DataError(f"{feed.info().name}: rows are not in the order in which they became known")
        yield block
        last = known.item(-1)
        done += len(block)
        if progress is not None:
            progress(done)


def _periods(blocks: Iterator[Block], domain: str) -> Iterator[Period]:
    """The rows of each file, in order."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    from quant_channels.catalog.rows import encode  # noqa: PLC0415 - as above

    length, unit = PERIODS.get(domain, (DAY, "D"))
    lead = lead_of(domain)
    current = -1
    head: pa.Table | None = None
    first: Nanos | None = None
    parts: list[pa.Table] = []
    for block in blocks:
        numbers = block.ts_known // length
        begins = [0, *(np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).tolist(), len(block)]
        for start, stop in pairwise(begins):
            piece = block.slice(start, stop)
            if (number := numbers.item(start)) != current:
                if parts:
                    yield Period(_name(current * length, unit), pa.concat_tables(parts), head, first, None)
                # Later periods it speaks for from their beginning.
                first = None if parts else piece.ts_known.item(0)
                said = lead.rows(number * length)
                head = None if said is None else encode(said)
                current, parts = number, []
            lead.absorb(piece)
            parts.append(encode(piece))
    rows = pa.concat_tables(parts)
    yield Period(_name(current * length, unit), rows, head, first, known_of(rows).item(-1))


def _name(begin: Nanos, unit: str) -> str:
    return f"{np.datetime64(begin, 'ns').astype(f'datetime64[{unit}]')}.parquet"


def _seam(domain: str, after: pa.Table) -> list[pa.Table]:
    """What stands between rows that contradict the stored ones and those that follow: a gap, for a book.

    The rows that follow change a book that is not there any more.
    """
    import pyarrow as pa  # noqa: PLC0415 - as above

    if domain != "orderbook" or not len(after):
        return []
    row = after.slice(0, 1)
    for name, value in (("action", GAP), ("side", 0), ("ticks", 0), ("lots", 0)):
        column = pa.array([value], row.schema.field(name).type)
        row = row.set_column(row.schema.get_field_index(name), name, column)
    return [row]


def _write(path: Path, rows: pa.Table, lead: pa.Table | None) -> StoredPart:
    import pyarrow as pa  # noqa: PLC0415 - as above

    from quant_channels.catalog.parquet import write_table  # noqa: PLC0415 - as above

    known = known_of(rows)
    write_table(path, rows if lead is None else pa.concat_tables([lead, rows]))
    ahead = 0 if lead is None else len(lead)
    return StoredPart(path.name, len(rows), known.item(0), known.item(-1), file_digest(path), ahead)
