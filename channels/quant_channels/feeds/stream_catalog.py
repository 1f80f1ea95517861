"""Streams beside the bars from the catalog: trades, quotes, books, options, surfaces and documents."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from quant_channels.catalog.streams import StoredStream, StreamCatalog
from quant_channels.feeds.catalog import default_root
from quant_contracts.blocks import Block
from quant_contracts.errors import nearest
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.strategy import DOMAINS
from quant_contracts.units import Nanos


class StreamCatalogFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The stored rows of one domain of one symbol of one venue.

    Reading can begin anywhere: the file that holds the moment begins with the whole book, or the whole chain.
    """

    domain: str
    symbol: str
    root: str | None = None
    """Folder of the catalog; None takes `default_root()`."""
    venue: str = "binance"
    tick: Decimal = Decimal("0.01")
    """Not used: a stored book has the tick and the lot it was taken in with."""
    lot: Decimal = Decimal("0.00001")
    """Not used either."""

    def __post_init__(self) -> None:
        if self.domain not in DOMAINS:
            raise ValueError(f"no domain {self.domain!r}; {nearest(self.domain, DOMAINS)}")
        self._found: StoredStream | None = None

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        """Stored rows known from `start` to `end`; those of a book or a chain since its file begins, too."""
        yield from self._stream().blocks(start, end, rows)

    def info(self) -> SourceInfo:
        """The stream's key and a digest of its files, each of which is read and compared."""
        return self._stream().info()

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found when the stream was taken in."""
        return self._stream().quality()

    def _stream(self) -> StoredStream:
        if self._found is None:
            root = default_root() if self.root is None else Path(self.root)
            self._found = StreamCatalog(root).find(self.venue, self.symbol, self.domain)
        return self._found
