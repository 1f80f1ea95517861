"""A place in the recorded rows of one stream: everything before it was taken, nothing behind it is seen."""

from __future__ import annotations

from collections.abc import Iterator

from quant_contracts.blocks import Block
from quant_contracts.errors import DataError, LifecycleError
from quant_contracts.protocols import StreamFeed
from quant_contracts.units import Nanos


class Cursor:
    """Hands out the rows of a feed as time moves on, each once. A shell until it is loaded."""

    __slots__ = ("_blocks", "_feed", "_known_last", "_next")

    def __init__(self, feed: StreamFeed) -> None:
        self._feed = feed
        self._blocks: Iterator[Block] | None = None
        self._next: Block | None = None
        # When the last row of `_next` is known: asked for far more often than it changes.
        self._known_last: Nanos = 0

    def load(self, start: Nanos | None, end: Nanos | None, rows: int) -> None:
        """Open the feed at the rows known from `start` to `end`, `rows` at a time."""
        if self._blocks is not None:
            raise LifecycleError(f"{self._feed.symbol} {self._feed.domain}: history is loaded already")
        self._blocks = self._feed.blocks(start, end, rows)
        self._advance()

    def take(self, ts: Nanos) -> Iterator[Block]:
        """The rows known at or before `ts` that were not taken yet, in blocks as they were read."""
        while self._next is not None:
            block = self._next
            if self._known_last <= ts:
                self._advance()
                yield block
                continue
            count = int(block.ts_known.searchsorted(ts, side="right"))
            if count:
                self._next = block.slice(count, len(block))
                yield block.slice(0, count)
            return

    def _advance(self) -> None:
        assert self._blocks is not None
        block = self._next = next(self._blocks, None)
        if block is None:
            return
        known, before = block.ts_known, self._known_last
        if known.item(0) < before or bool((known[1:] < known[:-1]).any()):
            raise DataError(
                f"{self._feed.symbol} {self._feed.domain}: the feed delivers rows that became known before "
                f"those in front of them, near {known.item(0)}; they must be sorted by that time"
            )
        self._known_last = known.item(-1)
