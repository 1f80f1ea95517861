"""Runs the feature channels of one symbol and merges what they say into one flat dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Final

import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import BarBlock, Column
from quant_contracts.errors import ConfigError, ContractBroken
from quant_contracts.events import Bar
from quant_contracts.protocols import (
    AnyChannel,
    BlockChannel,
    BlockCrossChannel,
    DataHandler,
    ReadingChannel,
)

Values = dict[str, float]

COLD: Final = float("nan")
"""Stands for a value that is not there yet, in a sum."""


class FeatureExtractor:
    """The merged features of one symbol, in the order the channels were declared.

    Names never collide: two channels that would say the same name are refused when they are put
    together.
    """

    def __init__(
        self, symbol: str, channels: Sequence[AnyChannel], handlers: Mapping[str, DataHandler]
    ) -> None:
        self.symbol = symbol
        self.channels = tuple(channels)
        self.names = _names(symbol, channels)
        self.warmup = max((channel.warmup for channel in channels), default=1)
        self.others = tuple(
            dict.fromkeys(
                stream.symbol
                for channel in channels
                if isinstance(channel, ReadingChannel)
                for stream in channel.reads
            )
        )
        self._updates_many = tuple((channel.outputs, _in_blocks(channel)) for channel in channels)
        self._updates = tuple((channel.outputs, _one_by_one(channel, handlers)) for channel in channels)

    def update(self, bar: Bar) -> Values | None:
        """Take the next bar; the merged values, or None while any channel is cold or misses something."""
        values: Values = {}
        total = 0.0
        for names, update in self._updates:
            said = update(bar)
            if said is None:
                total = COLD
            elif len(said) == 1:
                (value,) = said
                values[names[0]] = value
                total += value
            else:
                values.update(zip(names, said, strict=True))
                total += sum(said)
        # One NaN or infinity makes the total one; so does a cold channel, and so may huge values.
        if total - total == 0.0:
            return values
        for name, value in values.items():
            if not isfinite(value):
                raise ContractBroken(f"{self.symbol}: the feature {name} is not finite: {value}")
        return values if len(values) == len(self.names) else None

    def update_many(
        self, bars: BarBlock, others: Mapping[str, BarBlock]
    ) -> tuple[dict[str, Column], npt.NDArray[np.bool_] | None]:
        """Take a block; one column per name and which rows are ready, None when all of them are.

        `others` holds, per other symbol, its last known bar at each row of `bars`.
        """
        columns: dict[str, Column] = {}
        for names, update_many in self._updates_many:
            columns.update(zip(names, update_many(bars, others), strict=True))
        ready: npt.NDArray[np.bool_] | None = None
        for name, column in columns.items():
            finite = np.isfinite(column)
            if not finite.all():
                if np.isinf(column).any():
                    raise ContractBroken(f"{self.symbol}: the feature {name} is not finite")
                ready = finite if ready is None else ready & finite
        return columns, ready


def _names(symbol: str, channels: Sequence[AnyChannel]) -> tuple[str, ...]:
    said_by: dict[str, AnyChannel] = {}
    for channel in channels:
        for name in channel.outputs:
            if name in said_by:
                raise ConfigError(
                    f"{symbol}: {channel!r} and {said_by[name]!r} both say {name!r}; keep one of them"
                )
            said_by[name] = channel
    return tuple(said_by)


def _one_by_one(
    channel: AnyChannel, handlers: Mapping[str, DataHandler]
) -> Callable[[Bar], tuple[float, ...] | None]:
    if not isinstance(channel, ReadingChannel):
        return channel.update
    update = channel.update
    sources = [handlers[stream.symbol] for stream in channel.reads]
    return lambda bar: update(bar, *[source.last for source in sources])


def _in_blocks(channel: AnyChannel) -> Callable[[BarBlock, Mapping[str, BarBlock]], Sequence[Column]]:
    """How to get the columns of one channel: by its own block form, or row by row where it has none."""
    if isinstance(channel, ReadingChannel):
        others = [stream.symbol for stream in channel.reads]
        if isinstance(channel, BlockCrossChannel):
            many = channel.update_many
            return lambda bars, beside: many(bars, *[beside[other] for other in others])
        update_cross = channel.update
        return lambda bars, beside: _table(
            channel,
            [
                update_cross(bar, *[_known(beside[other], row) for other in others])
                for row, bar in enumerate(bars.events())
            ],
        )
    if isinstance(channel, BlockChannel):
        own = channel.update_many
        return lambda bars, _: own(bars)
    update = channel.update
    return lambda bars, _: _table(channel, [update(bar) for bar in bars.events()])


def _table(channel: AnyChannel, rows: Sequence[tuple[float, ...] | None]) -> list[Column]:
    blank = (float("nan"),) * len(channel.outputs)
    table = np.array([blank if row is None else row for row in rows], dtype=np.float64)
    return list(table.reshape(len(rows), len(blank)).T)


def _known(block: BarBlock, row: int) -> Bar | None:
    return block.bar(row) if block.ts[row] else None


def as_of(bars: BarBlock, tail: Bar | None, other: BarBlock | None) -> BarBlock:
    """For each row of `bars`, the last bar of another symbol known by then.

    `tail` is the other's last bar before this stretch of time, `other` its bars within it.
    """
    if other is None:
        symbol, interval = (tail.symbol, tail.interval) if tail else ("", 0)
        other = BarBlock(symbol, interval, *_blank(0))
    row = other.ts_known.searchsorted(bars.ts_known, side="right")
    first = BarBlock.of([tail]) if tail else BarBlock(other.symbol, other.interval, *_blank(1))
    joined = BarBlock.join([first, other]) if len(other) else first
    return BarBlock(
        joined.symbol,
        joined.interval,
        joined.ts[row],
        joined.open[row],
        joined.high[row],
        joined.low[row],
        joined.close[row],
        joined.volume[row],
        None if joined.known is None else joined.known[row],
    )


def _blank(
    rows: int,
) -> tuple[npt.NDArray[np.int64], Column, Column, Column, Column, Column]:
    nothing = np.full(rows, np.nan)
    return np.zeros(rows, dtype=np.int64), nothing, nothing, nothing, nothing, nothing
