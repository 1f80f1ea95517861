"""Generated bars: seeded, lifelike, and correlated between symbols."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from quant_channels.klines.market_path import MarketPath
from quant_channels.klines.resample import resampled, whole
from quant_channels.klines.synthetic import SyntheticBars
from quant_contracts.blocks import BarBlock
from quant_contracts.duration import Length, interval_name, parse_interval, parse_time
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import MINUTE, Fraction, Nanos, Price


class SyntheticFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True, rename={"timeframe": "interval"}):
    """Bars on the `MarketPath` of a symbol; the same settings give the same bars anywhere.

    Symbols of one seed move together, as the symbols of one market do.

    >>> feed = SyntheticFeed("BTCUSDT", seed=7, days=1, timeframe="15m")
    >>> [len(block) for block in feed.blocks(None, None, 4096)]
    [96]
    """

    symbol: str
    seed: int = 0
    start: str = "2022-01-01"
    """First day, UTC."""
    days: int = 90
    timeframe: Length | None = None
    """`interval` in a configuration: minutes or a multiple; None makes one-minute bars."""
    tick: Decimal | None = None
    """Prices are multiples of it; None takes 0.01."""
    price: Price | None = None
    """Where the path starts; None takes a price that suits the symbol, as does the next."""
    volatility: Fraction | None = None
    """Yearly: 0.6 is 60 %."""
    repair: list[str] = []
    """Not used: the bars have no flaws."""
    venue: str = ""
    """Not used: the market is nowhere."""

    def __post_init__(self) -> None:
        self._wanted = MINUTE if self.timeframe is None else parse_interval(self.timeframe)
        if self._wanted % MINUTE:
            raise ValueError(f"interval must be whole minutes, not {interval_name(self._wanted)}")
        path = MarketPath(
            self.symbol, self.seed, parse_time(self.start), self.days, self.price, self.volatility
        )
        self._source = SyntheticBars(path, Decimal("0.01") if self.tick is None else self.tick)

    @property
    def interval(self) -> Nanos:
        return self._wanted

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        return resampled(self._source, self._wanted, start, end, rows)

    def last_close(self) -> Nanos | None:
        return whole(self._source.last_close(), self._wanted)

    def info(self) -> SourceInfo:
        return self._source.info()

    def quality(self) -> tuple[QualityRow, ...]:
        return self._source.quality()
