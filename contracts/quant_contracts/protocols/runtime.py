"""The promises of the runtime itself: time, data, books and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from quant_contracts.blocks import BarBlock
from quant_contracts.events import Bar, Event, Fill, PortfolioSnapshot
from quant_contracts.units import ExactQuantity, Nanos, Price


class Timer(Protocol):
    """Something that will happen at a set time unless it is cancelled."""

    @property
    def due(self) -> Nanos:
        """When it fires."""
        ...

    def cancel(self) -> None:
        """Keep it from firing. Cancelling twice, or after it fired, does nothing."""
        ...


@runtime_checkable
class Clock(Protocol):
    """The only source of time. Nobody reads another."""

    @property
    def now(self) -> Nanos:
        """The present."""
        ...

    def at(self, due: Nanos, call: Callable[[Nanos], None], /) -> Timer:
        """Call `call(due)` when time reaches `due`; timers due together fire in the order they were set."""
        ...


class SourceInfo(msgspec.Struct, frozen=True):
    """Where data came from, for the manifest."""

    name: str
    """File name, catalog key or a synthetic path's description; never an absolute path."""
    sha256: str
    """Digest of the bytes, or of the settings and seed of generated data."""


class QualityRow(msgspec.Struct, frozen=True):
    """One finding about a stream of bars."""

    symbol: str
    check: str
    """`duplicate`, `gap`, `out_of_order`, `not_finite`, `zero_volume`, `off_tick`, ..."""
    count: int
    repaired: str
    """The named policy that mended it, or `-` where nothing had to be."""
    first_ts: Nanos | None = None
    example: str = ""


@runtime_checkable
class Feed(Protocol):
    """Delivers the recorded bars of one symbol in blocks, in the order they became known."""

    @property
    def symbol(self) -> str:
        """Whose bars these are."""
        ...

    @property
    def interval(self) -> Nanos:
        """The length of every bar it delivers."""
        ...

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        """Bars that opened at or after `start` and closed at or before `end`, at most `rows` at a time.

        Opens what it needs when the first block is asked for and closes it with the last; memory does
        not grow with the length of the history.
        """
        ...

    def last_close(self) -> Nanos | None:
        """Close of the last bar there is, None where only reading everything would tell.

        A hint for progress bars and the spacing of samples; no decision may depend on it.
        """
        ...

    def info(self) -> SourceInfo:
        """Name and digest of the source."""
        ...

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found wrong in the bars delivered so far."""
        ...


@runtime_checkable
class DataHandler(Protocol):
    """The as-of view of one stream: holds what is known by now and nothing later.

    It is made as a shell: until `load_history` is called no file has been opened.
    """

    @property
    def symbol(self) -> str:
        """The stream's symbol."""
        ...

    @property
    def interval(self) -> Nanos:
        """The length of its bars."""
        ...

    @property
    def last(self) -> Bar | None:
        """The last known bar."""
        ...

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        """Make the recorded bars of [start, end] ready to be read, `rows` at a time. Backtest only."""
        ...

    def first_close(self) -> Nanos | None:
        """Close of the first bar loaded, None when there is none."""
        ...

    def last_close(self) -> Nanos | None:
        """Close of the last bar that will be read, where the source can tell; a hint, as in `Feed`."""
        ...

    def warmup_to(self, anchor: Nanos, /) -> BarBlock | None:
        """Take every loaded bar known at or before `anchor` into the window; return them, None if none."""
        ...

    def read(self) -> BarBlock | None:
        """The next block of loaded bars, None at the end. They are not in the window yet."""
        ...

    def push(self, bar: Bar, /) -> None:
        """A bar became known: take it into the window. Refuses one that is not later than the last."""
        ...

    def push_many(self, bars: BarBlock, /) -> None:
        """The same for every row of a block."""
        ...

    def window(self, count: int, /) -> BarBlock | None:
        """The last `count` known bars, fewer when there are fewer, None when there are none."""
        ...


@runtime_checkable
class Portfolio(Protocol):
    """The books: a fold over fills. Nothing else moves a position."""

    def apply(self, fill: Fill, /) -> bool:
        """Book a fill; False when its trade id was booked before, in which case nothing changes."""
        ...

    def mark(self, symbol: str, price: Price, /) -> None:
        """Take note of the last price of a symbol."""
        ...

    def position(self, symbol: str, /) -> ExactQuantity:
        """Signed position now."""
        ...

    @property
    def equity(self) -> float:
        """Cash plus positions at their marks."""
        ...

    def exposure_beside(self, symbol: str, /) -> tuple[float, float]:
        """Net and gross value of the positions in all other symbols, at their marks."""
        ...

    def snapshot(self, ts: Nanos, /) -> PortfolioSnapshot:
        """The account as it is now, stamped `ts`."""
        ...


RecordKind: TypeAlias = Literal["input", "stage", "decision"]
"""What a record is to a replay: given to it, made on the way, or to be proved equal."""


@runtime_checkable
class Journal(Protocol):
    """Remembers, in order."""

    def append(self, kind: RecordKind, event: Event, /) -> None:
        """Add a record."""
        ...

    def close(self) -> None:
        """Write what is still in memory and end the file. Closing twice does nothing."""
        ...
