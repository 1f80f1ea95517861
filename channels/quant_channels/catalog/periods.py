"""The rows of a source by the file they belong into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from quant_channels.catalog.streams import known_of
from quant_contracts.blocks import Block
from quant_contracts.errors import DataError
from quant_contracts.protocols import StreamFeed
from quant_contracts.units import DAY, HOUR, Nanos

if TYPE_CHECKING:
    import pyarrow as pa

PERIODS: Final = {"orderbook": (HOUR, "h")}
"""How long a file is, and numpy's name for it, where it is not a day."""


class Period(msgspec.Struct, frozen=True, eq=False):
    """The rows of a source that belong into one file."""

    name: str
    rows: pa.Table
    first: Nanos | None
    """The source speaks from here ..."""
    last: Nanos | None
    """... to here; None is the end of the period."""


def in_order(
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


def periods_of(blocks: Iterator[Block], domain: str) -> Iterator[Period]:
    """The rows of each file, in order."""
    import pyarrow as pa  # noqa: PLC0415 - takes 50 ms, which a listing should not pay for

    from quant_channels.catalog.rows import encode  # noqa: PLC0415 - as above

    length, unit = PERIODS.get(domain, (DAY, "D"))
    current = -1
    first: Nanos | None = None
    parts: list[pa.Table] = []
    for block in blocks:
        numbers = block.ts_known // length
        begins = [0, *(np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).tolist(), len(block)]
        for start, stop in pairwise(begins):
            piece = block.slice(start, stop)
            if (number := numbers.item(start)) != current:
                if parts:
                    yield Period(_name(current * length, unit), pa.concat_tables(parts), first, None)
                # Later periods it speaks for from their beginning.
                first = None if parts else piece.ts_known.item(0)
                current, parts = number, []
            parts.append(encode(piece))
    rows = pa.concat_tables(parts)
    yield Period(_name(current * length, unit), rows, first, known_of(rows).item(-1))


def _name(begin: Nanos, unit: str) -> str:
    return f"{np.datetime64(begin, 'ns').astype(f'datetime64[{unit}]')}.parquet"


def begin_of(name: str) -> Nanos:
    """When the period of a file begins."""
    return int(np.datetime64(name.removesuffix(".parquet"), "ns").astype(np.int64))
