"""The order book around a tape: best prices as quotes, and every level as changes.

An hour of the book begins with a whole book (RESET). From then on, trade by trade:

    moved      the best prices come to where the trade finds them; levels that are passed go, others appear
    traded     the level that was hit has less left, at the very moment of the trade
    refreshed  other levels change their size, some times until the next trade

Behind the best level of a side stand the multiples of a stride, as many as there are levels; so a book of 20
levels reaches a thousandth of the price. All levels are thinner when the market is restless.

In a minute that is lost, the first frame becomes a GAP and all others are missing; the next minute begins
with a whole book again. The quotes are the top of the book, and nobody lost any of them.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from quant_channels.klines.synthetic import MINUTES
from quant_channels.synthetic.market import DELAY, MarketDay, SyntheticMarket
from quant_channels.synthetic.tape import MINUTES_PER_HOUR, TOUCH, Tape
from quant_contracts.blocks import GAP, RESET, SET, BookBlock, QuoteBlock
from quant_contracts.blocks.columns import Column, Whole
from quant_contracts.units import HOUR, MILLISECOND, MINUTE, Nanos

STRIDE: Final = 5e-5
"""Distance of the levels behind the best one, as a share of the price."""
REFRESHES: Final = 2
"""Times other levels change between two trades."""
FRAMES: Final = 2 + REFRESHES
LINGER: Final[Nanos] = 20 * MILLISECOND
"""How long after the last trade of an hour levels still change."""
DEEPER: Final = 0.15
"""Of the size of the best level, added with every level behind it."""

MOVED, TRADED, REFRESHED = 0, 1, 2


class Levels(msgspec.Struct, frozen=True, eq=False):
    """New sizes of levels: at which row of the tape, and which frame of it."""

    row: Whole
    side: Whole
    ticks: Whole
    lots: Whole
    frame: int = MOVED


def quotes_of(market: SyntheticMarket, tape: Tape) -> QuoteBlock:
    """The top of the book after every change of it: two rows a trade."""
    ts = np.stack([tape.moved, tape.ts], axis=1).ravel()
    bid_lots, ask_lots = np.repeat(tape.bid_lots, 2), np.repeat(tape.ask_lots, 2)
    bid_lots[1::2] = np.where(tape.side < 0, tape.left, tape.bid_lots)
    ask_lots[1::2] = np.where(tape.side > 0, tape.left, tape.ask_lots)
    price, size = market.grid.price, market.grid.size
    bid, ask = price(np.repeat(tape.bid, 2)), price(np.repeat(tape.ask, 2))
    return QuoteBlock(market.symbol, ts, ts + DELAY, bid, size(bid_lots), ask, size(ask_lots))


def book_of(
    market: SyntheticMarket, day: MarketDay, hour: int, tape: Tape, levels: int, gaps_per_day: float
) -> BookBlock:
    """Every change of the book in one hour, of at least 2 levels a side."""
    source = market.path.random(f"{market.symbol} book {hour}", day.index)
    lost = source.random(MINUTES_PER_HOUR) < gaps_per_day / MINUTES
    gone = lost[(tape.ts - day.midnight - hour * HOUR) // MINUTE]
    whole = ~gone & np.append(True, gone[:-1])
    over, under = market.grid.tick.as_integer_ratio()
    stride = max(1, round(day.path.before * STRIDE * under / over))
    size = market.path.traits.turnover / MINUTES / day.path.before * TOUCH / float(market.grid.lot)
    usual = size / tape.restless
    bids = _Side(1, tape.bid, tape.bid_lots, stride, levels, usual, source)
    asks = _Side(-1, tape.ask, tape.ask_lots, stride, levels, usual, source)
    hit = np.where(tape.side > 0, tape.ask, tape.bid)
    parts: list[Levels] = []
    for side in (bids, asks):
        parts += side.changes((~gone & ~whole).nonzero()[0])
        parts += side.whole(whole.nonzero()[0])
    kept = (~gone).nonzero()[0]
    parts.append(Levels(kept, -tape.side[kept].astype(np.int64), hit[kept], tape.left[kept], TRADED))
    for frame in range(REFRESHED, FRAMES):
        parts += [side.refreshed(kept, frame) for side in (bids, asks)]
    starts = (gone & np.append(True, ~gone[:-1])).nonzero()[0]
    nothing = np.zeros(len(starts), dtype=np.int64)
    parts.append(Levels(starts, nothing, nothing, nothing))
    return _block(market, tape, parts, whole, gone)


def _block(
    market: SyntheticMarket,
    tape: Tape,
    parts: list[Levels],
    whole: npt.NDArray[np.bool_],
    gone: npt.NDArray[np.bool_],
) -> BookBlock:
    """The parts as rows in the order of time, those of one frame in the order of the parts."""
    row = np.concatenate([part.row for part in parts])
    frame = np.repeat([part.frame for part in parts], [len(part.row) for part in parts])
    side, ticks, lots = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("side", "ticks", "lots")
    )
    # Nobody can bid nothing.
    real = ((ticks > 0) | (side == 0)).nonzero()[0]
    order = real[np.argsort((row * FRAMES + frame)[real], kind="stable")]
    row, frame = row[order], frame[order]
    action = np.where(gone[row], GAP, np.where(whole[row] & (frame == MOVED), RESET, SET))
    until = np.append(tape.moved[1:], tape.ts[-1:] + LINGER)
    waits = (until - tape.ts)[row] * np.maximum(frame - TRADED, 0) // (1 + REFRESHES)
    ts = np.where(frame == MOVED, tape.moved[row], tape.ts[row] + waits)
    # A gap has the number of the last frame ahead of it.
    sequence = (tape.first_id + row) * FRAMES + frame - (action == GAP)
    return BookBlock(
        market.symbol,
        market.grid,
        ts,
        ts + DELAY,
        action.astype(np.int8),
        side[order].astype(np.int8),
        ticks[order],
        lots[order],
        sequence,
    )


class _Side:
    """One side of the book, by row of the tape. Prices carry its sign, so that higher is better on both."""

    def __init__(
        self,
        sign: int,
        best: Whole,
        lots: Whole,
        stride: int,
        levels: int,
        usual: Column,
        source: np.random.Generator,
    ) -> None:
        self.sign, self.best, self.lots, self.stride, self.levels = sign, sign * best, lots, stride, levels
        self.usual, self.source = usual, source
        # Numbers of the first and the last multiple of the stride that stand behind the best price.
        self.top = (self.best - 1) // stride
        self.bottom = self.top - (levels - 2)

    def changes(self, now: Whole) -> list[Levels]:
        """What changes when the best prices move: what goes, then what comes."""
        old = now - 1
        top, bottom, was_top, was_bottom = self.top[now], self.bottom[now], self.top[old], self.bottom[old]
        before = self.best[old]
        behind = before // self.stride
        stays = (before % self.stride == 0) & (behind <= top) & (behind >= bottom)
        left = now[~stays], before[~stays]
        gone = (
            self._span(now, was_bottom, np.minimum(bottom - 1, was_top)),
            self._span(now, np.maximum(top + 1, was_bottom), was_top),
        )
        new = (
            self._span(now, bottom, np.minimum(was_bottom - 1, top)),
            self._span(now, np.maximum(was_top + 1, bottom), top),
        )
        return [
            *(self._gone(row, price) for row, price in (left, *gone)),
            *(self._filled(row, price) for row, price in new),
            self._best(now),
        ]

    def whole(self, now: Whole) -> list[Levels]:
        """Every level."""
        return [self._best(now), self._filled(*self._span(now, self.bottom[now], self.top[now]))]

    def refreshed(self, now: Whole, frame: int) -> Levels:
        """One level behind the best one changes its size."""
        number = self.top[now] - self.source.integers(0, self.levels - 1, len(now))
        return msgspec.structs.replace(self._filled(now, number * self.stride), frame=frame)

    def _span(self, now: Whole, low: Whole, high: Whole) -> tuple[Whole, Whole]:
        """Rows and prices of the multiples of the stride from `low` to `high` of each row."""
        counts = np.maximum(high - low + 1, 0)
        row = np.repeat(now, counts)
        within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        return row, (np.repeat(low, counts) + within) * self.stride

    def _gone(self, row: Whole, price: Whole) -> Levels:
        """Levels taken away; one that is the best one now is not."""
        other = price != self.best[row]
        return self._levels(row[other], price[other], np.zeros(int(other.sum()), dtype=np.int64))

    def _filled(self, row: Whole, price: Whole) -> Levels:
        depth = self.top[row] - price // self.stride + 1
        mean = self.usual[row] * (1 + DEEPER * depth)
        lots = 1 + np.floor(mean * self.source.standard_exponential(len(row)))
        return self._levels(row, price, lots.astype(np.int64))

    def _best(self, now: Whole) -> Levels:
        return self._levels(now, self.best[now], self.lots[now])

    def _levels(self, row: Whole, price: Whole, lots: Whole) -> Levels:
        return Levels(row, np.full(len(row), self.sign, dtype=np.int64), self.sign * price, lots)
