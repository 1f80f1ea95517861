"""What a file begins with so that reading can begin there: the book, or the chain, as it is at that moment.

Leads are made while a stream goes by. They stand ahead of the file's own rows, stamped with the time at
which they became known, and are passed over by who comes from the file before.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec
import numpy as np

from quant_contracts.blocks import GAP, RESET, Block, BookBlock, ChainBlock
from quant_contracts.blocks.columns import Whole
from quant_contracts.units import Nanos


class Lead(Protocol):
    """What is so far."""

    def absorb(self, block: Block, /) -> None:
        """Rows of the stream went by."""
        ...

    def rows(self, ts: Nanos, /) -> Block | None:
        """What says all that still matters at `ts`; None where nothing does."""
        ...


class NoLead:
    """Of streams whose rows stand for themselves."""

    def absorb(self, block: Block, /) -> None:
        """Nothing to remember."""

    def rows(self, ts: Nanos, /) -> Block | None:  # noqa: ARG002 - the same at any time
        """Nothing to begin with."""
        return None


class BookLead:
    """The whole book, or the gap behind which there is none."""

    def __init__(self) -> None:
        self._rows: BookBlock | None = None

    def absorb(self, block: Block, /) -> None:
        """Keep the last size of every level."""
        assert isinstance(block, BookBlock)
        gaps, resets = ((block.action == action).nonzero()[0] for action in (GAP, RESET))
        gap = gaps.item(-1) if len(gaps) else -1
        reset = resets.item(-1) if len(resets) else -1
        if gap > reset:
            self._rows = block.slice(gap, gap + 1)
        elif reset >= 0:
            starts = block.frame_starts()
            start = starts[starts.searchsorted(reset, side="right") - 1].item()
            self._rows = _whole(block.slice(start, len(block)))
        elif self._rows is not None and self._rows.action.item(0) == RESET:
            self._rows = _whole(BookBlock.join(block.symbol, block.grid, [self._rows, block]))

    def rows(self, ts: Nanos, /) -> Block | None:  # noqa: ARG002 - it holds until it changes
        """A RESET of every level, or a GAP; None ahead of the first."""
        return self._rows


class ChainLead:
    """The last quote of every option that has not expired."""

    def __init__(self) -> None:
        self._rows: ChainBlock | None = None

    def absorb(self, block: Block, /) -> None:
        """Keep the last quote of every option."""
        assert isinstance(block, ChainBlock)
        rows = block if self._rows is None else ChainBlock.join(block.symbol, [self._rows, block])
        last = _last_of_each(rows.right, rows.strike, rows.expiry)
        alive = rows.expiry[last] > block.known[-1]
        self._rows = rows.take(last[alive])

    def rows(self, ts: Nanos, /) -> Block | None:
        """The quotes in the order in which they became known."""
        if self._rows is None:
            return None
        alive = (self._rows.expiry > ts).nonzero()[0]
        return self._rows.take(alive) if len(alive) else None


LEADS: Final[dict[str, type[Lead]]] = {"orderbook": BookLead, "options": ChainLead}
"""By domain, where there is something to begin with."""


def lead_of(domain: str) -> Lead:
    """A lead for a stream of `domain` that nothing is known of yet."""
    return LEADS.get(domain, NoLead)()


def _whole(block: BookBlock) -> BookBlock:
    """The levels that are left, all as of the last row; the row of an empty book where none is."""
    last = _last_of_each(block.ticks, block.side)
    kept = last[(block.lots[last] > 0) & (block.side[last] != 0)]
    kept = kept[np.lexsort((block.ticks[kept], block.side[kept]))]
    columns = {name: getattr(block, name)[kept] for name in ("side", "ticks", "lots")}
    if not len(kept):
        columns = {name: np.zeros(1, dtype=values.dtype) for name, values in columns.items()}
    count = max(len(kept), 1)
    return msgspec.structs.replace(
        block,
        ts=np.repeat(block.ts[-1:], count),
        known=np.repeat(block.known[-1:], count),
        sequence=np.repeat(block.sequence[-1:], count),
        action=np.full(count, RESET, dtype=np.int8),
        **columns,
    )


def _last_of_each(*keys: Any) -> Whole:
    """The last row of each combination of `keys`, in the order of the rows."""
    order = np.lexsort(keys)
    changes = np.zeros(len(order), dtype=np.bool_)
    changes[-1:] = True
    for key in keys:
        changes[:-1] |= key[order][1:] != key[order][:-1]
    rows: Whole = np.sort(order[changes])
    return rows
