"""The as-of view of a stream of surfaces: the last one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from quant_channels.streams.cursor import Cursor
from quant_channels.streams.trust import by_age, refuse_out_of_turn
from quant_contracts.errors import DataError
from quant_contracts.events import DataGap, Freshness, StreamEvent, Surface
from quant_contracts.protocols import QualityRow, StreamFeed
from quant_contracts.units import Nanos

SURFACE_BYTES: Final = 200_000
"""What a surface of a hundred expiries takes."""


class SurfaceHandler:
    """Holds the last surface. One without a slice says that nothing could be fitted: then there is none."""

    domain: Final = "surface"

    def __init__(self, feed: StreamFeed) -> None:
        self.symbol = feed.symbol
        self._cursor = Cursor(feed)
        self._last: Surface | None = None

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        self._cursor.load(start, end, rows)

    def advance(self, ts: Nanos, /) -> None:
        for event in self.read(ts):
            self.push(event)

    def read(self, ts: Nanos, /) -> Iterator[StreamEvent]:
        for block in self._cursor.take(ts):
            for event in block.events():
                # A feed of this domain delivers no other events; the cursor does not know which it reads.
                assert isinstance(event, Surface)
                yield event

    def push(self, event: StreamEvent, /) -> None:
        if not isinstance(event, Surface):
            raise DataError(f"{self.symbol} surface: an event of type {type(event).__name__} came")
        last = event if self._last is None else self._last
        refuse_out_of_turn(self.domain, self.symbol, last.ts_known, event.symbol, event.ts_known)
        self._last = event

    def observe(self, since: Nanos, ts: Nanos, /) -> Surface | None:  # noqa: ARG002 - the last, however old
        return self._last if self._last is not None and self._last.slices else None

    def freshness(self, ts: Nanos, max_age: Nanos | None, /) -> tuple[Freshness, str]:
        if self._last is None:
            return "missing", "no surface yet"
        if not self._last.slices:
            reasons = sorted({flag for one in self._last.refused for flag in one.flags})
            return "missing", f"nothing could be fitted: {', '.join(reasons) or 'no expiry'}"
        return by_age(self._last.ts_known, ts, max_age)

    def gaps(self) -> tuple[DataGap, ...]:
        """None: surfaces replace one another, and their age says what is missing."""
        return ()

    def quality(self) -> tuple[QualityRow, ...]:
        return ()

    @property
    def last_known(self) -> Nanos | None:
        return None if self._last is None else self._last.ts_known

    @property
    def most_bytes(self) -> int:
        return SURFACE_BYTES
