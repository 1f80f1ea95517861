"""Average volume of a day."""

from __future__ import annotations

from math import isnan

import msgspec

from quant_channels.klines.features.rolling import RollingMean
from quant_channels.klines.features.settings import check_window
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar
from quant_contracts.units import DAY


class DailyVolume(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """What a day trades at the pace of the last `window` bars, in units of base.

    The mean volume of a bar times the number of bars in a day.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> volume = DailyVolume(window=2)
    >>> [volume.update(bar) for bar in bars_from_closes(10, 11, volume=2.0)]
    [None, (2880.0,)]
    """

    window: int = 96
    """Number of bars, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._mean = RollingMean(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"daily_volume_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        value = self._mean.push(bar.volume) * (DAY / bar.interval)
        return None if isnan(value) else (value,)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        return [self._mean.push_many(bars.volume) * (DAY / bars.interval)]
