"""Takes streams beside the bars into the catalog: whole or not at all; the same rows again change nothing.

A source speaks for all the time from its first row to its last. Where another one spoke before, both must say
the same, row for row; where none did, its rows are added.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from quant_channels.catalog.commit import INDEX, changing, commit
from quant_channels.catalog.index import StoredSource, check_names, digest_of
from quant_channels.catalog.lead import LEADS, lead_of
from quant_channels.catalog.periods import Period, begin_of, in_order, periods_of
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

if TYPE_CHECKING:
    import pyarrow as pa


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
        for period in periods_of(in_order(chain([first], blocks), feed, progress), feed.domain):
            merger.merge(period)
            rows += len(period.rows)
            end = known_of(period.rows).item(-1)
        gone = merger.drop_unspoken()
        merger.lead_on()
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
        self._lead = lead_of(index.domain)

    def merge(self, period: Period) -> None:
        """Write the file of the period anew where the source has something to add."""
        import pyarrow as pa  # noqa: PLC0415 - takes 50 ms, which listing a catalog should not pay for

        if not self._seen:
            self._begin_behind(period.name)
        self._seen.append(period.name)
        new = period.rows
        old_lead, old = self._stored(period.name) or (None, new.slice(0, 0))
        inside = between(old, period.first, period.last)
        claimed = new.filter(pa.array(self._spoken_for(known_of(new))))
        agree = inside.equals(claimed)
        if not agree and not self.replace:
            raise self._conflict(inside, claimed)
        ahead = 0 if period.first is None else len(between(old, None, period.first - 1))
        after = old.slice(ahead + len(inside))
        seam = [] if agree else _seam(self.index.domain, after)
        rows = pa.concat_tables([old.slice(0, ahead), new, *seam, after])
        is_new = not agree or len(claimed) < len(new)
        if is_new:
            self.added += len(new) - len(claimed)
            self.replaced += 0 if agree else len(inside)
        self._put(period.name, rows, old_lead, must=is_new)

    def lead_on(self) -> None:
        """See to it that the files behind begin with what is so now, as far as that makes a difference."""
        for name in sorted(name for name in self.files if name > self._seen[-1]):
            stored = self._stored(name)
            if stored is None or not self._put(name, stored[1], stored[0], must=False):
                return

    def _put(self, name: str, rows: pa.Table, old_lead: pa.Table | None, *, must: bool) -> bool:
        """Write a file with its lead, if it must be or the lead is another; True where it was written."""
        from quant_channels.catalog.rows import decode, encode  # noqa: PLC0415 - as above

        said = self._lead.rows(begin_of(name))
        lead = None if said is None else encode(said)
        same = lead is None if old_lead is None else lead is not None and lead.equals(old_lead)
        if must or not same:
            self.written.append(name)
            self.files[name] = _write(self.stage / name, rows, lead)
        if self.index.domain in LEADS:
            self._lead.absorb(decode(self.index.domain, self.index.symbol, self.index.traits, rows))
        return must or not same

    def _begin_behind(self, name: str) -> None:
        """Take in what the file ahead of the first period says."""
        from quant_channels.catalog.rows import decode  # noqa: PLC0415 - as above

        earlier = [other for other in sorted(self.files) if other < name]
        if earlier and self.index.domain in LEADS:
            for table in self._stored(earlier[-1]) or ():
                if table is not None:
                    block = decode(self.index.domain, self.index.symbol, self.index.traits, table)
                    self._lead.absorb(block)

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

    def _stored(self, name: str) -> tuple[pa.Table | None, pa.Table] | None:
        """Lead and rows of a stored file, None where there is none of that name."""
        from quant_channels.catalog.parquet import read_table  # noqa: PLC0415 - as above

        file = self.files.get(name)
        if file is None:
            return None
        digest_of(self.folder, [file])
        table = read_table(self.folder / name)
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
            "pass --replace to keep the new ones, or keep both under different venue names"
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
