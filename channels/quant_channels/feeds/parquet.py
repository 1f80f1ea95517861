"""Bars from a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from quant_channels.klines.historical import HistoricalDataHandler
from quant_channels.klines.raw import TimeUnit
from quant_channels.klines.resample import resampled, whole
from quant_contracts.blocks import BarBlock
from quant_contracts.duration import Length, parse_interval
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import Nanos


class ParquetFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True, rename={"timeframe": "interval"}):
    """The bars in a Parquet file, cleaned by `HistoricalDataHandler`.

    Columns are found by name: a time (`open_time`, `timestamp`, `time` or `date`, with the unit in the
    name as in `open_time_ms`, in the column's type, or in `time_unit`), open, high, low, close, volume.
    """

    symbol: str
    path: str
    timeframe: Length | None = None
    """`interval` in a configuration: bars to deliver, such as `15m`, made of shorter ones where the file
    has those. None delivers them as they are."""
    repair: list[str] = []
    """Names of the repairs allowed: sort, drop_duplicates, drop_invalid, fill_gaps."""
    tick: Decimal | None = None
    """Prices between ticks of this size are counted in the data quality."""
    venue: str = ""
    """Not used: a file knows no venue."""
    stored_interval: Length | None = None
    """Interval of the bars in the file, where their spacing does not tell."""
    time_unit: TimeUnit | None = None
    price_scale: Decimal = Decimal(1)
    volume_scale: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        self._wanted = None if self.timeframe is None else parse_interval(self.timeframe)
        self._source = HistoricalDataHandler(
            self.symbol,
            self.path,
            "parquet",
            self.stored_interval,
            self.repair,
            self.tick,
            self.time_unit,
            self.price_scale,
            self.volume_scale,
        )

    @property
    def interval(self) -> Nanos:
        return self._wanted or self._source.interval

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        return resampled(self._source, self._wanted, start, end, rows)

    def last_close(self) -> Nanos | None:
        return whole(self._source.last_close(), self._wanted)

    def info(self) -> SourceInfo:
        return self._source.info()

    def quality(self) -> tuple[QualityRow, ...]:
        return self._source.quality()
