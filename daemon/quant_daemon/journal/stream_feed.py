"""Recorded events of a stream as the input of another run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from quant_contracts.blocks import Block, block_of
from quant_contracts.duration import time_name
from quant_contracts.errors import DataError, nearest
from quant_contracts.events import Bar, Event, StreamEvent
from quant_contracts.instrument import Grid
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import Nanos
from quant_daemon.journal.feed import journal_source, torn_row
from quant_daemon.journal.reader import JournalReader
from quant_daemon.streams import EVENTS_OF


class JournalStreamFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The events of one stream among the inputs of a journal, as they were taken in.

    They were checked, scored and fitted when they were recorded, so nothing is done to them here.
    """

    domain: str
    symbol: str
    path: str
    """The directory of the journal, or one segment file."""
    venue: str = ""
    tick: Decimal = Decimal("0.01")
    """The grid of a book; it must be the one under which it was recorded."""
    lot: Decimal = Decimal("0.00001")

    def __post_init__(self) -> None:
        if self.domain not in EVENTS_OF:
            raise ValueError(f"no stream is called {self.domain!r}; {nearest(self.domain, EVENTS_OF)}")
        self._kinds: tuple[type[Event], ...] = EVENTS_OF[self.domain]
        self._grid = Grid(self.tick, self.lot)
        self._torn: QualityRow | None = None

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        """Recorded events of [start, end]; those that make a book or a chain whole at `start` before them."""
        first = None if self.domain in {"orderbook", "options"} else start
        batch: list[Event] = []
        for event in self._events():
            if end is not None and event.ts_known > end:
                break
            if first is not None and event.ts_known < first:
                continue
            batch.append(event)
            if len(batch) == rows:
                yield self._block(batch)
                batch = []
        if batch:
            yield self._block(batch)

    def info(self) -> SourceInfo:
        """Name of the journal and digest of its segment files."""
        return journal_source(self.path)

    def quality(self) -> tuple[QualityRow, ...]:
        """Nothing, unless the journal was cut inside its last record."""
        return () if self._torn is None else (self._torn,)

    def _events(self) -> Iterator[Bar | StreamEvent]:
        reader = JournalReader(Path(self.path))
        last: Nanos = 0
        found = False
        others: dict[str, None] = {}
        for seq, kind, event in reader:
            if kind != "input":
                continue
            if not isinstance(event, Bar | StreamEvent):
                continue
            if not isinstance(event, self._kinds) or event.symbol != self.symbol:
                others[f"{type(event).__name__} of {event.symbol}"] = None
                continue
            if event.ts_known < last:
                raise DataError(
                    f"{self.path}: record {seq:,}: the {self.domain} of {self.symbol} known at "
                    f"{time_name(event.ts_known)} come after those known at {time_name(last)}"
                )
            last, found = event.ts_known, True
            yield event
        self._torn = torn_row(self.symbol, reader)
        if not found:
            held = ", ".join(others) or "no inputs at all; a run records them with --trace full"
            raise DataError(f"{self.path}: no {self.domain} of {self.symbol}; the journal holds {held}")

    def _block(self, events: Sequence[Event]) -> Block:
        try:
            return block_of(self.domain, self.symbol, events, self._grid)
        except ValueError as error:
            raise DataError(
                f"{self.symbol} {self.domain}: {error}; declare the tick and lot under which it was recorded"
            ) from None
