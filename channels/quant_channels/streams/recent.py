"""The last rows of one stream of columns, in memory that does not grow."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import QuoteBlock, TradeBlock
from quant_contracts.events import Quote, Trade
from quant_contracts.units import Nanos

B = TypeVar("B", TradeBlock, QuoteBlock)

AT_ONCE: Final = 4096
"""Single events that wait, at most, before they are written as rows: writing many costs little each."""

EVENT_BYTES: Final = 400
"""More than one waiting event takes with all its numbers."""


class Recent(Generic[B]):
    """Keeps the last rows, at least `keep` of them, whether they come in blocks or one by one.

    There is room for twice as many: rows are written behind one another, and when the room is full those
    that are still wanted move to its front. What is handed out is a copy that nobody can write to.

    >>> from quant_contracts.events import Trade
    >>> recent = Recent(TradeBlock, "BTCUSDT", keep=2)
    >>> for ts in (1, 2, 3, 4):
    ...     recent.push(Trade(ts, ts, "BTCUSDT", 100.0, 1.0, 1))
    >>> block, is_whole = recent.since(2)
    >>> block.known.tolist(), is_whole, recent.since(1)[1]
    ([3, 4], True, False)
    """

    __slots__ = ("_columns", "_keep", "_kind", "_stop", "_symbol", "_waiting")

    def __init__(self, kind: type[B], symbol: str, keep: int) -> None:
        self._kind: type[B] = kind
        self._symbol = symbol
        # One row more tells what was in force before the others, and whether any is missing.
        self._keep = keep + 1
        self._waiting: list[Any] = []
        self._columns = [np.empty(2 * self._keep, column.dtype) for column in _columns(kind.of(symbol, ()))]
        self._stop = 0

    def push(self, event: Trade | Quote) -> None:
        """Add one row."""
        self._waiting.append(event)
        if len(self._waiting) == AT_ONCE:
            self._settle()

    def extend(self, block: B) -> None:
        """Add the rows of a block."""
        self._settle()
        self._write(block)

    def since(self, ts: Nanos) -> tuple[B, bool]:
        """The rows known after `ts`, at most the last `keep`, and whether those are all there were."""
        _, start, is_whole = self._place(ts)
        return self._block(start, self._stop), is_whole

    def before(self, ts: Nanos) -> B | None:
        """The row before those that `since` gives, as a block of one to be read at once; None without one."""
        first, start, _ = self._place(ts)
        return self._row(start - 1) if start > first else None

    def last(self) -> B | None:
        """The last row as a block of one to be read at once, None before the first."""
        self._settle()
        return self._row(self._stop - 1) if self._stop else None

    @property
    def most_bytes(self) -> int:
        """An upper bound of what it holds."""
        return sum(column.nbytes for column in self._columns) + AT_ONCE * EVENT_BYTES

    def _place(self, ts: Nanos) -> tuple[int, int, bool]:
        """First row that is kept, first that `since` gives, and whether none is missing in front of it."""
        self._settle()
        first = max(0, self._stop - self._keep)
        known = self._columns[KNOWN][first : self._stop]
        start = first + int(known.searchsorted(ts, side="right"))
        if self._stop - start < self._keep:
            return first, start, True
        return first, start + 1, False

    def _row(self, row: int) -> B:
        block: B = self._kind(self._symbol, *[column[row : row + 1] for column in self._columns])
        return block

    def _block(self, start: int, stop: int) -> B:
        columns = [column[start:stop].copy() for column in self._columns]
        for column in columns:
            column.setflags(write=False)
        block: B = self._kind(self._symbol, *columns)
        return block

    def _settle(self) -> None:
        """Write the events that wait as rows."""
        if self._waiting:
            block = self._kind.of(self._symbol, self._waiting)
            self._waiting = []
            self._write(block)

    def _write(self, block: B) -> None:
        keep, stop = self._keep, self._stop
        rows = [column[-keep:] for column in _columns(block)]
        count = len(rows[KNOWN])
        if stop + count > 2 * keep:
            stay = min(stop, keep - count)
            for column in self._columns:
                column[:stay] = column[stop - stay : stop]
            stop = stay
        for column, more in zip(self._columns, rows, strict=True):
            column[stop : stop + count] = more
        self._stop = stop + count


KNOWN: Final = 1
"""Where among the columns of a block the times stand at which its rows became known."""


def _columns(block: TradeBlock | QuoteBlock) -> tuple[npt.NDArray[Any], ...]:
    """The columns of a block in the order of its fields, without its symbol."""
    columns: tuple[npt.NDArray[Any], ...] = msgspec.structs.astuple(block)[1:]
    return columns
