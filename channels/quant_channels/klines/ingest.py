"""Takes bars into the catalog: whole or not at all, and the same bars again change nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from quant_channels.catalog.commit import INDEX, changing, commit
from quant_channels.catalog.index import StoredFile, StoredSource, check_names
from quant_channels.klines.catalog import Catalog, Stream, StreamIndex, read_stream
from quant_channels.klines.historical import file_digest
from quant_channels.klines.raw import CHUNK
from quant_contracts.blocks import COLUMNS, BarBlock
from quant_contracts.duration import interval_name, time_name
from quant_contracts.errors import DataError
from quant_contracts.protocols import Feed
from quant_contracts.units import MINUTE, Nanos


class Ingested(msgspec.Struct, frozen=True):
    """What an ingestion did."""

    venue: str
    symbol: str
    interval: str
    rows: int
    """Bars read from the source."""
    added: int
    replaced: int
    """Stored bars that were overwritten by different ones."""
    files: tuple[str, ...]
    """Names of the files that were written; empty when everything was there already."""


def ingest(
    catalog: Catalog,
    feed: Feed,
    venue: str,
    *,
    replace: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Ingested:
    """Take every bar of `feed` into the catalog.

    Bars that are stored already must be equal, or `replace` must be set, which keeps the new ones.
    `progress` is called with the number of bars read after each block. Holds one file of bars in memory.
    Raises DataError for a conflict and for a damaged source, StorageError when the disk refuses.
    """
    check_names(venue, feed.symbol)
    interval = interval_name(feed.interval)
    folder = catalog.folder(venue, feed.symbol, interval)
    with changing(folder) as stage:
        index = StreamIndex(venue, feed.symbol, interval)
        if (folder / INDEX).exists():
            index = read_stream(folder).index
        files = {file.name: file for file in index.files}
        written: list[str] = []
        rows = added = replaced = 0
        first: Nanos | None = None
        last: Nanos = 0
        for name, block in _periods(_counted(feed.blocks(None, None, CHUNK), progress)):
            first, last = int(block.ts[0]) if first is None else first, int(block.ts[-1])
            rows += len(block)
            merged, new, changed = _merge(_stored(folder, index, files.get(name)), block, replace, feed)
            added += new
            replaced += changed
            if new or changed:
                files[name] = _write(stage / name, merged)
                written.append(name)
        if written and first is not None:
            info = feed.info()
            source = StoredSource(info.name, info.sha256, rows, first, last, feed.quality())
            others = tuple(other for other in index.sources if other.sha256 != source.sha256)
            in_order = tuple(files[name] for name in sorted(files))
            index = msgspec.structs.replace(index, files=in_order, sources=(*others, source))
            commit(folder, msgspec.json.format(msgspec.json.encode(index)))
    return Ingested(venue, feed.symbol, interval, rows, added, replaced, tuple(written))


def _counted(blocks: Iterator[BarBlock], progress: Callable[[int], None] | None) -> Iterator[BarBlock]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        if progress is not None:
            progress(done)


def _periods(blocks: Iterator[BarBlock]) -> Iterator[tuple[str, BarBlock]]:
    """The bars of each file with its name, in order."""
    current = ""
    parts: list[BarBlock] = []
    for block in blocks:
        unit = "Y" if block.interval >= MINUTE else "M"
        periods = (block.ts - block.interval).astype("datetime64[ns]").astype(f"datetime64[{unit}]")
        begins = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist(), len(block)]
        for start, stop in itertools.pairwise(begins):
            name = f"{periods[start]}.parquet"
            if parts and name != current:
                yield current, BarBlock.join(parts)
                parts = []
            current = name
            parts.append(block.slice(start, stop))
    if parts:
        yield current, BarBlock.join(parts)


def _stored(folder: Path, index: StreamIndex, file: StoredFile | None) -> BarBlock | None:
    if file is None or not (folder / file.name).exists():
        return None
    alone = Stream(folder, msgspec.structs.replace(index, files=(file,)))
    alone.info()
    return BarBlock.join(list(alone.blocks(None, None, CHUNK)))


def _merge(old: BarBlock | None, new: BarBlock, replace: bool, feed: Feed) -> tuple[BarBlock, int, int]:
    """Both in the order of time, how many bars are added, and how many change."""
    if old is None:
        return new, len(new), 0
    _, at_old, at_new = np.intersect1d(old.ts, new.ts, assume_unique=True, return_indices=True)
    differs = np.logical_or.reduce(
        [getattr(old, name)[at_old] != getattr(new, name)[at_new] for name in (*COLUMNS, "ts_known")]
    )
    changed = int(differs.sum())
    if changed and not replace:
        row, other = int(at_old[differs][0]), int(at_new[differs][0])
        raise DataError(
            f"{feed.info().name}: the bar of {feed.symbol} that closes at {time_name(int(old.ts[row]))} is "
            f"stored as {_values(old, row)} and comes as {_values(new, other)}; {changed:,} bars differ; "
            "pass --replace to keep the new ones"
        )
    both = BarBlock.join([old, new])
    order = np.argsort(both.ts, kind="stable")
    ts = both.ts[order]
    # Of two bars of one time the new one stands second.
    order = order[np.append(ts[1:] != ts[:-1], True)]
    columns = {name: getattr(both, name)[order] for name in COLUMNS}
    known = None if both.known is None else both.known[order]
    merged = BarBlock(both.symbol, both.interval, both.ts[order], **columns, known=known)
    return merged, len(new) - len(at_new), changed


def _values(block: BarBlock, row: int) -> str:
    return "/".join(str(float(getattr(block, name)[row])) for name in COLUMNS)


def _write(path: Path, block: BarBlock) -> StoredFile:
    # Arrow takes 50 ms to import, which listing a catalog should not pay for.
    import pyarrow as pa  # noqa: PLC0415 - see above

    from quant_channels.catalog.parquet import write_table  # noqa: PLC0415 - see above

    columns = {"ts": block.ts, **{name: getattr(block, name) for name in COLUMNS}}
    if block.known is not None and bool((block.known != block.ts).any()):
        columns["known"] = block.known
    write_table(path, pa.table(columns))
    return StoredFile(path.name, len(block), int(block.ts[0]), int(block.ts[-1]), file_digest(path))
