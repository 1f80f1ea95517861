"""Brings a handler from step to step in every way there is, and notes what it says at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count
from typing import Any, Final, TypeAlias

import msgspec

from quant_contracts.events import Freshness
from quant_contracts.protocols import Domain, StreamFeed, StreamHandler
from quant_contracts.testing.promise import BrokenPromise, same
from quant_contracts.testing.samples import CALM, FIRST_OPEN, SampleStream, random_bars, sample_events
from quant_contracts.testing.seen import view_bytes
from quant_contracts.units import HOUR, MINUTE, SECOND, Nanos
from quant_contracts.views import Seen

HandlerFactory: TypeAlias = Callable[[StreamFeed], StreamHandler]
"""Makes a handler as the loader does: from the feed it reads."""

BARS: Final = random_bars(45, first_open=FIRST_OPEN + 8 * HOUR - 40 * MINUTE)
"""Three quarters of an hour in which options expire."""
STEPS: Final = tuple(ts for bar in BARS for ts in (bar.ts_event - MINUTE // 3, bar.ts_known))
"""When a handler is looked at: as bars close, and in between."""

MAX_AGE: Final = 30 * SECOND


class Look(msgspec.Struct, frozen=True):
    """What a handler said at one step."""

    ts: Nanos
    view: Seen | None
    sealed: bytes
    """The view as it was when it was seen."""
    last_known: Nanos | None
    trust: tuple[Freshness, str]
    """Where it never gets stale."""
    aged: tuple[Freshness, str]
    """Where it is stale after `MAX_AGE`."""


@cache
def stream(domain: Domain, temper: str = CALM) -> SampleStream:
    """A feed of what goes with `BARS`; it has no memory, so that everybody may read it."""
    return SampleStream.of(domain, BARS, temper)


@cache
def events_of(domain: Domain, temper: str = CALM) -> tuple[Any, ...]:
    """The same rows as events."""
    return sample_events(domain, BARS, temper)


def watch(handler: StreamHandler, steps: Sequence[Nanos], forward: Callable[[Nanos], None]) -> list[Look]:
    """What it says at each step, once `forward` has brought it there."""
    looks: list[Look] = []
    since = 0
    for ts in steps:
        forward(ts)
        looks.append(look_at(handler, since, ts))
        since = ts
    return looks


def look_at(handler: StreamHandler, since: Nanos, ts: Nanos) -> Look:
    """What it says at `ts`, looking back to `since`."""
    view = handler.observe(since, ts)
    trust, aged = handler.freshness(ts, None), handler.freshness(ts, MAX_AGE)
    return Look(ts, view, view_bytes(view), handler.last_known, trust, aged)


def pusher(handler: StreamHandler, events: Sequence[Any]) -> Callable[[Nanos], None]:
    """Pushes what is known by then, one by one."""
    waiting = iter([*events, None])
    held = [next(waiting)]

    def forward(ts: Nanos) -> None:
        while held[0] is not None and held[0].ts_known <= ts:
            handler.push(held[0])
            held[0] = next(waiting)

    return forward


def ways(
    factory: HandlerFactory, feed: StreamFeed, sizes: Sequence[int]
) -> Iterator[tuple[str, StreamHandler, Callable[[Nanos], None]]]:
    """Handlers on the same history, and how each takes it in."""
    for rows in sizes:
        handler = factory(feed)
        handler.load_history(None, None, rows)
        yield f"in bulk, read {rows} at a time", handler, handler.advance
    for name, is_bulk in (("read and pushed", False), ("in bulk and pushed by turns", True)):
        handler = factory(feed)
        handler.load_history(None, None, 64)
        yield name, handler, _reader(handler, by_turns=is_bulk)


def _reader(handler: StreamHandler, *, by_turns: bool) -> Callable[[Nanos], None]:
    turns = count()

    def forward(ts: Nanos) -> None:
        if by_turns and next(turns) % 3:
            handler.advance(ts)
        for event in handler.read(ts):
            handler.push(event)

    return forward


def compare(handler: StreamHandler, given: str, expected: Sequence[Look], came: Sequence[Look]) -> None:
    """Every look says the same, to the bit."""
    for one, other in zip(expected, came, strict=True):
        if one.sealed != other.sealed or not same(
            (one.last_known, one.trust, one.aged), (other.last_known, other.trust, other.aged)
        ):
            raise BrokenPromise(
                handler,
                "the same rows give the same view",
                given=f"{given}, seen at {one.ts}",
                expected=one,
                came=other,
            )
