"""Small, seeded market data for tests."""

from __future__ import annotations

import random

from quant_contracts.events import Bar
from quant_contracts.units import MINUTE, SECOND, Nanos

FIRST_OPEN: Nanos = 1_640_995_200 * SECOND
"""2022-01-01T00:00Z."""


def bars_from_closes(
    *closes: float,
    symbol: str = "BTCUSDT",
    interval: Nanos = MINUTE,
    first_open: Nanos = FIRST_OPEN,
    volume: float = 1000.0,
) -> list[Bar]:
    """Bars that open at the previous close and reach no further than open and close.

    >>> [bar.open for bar in bars_from_closes(10, 12, 11)]
    [10.0, 10.0, 12.0]
    """
    made: list[Bar] = []
    last = float(closes[0]) if closes else 0.0
    for index, value in enumerate(closes):
        close = float(value)
        ts = first_open + (index + 1) * interval
        made.append(Bar(ts, ts, symbol, interval, last, max(last, close), min(last, close), close, volume))
        last = close
    return made


def random_bars(
    count: int,
    seed: int = 0,
    *,
    symbol: str = "BTCUSDT",
    interval: Nanos = MINUTE,
    first_open: Nanos = FIRST_OPEN,
    price: float = 40_000.0,
) -> list[Bar]:
    """A seeded random walk on a tick of 0.01 with gaps between close and open, never below 1% of `price`."""
    source = random.Random(seed)  # noqa: S311 - a test needs a repeatable walk, not a secret
    made: list[Bar] = []
    close = price
    for index in range(count):
        open_ = round(max(price / 100, close * (1 + source.gauss(0, 0.0003))), 2)
        close = round(max(price / 100, open_ * (1 + source.gauss(0, 0.002))), 2)
        high = round(max(open_, close) * (1 + abs(source.gauss(0, 0.001))), 2)
        low = round(min(open_, close) * (1 - abs(source.gauss(0, 0.001))), 2)
        volume = round(source.lognormvariate(3, 1), 3)
        ts = first_open + (index + 1) * interval
        made.append(Bar(ts, ts, symbol, interval, open_, high, low, close, volume))
    return made
