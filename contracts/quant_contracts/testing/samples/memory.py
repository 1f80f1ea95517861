"""Feed types that a configuration can name, over rows that a test holds: nothing is read from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from quant_contracts.blocks import BarBlock, Block
from quant_contracts.protocols import Feed, QualityRow, SourceInfo, StreamFeed
from quant_contracts.units import Nanos


def memory_feed(feeds: Mapping[str, Feed]) -> type[Any]:
    """A type of feeds that deliver what `feeds` do, by symbol, and count how often one was opened.

    >>> from quant_contracts.testing.samples import SampleFeed, random_bars
    >>> kind = memory_feed({"BTCUSDT": SampleFeed(random_bars(5))})
    >>> len(next(kind("BTCUSDT").blocks(None, None, 3))), kind.opened
    (3, 1)
    """

    class MemoryFeed(msgspec.Struct, forbid_unknown_fields=True):
        symbol: str
        interval: Nanos | str | None = None
        repair: list[str] = []
        venue: str = ""
        tick: Decimal | None = None
        opened: ClassVar[int] = 0

        def __post_init__(self) -> None:
            self.interval = feeds[self.symbol].interval

        def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
            MemoryFeed.opened += 1
            return iter(feeds[self.symbol].blocks(start, end, rows))

        def last_close(self) -> Nanos | None:
            return feeds[self.symbol].last_close()

        def info(self) -> SourceInfo:
            return feeds[self.symbol].info()

        def quality(self) -> tuple[QualityRow, ...]:
            return feeds[self.symbol].quality()

    return MemoryFeed


def memory_stream(feeds: Mapping[tuple[str, str], StreamFeed]) -> type[Any]:
    """The same for streams beside the bars, by symbol and domain."""

    class MemoryStream(msgspec.Struct, forbid_unknown_fields=True):
        domain: str
        symbol: str
        venue: str = ""
        tick: Decimal | None = None
        lot: Decimal | None = None

        def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
            return feeds[self.symbol, self.domain].blocks(start, end, rows)

        def info(self) -> SourceInfo:
            return feeds[self.symbol, self.domain].info()

        def quality(self) -> tuple[QualityRow, ...]:
            return feeds[self.symbol, self.domain].quality()

    return MemoryStream
