"""Bars from the catalog: the source a run takes when it names none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from quant_channels.klines.catalog import Catalog, Stream
from quant_channels.klines.cleaner import check_repairs
from quant_channels.klines.resample import resampled, whole
from quant_contracts.blocks import BarBlock
from quant_contracts.duration import Length, parse_interval
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import Nanos

CATALOG_VARIABLE: Final = "QUANT_ENGINE_CATALOG"


def default_root() -> Path:
    """Where the catalog is when nobody says: QUANT_ENGINE_CATALOG, else `catalog` in the current folder."""
    return Path(os.environ.get(CATALOG_VARIABLE) or "catalog")


class CatalogFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True, rename={"timeframe": "interval"}):
    """The stored bars of one symbol of one venue."""

    symbol: str
    root: str | None = None
    """Folder of the catalog; None takes `default_root()`."""
    venue: str = "binance"
    timeframe: Length | None = None
    """`interval` in a configuration: bars to deliver, made of shorter ones where only those are stored.
    None delivers the stored bars, of which there must be one length only."""
    repair: list[str] = []
    """Only fill_gaps is applied here: stored bars are clean, and damaged ones are for verify to find."""
    tick: Decimal | None = None
    """Prices between ticks of this size are counted in the data quality."""

    def __post_init__(self) -> None:
        check_repairs(self.repair)
        self._wanted = None if self.timeframe is None else parse_interval(self.timeframe)
        self._found: Stream | None = None

    @property
    def interval(self) -> Nanos:
        return self._wanted or self._stream().interval

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        yield from resampled(self._stream(), self._wanted, start, end, rows)

    def last_close(self) -> Nanos | None:
        return whole(self._stream().last_close(), self._wanted)

    def info(self) -> SourceInfo:
        return self._stream().info()

    def quality(self) -> tuple[QualityRow, ...]:
        return self._stream().quality()

    def _stream(self) -> Stream:
        if self._found is None:
            root = default_root() if self.root is None else Path(self.root)
            self._found = Catalog(root).find(self.venue, self.symbol, self._wanted)
            self._found.repair = [name for name in self.repair if name == "fill_gaps"]
            self._found.tick = None if self.tick is None else float(self.tick)
        return self._found
