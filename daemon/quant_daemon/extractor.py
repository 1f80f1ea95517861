"""Runs the feature channels of one symbol and merges what they say into one flat dict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Final, NamedTuple

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
    Stream,
)
from quant_daemon.as_of import known_bar
from quant_daemon.streams import Outcome, StreamKey, Watch

Values = dict[str, float]

COLD: Final = float("nan")
"""Stands for a value that is not there yet, in a sum."""


class FeatureExtractor:
    """The merged features of one symbol, in the order the channels were declared.

    Names never collide: two channels that would say the same name are refused when they are put
    together. A channel that reads streams beside the bars is asked once a step; where `optional` allows it
    to be missing, the others go on without it, and the reason is kept.
    """

    def __init__(
        self,
        symbol: str,
        channels: Sequence[AnyChannel],
        handlers: Mapping[str, DataHandler],
        watch: Watch | None = None,
        optional: Sequence[AnyChannel] = (),
    ) -> None:
        self.symbol = symbol
        self.channels = tuple(channels)
        self.names = _names(symbol, channels)
        self.warmup = max((channel.warmup for channel in channels), default=1)
        self.watch = watch
        self.missing: dict[str, str] = {}
        """Of the last step: what was allowed to be missing and was, with the reason."""
        self.others = tuple(
            dict.fromkeys(
                stream.symbol
                for channel in channels
                for stream in reads(channel)
                if stream.domain == "klines" and stream.symbol
            )
        )
        self.optional_names = frozenset(name for channel in optional for name in channel.outputs)
        self._order = tuple(channel.outputs for channel in channels)
        self._last_bars: Mapping[str, Bar | None] = {}
        self._handlers = handlers
        self._updates_many = tuple((channel.outputs, _in_blocks(symbol, channel)) for channel in channels)
        beside = [channel for channel in channels if stream_keys(symbol, channel)]
        self._updates = tuple(
            (channel.outputs, _one_by_one(channel, handlers))
            for channel in channels
            if not stream_keys(symbol, channel)
        )
        self._from_streams = tuple(
            (channel.outputs, self._asked(channel), stream_keys(symbol, channel)) for channel in beside
        )
        # What was looked at ahead, row by row, until the block form of the bars takes it up.
        self._ahead: list[_Looked] = []

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
        self._refuse_what_is_not_finite(values)
        return values if len(values) == len(self.names) else None

    def update_with_streams(self, bar: Bar) -> Values | None:
        """As `update`, beside what the streams show at that moment; None also where one holds the step."""
        looked = self._look(bar, {symbol: self._handlers[symbol].last for symbol in self.others})
        values: Values = {}
        waits = looked.outcome != "go"
        said = {names: update(bar) for names, update in self._updates} | looked.said
        for names in self._order:
            row = said[names]
            if row is not None:
                values.update(zip(names, row, strict=True))
            elif names[0] not in self.optional_names:
                waits = True
        self._refuse_what_is_not_finite(values)
        self.missing = looked.missing
        return None if waits else values

    def look_ahead(self, bar: Bar, last_bars: Mapping[str, Bar | None]) -> None:
        """Ask the channels that read streams about `bar`, which `update_many` will be given in its turn."""
        self._ahead.append(self._look(bar, last_bars))

    def _look(self, bar: Bar, last_bars: Mapping[str, Bar | None]) -> _Looked:
        watch = self.watch
        assert watch is not None
        self._last_bars = last_bars
        watch.look(bar.ts_known)
        looked = _Looked(watch.outcome, watch.why, {}, {})
        for names, update, keys in self._from_streams:
            said = looked.said[names] = update(bar)
            if said is not None:
                self._refuse_what_is_not_finite(dict(zip(names, said, strict=True)))
            else:
                why = [watch.reasons[key] for key in keys if key in watch.reasons]
                for name in names:
                    watch.missing[name] += 1
                    if name in self.optional_names:
                        looked.missing[name] = "; ".join(why) or "not there yet"
        return looked

    def update_many(self, bars: BarBlock, others: Mapping[str, BarBlock]) -> Table:
        """Take a block, of which every row was looked at ahead where there are streams.

        `others` holds, per other symbol, its last known bar at each row of `bars`.
        """
        ahead, self._ahead = self._ahead, []
        columns: dict[str, Column] = {}
        for names, update_many in self._updates_many:
            if update_many is None:
                rows = [looked.said[names] for looked in ahead]
                columns.update(zip(names, _table(len(names), rows), strict=True))
            else:
                columns.update(zip(names, update_many(bars, others), strict=True))
        ready: npt.NDArray[np.bool_] | None = None
        patchy = False
        for name, column in columns.items():
            finite = np.isfinite(column)
            if not finite.all():
                if np.isinf(column).any():
                    raise ContractBroken(f"{self.symbol}: the feature {name} is not finite")
                if name in self.optional_names:
                    patchy = True
                else:
                    ready = finite if ready is None else ready & finite
        waits = np.array([looked.outcome != "go" for looked in ahead], dtype=np.bool_)
        if waits.any():
            ready = ~waits if ready is None else ready & ~waits
        flat = tuple((row, looked.why) for row, looked in enumerate(ahead) if looked.outcome == "flatten")
        return Table(columns, ready, patchy, flat)

    def _refuse_what_is_not_finite(self, values: Values) -> None:
        for name, value in values.items():
            if not isfinite(value):
                raise ContractBroken(f"{self.symbol}: the feature {name} is not finite: {value}")

    def _asked(self, channel: AnyChannel) -> Callable[[Bar], tuple[float, ...] | None]:
        """How to ask a channel that reads streams: with what the last look showed of each."""
        assert isinstance(channel, ReadingChannel)
        assert self.watch is not None
        update, seen, own = channel.update, self.watch.seen, self.symbol
        wanted = [(stream.domain, stream.symbol or own) for stream in channel.reads]

        def ask(bar: Bar) -> tuple[float, ...] | None:
            bars = self._last_bars
            return update(bar, *[bars[key[1]] if key[0] == "klines" else seen[key] for key in wanted])

        return ask


class _Looked(NamedTuple):
    """What the channels that read streams said of one bar."""

    outcome: Outcome
    why: str
    said: dict[tuple[str, ...], tuple[float, ...] | None]
    """By the names of the channel's outputs."""
    missing: dict[str, str]


class Table(NamedTuple):
    """The features of a block of bars."""

    columns: dict[str, Column]
    """A column per name; NaN where it is missing."""
    ready: npt.NDArray[np.bool_] | None
    """In which rows a step is taken; None for all of them."""
    patchy: bool
    """Whether something is missing in a row that is ready."""
    flat: tuple[tuple[int, str], ...]
    """Rows in which the symbol must be flat instead, with the reason."""


def reads(channel: AnyChannel) -> tuple[Stream, ...]:
    """What a channel reads beside its bars."""
    return channel.reads if isinstance(channel, ReadingChannel) else ()


def stream_keys(symbol: str, channel: AnyChannel) -> tuple[StreamKey, ...]:
    """The streams beside bars that a channel of `symbol` reads."""
    return tuple(
        (stream.domain, stream.symbol or symbol) for stream in reads(channel) if stream.domain != "klines"
    )


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


def _in_blocks(
    symbol: str, channel: AnyChannel
) -> Callable[[BarBlock, Mapping[str, BarBlock]], Sequence[Column]] | None:
    """How to get the columns of one channel: by its own block form, or row by row where it has none.

    None for one that reads streams: it was asked ahead.
    """
    width = len(channel.outputs)
    if stream_keys(symbol, channel):
        return None
    if isinstance(channel, ReadingChannel):
        others = [stream.symbol for stream in channel.reads]
        if isinstance(channel, BlockCrossChannel):
            many = channel.update_many
            return lambda bars, beside: many(bars, *[beside[other] for other in others])
        update_cross = channel.update
        return lambda bars, beside: _table(
            width,
            [
                update_cross(bar, *[known_bar(beside[other], row) for other in others])
                for row, bar in enumerate(bars.events())
            ],
        )
    if isinstance(channel, BlockChannel):
        own = channel.update_many
        return lambda bars, _: own(bars)
    update = channel.update
    return lambda bars, _: _table(width, [update(bar) for bar in bars.events()])


def _table(width: int, rows: Sequence[tuple[float, ...] | None]) -> list[Column]:
    blank = (float("nan"),) * width
    table = np.array([blank if row is None else row for row in rows], dtype=np.float64)
    return list(table.reshape(len(rows), width).T)
