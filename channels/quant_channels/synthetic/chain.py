"""Option chains around a synthetic path: lifelike listings, prices from a surface without arbitrage.

    listed     today, tomorrow, the day after, three Fridays, then every fourth, at 08:00 UTC as at Deribit;
               strikes on a lattice around the forward, and once listed until expiry
    forward    mid price * exp(0.05 T): futures trade above the market
    variance   theta(T) = v T + (now - v)(1 - exp(-k T)) / k: what a mean-reverting variance is expected to be
               until T; it rises with T, so that no calendar spread is free
    smile      SSVI (Gatheral and Jacquier 2014, "Arbitrage-free SVI volatility surfaces") with
               phi = eta / sqrt(theta (1 + theta)); eta (1 + |rho|) < 2 leaves no butterfly free (Remark 4.4);
               rho falls as the market gets restless
    quotes     mark from the surface; bid and ask at volatilities around it, with noise, on the venue's ticks

The variance of the moment is the path's, with the hour of the day taken out. Logarithms and the normal
distribution come from the C library, whose last bits may differ between machines. All that is delivered of
them is rounded to ticks, four decimals of volatility and six of a mark, which leaves a difference only
where a number lies within 1e-15 of half-way: in one quote of a thousand million.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

import numpy as np

from quant_channels.klines.market_path import HOURS, STEP, WEEKEND, exp
from quant_channels.options.pricing import YEAR, black76_many
from quant_channels.synthetic.market import DELAY, MarketDay, SyntheticMarket
from quant_contracts.blocks import ChainBlock
from quant_contracts.blocks.columns import Column, Flags, Times, Whole
from quant_contracts.events import Premium
from quant_contracts.instrument import Grid
from quant_contracts.units import DAY, HOUR, Nanos

AT: Final[Nanos] = 8 * HOUR
CARRY: Final = 0.05
RETURN: Final = 12.0
"""Speed at which variance returns to its mean, a year: half-way in three weeks."""
ETA: Final = 0.9
RESTLESS: Final = (0.5, 2.0)
"""Bounds of volatility over the usual, as option markets see it."""
RHO: Final = (-0.25, -0.3, -0.7, 0.05)
"""Skew at usual volatility, its change with volatility over the usual, its bounds."""
STEPS_PER_DEVIATION: Final = 4
"""Strikes to a standard deviation."""
FINE, COARSE, BORDER = 10_000, 2_000, 0.005
"""Inverse premiums are multiples of 1 / FINE below BORDER, else of 1 / COARSE."""
HALF_SPREAD: Final = 0.008
"""Of volatility, at the money."""
WOBBLE: Final = 0.003
"""Standard deviation of a quote's volatility around the surface."""


class Listing:
    """The options listed so far that have not expired. Grows as the path is walked."""

    def __init__(self, expiries: int, strikes: int, volatility: float) -> None:
        self._expiries, self._strikes, self._volatility = expiries, strikes, volatility
        self._steps: dict[Nanos, Decimal] = {}
        self._numbers: dict[Nanos, set[int]] = {}

    def list_day(self, midnight: Nanos, price: float) -> None:
        """List what trades on the day that begins at `midnight` at a price of the underlying."""
        self._numbers = {expiry: held for expiry, held in self._numbers.items() if expiry > midnight}
        for expiry in expiries_from(midnight, self._expiries):
            years = (expiry - midnight) / YEAR
            if expiry not in self._numbers:
                deviation = price * self._volatility * math.sqrt(years)
                self._steps[expiry] = round_step(deviation / STEPS_PER_DEVIATION)
                self._numbers[expiry] = set()
            middle = round(price / float(self._steps[expiry]))
            low = max(1, middle - self._strikes // 2)
            self._numbers[expiry].update(range(low, low + self._strikes))

    def options(self) -> tuple[Times, Column, Flags]:
        """Expiry, strike and right of every option: by expiry and strike, put before call."""
        expiries: list[Times] = []
        strikes: list[Column] = []
        for expiry in sorted(self._numbers):
            numbers = np.array(sorted(self._numbers[expiry]), dtype=np.int64)
            step = self._steps[expiry]
            strikes.append(np.repeat(Grid(step, step).price(numbers), 2))
            expiries.append(np.full(2 * len(numbers), expiry, dtype=np.int64))
        count = sum(len(each) for each in expiries)
        return np.concatenate(expiries), np.concatenate(strikes), np.tile([-1, 1], count // 2).astype(np.int8)


def expiries_from(midnight: Nanos, count: int) -> list[Nanos]:
    """The next expiries after `midnight`.

    >>> [(expiry - AT) // DAY for expiry in expiries_from(0, 8)]  # 1970-01-01 was a Thursday
    [0, 1, 2, 8, 15, 22, 50, 78]
    """
    today = midnight // DAY
    friday = today + (1 - today) % 7
    weekly = range(friday, today + 23, 7)
    every_fourth = [day for day in range(friday, friday + 7 * 4 * count, 7) if day // 7 % 4 == 3]
    days = sorted({today, today + 1, today + 2, *weekly, *every_fourth})
    return [day * DAY + AT for day in days[:count]]


def round_step(length: float) -> Decimal:
    """The largest of 1, 2, 5, 10, ... at powers of ten that is not above `length`.

    >>> round_step(437.0), round_step(0.0023)
    (Decimal('2E+2'), Decimal('0.002'))
    """
    exact = Decimal(repr(length))
    unit = Decimal(1).scaleb(exact.adjusted())
    return next(unit * times for times in (5, 2, 1) if unit * times <= exact)


def chain_moments(midnight: Nanos, every: Nanos, hour: int) -> Times:
    """Ends of steps at which a whole chain is quoted: a step ahead of each multiple of `every`, so that it
    is there when the bars close.
    """
    first = hour * HOUR // every + 1
    last = (hour + 1) * HOUR // every
    return midnight + np.arange(first, last + 1, dtype=np.int64) * every - STEP


def chain_of(
    market: SyntheticMarket, day: MarketDay, hour: int, listing: Listing, premium: Premium, every: Nanos
) -> ChainBlock:
    """The quotes of every listed option at every moment of one hour."""
    source = market.path.random(f"{market.symbol} chain {hour}", day.index)
    moments = chain_moments(day.midnight, every, hour)
    expiries, strikes, rights = listing.options()
    count = len(moments)
    ts = np.repeat(moments, len(expiries))
    expiry, strike, right = np.tile(expiries, count), np.tile(strikes, count), np.tile(rights, count)
    noise = source.standard_normal((2, len(ts)))
    sizes = np.rint(1 + 100 * source.standard_exponential((2, len(ts)))) / 10
    years = (expiry - ts) / YEAR
    step = (ts - day.midnight) // STEP - 1
    forward = np.rint(day.path.mid[step] * exp(CARRY * years) * 1e8) / 1e8
    surface_vol, reach = _surface(market, day, step, strike, forward, np.maximum(years, 1e-9))
    is_call = right > 0
    half = HALF_SPREAD * (1 + reach)
    middle = surface_vol + WOBBLE * noise[0]
    volatilities = np.maximum(np.stack([middle - half, surface_vol, middle + half]), 0.01)
    values = [black76_many(is_call, forward, strike, years, each) for each in volatilities]
    bid, mark, ask = _on_ticks(values, forward, premium, market.grid.tick)
    block = ChainBlock(
        market.symbol, premium, ts, ts + DELAY, expiry, strike, right,
        bid, np.where(np.isnan(bid), np.nan, sizes[0]), ask, sizes[1],
        mark, np.rint(surface_vol * 1e4) / 1e4, forward, np.full(len(ts), np.nan),
    )  # fmt: skip
    return block.take((years > 0).nonzero()[0])


def _surface(
    market: SyntheticMarket, day: MarketDay, step: Whole, strike: Column, forward: Column, years: Column
) -> tuple[Column, Column]:
    """Implied volatility of each option, and how many standard deviations its strike is away."""
    usual = market.path.traits.volatility
    calm = WEEKEND if (day.midnight // DAY + 3) % 7 >= 5 else 1.0
    restless = day.path.volatility[step] / (usual * HOURS[step] * calm)
    restless = np.minimum(np.maximum(restless, RESTLESS[0]), RESTLESS[1])
    mean = usual * usual
    theta = mean * (years + (restless * restless - 1) * (1 - exp(-RETURN * years)) / RETURN)
    start, slope, lowest, highest = RHO
    rho = np.minimum(np.maximum(start + slope * (restless - 1), lowest), highest)
    x = ETA / np.sqrt(theta * (1 + theta)) * np.log(strike / forward)
    variance = 0.5 * theta * (1 + rho * x + np.sqrt((x + rho) ** 2 + 1 - rho * rho))
    return np.sqrt(variance / years), np.abs(x) / ETA


def _on_ticks(
    values: list[Column], forward: Column, premium: Premium, tick: Decimal
) -> tuple[Column, Column, Column]:
    """Bid, mark and ask in the unit of `premium`; a bid of nothing is none."""
    bid, mark, ask = values
    if premium == "inverse":
        bid, mark, ask = (value / forward for value in values)
        over = 1
        under_bid, under_ask = (np.where(price < BORDER, FINE, COARSE) for price in (bid, ask))
    else:
        over, under = tick.as_integer_ratio()
        under_bid = under_ask = np.full(len(bid), under)
    floor = np.floor(bid * under_bid / over)
    ceiling = np.maximum(np.ceil(ask * under_ask / over), 1)
    return (
        np.where(floor > 0, floor * over / under_bid, np.nan),
        np.rint(mark * 1e6) / 1e6,
        ceiling * over / under_ask,
    )
