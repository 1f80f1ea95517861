"""The hidden path of a synthetic market: mid price and volatility every 15 seconds, and when it jumped.

All symbols of a seed share one market factor and each adds its own noise, so a symbol's path depends on
(seed, symbol, start, day) and on nothing else: streams made apart are correlated all the same. Bars are
one view of the path; books, option chains and headlines can be others.

    log return = market share + own share - half the variance     a fair game: no drift in expectation
    volatility = yearly level * exp(slow + fast) * hour of the day * weekend
                 slow and fast are AR(1) in five-minute steps: the stochastic volatility of Taylor (1986),
                 "Modelling Financial Time Series", in two time scales
    jumps      = Poisson times with normal sizes (Merton 1976), of the whole market and of one symbol

Every operation on the path is an addition, multiplication, division or square root, which IEEE 754 fixes
to the last bit; numpy's exp may differ between processors and is not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from quant_contracts.blocks import Column, Times
from quant_contracts.duration import time_name
from quant_contracts.units import DAY, SECOND, Fraction, Nanos, Price

STEP: Final[Nanos] = 15 * SECOND
STEPS: Final = DAY // STEP
STEPS_PER_YEAR: Final = 365.25 * STEPS
SPELL: Final = 20
"""Steps for which volatility stays as it is: five minutes."""
SPELLS: Final = STEPS // SPELL

SLOW: Final = (0.9995, 0.35)
"""AR(1) coefficient for one spell and standard deviation: half gone after five days."""
FAST: Final = (0.95, 0.35)
"""Half gone after an hour."""
OWN: Final = (0.98, 0.30)
"""The part of a symbol's volatility that is its own: half gone after three hours."""

NIGHT: Final = (0.95, 0.90, 0.85, 0.80, 0.75, 0.75, 0.80, 0.95, 1.05, 1.00, 0.95, 0.95)
DAYTIME: Final = (1.05, 1.35, 1.50, 1.45, 1.30, 1.15, 1.05, 1.05, 1.05, 1.00, 0.95, 0.95)
HOURS: Final = np.repeat(np.array((*NIGHT, *DAYTIME)), STEPS // 24)
"""Volatility by the hour of the day, UTC: calm before Asia's noon, busiest when New York opens. With the
quieter weekend its mean square over a week is 0.95."""
WEEKEND: Final = 0.75

MARKET_JUMPS: Final = 0.2
"""Jumps a day that every symbol feels."""
OWN_JUMPS: Final = 0.3
JUMP: Final = 0.02
"""Standard deviation of a jump as a share of yearly volatility: 1.2 % at 60 % a year."""


class Traits(msgspec.Struct, frozen=True):
    """What tells one symbol from another."""

    price: Price
    """Where the path starts."""
    volatility: Fraction
    """Yearly: 0.6 is 60 %."""
    market: Fraction
    """Share of the variance that comes from the market; two symbols correlate at the root of the product."""
    turnover: float
    """Quote currency traded on an average day."""


KNOWN: Final = {
    "BTC": Traits(40_000.0, 0.55, 0.85, 1.5e9),
    "ETH": Traits(2_500.0, 0.70, 0.75, 8e8),
    "SOL": Traits(100.0, 0.95, 0.60, 2e8),
}


def traits_of(symbol: str) -> Traits:
    """Lifelike traits of the best known symbols; for any other, made from its name."""
    for base, traits in KNOWN.items():
        if symbol.startswith(base):
            return traits
    digest = hashlib.sha256(symbol.encode()).digest()
    first = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)[digest[0] % 8]
    return Traits(first, 0.6 + digest[1] / 512, 0.4 + digest[2] / 640, 5e7)


class PathDay(msgspec.Struct, frozen=True, eq=False):
    """One UTC day of a path, step by step."""

    ts: Times
    """End of each step."""
    before: Price
    """Mid price where the day begins."""
    mid: Column
    """Mid price at `ts`."""
    volatility: Column
    """Yearly volatility during the step, jumps left aside."""
    jumps: Times
    """Ends of the steps that held a jump, in order, each once."""


class MarketPath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The path of one symbol.

    >>> path = MarketPath("BTCUSDT", seed=7, start=0, days=2)
    >>> first, second = path.walk()
    >>> len(first.mid), bool(first.mid[-1] == second.before)
    (5760, True)
    """

    symbol: str
    seed: int
    start: Nanos
    """Midnight UTC."""
    days: int
    price: Price | None = None
    """Where the path starts; None takes what `traits_of` says, as does the next."""
    volatility: Fraction | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, not {self.seed}")
        if self.start % DAY or self.start < 0:
            raise ValueError(f"start must be a midnight from 1970 on, not {time_name(self.start)}")
        if self.days < 1:
            raise ValueError(f"days must be at least 1, not {self.days}")
        if self.price is not None and not 1e-9 <= self.price <= 1e9:
            raise ValueError(f"price must be from 1e-9 to 1e9, as prices are, not {self.price}")
        if self.volatility is not None and not 0 < self.volatility <= 10:
            raise ValueError(
                f"volatility is a share a year, above 0 and at most 10 (0.6 is 60 %), not {self.volatility}"
            )

    @property
    def traits(self) -> Traits:
        """The symbol's traits, with the settings of this path."""
        traits = traits_of(self.symbol)
        return msgspec.structs.replace(
            traits, price=self.price or traits.price, volatility=self.volatility or traits.volatility
        )

    def walk(self) -> Iterator[PathDay]:
        """The days in order. Memory is one day's; a later day cannot be had without those before it."""
        traits = self.traits
        market, own = _Volatility((SLOW, FAST)), _Volatility((OWN,))
        from_market = traits.volatility * np.sqrt(traits.market)
        from_own = traits.volatility * np.sqrt(1 - traits.market)
        level = 0.0
        for day in range(self.days):
            midnight = self.start + day * DAY
            common, private = self.random("market", day), self.random(self.symbol, day)
            shape = market.day(common) * HOURS * (WEEKEND if (midnight // DAY + 3) % 7 >= 5 else 1.0)
            own_shape = shape * own.day(private)
            step = 1 / np.sqrt(STEPS_PER_YEAR)
            moves = from_market * step * shape * common.standard_normal(STEPS)
            moves += from_own * step * own_shape * private.standard_normal(STEPS)
            yearly = np.sqrt((from_market * shape) ** 2 + (from_own * own_shape) ** 2)
            moves -= 0.5 * (yearly * step) ** 2
            at_market = _add_jumps(moves, common, MARKET_JUMPS, JUMP * from_market)
            at_own = _add_jumps(moves, private, OWN_JUMPS, JUMP * from_own)
            moves[0] += level
            levels = np.cumsum(moves)
            before, level = level, float(levels[-1])
            ts = midnight + STEP * np.arange(1, STEPS + 1, dtype=np.int64)
            jumps = ts[np.unique(np.concatenate([at_market, at_own]))]
            begin = float(traits.price * exp(np.array([before]))[0])
            yield PathDay(ts, begin, traits.price * exp(levels), yearly, jumps)

    def random(self, stream: str, day: int) -> np.random.Generator:
        """The numbers of one stream on one day of the calendar, the same whatever was drawn elsewhere."""
        name = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "big")
        calendar_day = self.start // DAY + day
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, name, calendar_day])))


class _Volatility:
    """A product of exponentials of AR(1) processes, with mean square 1."""

    def __init__(self, parts: tuple[tuple[float, float], ...]) -> None:
        self._parts = parts
        self._states = [0.0 for _ in parts]

    def day(self, source: np.random.Generator) -> Column:
        """The factor at every step of the next day."""
        total = np.zeros(SPELLS)
        for place, (keep, spread) in enumerate(self._parts):
            path: list[float] = []
            state = self._states[place]
            for shock in (spread * np.sqrt(1 - keep * keep) * source.standard_normal(SPELLS)).tolist():
                state = keep * state + shock
                path.append(state)
            self._states[place] = state
            total += np.array(path) - spread * spread
        return np.repeat(exp(total), SPELL)


def _add_jumps(moves: Column, source: np.random.Generator, rate: float, spread: float) -> Times:
    """Add the day's jumps to the moves, fair in expectation; return the steps they fall into."""
    count = int(source.poisson(rate))
    at: Times = source.integers(0, STEPS, count)
    sizes = spread * source.standard_normal(count) - 0.5 * spread * spread
    for step, size in zip(at.tolist(), sizes.tolist(), strict=True):
        moves[step] += size
    return at


def exp(values: Column) -> Column:
    """The exponential of each value by multiplications alone, right to 1e-9 of itself for values up to 20.

    >>> bool(abs(exp(np.array([1.0]))[0] - 2.718281828459045) < 1e-8)
    True
    """
    small = values / 4096
    result = 1 + small * (1 + small * (1 / 2 + small * (1 / 6 + small / 24)))
    for _ in range(12):
        result = result * result
    return result
