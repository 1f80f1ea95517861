"""Plays bars, and what is known beside them, to a feature channel, and lays its answers out in rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import cycle
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar
from quant_contracts.protocols import AnyChannel, BlockChannel, BlockCrossChannel, ReadingChannel, Stream
from quant_contracts.testing.promise import BrokenPromise, shown
from quant_contracts.testing.reference import views
from quant_contracts.testing.samples import CALM, TEMPERS, markets, sample_events
from quant_contracts.views import Seen

Table = npt.NDArray[np.float64]

SINGLE: Final = 0
"""In a list of block sizes: one bar through `update` instead of a block."""

CLEAN: Final = ("a random walk", "another walk", "bars known late")
"""Markets in which nothing is ever missing."""

BLANK: Final = Bar(0, 0, "", 0, math.nan, math.nan, math.nan, math.nan, math.nan)
"""What a block holds of another symbol where no bar of it was known yet."""


class Beside(msgspec.Struct, frozen=True):
    """One stream beside the bars of a tape: bars of another symbol, or what goes with bars of its symbol."""

    stream: Stream
    bars: tuple[Bar, ...]
    """Of the stream's symbol."""
    temper: str = CALM

    def seen(self, bars: Sequence[Bar]) -> Sequence[Seen | None]:
        """What is known of it at each of `bars`."""
        if self.stream.domain == "klines":
            return self.bars
        events = sample_events(self.stream.domain, self.bars, self.temper)
        return views(self.stream.domain, events, [bar.ts_known for bar in bars])


class Tape:
    """Bars of one symbol and, beside each, what is known by then of everything that a channel reads.

    `seen` holds a column for each stream, as long as `bars`; None where nothing of it is known. It is made
    from `beside` where it is not given.
    """

    def __init__(
        self,
        name: str,
        bars: tuple[Bar, ...],
        beside: tuple[Beside, ...] = (),
        seen: tuple[Sequence[Seen | None], ...] | None = None,
    ) -> None:
        self.name = name
        self.bars = bars
        self._beside = beside
        self._seen = seen

    def __len__(self) -> int:
        return len(self.bars)

    def __repr__(self) -> str:
        return f"{len(self.bars):,} bars of {self.name!r}"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What is beside the bars."""
        return tuple(each.stream for each in self._beside)

    @cached_property
    def seen(self) -> tuple[Sequence[Seen | None], ...]:
        """What is known beside each bar, a column per stream."""
        return tuple(each.seen(self.bars) for each in self._beside) if self._seen is None else self._seen

    def row(self, row: int) -> str:
        """One row as a message shows it, counted from 0."""
        beside = f", beside it {shown(self.beside(row))}" if self._beside else ""
        return f"row {row} of {self}: {self.bars[row]}{beside}"

    def beside(self, row: int) -> list[Seen | None]:
        """What is known of every stream at `row`."""
        return [column[row] for column in self.seen]

    def cut(self, start: int, stop: int) -> Tape:
        """Rows from `start` up to, not including, `stop`, and what was seen at them."""
        return Tape(
            self.name, self.bars[start:stop], self._beside, tuple(seen[start:stop] for seen in self.seen)
        )

    def seeing(self, how: str, seen: tuple[Sequence[Seen | None], ...]) -> Tape:
        """The same bars with something else beside them."""
        return Tape(f"{self.name}, {how}", self.bars, self._beside, seen)

    def changed(self, how: str, change: Callable[[int, Bar], Bar]) -> Tape:
        """The tape with `change(row, bar)` in the place of every bar, and everything else following suit."""

        def all_changed(bars: tuple[Bar, ...]) -> tuple[Bar, ...]:
            return tuple(change(row, bar) for row, bar in enumerate(bars))

        beside = tuple(msgspec.structs.replace(each, bars=all_changed(each.bars)) for each in self._beside)
        return Tape(f"{self.name}, {how}", all_changed(self.bars), beside)

    def blocks(self, start: int, stop: int) -> list[BarBlock]:
        """Rows from `start` up to `stop` in columns of their own: the symbol's, then the others'."""
        return [_copy(block.slice(start, stop)) for block in self._whole]

    @cached_property
    def _whole(self) -> list[BarBlock]:
        rows = [[bar if isinstance(bar, Bar) else BLANK for bar in bars] for bars in (self.bars, *self.seen)]
        # The last row names the symbol: at the first it may not have been known.
        return [
            msgspec.structs.replace(BarBlock.of(bars), symbol=bars[-1].symbol, interval=bars[-1].interval)
            for bars in rows
        ]


def tapes(channel: AnyChannel, count: int) -> tuple[Tape, ...]:
    """Every market of the samples and beside it what `channel` reads, of every temper beside a walk."""
    return _tapes(channel.reads if isinstance(channel, ReadingChannel) else (), count)


@lru_cache(maxsize=16)
def _tapes(reads: tuple[Stream, ...], count: int) -> tuple[Tape, ...]:
    own = "OWNUSDT" if any(stream.symbol == "BTCUSDT" for stream in reads) else "BTCUSDT"
    others = dict.fromkeys(stream.symbol for stream in reads if stream.symbol)
    markets_of = {symbol: markets(count, symbol, seed) for seed, symbol in enumerate(others, start=100)}
    markets_of[""] = markets(count, own)

    def tape(name: str, market: str, tempers: Sequence[str]) -> Tape:
        beside = tuple(
            Beside(stream, markets_of[stream.symbol][market], temper)
            for stream, temper in zip(reads, tempers, strict=True)
        )
        return Tape(name, markets_of[""][market], beside)

    kinds = [TEMPERS[stream.domain] if stream.domain != "klines" else (CALM,) for stream in reads]
    # What is beside a market in which something is missing is like that too.
    made = [
        tape(name, name, [kind[0 if name in CLEAN else number % len(kind)] for kind in kinds])
        for number, name in enumerate(markets_of[""])
    ]
    walk = CLEAN[0]
    for place, (stream, kind) in enumerate(zip(reads, kinds, strict=True)):
        for temper in kind[1:]:
            tempers = [temper if at == place else CALM for at in range(len(reads))]
            made.append(tape(f"{walk} beside {stream.domain} that is: {temper}", walk, tempers))
    return tuple(made)


def play(channel: AnyChannel, tape: Tape, sizes: Iterable[int] = (SINGLE,), *, spoil: bool = False) -> Table:
    """The answers, a row per bar and a column per output; NaN where the channel returned None.

    The bars come in blocks of `sizes`, over and over, single bars among them. `spoil` writes over
    each block once the channel has answered.
    """
    # Looked up once: asking for a Protocol's shape costs more than most updates.
    player = _Player(channel, tape, spoil=spoil)
    pieces: list[Sequence[Column]] = []
    row = 0
    for size in cycle(sizes):
        if row >= len(tape):
            break
        if size == SINGLE:
            pieces.append(player.one(row))
            row += 1
        else:
            stop = min(row + size, len(tape))
            pieces.append(player.many(row, stop))
            row = stop
    # Joined only now: a column that the channel writes to later would show here.
    columns = [np.concatenate([piece[index] for piece in pieces]) for index in range(len(channel.outputs))]
    return np.column_stack(columns)


class _Player:
    """Hands rows of a tape to a channel and looks at the form of what comes back."""

    def __init__(self, channel: AnyChannel, tape: Tape, *, spoil: bool) -> None:
        self._channel = channel
        self._tape = tape
        self._spoil = spoil
        self._names = channel.outputs
        self._types = [float] * len(self._names)
        self._update: Callable[..., tuple[float, ...] | None] = channel.update
        self._update_many: Callable[..., Sequence[Column]] | None = None
        if isinstance(channel, BlockChannel | BlockCrossChannel):
            self._update_many = channel.update_many

    def one(self, row: int) -> Sequence[Column]:
        """The answer to one bar, as columns of one row."""
        values = self._update(self._tape.bars[row], *self._tape.beside(row))
        if values is None:
            return [np.array([math.nan]) for _ in self._names]
        if type(values) is not tuple or [type(value) for value in values] != self._types:
            raise BrokenPromise(
                self._channel,
                "update returns a tuple with one Python float per output, or None",
                given=self._tape.row(row),
                expected=f"{len(self._names)} floats for {', '.join(self._names)}",
                came=f"{values!r}, {_kind(values)}",
            )
        if not all(map(math.isfinite, values)):
            raise BrokenPromise(
                self._channel,
                "values are finite; what is missing is None",
                given=self._tape.row(row),
                expected="finite numbers, or None",
                came=values,
            )
        return [np.array([value]) for value in values]

    def many(self, start: int, stop: int) -> Sequence[Column]:
        """The answer to a block."""
        assert self._update_many is not None
        blocks = self._tape.blocks(start, stop)
        handed = [_bytes(block) for block in blocks]
        columns = self._update_many(*blocks)
        given = f"rows {start} to {stop - 1} of {self._tape} as one block"
        if [_bytes(block) for block in blocks] != handed:
            raise BrokenPromise(
                self._channel,
                "a block is never written to",
                given=given,
                expected="the columns as they were handed over",
                came="columns with other numbers in them",
            )
        wanted = [("float64", (stop - start,))] * len(self._names)
        if [column_form(column) for column in columns] != wanted:
            raise BrokenPromise(
                self._channel,
                "update_many returns one float64 column per output, as long as the block",
                given=given,
                expected=f"{len(wanted)} of dtype and shape {wanted[0]}",
                came=[column_form(column) for column in columns],
            )
        if any(bool(np.isinf(column).any()) for column in columns):
            raise BrokenPromise(
                self._channel,
                "values are finite; what is missing is NaN in a block",
                given=given,
                expected="finite numbers, or NaN",
                came="an infinite one",
            )
        if self._spoil:
            columns = [column.copy() for column in columns]
            for block in blocks:
                for array in _arrays(block):
                    array.fill(-1)
        return columns


def first_difference(one: Table, other: Table) -> int | None:
    """The first row in which two tables differ in any bit, None when they are the same."""
    missing = np.isnan(one) & np.isnan(other)
    different = (one.view(np.int64) != other.view(np.int64)) & ~missing
    rows = np.flatnonzero(different.any(axis=1))
    return int(rows[0]) if len(rows) else None


def _kind(values: object) -> str:
    """What the values are, because numpy's float64 prints like a float."""
    if isinstance(values, tuple):
        return f"a tuple of {[type(value).__name__ for value in values]}"
    return f"a {type(values).__name__}"


def column_form(column: object) -> tuple[str, tuple[int, ...]]:
    """Type and shape of what should be a numpy array: `("float64", (100,))`."""
    return (
        (column.dtype.name, column.shape) if isinstance(column, np.ndarray) else (type(column).__name__, ())
    )


def _arrays(block: BarBlock) -> list[npt.NDArray[Any]]:
    return [block.ts, block.ts_known, block.open, block.high, block.low, block.close, block.volume]


def _bytes(block: BarBlock) -> bytes:
    return b"".join(array.tobytes() for array in _arrays(block))


def _copy(block: BarBlock) -> BarBlock:
    return BarBlock(
        block.symbol,
        block.interval,
        block.ts.copy(),
        block.open.copy(),
        block.high.copy(),
        block.low.copy(),
        block.close.copy(),
        block.volume.copy(),
        None if block.known is None else block.known.copy(),
    )
