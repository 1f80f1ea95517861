"""Bars seen on a synthetic market path: open, high, low and close on the tick grid, and a volume."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from quant_channels.klines.historical import nothing_between
from quant_channels.klines.market_path import STEP, STEPS_PER_YEAR, MarketPath, PathDay, exp
from quant_channels.klines.rebatch import rebatched
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.duration import time_name
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import DAY, MINUTE, Nanos

VERSION: Final = 1
"""Goes into the digest: the same settings give the same bars under the same version only."""

MINUTES: Final = DAY // MINUTE
STEPS_PER_BAR: Final = MINUTE // STEP
HALF_SPREAD: Final = 1e-5
"""Of the price: a buyer pays this much over the mid price, a seller gets as much less."""
LOTS: Final = 1_000
"""Volume comes in thousandths."""


class SyntheticBars(msgspec.Struct, frozen=True):
    """The one-minute bars of a path: a feed that needs no file.

    A bar opens with the first trade of its minute, a hair beside the last close. Its high and low are
    those of the path between the steps too: drawn from the law of a Brownian bridge's extremes, so that
    range estimators of volatility agree with close-to-close ones.
    """

    path: MarketPath
    tick: Decimal = Decimal("0.01")

    @property
    def symbol(self) -> str:
        return self.path.symbol

    @property
    def interval(self) -> Nanos:
        return MINUTE

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        """Bars of [start, end]; the path before `start` is walked too, its bars are not made."""
        # The first whole minute of the range.
        first = self.path.start if start is None else max(-(-start // MINUTE) * MINUTE, self.path.start)
        last = self.last_close() if end is None else min(end, self.last_close())
        if first + MINUTE > last:
            covers = f"{time_name(self.path.start)} to {time_name(self.last_close())}"
            raise nothing_between(self.info().name, start, end, covers)
        yield from rebatched(self._days(first, last), rows)

    def _days(self, first: Nanos, last: Nanos) -> Iterator[BarBlock]:
        for index, day in enumerate(self.path.walk()):
            midnight = self.path.start + index * DAY
            if midnight >= last:
                break
            if midnight + DAY > first:
                block = self.day_of_bars(day, index)
                begin, stop = np.searchsorted(block.ts, [first + MINUTE, last + 1])
                yield block.slice(int(begin), int(stop))

    def last_close(self) -> Nanos:
        """The end of the path."""
        return self.path.start + self.path.days * DAY

    def info(self) -> SourceInfo:
        """The path in words and a digest of everything that shapes it."""
        path = self.path
        text = (
            f"synthetic {path.symbol}, seed {path.seed}, {path.days} days from {time_name(path.start)[:10]}"
        )
        settings = msgspec.json.encode([VERSION, msgspec.to_builtins(path), str(self.tick)])
        return SourceInfo(text, hashlib.sha256(settings).hexdigest())

    def quality(self) -> tuple[QualityRow, ...]:
        """Nothing: the path has no flaws."""
        return ()

    def day_of_bars(self, day: PathDay, index: int) -> BarBlock:
        """The 1,440 bars of the day with the number `index`."""
        # A stream of its own, so that the path stays what it is whoever looks at it.
        source = self.path.random(f"{self.symbol} bars", index)
        begins = np.append(day.before, day.mid[:-1])
        span = day.mid - begins
        variance = (begins * day.volatility) ** 2 / STEPS_PER_YEAR
        middle = begins + day.mid
        reach = np.sqrt(span * span + 2 * variance * source.standard_exponential(len(span)))
        fall = np.sqrt(span * span + 2 * variance * source.standard_exponential(len(span)))
        highs = (0.5 * (middle + reach)).reshape(MINUTES, STEPS_PER_BAR).max(axis=1)
        lows = (0.5 * (middle - fall)).reshape(MINUTES, STEPS_PER_BAR).min(axis=1)
        sides = source.integers(0, 2, (2, MINUTES)) * 2.0 - 1.0
        first, last = begins[::STEPS_PER_BAR], day.mid[STEPS_PER_BAR - 1 :: STEPS_PER_BAR]
        open_ = self._ticks(first * (1 + HALF_SPREAD * sides[0]))
        close = self._ticks(last * (1 + HALF_SPREAD * sides[1]))
        high = np.maximum(self._ticks(highs * (1 + HALF_SPREAD)), np.maximum(open_, close))
        low = np.minimum(self._ticks(lows * (1 - HALF_SPREAD)), np.minimum(open_, close))
        ts = day.ts[STEPS_PER_BAR - 1 :: STEPS_PER_BAR]
        volume = self._volume(day, last - first, last, source)
        return BarBlock(
            self.symbol,
            MINUTE,
            ts,
            self._prices(open_),
            self._prices(high),
            self._prices(low),
            self._prices(close),
            volume,
        )

    def _ticks(self, prices: Column) -> Column:
        numerator, denominator = self.tick.as_integer_ratio()
        ticks: Column = np.maximum(np.rint(prices * denominator / numerator), 1)
        return ticks

    def _prices(self, ticks: Column) -> Column:
        # As a fraction, so that 7 ticks of 0.01 are 0.07 and not 0.07000000000000001.
        numerator, denominator = self.tick.as_integer_ratio()
        return ticks * numerator / denominator

    def _volume(self, day: PathDay, moves: Column, close: Column, source: np.random.Generator) -> Column:
        """More is traded when the market is restless, and in minutes that moved."""
        traits = self.path.traits
        restless = day.volatility[::STEPS_PER_BAR] / traits.volatility
        usual = traits.volatility * restless / np.sqrt(STEPS_PER_YEAR / STEPS_PER_BAR)
        size = np.abs(moves) / (close * usual)
        luck = exp(0.6 * source.standard_normal(MINUTES) - 0.18)
        mean = traits.turnover / MINUTES / close
        volume = mean * restless * luck * (0.6 + 0.5 * size)
        lots: Column = np.maximum(np.rint(volume * LOTS), 1)
        return lots / LOTS
