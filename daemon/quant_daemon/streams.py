"""Streams beside the bars at run time: who reads them, how far to trust them, and their events in order.

A stream is absorbed by its handler in bulk when a symbol that reads it steps. Only where somebody
subscribed to its events are they built and published one by one, in the one lawful order: when known,
then by domain, then as declared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final, Literal, TypeAlias

import msgspec

from quant_contracts.events import (
    BookDelta,
    BookGap,
    BookSnapshot,
    Document,
    Event,
    Freshness,
    OptionQuote,
    Quote,
    Readiness,
    StreamEvent,
    Surface,
    Trade,
)
from quant_contracts.protocols import Journal, StreamFeed, StreamHandler
from quant_contracts.record import MOST_CHANGES, LastRow, ReadinessRecord
from quant_contracts.strategy import WhenStale
from quant_contracts.units import Nanos
from quant_contracts.views import Seen
from quant_daemon.bus import Bus

StreamKey: TypeAlias = tuple[str, str]
"""Domain and symbol."""
Outcome: TypeAlias = Literal["go", "hold", "flatten"]

OUTCOMES: Final[Mapping[WhenStale, Outcome]] = {"use": "go", "hold": "hold", "flatten": "flatten"}
EVENTS_OF: Final[Mapping[str, tuple[type[StreamEvent], ...]]] = {
    "orderbook": (BookSnapshot, BookDelta, BookGap),
    "quotes": (Quote,),
    "trades": (Trade,),
    "options": (OptionQuote,),
    "surface": (Surface,),
    "sentiment": (Document,),
}
"""What each domain's stream carries."""

SEVERITY: Final[Mapping[Outcome, int]] = {"go": 0, "hold": 1, "flatten": 2}

when_known: Final = attrgetter("ts_known")


class WatchedStream(msgspec.Struct, frozen=True):
    """A stream that a symbol reads, and what it does without it."""

    name: str
    """`orderbook`, or `orderbook of ETHUSDT` where it is another's."""
    handler: StreamHandler
    max_age: Nanos | None
    when_stale: WhenStale


class Watch:
    """Looks at all streams of one symbol, once a step, and says whether the step may be taken."""

    def __init__(self, symbol: str, streams: Mapping[StreamKey, WatchedStream]) -> None:
        self.symbol = symbol
        self.seen: dict[StreamKey, Seen | None] = dict.fromkeys(streams)
        """What the last look showed of each stream."""
        self.reasons: dict[StreamKey, str] = {}
        """Why a stream was not fresh at the last look."""
        self.state: dict[str, Freshness] = {stream.name: "missing" for stream in streams.values()}
        """How far each stream could be trusted at the last look."""
        self.outcome: Outcome = "go"
        self.why = ""
        """What the outcome is, in a word for an intent's reason."""
        self.changes: list[Readiness] = []
        self.missing: Counter[str] = Counter()
        self._streams = dict(streams)
        self._looks = {name: Counter[str]() for name in self.state}
        self._outcomes: Counter[str] = Counter()
        self._dropped = 0
        self._since: Nanos = 0

    def look(self, ts: Nanos) -> None:
        """Let every stream be known up to `ts` and see what there is."""
        worst: Outcome = "go"
        self.why = ""
        self.reasons.clear()
        for key, stream in self._streams.items():
            handler = stream.handler
            handler.advance(ts)
            self.seen[key] = handler.observe(self._since, ts)
            state, reason = handler.freshness(ts, stream.max_age)
            self._looks[stream.name][state] += 1
            if state != self.state[stream.name] or not self._since:
                self.state[stream.name] = state
                self._note(Readiness(ts, self.symbol, stream.name, state, reason))
            if state == "fresh":
                continue
            self.reasons[key] = f"{stream.name} {state}: {reason}"
            outcome = OUTCOMES[stream.when_stale]
            if SEVERITY[outcome] > SEVERITY[worst]:
                worst, self.why = outcome, f"{stream.name} {state}"
        self.outcome = worst
        self._outcomes[worst] += 1
        self._since = ts

    def _note(self, change: Readiness) -> None:
        if len(self.changes) < MOST_CHANGES:
            self.changes.append(change)
        else:
            self._dropped += 1

    def record(self, end: Nanos, interval: Nanos) -> ReadinessRecord:
        """What all looks met in a run until `end`, of a symbol with bars of `interval`."""
        return ReadinessRecord(
            {name: dict(sorted(looks.items())) for name, looks in self._looks.items()},
            dict(sorted(self._outcomes.items())),
            dict(sorted(self.missing.items())),
            tuple(self.changes),
            self._dropped,
            {
                stream.name: LastRow(known, (end - known) // interval)
                for stream in self._streams.values()
                if (known := stream.handler.last_known) is not None
            },
        )


class DeclaredStream(msgspec.Struct, frozen=True):
    """A stream of the run: its source, its as-of view, and what was declared of it."""

    feed: StreamFeed
    handler: StreamHandler
    lookback: Nanos = 0
    """How long before the bars it is read from."""
    max_age: Nanos | None = None

    @property
    def key(self) -> str:
        """How the manifest calls it."""
        return f"{self.handler.symbol}.{self.handler.domain}"


class Delivery:
    """Builds the events of every stream one by one, in the lawful order, for those who asked for them."""

    def __init__(self, streams: Sequence[DeclaredStream]) -> None:
        self._handlers = tuple(stream.handler for stream in streams)
        self._push: dict[tuple[str, type[Event]], Callable[[StreamEvent], None]] = {
            (handler.symbol, kind): handler.push
            for handler in self._handlers
            for kind in EVENTS_OF[handler.domain]
        }

    def subscribe(self, bus: Bus) -> None:
        """Have every handler absorb the events of its stream as they are published."""
        for (symbol, kind), push in self._push.items():
            bus.subscribe(kind, push, "handler", symbol)

    def events(self, ts: Nanos) -> Sequence[StreamEvent]:
        """Every event known at or before `ts` that was not handed over yet, in the lawful order."""
        waiting = [events for handler in self._handlers if (events := list(handler.read(ts)))]
        if len(waiting) < 2:
            return waiting[0] if waiting else ()
        # The handlers stand in the order of their domains and the sort is stable.
        return sorted(chain.from_iterable(waiting), key=when_known)

    def absorb(self, journal: Journal, ts: Nanos) -> None:
        """Take in what was before the run: the journal remembers it, and nobody else is told."""
        for event in self.events(ts):
            journal.append("input", event)
            self._push[event.symbol, event.__class__](event)
