"""Log-price spread to another symbol."""

from __future__ import annotations

from math import isnan, log, nan

import msgspec
import numpy as np

from quant_channels.klines.features.bands import z_score, z_scores
from quant_channels.klines.features.columns import logs
from quant_channels.klines.features.rolling import RollingMoments
from quant_channels.klines.features.settings import check_window
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream


class Spread(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Logarithm of the close over the close of another symbol, and its z-score.

    The score counts deviations (of a population) from the mean of the last `window` spreads, the newest
    among them; 0 where all are equal. A bar beside which the other symbol has no bar, or none recent
    enough, has no value and is not remembered: the window holds the last `window` spreads there were.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> spread = Spread("ETHUSDT", window=2)
    >>> bars, others = bars_from_closes(10, 20), bars_from_closes(10, 10, symbol="ETHUSDT")
    >>> [spread.update(bar, other) for bar, other in zip(bars, others)]
    [None, (0.6931471805599453, 1.0)]
    """

    other: str
    """The symbol on the other side; it must be declared in `data`."""
    window: int = 96
    """Number of spreads, at least 2."""
    max_age_bars: int = 1
    """The other's bar must have closed less than this many bars of this symbol's interval away: with 1,
    symbols of one interval must share the close."""

    def __post_init__(self) -> None:
        if not self.other:
            raise ValueError('other must name the symbol on the other side, such as "ETHUSDT", not ""')
        check_window(self.window, 2)
        check_window(self.max_age_bars, 1, "max_age_bars")
        self._moments = RollingMoments(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = f"{self.other}_{self.window}"
        if self.max_age_bars != 1:
            settings += f"_age{self.max_age_bars}"
        return (f"spread_{settings}", f"spread_z_{settings}")

    @property
    def warmup(self) -> int:
        return self.window

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("klines", self.other),)

    def update(self, bar: Bar, other: Bar | None = None, /) -> tuple[float, ...] | None:
        if other is None or abs(bar.ts_event - other.ts_event) >= self.max_age_bars * bar.interval:
            return None
        spread = log(bar.close / other.close)
        score = z_score(spread, *self._moments.push(spread))
        return None if isnan(score) else (spread, score)

    def update_many(self, bars: BarBlock, other: BarBlock, /) -> list[Column]:
        # A row in which no bar of the other was known has ts 0.
        recent = (np.abs(bars.ts - other.ts) < self.max_age_bars * bars.interval) & (other.ts != 0)
        spread = np.full(len(bars), nan)
        spread[recent] = logs(bars.close[recent] / other.close[recent])
        score = z_scores(spread, *self._moments.push_many(spread))
        return [np.where(np.isnan(score), score, spread), score]
