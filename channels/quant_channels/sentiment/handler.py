"""The as-of view of documents: those that became known, in a window bounded by number and age."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from quant_channels.sentiment.text.cleaning import LIMIT
from quant_channels.streams.cursor import Cursor
from quant_contracts.duration import Length, age_name, parse_interval, time_name
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import DataGap, Document, Freshness, StreamEvent
from quant_contracts.protocols import QualityRow, StreamFeed
from quant_contracts.units import Nanos
from quant_contracts.views import DocumentsView

TEXT_BYTES: Final = 4 * (LIMIT + 1_001)
"""A text and its title at their longest, of characters that take four bytes each."""
OTHER_BYTES: Final = 16_384
"""Names, address, models and the objects that hold them."""


class DocumentsHandler:
    """Holds the last `keep` documents of one symbol, none that became known `age` before the newest.

    Both must reach further back than from step to step, or channels miss what was dropped in between.

    >>> from quant_channels.sentiment.documents import DocumentsFeed
    >>> handler = DocumentsHandler(DocumentsFeed("sentiment", "BTCUSDT", path="store"), keep=100, age="2d")
    >>> handler.observe(0, 10), handler.freshness(10, None)
    (None, ('missing', 'no document yet'))
    """

    def __init__(self, feed: StreamFeed, *, keep: int = 2_000, age: Length = "30d") -> None:
        if type(keep) is not int or not 1 <= keep <= 1_000_000:
            raise ConfigError(f"{feed.symbol}: keep must be 1 to 1,000,000 documents, not {keep!r}")
        self._keep = keep
        self._age = parse_interval(age)
        self._symbol = feed.symbol
        self._cursor = Cursor(feed)
        self._window: deque[Document] = deque()

    @property
    def domain(self) -> str:
        return "sentiment"

    @property
    def symbol(self) -> str:
        return self._symbol

    def quality(self) -> tuple[QualityRow, ...]:
        return ()

    @property
    def last_known(self) -> Nanos | None:
        return self._window[-1].ts_known if self._window else None

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        self._cursor.load(start, end, rows)

    def advance(self, ts: Nanos, /) -> None:
        for event in self.read(ts):
            self.push(event)

    def read(self, ts: Nanos, /) -> Iterator[StreamEvent]:
        for block in self._cursor.take(ts):
            for event in block.events():
                # A stream carries nothing but what a stream can carry; `push` says so where it does not.
                assert isinstance(event, StreamEvent)
                yield event

    def push(self, event: StreamEvent, /) -> None:
        if not isinstance(event, Document) or event.symbol != self._symbol:
            raise DataError(
                f"a {type(event).__name__} of {event.symbol} came to the documents of {self._symbol}"
            )
        if self._window and event.ts_known < self._window[-1].ts_known:
            raise DataError(
                f"{self._symbol}: {event.doc_id!r} was known at {time_name(event.ts_known)}, but came after "
                f"one known at {time_name(self._window[-1].ts_known)}; deliver them as they become known"
            )
        self._window.append(event)
        oldest = event.ts_known - self._age
        while len(self._window) > self._keep or self._window[0].ts_known <= oldest:
            self._window.popleft()

    def observe(self, since: Nanos, ts: Nanos, /) -> DocumentsView | None:
        if not self._window:
            return None
        new: list[Document] = []
        for document in reversed(self._window):
            if document.ts_known <= since:
                break
            new.append(document)
        return DocumentsView(ts, since, tuple(reversed(new)))

    def freshness(self, ts: Nanos, max_age: Nanos | None, /) -> tuple[Freshness, str]:
        if not self._window:
            return "missing", "no document yet"
        age = ts - self._window[-1].ts_known
        if max_age is not None and age > max_age:
            return "stale", f"last document {age_name(age)} ago"
        return "fresh", ""

    def gaps(self) -> tuple[DataGap, ...]:
        return ()

    @property
    def most_bytes(self) -> int:
        return self._keep * (TEXT_BYTES + OTHER_BYTES)
