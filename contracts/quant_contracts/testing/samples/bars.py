"""Small, seeded market data for tests, and a feed that delivers it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import msgspec

from quant_contracts.blocks import COLUMNS, BarBlock
from quant_contracts.events import Bar
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import DAY, HOUR, MINUTE, SECOND, Nanos

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


@lru_cache(maxsize=16)
def markets(count: int, symbol: str = "BTCUSDT", seed: int = 0) -> dict[str, tuple[Bar, ...]]:
    """Lawful bars of every temper, by name: what any part must bear. Each has `count` bars.

    >>> [bar.close for bar in markets(3)["flat"]]
    [100.0, 100.0, 100.0]
    """
    walk = random_bars(count, seed, symbol=symbol)
    source = random.Random(seed)  # noqa: S311 - as above
    jumps = [100.0 * source.choice((0.25, 0.5, 1.0, 2.0, 4.0)) for _ in range(count)]
    made = {
        "a random walk": walk,
        "another walk": random_bars(count, seed + 1, symbol=symbol),
        "flat": bars_from_closes(*[100.0] * count, symbol=symbol),
        "only rising": bars_from_closes(*[100.0 * (1 + row / 1000) for row in range(count)], symbol=symbol),
        "only falling": bars_from_closes(*[100.0 / (1 + row / 1000) for row in range(count)], symbol=symbol),
        "wild jumps": bars_from_closes(*jumps, symbol=symbol),
        "no trading": bars_from_closes(*[100.0] * count, symbol=symbol, volume=0.0),
        "tiny prices": [scaled(bar, 2.0**-30) for bar in walk],
        "huge prices": [scaled(bar, 2.0**20) for bar in walk],
        "gaps in time": [delayed(bar, row // 50 * 2 * HOUR) for row, bar in enumerate(walk)],
        "a month's gap": [delayed(bar, row * 2 // count * 30 * DAY) for row, bar in enumerate(walk)],
        "bars known late": [msgspec.structs.replace(bar, ts_known=bar.ts_known + 3 * SECOND) for bar in walk],
        "hourly bars": random_bars(count, seed, symbol=symbol, interval=HOUR),
        "daily bars": random_bars(count, seed, symbol=symbol, interval=DAY),
    }
    return {name: tuple(bars) for name, bars in made.items()}


def scaled(bar: Bar, factor: float) -> Bar:
    """The same bar in another unit of price; exact when `factor` is a power of two."""
    return msgspec.structs.replace(
        bar, open=bar.open * factor, high=bar.high * factor, low=bar.low * factor, close=bar.close * factor
    )


def delayed(bar: Bar, delay: Nanos) -> Bar:
    """The same bar, later: nothing traded in between."""
    return msgspec.structs.replace(bar, ts_event=bar.ts_event + delay, ts_known=bar.ts_known + delay)


class SampleFeed:
    """Delivers bars that are at hand, which must be of one symbol and interval.

    >>> feed = SampleFeed(random_bars(10))
    >>> [len(block) for block in feed.blocks(None, None, 4)]
    [4, 4, 2]
    """

    def __init__(self, bars: Sequence[Bar] | BarBlock) -> None:
        self._block = bars if isinstance(bars, BarBlock) else BarBlock.of(list(bars))

    @property
    def symbol(self) -> str:
        return self._block.symbol

    @property
    def interval(self) -> Nanos:
        return self._block.interval

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        block = self._block
        first = 0 if start is None else int((block.ts - block.interval).searchsorted(start))
        last = len(block) if end is None else int(block.ts.searchsorted(end, side="right"))
        for row in range(first, last, rows):
            yield block.slice(row, min(last, row + rows))

    def last_close(self) -> Nanos | None:
        return self._block.ts.item(-1)

    def info(self) -> SourceInfo:
        return self._info

    @cached_property
    def _info(self) -> SourceInfo:
        digest = hashlib.sha256()
        for column in (self._block.ts_known, *(getattr(self._block, name) for name in ("ts", *COLUMNS))):
            digest.update(column.data)
        return SourceInfo("sample", digest.hexdigest())

    def quality(self) -> tuple[QualityRow, ...]:
        return ()
