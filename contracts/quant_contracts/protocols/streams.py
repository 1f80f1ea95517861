"""The promises of the streams beside the bars: what delivers them, and the as-of view of each.

Bars close and drive the steps. Trades, quotes, books, options, surfaces and documents are absorbed between
steps and looked at when one comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from quant_contracts.blocks import Block
from quant_contracts.events import DataGap, Freshness, StreamEvent
from quant_contracts.protocols.runtime import QualityRow, SourceInfo
from quant_contracts.units import Nanos
from quant_contracts.views import Seen

Domain: TypeAlias = Literal["orderbook", "quotes", "trades", "options", "surface", "sentiment"]
"""A kind of stream beside the bars. What becomes known at one moment comes in this order, then the bars."""


@runtime_checkable
class StreamFeed(Protocol):
    """Delivers the recorded rows of one stream in blocks, in the order in which they became known.

    Its settings are its Struct fields. The loader sets `domain`, `symbol`, `venue`, `tick` and `lot` from
    the declaration; a feed that serves one domain only refuses any other.
    """

    @property
    def domain(self) -> str:
        """Which stream it is."""
        ...

    @property
    def symbol(self) -> str:
        """The symbol under which it is declared."""
        ...

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        """Rows known from `start` to `end`, both included, about `rows` at a time, none of them empty.

        A frame of the venue is never divided, and what became known at one moment may stay together. A
        book, and a chain, begin with what is needed to be whole at `start`: rows known earlier are delivered
        first. Opens what it needs when the first block is asked for and closes it with the last; memory
        does not grow with the length of the history.
        """
        ...

    def info(self) -> SourceInfo:
        """Name and digest of the source."""
        ...

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found wrong in the rows delivered so far: refused frames, gaps, duplicates, by count."""
        ...


@runtime_checkable
class DerivedFeed(Protocol):
    """A stream feed that is computed from another stream of the same symbol."""

    @property
    def derives_from(self) -> str:
        """The domain it is computed from, which must be declared under the same symbol. Constant."""
        ...

    def derive(self, feed: StreamFeed, /) -> None:
        """Take the feed to compute from: one of its own, that nobody else reads. Called once."""
        ...


@runtime_checkable
class StreamHandler(Protocol):
    """The as-of view of one stream: holds what is known by now and nothing later, in bounded memory.

    It is made from its feed as a shell: until `load_history` is called nothing has been opened. The same
    rows give the same view, whether they are absorbed in bulk by `advance`, in blocks of any size, or
    event by event by `push`.
    """

    @property
    def domain(self) -> str:
        """Which stream it is."""
        ...

    @property
    def symbol(self) -> str:
        """The stream's symbol."""
        ...

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        """Make the recorded rows known from `start` to `end` ready, `rows` at a time. Backtest only."""
        ...

    def advance(self, ts: Nanos, /) -> None:
        """Absorb every loaded row known at or before `ts`, which never falls from call to call."""
        ...

    def read(self, ts: Nanos, /) -> Iterator[StreamEvent]:
        """The same rows as events instead, in order; each is absorbed when it is handed to `push`."""
        ...

    def push(self, event: StreamEvent, /) -> None:
        """One event became known: absorb it. Refuses one of another symbol or known before the last."""
        ...

    def observe(self, since: Nanos, ts: Nanos, /) -> Seen | None:
        """What channels are handed at `ts` whose last look was at `since`; None while nothing is good.

        Everything known at `ts` has been absorbed and nothing later. Looking changes nothing.
        """
        ...

    def freshness(self, ts: Nanos, max_age: Nanos | None, /) -> tuple[Freshness, str]:
        """How far the view can be trusted at `ts`, and why not where it cannot.

        `missing` where `observe` gives None, `stale` where its last row became known more than `max_age`
        ago (None: never), `fresh` otherwise, with an empty reason.
        """
        ...

    def gaps(self) -> tuple[DataGap, ...]:
        """Holes of the stream found so far, in order."""
        ...

    def quality(self) -> tuple[QualityRow, ...]:
        """What it had to leave out of its view so far, by count: rows that came twice, what was too many."""
        ...

    @property
    def last_known(self) -> Nanos | None:
        """When the last row that was absorbed became known, None before the first."""
        ...

    @property
    def most_bytes(self) -> int:
        """An upper bound of what its view holds, for any length of history. For the plan."""
        ...


class Stream(msgspec.Struct, frozen=True):
    """A stream that a channel reads beside its bar."""

    domain: Domain | Literal["klines"]
    symbol: str = ""
    """Whose; empty for the channel's own symbol."""
