"""The days of a synthetic market: its path, its bars, and how many trades each minute holds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from quant_channels.klines.market_path import MarketPath, PathDay
from quant_channels.klines.synthetic import LOTS, MINUTES, SyntheticBars
from quant_contracts.blocks import BarBlock
from quant_contracts.blocks.columns import Whole
from quant_contracts.instrument import Grid
from quant_contracts.units import DAY, MILLISECOND, Nanos

DELAY: Final[Nanos] = 5 * MILLISECOND
"""What the wire takes: trades, books and quotes are known this much after they happened. No minute's last
trade is late enough to be known after the close of its bar."""

FEWEST: Final = 4
"""Trades in a minute: one for each of open, high, low and close."""
MOST: Final = 5
"""Times the usual number of trades, in the busiest minute."""


class MarketDay(msgspec.Struct, frozen=True, eq=False):
    """One UTC day, seen from the bars."""

    index: int
    """Days since the start of the path."""
    midnight: Nanos
    path: PathDay
    bars: BarBlock
    """One a minute."""
    units: Whole
    """What each bar's volume is in units of trades."""
    counts: Whole
    """Trades in each minute."""
    first_id: int
    """Number of its first trade."""


class SyntheticMarket(msgspec.Struct, frozen=True):
    """One symbol of a synthetic market.

    An hour of any stream depends on its day of the path and on random numbers of its own. Reaching a day
    costs a walk along the path, a few milliseconds a day, and no more.
    """

    path: MarketPath
    grid: Grid
    trades_per_minute: int

    @property
    def symbol(self) -> str:
        return self.path.symbol

    @property
    def end(self) -> Nanos:
        """The end of the path."""
        return self.path.start + self.path.days * DAY

    @property
    def units(self) -> Grid:
        """What trades are counted in: lots where a thousandth is whole lots, else thousandths as in bars."""
        lot = self.grid.lot if self._units_per_thousandth else 1 / Decimal(LOTS)
        return Grid(self.grid.tick, lot)

    @property
    def _units_per_thousandth(self) -> int:
        over, under = (1 / Decimal(LOTS) / self.grid.lot).as_integer_ratio()
        return over if under == 1 else 0

    def days(self) -> Iterator[MarketDay]:
        """The days in order."""
        bars = SyntheticBars(self.path, self.grid.tick)
        traits = self.path.traits
        first_id = 1
        for index, day in enumerate(self.path.walk()):
            block = bars.day_of_bars(day, index)
            units = np.rint(block.volume * LOTS).astype(np.int64) * max(self._units_per_thousandth, 1)
            # Too little for four trades is rounded up to four units.
            units = np.maximum(units, FEWEST)
            busy = np.sqrt(block.volume * block.close / (traits.turnover / MINUTES))
            counts = np.rint(self.trades_per_minute * busy).astype(np.int64)
            counts = np.minimum(counts, np.minimum(units, MOST * self.trades_per_minute))
            counts = np.maximum(counts, FEWEST)
            midnight = self.path.start + index * DAY
            yield MarketDay(index, midnight, day, block, units, counts, first_id)
            first_id += int(counts.sum())
