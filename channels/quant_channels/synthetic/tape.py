"""The trades of one hour of a synthetic market, and the best prices that they hit.

What agrees, exactly:

    bars    the first trade of a minute has the bar's open, the last its close, the highest its high, the
            lowest its low, and their quantities add up to its volume (in a minute of less than four lots,
            to four), all of them known before the bar closes
    path    between two steps the mid price is a Brownian bridge from one to the other
    book    a buyer trades at the best ask, a seller at the best bid, which are there just before; what is
            left of the level afterwards is its size less the quantity

Trades come in bursts (a share of them are children of the one before), aggressors follow one another on the
same side as Lillo and Farmer (2004, "The Long Memory of the Efficient Market") describe, if for a shorter
time, and lean to where the path is going; sizes have a long tail. The spread widens and the best levels
thin out when the market is restless.

Every operation is an addition, multiplication, division, square root or rounding: see `market_path`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np

from quant_channels.klines.market_path import STEP, STEPS_PER_YEAR
from quant_channels.klines.synthetic import HALF_SPREAD, MINUTES
from quant_channels.synthetic.market import DELAY, MarketDay, SyntheticMarket
from quant_contracts.blocks import TradeBlock
from quant_contracts.blocks.columns import Column, Flags, Times, Whole
from quant_contracts.units import HOUR, MICROSECOND, MILLISECOND, MINUTE, Nanos

STEPS_PER_HOUR: Final = HOUR // STEP
MINUTES_PER_HOUR: Final = HOUR // MINUTE

ALONE: Final = 0.35
"""Share of trades that follow no other."""
BURST: Final = 0.08
"""Seconds between trades of one burst, on average."""
LATEST: Final = 59.9
"""Seconds into the minute of its last trade."""
APART: Final[Nanos] = 5 * MICROSECOND
"""The least time between two trades."""
AHEAD: Final[Nanos] = 20 * MILLISECOND
"""Best prices are at most this long in place before the trade that hits them."""

TURN: Final = 0.35
"""Chance that the next aggressor's side is drawn anew."""
LEAN: Final = 0.15
"""Added to the chance of a buyer where the path rises by one standard deviation."""

TOUCH: Final = 0.05
"""Size of the best level as a share of what an average minute trades."""


class Tape(msgspec.Struct, frozen=True, eq=False):
    """The trades of one hour, in columns; prices in ticks."""

    ts: Times
    moved: Times
    """When bid and ask came to where the trade found them."""
    ticks: Whole
    side: Flags
    units: Whole
    """Quantity, in units of the market."""
    first_id: int
    bid: Whole
    ask: Whole
    bid_lots: Whole
    """Size at the best bid ahead of the trade, and at the ask."""
    ask_lots: Whole
    left: Whole
    """Lots at the level that was hit, after the trade."""
    restless: Column
    """Volatility over the usual."""

    def __len__(self) -> int:
        return len(self.ts)


def record_hour(market: SyntheticMarket, day: MarketDay, hour: int) -> Tape:
    """The tape of one hour of the day, 0 to 23."""
    source = market.path.random(f"{market.symbol} tape {hour}", day.index)
    minutes = slice(hour * MINUTES_PER_HOUR, (hour + 1) * MINUTES_PER_HOUR)
    counts = day.counts[minutes]
    count = int(counts.sum())
    minute = np.repeat(np.arange(MINUTES_PER_HOUR), counts)
    last = np.cumsum(counts) - 1
    first = last - counts + 1
    ts = _times(source, minute, first)
    step = ts // STEP
    begins, ends, volatility = _steps(day, hour)
    begin, end = begins[step], ends[step]
    deviation = begin * volatility[step] / np.sqrt(STEPS_PER_YEAR)
    share = (ts - step * STEP) / STEP
    mid = begin + share * (end - begin) + deviation * _bridge(source, ts, step, share)
    lean = np.minimum(np.maximum((end - begin) / deviation, -2.0), 2.0)
    side = _sides(source, 0.5 + LEAN * lean)

    restless = volatility[step] / market.path.traits.volatility
    spread = mid * (2 * HALF_SPREAD) * (0.5 + 0.5 * restless) * (0.8 + 0.4 * source.random(count))
    over, under = market.grid.tick.as_integer_ratio()
    ticks = np.rint((mid + 0.5 * side * spread) * under / over).astype(np.int64)
    ticks, side = _within(day, market, minutes, ticks, side, first, last)
    spread_ticks = np.maximum(np.rint(spread * under / over), 1).astype(np.int64)
    bid = np.where(side > 0, np.maximum(ticks - spread_ticks, 1), ticks)
    ask = np.where(side > 0, ticks, ticks + spread_ticks)

    units = _share_out(source, day.units[minutes], counts, minute, first, last)
    lots = np.ceil(units * float(market.units.lot / market.grid.lot)).astype(np.int64)
    usual = market.path.traits.turnover / MINUTES / mid * TOUCH / float(market.grid.lot) / restless
    waiting = (1 + np.floor(usual * source.standard_exponential((2, count)))).astype(np.int64)
    before = np.concatenate([[0], ts[:-1]])
    midnight = day.midnight + hour * HOUR
    return Tape(
        midnight + ts,
        midnight + ts - np.minimum((ts - before) // 2, AHEAD),
        ticks,
        side.astype(np.int8),
        units,
        day.first_id + int(day.counts[: minutes.start].sum()),
        bid,
        ask,
        waiting[0] + np.where(side > 0, 0, lots),
        waiting[1] + np.where(side > 0, lots, 0),
        np.where(side > 0, waiting[1], waiting[0]),
        restless,
    )


def trades_of(market: SyntheticMarket, tape: Tape) -> TradeBlock:
    """The tape as trades, numbered without a gap."""
    numbers = tape.first_id + np.arange(len(tape))
    price, quantity = market.units.price(tape.ticks), market.units.size(tape.units)
    return TradeBlock(market.symbol, tape.ts, tape.ts + DELAY, price, quantity, tape.side, numbers)


def _times(source: np.random.Generator, minute: Whole, first: Whole) -> Times:
    """Nanoseconds into the hour, rising, `APART` at least."""
    count = len(minute)
    alone = source.random(count) < ALONE
    alone[first] = True
    places = source.random(count) * LATEST
    waits = np.cumsum(np.where(alone, 0.0, BURST * source.standard_exponential(count)))
    parent = np.maximum.accumulate(np.where(alone, np.arange(count), 0))
    seconds = places[parent] + waits - waits[parent]
    # A burst that runs out of its minute goes on at its beginning.
    seconds -= LATEST * np.floor(seconds / LATEST)
    times = np.rint(seconds * 1e6).astype(np.int64) * MICROSECOND + AHEAD + minute * MINUTE
    times.sort()
    row = np.arange(count) * APART
    rising: Times = np.maximum.accumulate(times - row) + row
    return rising


def _steps(day: MarketDay, hour: int) -> tuple[Column, Column, Column]:
    """Mid price at the beginning and the end of each step of the hour, and volatility during it."""
    steps = slice(hour * STEPS_PER_HOUR, (hour + 1) * STEPS_PER_HOUR)
    before = day.path.before if hour == 0 else day.path.mid[steps.start - 1].item()
    ends = day.path.mid[steps]
    return np.append(before, ends[:-1]), ends, day.path.volatility[steps]


def _bridge(source: np.random.Generator, ts: Times, step: Whole, share: Column) -> Column:
    """A standard Brownian bridge over each step, seen at the trades."""
    knots = np.arange(STEPS_PER_HOUR + 1) * STEP
    # Where each trade stands once the knots are put between them.
    at = np.arange(len(ts)) + step + 1
    moments = np.zeros(len(ts) + len(knots), dtype=np.int64)
    at_knots = np.searchsorted(ts, knots) + np.arange(len(knots))
    moments[at], moments[at_knots] = ts, knots
    waits = np.concatenate([[0], np.diff(moments)]) / STEP
    walk = np.cumsum(np.sqrt(waits) * source.standard_normal(len(waits)))
    low, high = walk[at_knots][step], walk[at_knots][step + 1]
    bridge: Column = walk[at] - low - share * (high - low)
    return bridge


def _sides(source: np.random.Generator, buyers: Column) -> Whole:
    turns = source.random(len(buyers)) < TURN
    turns[0] = True
    drawn = np.where(source.random(len(buyers)) < buyers, 1, -1)
    sides: Whole = drawn[np.maximum.accumulate(np.where(turns, np.arange(len(buyers)), 0))]
    return sides


def _within(
    day: MarketDay,
    market: SyntheticMarket,
    minutes: slice,
    ticks: Whole,
    side: Whole,
    first: Whole,
    last: Whole,
) -> tuple[Whole, Whole]:
    """Prices inside their bar that touch its open, high, low and close; who lifts the high is a buyer."""
    open_, high, low, close = (
        market.grid.ticks(getattr(day.bars, name)[minutes]) for name in ("open", "high", "low", "close")
    )
    minute = np.repeat(np.arange(len(first)), last - first + 1)
    ticks = np.minimum(np.maximum(ticks, low[minute]), high[minute])
    ticks[first], ticks[last] = open_, close
    inside = np.ones(len(ticks), dtype=np.bool_)
    inside[first] = inside[last] = False
    rows = inside.nonzero()[0]
    order = rows[np.lexsort((ticks[rows], minute[rows]))]
    # Two rows of each minute are left out: the lowest and the highest of the others stand at these places.
    end = np.cumsum(last - first - 1)
    at_high, at_low = order[end - 1], order[np.append(0, end[:-1])]
    ticks[at_high], side[at_high] = high, 1
    ticks[at_low], side[at_low] = low, -1
    # Below the lowest price there is, nobody bids.
    return ticks, np.where(ticks > 1, side, -1)


def _share_out(
    source: np.random.Generator, total: Whole, counts: Whole, minute: Whole, first: Whole, last: Whole
) -> Whole:
    """Whole units for each trade, at least one, that add up to the total of their minute."""
    weights = source.standard_exponential(len(minute))
    sums: Any = np.cumsum(weights * weights)
    begin = np.append(0.0, sums[last[:-1]])
    share = (sums - begin[minute]) / (sums[last] - begin)[minute]
    # The last share is 1 to the bit, so that nothing is lost.
    upto = np.floor((total - counts)[minute] * share).astype(np.int64)
    units: Whole = 1 + np.diff(upto, prepend=0)
    units[first] = 1 + upto[first]
    return units
