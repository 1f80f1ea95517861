"""Plays bars to a feature channel, one by one or in blocks, and lays its answers out in rows."""

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
from quant_contracts.protocols import AnyChannel, BlockChannel, BlockCrossChannel, ReadingChannel
from quant_contracts.testing.promise import BrokenPromise, shown
from quant_contracts.testing.samples import markets

Table = npt.NDArray[np.float64]

SINGLE: Final = 0
"""In a list of block sizes: one bar through `update` instead of a block."""

BLANK: Final = Bar(0, 0, "", 0, math.nan, math.nan, math.nan, math.nan, math.nan)
"""What a block holds of another symbol where no bar of it was known yet."""


class Tape:
    """Bars of one symbol and, beside each, the last bar of other symbols known by then.

    `others` holds one row of bars per other symbol, each as long as `bars`; None before its first.
    """

    def __init__(
        self, name: str, bars: tuple[Bar, ...], others: tuple[tuple[Bar | None, ...], ...] = ()
    ) -> None:
        self.name = name
        self.bars = bars
        self.others = others

    def __len__(self) -> int:
        return len(self.bars)

    def __repr__(self) -> str:
        return f"{len(self.bars):,} bars of {self.name!r}"

    def row(self, row: int) -> str:
        """One row as a message shows it, counted from 0."""
        beside = f", beside it {shown(self.beside(row))}" if self.others else ""
        return f"row {row} of {self}: {self.bars[row]}{beside}"

    def beside(self, row: int) -> list[Bar | None]:
        """The last known bar of every other symbol at `row`."""
        return [bars[row] for bars in self.others]

    def cut(self, start: int, stop: int) -> Tape:
        """Rows from `start` up to, not including, `stop`."""
        return Tape(self.name, self.bars[start:stop], tuple(bars[start:stop] for bars in self.others))

    def changed(self, how: str, change: Callable[[int, Bar], Bar]) -> Tape:
        """The tape with `change(row, bar)` in the place of every bar."""
        return Tape(
            f"{self.name}, {how}",
            tuple(change(row, bar) for row, bar in enumerate(self.bars)),
            tuple(
                tuple(None if bar is None else change(row, bar) for row, bar in enumerate(bars))
                for bars in self.others
            ),
        )

    def blocks(self, start: int, stop: int) -> list[BarBlock]:
        """Rows from `start` up to `stop` in columns of their own: the symbol's, then the others'."""
        return [_copy(block.slice(start, stop)) for block in self._whole]

    @cached_property
    def _whole(self) -> list[BarBlock]:
        rows = [[bar or BLANK for bar in bars] for bars in (self.bars, *self.others)]
        # The last row names the symbol: at the first it may not have been known.
        return [
            msgspec.structs.replace(BarBlock.of(bars), symbol=bars[-1].symbol, interval=bars[-1].interval)
            for bars in rows
        ]


def tapes(channel: AnyChannel, count: int) -> tuple[Tape, ...]:
    """Every market of the samples, with the other symbols that `channel` asks for beside it."""
    return _tapes(
        tuple(stream.symbol for stream in channel.reads) if isinstance(channel, ReadingChannel) else (), count
    )


@lru_cache(maxsize=16)
def _tapes(others: tuple[str, ...], count: int) -> tuple[Tape, ...]:
    own = "OWNUSDT" if "BTCUSDT" in others else "BTCUSDT"
    beside = [markets(count, other, seed) for seed, other in enumerate(others, start=100)]
    return tuple(
        Tape(name, bars, tuple(market[name] for market in beside))
        for name, bars in markets(count, own).items()
    )


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
