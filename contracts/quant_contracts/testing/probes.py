"""Feeds that find out about their reader: one that counts how often it is opened, and one without an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from quant_contracts.blocks import Block, EventBlock
from quant_contracts.protocols import Domain, QualityRow, SourceInfo
from quant_contracts.testing.samples import CALM, SampleStream
from quant_contracts.testing.watching import BARS
from quant_contracts.units import Nanos

MOST_EVENTS: Final = 5_000
"""Rows of a long stream of a domain that has no columns."""


class SpyFeed:
    """A feed that counts how often it is opened."""

    def __init__(self, feed: SampleStream) -> None:
        self._feed = feed
        self.opened = 0

    domain = property(lambda self: self._feed.domain)
    symbol = property(lambda self: self._feed.symbol)

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        self.opened += 1
        return self._feed.blocks(start, end, rows)

    def info(self) -> SourceInfo:
        return self._feed.info()

    def quality(self) -> tuple[QualityRow, ...]:
        return self._feed.quality()


class LongFeed:
    """A calm stream over and over, later each time, made as it is read: nothing of it stays in memory."""

    def __init__(self, domain: Domain, most: int) -> None:
        temper = "without numbers" if domain == "trades" else CALM
        bars = BARS[:30]
        (self._block,) = SampleStream.of(domain, bars, temper).blocks(None, None, 10**9)
        self._domain = domain
        self._span = bars[-1].ts_known - bars[0].ts_open
        self._end = bars[-1].ts_known
        # Events are not copied in bulk, as columns are.
        most = min(most, MOST_EVENTS) if isinstance(self._block, EventBlock) else most
        self._rounds = most // len(self._block) + 1
        self.rows = self._rounds * len(self._block)

    domain = property(lambda self: self._domain)
    symbol = property(lambda self: self._block.symbol)

    def steps(self) -> Iterator[Nanos]:
        """The end of each round."""
        return (self._end + number * self._span for number in range(self._rounds))

    def blocks(self, _start: Nanos | None, _end: Nanos | None, _rows: int, /) -> Iterator[Block]:
        return (_later(self._block, number * self._span) for number in range(self._rounds))

    def info(self) -> SourceInfo:
        return SourceInfo("a long sample", "0" * 64)

    def quality(self) -> tuple[QualityRow, ...]:
        return ()


def _later(block: Any, delay: Nanos) -> Block:
    """The same rows, later."""
    if isinstance(block, EventBlock):
        rows = [
            msgspec.structs.replace(row, ts_event=row.ts_event + delay, ts_known=row.ts_known + delay)
            for row in block.rows
        ]
        return EventBlock(block.symbol, tuple(rows))
    later: Block = msgspec.structs.replace(block, ts=block.ts + delay, known=block.known + delay)
    return later
