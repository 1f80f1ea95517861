"""Trades and best prices that go with bars: the first of a bar at its open, the last at its close."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final

from quant_contracts.events import Bar, Quote, Trade
from quant_contracts.units import MILLISECOND, Nanos, Price, Side

LAG: Final[Nanos] = 50 * MILLISECOND
"""Between what happens and when it is known, in every temper but the late one."""

TRADE_TEMPERS: Final = (
    "calm",
    "quiet",
    "only buyers",
    "all at one moment",
    "numbers missing",
    "without numbers",
    "dust and whales",
    "late",
)

QUOTE_TEMPERS: Final = ("calm", "quiet", "one side empty", "crossed", "wide", "all at one moment", "late")


def sample_trades(bars: Sequence[Bar], temper: str = "calm", seed: int = 0) -> tuple[Trade, ...]:
    """The trades behind `bars`, by the moment at which they became known; none where nothing was traded.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> trades = sample_trades(bars_from_closes(10, 12))
    >>> trades[0].price, trades[-1].price, trades[-1].ts_known == trades[-1].ts_event + 1
    (10.0, 12.0, True)
    """
    source = random.Random(f"trades {seed}")  # noqa: S311 - repeatable, not secret
    made: list[Trade] = []
    number = 0
    for row, bar in enumerate(bars):
        if is_skipped(temper, row) or not bar.volume:
            continue
        count = 40 if temper == "all at one moment" else 3 + source.randrange(3)
        prices = _path(source, bar, count)
        last = made[-1].ts_known if made else 0
        for (ts, known), price in zip(moments(source, bar, count, temper, last), prices, strict=True):
            number += 1 if temper != "numbers missing" or source.random() < 0.95 else 1 + source.randrange(9)
            size = source.choice((1e-9, 1e6)) if temper == "dust and whales" else source.uniform(0.5, 1.5)
            side: Side = 1 if temper == "only buyers" or source.random() < 0.5 else -1
            made.append(
                Trade(
                    ts_event=ts,
                    ts_known=known,
                    symbol=bar.symbol,
                    price=price,
                    quantity=bar.volume / count * size,
                    side=side,
                    trade_id=0 if temper == "without numbers" else number,
                )
            )
    return tuple(made)


def sample_quotes(bars: Sequence[Bar], temper: str = "calm", seed: int = 0) -> tuple[Quote, ...]:
    """Best prices around the way that each bar went; a side that is empty has price and size 0.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> quotes = sample_quotes(bars_from_closes(10, 12))
    >>> all(quote.bid < quote.ask for quote in quotes), round(quotes[-1].mid, 9)
    (True, 12.0)
    """
    source = random.Random(f"quotes {seed}")  # noqa: S311 - as above
    spread = {"wide": 0.5, "crossed": -1e-4}
    made: list[Quote] = []
    for row, bar in enumerate(bars):
        if is_skipped(temper, row):
            continue
        count = 20 if temper == "all at one moment" else 4
        last = made[-1].ts_known if made else 0
        times = moments(source, bar, count, temper, last)
        for (ts, known), mid in zip(times, _path(source, bar, count), strict=True):
            # What is odd is so at the end of every fifth bar, when it is looked at, and in between.
            is_odd = row % 5 == 4 or source.random() < 0.1
            half = mid * (spread.get(temper, 1e-4) if is_odd else 1e-4) / 2
            bid, ask = mid - half, mid + half
            sizes = [source.lognormvariate(0, 1), source.lognormvariate(0, 1)]
            if temper == "one side empty" and is_odd:
                if source.random() < 0.5:
                    bid, sizes[0] = 0.0, 0.0
                else:
                    ask, sizes[1] = 0.0, 0.0
            made.append(Quote(ts, known, bar.symbol, bid, sizes[0], ask, sizes[1]))
    return tuple(made)


def moments(
    source: random.Random, bar: Bar, count: int, temper: str, last: Nanos
) -> Iterator[tuple[Nanos, Nanos]]:
    """When `count` things of a bar happen and are known, none before `last`; the last just as the bar is."""
    lag = bar.interval + LAG if temper == "late" else LAG
    known = last
    for index in range(count):
        is_last = index == count - 1 or temper == "all at one moment"
        share = 1.0 if is_last else (index + source.random()) / count
        ts = min(bar.ts_open + int(share * bar.interval), bar.ts_event - 1)
        known = max(known, bar.ts_known if is_last and temper != "late" else ts + lag)
        yield ts, known


def is_skipped(temper: str, row: int) -> bool:
    """True for bars in which nothing happens: nine out of ten of a quiet stream, and the first few."""
    return temper == "quiet" and row % 10 != 9


def _path(source: random.Random, bar: Bar, count: int) -> list[Price]:
    inner = [source.uniform(bar.low, bar.high) for _ in range(count - 2)]
    return [bar.open, *inner, bar.close]
