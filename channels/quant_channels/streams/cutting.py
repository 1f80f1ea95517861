"""Blocks cut to size without dividing what became known at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from quant_contracts.blocks import Block
from quant_contracts.duration import time_name
from quant_contracts.errors import DataError
from quant_contracts.units import Nanos

B = TypeVar("B", bound=Block)


def cut(block: B, rows: int) -> Iterator[B]:
    """The rows of `block` in blocks of about `rows`; those known at one moment stay together."""
    known = block.ts_known
    ends = np.append((np.diff(known) != 0).nonzero()[0] + 1, len(known))
    start = 0
    while start < len(known):
        place = int(ends.searchsorted(start + rows))
        stop = int(ends[min(place, len(ends) - 1)])
        yield block.slice(start, stop)
        start = stop


def between(block: B, first: int, last: int) -> B:
    """The rows known from `first` to `last`, both included."""
    start, stop = np.searchsorted(block.ts_known, [first, last + 1])
    return block.slice(int(start), int(stop))


def no_rows(source: str, start: Nanos | None, end: Nanos | None, covers: str) -> DataError:
    """The error for a source that lies wholly beside the range it was asked for."""
    begins = "the beginning" if start is None else time_name(start)
    ends = "the end" if end is None else time_name(end)
    return DataError(f"{source}: no rows between {begins} and {ends}; the data covers {covers}")
