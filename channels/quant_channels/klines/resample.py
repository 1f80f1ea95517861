"""Makes longer bars of shorter ones, without ever looking ahead.

Buckets are aligned to the Unix epoch, so that weeks begin on Thursday. A bucket closes when its last bar
arrives; if that bar is missing, when the next later bar arrives, since before then nobody could know that
nothing more would come:

    1m bars        00:12  00:13  00:14 | 00:15   ...        -> 00:00-00:15 known at 00:15
    00:14 missing  00:12  00:13        | 00:15              -> 00:00-00:15 known at 00:16, with that bar

The bucket at the end of the data that never closed is not made.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from quant_channels.klines.raw import CHUNK
from quant_channels.klines.rebatch import rebatched
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.duration import interval_name, time_name
from quant_contracts.errors import DataError
from quant_contracts.events import Bar
from quant_contracts.protocols import Feed
from quant_contracts.units import Nanos


class Resampler(msgspec.Struct, dict=True):
    """Bars of `interval` from shorter bars of one symbol, bar by bar or block by block with equal bits.

    Open is the first, high the highest, low the lowest, close the last; volumes are added in order.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> from quant_contracts.units import MINUTE
    >>> sampler = Resampler(5 * MINUTE)
    >>> made = [bar for one in bars_from_closes(10, 12, 9, 11, 13, 14) for bar in sampler.push(one)]
    >>> [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in made]
    [(10.0, 13.0, 9.0, 13.0, 5000.0)]
    """

    interval: Nanos

    def __post_init__(self) -> None:
        # The unfinished bucket; its `ts_event` is the close it will have.
        self._open: Bar | None = None
        self._checked: tuple[str, Nanos] | None = None

    def push(self, bar: Bar) -> tuple[Bar, ...]:
        """The bars that close with this one: none, one, or two when it also shows that one was overdue."""
        self._check(bar.symbol, bar.interval, bar.ts_event)
        closes = -(-bar.ts_event // self.interval) * self.interval
        begun = self._open
        overdue: tuple[Bar, ...] = ()
        if begun is not None and begun.ts_event != closes:
            overdue = (msgspec.structs.replace(begun, ts_known=bar.ts_known),)
            begun = None
        merged = Bar(
            closes,
            bar.ts_known,
            bar.symbol,
            self.interval,
            bar.open if begun is None else begun.open,
            bar.high if begun is None else max(begun.high, bar.high),
            bar.low if begun is None else min(begun.low, bar.low),
            bar.close,
            bar.volume if begun is None else begun.volume + bar.volume,
        )
        if bar.ts_event == closes:
            self._open = None
            return (*overdue, merged)
        self._open = merged
        return overdue

    def push_many(self, bars: BarBlock) -> BarBlock | None:
        """The bars that close within a block, None when none does."""
        if not len(bars):
            return None
        self._check(bars.symbol, bars.interval, int(bars.ts[0]))
        rows = bars if self._open is None else BarBlock.join([_begun(self._open, bars.interval), bars])
        closes = -(-rows.ts // self.interval) * self.interval
        begins = np.flatnonzero(np.diff(closes, prepend=closes[0] - 1))
        ends = np.append(begins[1:], len(rows))
        complete = rows.ts[ends - 1] == closes[ends - 1]
        # The row that closed each bucket: its own last one, or the first of the next bucket.
        closing = np.where(complete, ends - 1, np.minimum(ends, len(rows) - 1))
        bucket = np.repeat(np.arange(len(begins)), ends - begins)
        # bincount adds one by one in the order of the rows; add.reduceat does not.
        volume: Column = np.bincount(bucket, weights=rows.volume).astype(np.float64, copy=False)
        made = BarBlock(
            bars.symbol,
            self.interval,
            closes[begins],
            rows.open[begins],
            np.maximum.reduceat(rows.high, begins),
            np.minimum.reduceat(rows.low, begins),
            rows.close[ends - 1],
            volume,
            rows.ts_known[closing],
        )
        count = len(begins)
        self._open = None
        if not complete[-1]:
            count -= 1
            self._open = made.bar(count)
        return _without_needless_known(made.slice(0, count)) if count else None

    def _check(self, symbol: str, interval: Nanos, ts: Nanos) -> None:
        """The bars must be of one kind and fit into the buckets."""
        if self._checked == (symbol, interval):
            return
        if self._checked is not None:
            had, length = self._checked
            raise DataError(
                f"resampling {had} bars of {interval_name(length)} cannot take a bar of {symbol} "
                f"of {interval_name(interval)}"
            )
        if self.interval % interval or ts % interval:
            raise DataError(
                f"{symbol}: bars of {interval_name(interval)} that close at {time_name(ts)} do not fill "
                f"bars of {interval_name(self.interval)}; ask for a multiple of {interval_name(interval)}"
            )
        self._checked = (symbol, interval)


def _begun(bar: Bar, interval: Nanos) -> BarBlock:
    """An unfinished bucket as the row before the next ones, at the earliest place where it can stand."""
    opened = bar.ts_event - bar.interval
    return BarBlock.of([msgspec.structs.replace(bar, ts_event=opened + interval, interval=interval)])


def _without_needless_known(block: BarBlock) -> BarBlock:
    late = block.known is not None and bool((block.known != block.ts).any())
    return block if late else msgspec.structs.replace(block, known=None)


def resampled(
    feed: Feed, wanted: Nanos | None, start: Nanos | None, end: Nanos | None, rows: int
) -> Iterator[BarBlock]:
    """The feed's bars in [start, end] as bars of `wanted`, or as they are where that is None."""
    stored = feed.interval
    if wanted is None or wanted == stored:
        yield from feed.blocks(start, end, rows)
        return
    if wanted % stored:
        raise DataError(
            f"{feed.symbol}: bars of {interval_name(stored)} cannot become bars of {interval_name(wanted)}; "
            f"ask for a multiple of {interval_name(stored)}"
        )
    empty = True
    for block in rebatched(_made(feed, wanted, start, end, rows * (wanted // stored)), rows):
        empty = False
        yield block
    if empty:
        raise DataError(
            f"{feed.symbol}: not one whole bar of {interval_name(wanted)} in the range asked for; "
            "ask for a longer range or for shorter bars"
        )


def _made(feed: Feed, wanted: Nanos, start: Nanos | None, end: Nanos | None, rows: int) -> Iterator[BarBlock]:
    sampler = Resampler(wanted)
    # A bucket that opened before `start` must not be begun.
    aligned = None if start is None else -(-start // wanted) * wanted
    for block in feed.blocks(aligned, end, min(rows, CHUNK)):
        made = sampler.push_many(block)
        if made is not None:
            yield made


def whole(last_close: Nanos | None, wanted: Nanos | None) -> Nanos | None:
    """Close of the last whole bar of `wanted` where shorter ones end at `last_close`."""
    return last_close if last_close is None or wanted is None else last_close // wanted * wanted
