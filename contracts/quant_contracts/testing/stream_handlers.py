"""The promises of a stream handler: the view that the definition gives, however the rows came in."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final, TypeAlias

import msgspec

from quant_contracts.blocks import Block, EventBlock
from quant_contracts.errors import QuantError
from quant_contracts.events import DataGap, Freshness
from quant_contracts.protocols import Domain, QualityRow, SourceInfo, StreamFeed, StreamHandler
from quant_contracts.testing.promise import BrokenPromise, check_is_lawful, same
from quant_contracts.testing.reference import views
from quant_contracts.testing.samples import (
    CALM,
    FIRST_OPEN,
    TEMPERS,
    SampleStream,
    block_of,
    random_bars,
    sample_events,
    sample_grid,
)
from quant_contracts.testing.seen import agrees, levels_of, view_bytes
from quant_contracts.units import HOUR, MINUTE, SECOND, Nanos
from quant_contracts.views import Seen

HandlerFactory: TypeAlias = Callable[[StreamFeed], StreamHandler]
"""Makes a handler as the loader does: from the feed it reads."""

BARS: Final = random_bars(60, first_open=FIRST_OPEN + 8 * HOUR - 40 * MINUTE)
"""An hour in which options expire."""
STEPS: Final = tuple(ts for bar in BARS for ts in (bar.ts_event - MINUTE // 3, bar.ts_known))
"""When a handler is looked at: as bars close, and in between."""

MAX_AGE: Final = 30 * SECOND
TROUBLE: Final[dict[str, str]] = {"orderbook": "gaps", "trades": "numbers missing"}
"""Tempers in which something is lost, where that shows."""

MOST_ROWS: Final = 30_000
MOST_EVENTS: Final = 5_000
"""Of the stream whose memory is measured, in bulk and one by one."""


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


def domain_of(factory: HandlerFactory) -> Domain:
    """The domain of the handlers that `factory` makes: they say so of a feed of their own."""
    said: list[str] = []
    for domain in TEMPERS:
        try:
            handler = factory(SampleStream.of(domain, BARS[:2]))
        except QuantError:
            # It may refuse what it could not read.
            continue
        if handler.domain == domain:
            return domain
        said.append(handler.domain)
    raise BrokenPromise(
        factory,
        "a handler says of which domain it is",
        given=f"feeds of {', '.join(TEMPERS)}",
        expected="one of them taken, and named by `domain`",
        came=said,
    )


def check_shell_knows_nothing(factory: HandlerFactory) -> None:
    """A fresh handler is a shell: nothing was opened, nothing is seen, and it says why."""
    domain = domain_of(factory)
    feed = _Spy(_stream(domain))
    handler = factory(feed)
    state, reason = handler.freshness(STEPS[0], None)
    came = (
        handler.domain,
        handler.symbol,
        handler.observe(0, STEPS[0]),
        handler.last_known,
        handler.gaps(),
        state,
        bool(reason),
        feed.opened,
    )
    expected = (domain, feed.symbol, None, None, (), "missing", True, 0)
    if came != expected:
        raise BrokenPromise(
            handler,
            "a fresh handler knows nothing",
            given="domain, symbol, observe, last_known, gaps, freshness, a reason, times the feed was read",
            expected=expected,
            came=came,
        )


def check_view_is_as_defined(factory: HandlerFactory) -> None:
    """What it shows is what the definition of its view says, in streams of every temper."""
    domain = domain_of(factory)
    for temper in TEMPERS[domain]:
        events = _events(domain, temper)
        handler = factory(_stream(domain, temper))
        handler.load_history(None, None, 64)
        looks = _watch(handler, STEPS, handler.advance)
        depth = max(levels_of(look.view) for look in looks) or None
        for look, expected in zip(looks, views(domain, events, STEPS), strict=True):
            if not agrees(look.view, expected, depth):
                raise BrokenPromise(
                    handler,
                    "the view is as defined",
                    given=f"{domain}, {temper!r}, seen at {look.ts}",
                    expected=expected,
                    came=look.view,
                )


def check_any_way_of_absorbing_is_the_same(factory: HandlerFactory) -> None:
    """In bulk, in blocks of any size, event by event, or by turns: the same views, to the bit."""
    domain = domain_of(factory)
    for temper in TEMPERS[domain]:
        feed = _stream(domain, temper)
        pushed = factory(feed)
        expected = _watch(pushed, STEPS, _pusher(pushed, _events(domain, temper)))
        sizes = (1, 7, 64, 100_000) if temper in {CALM, TROUBLE.get(domain)} else (7,)
        for way, handler, forward in _ways(factory, feed, sizes):
            _compare(handler, f"{domain}, {temper!r}, {way}", expected, _watch(handler, STEPS, forward))
            if handler.gaps() != pushed.gaps():
                raise BrokenPromise(
                    handler,
                    "the same gaps are found in any way",
                    given=f"{domain}, {temper!r}, {way}",
                    expected=pushed.gaps(),
                    came=handler.gaps(),
                )


def check_history_is_read_as_asked(factory: HandlerFactory) -> None:
    """`load_history` reads the rows from `start` to `end`, and those that make a book or a chain whole."""
    domain = domain_of(factory)
    feed = _stream(domain)
    for start, end in ((None, STEPS[60]), (STEPS[40], STEPS[80]), (STEPS[40], None)):
        handler, pushed = factory(feed), factory(feed)
        handler.load_history(start, end, 64)
        events = [event for block in feed.blocks(start, end, 64) for event in block.events()]
        expected = _watch(pushed, STEPS, _pusher(pushed, events))
        came = _watch(handler, STEPS, handler.advance)
        _compare(handler, f"load_history({start}, {end}, 64)", expected, came)


def check_looking_changes_nothing(factory: HandlerFactory) -> None:
    """Looking once, often, back over any span or not at all leaves the next view as it would be."""
    domain = domain_of(factory)
    quiet, busy = (factory(_stream(domain)) for _ in range(2))
    for handler in (quiet, busy):
        handler.load_history(None, None, 64)
    for number, (since, ts) in enumerate(pairwise(STEPS)):
        quiet.advance(ts)
        busy.advance(ts)
        for span in (0, since, ts, since):
            busy.observe(span, ts)
            busy.freshness(ts, MAX_AGE)
            busy.gaps()
        if number % 10 == 9:
            expected, came = _look(quiet, since, ts), _look(busy, since, ts)
            _compare(busy, "a handler that was looked at often", [expected], [came])


def check_what_was_seen_stays(factory: HandlerFactory) -> None:
    """A view never changes once it was handed out, whatever comes in afterwards."""
    domain = domain_of(factory)
    handler = factory(_stream(domain))
    handler.load_history(None, None, 64)
    for look in _watch(handler, STEPS, handler.advance):
        if view_bytes(look.view) != look.sealed:
            raise BrokenPromise(
                handler,
                "what was handed out stays as it was",
                given=f"the view of {look.ts}, looked at again at {STEPS[-1]}",
                expected="the same numbers",
                came=look.view,
            )


def check_nothing_later_is_seen(factory: HandlerFactory) -> None:
    """Poison: whatever is known later, though it is loaded already, changes nothing that is seen before."""
    domain = domain_of(factory)
    cut = STEPS[80]
    noise = [event for event in sample_events(domain, BARS, seed=1) if event.ts_known > cut]
    clean = [event for event in _events(domain) if event.ts_known <= cut]
    block = block_of(domain, BARS[0].symbol, [*clean, *noise], sample_grid(BARS[0].close))
    looks: list[list[Look]] = []
    for feed in (_stream(domain), SampleStream(domain, block)):
        handler = factory(feed)
        handler.load_history(None, None, 100_000)
        looks.append(_watch(handler, [ts for ts in STEPS if ts <= cut], handler.advance))
    _compare(handler, f"another market from {cut} on, loaded from the beginning", *looks)


def check_what_is_out_of_turn_is_refused(factory: HandlerFactory) -> None:
    """An event of another symbol, or known before the last, is refused with a QuantError; nothing changes."""
    domain = domain_of(factory)
    events = _events(domain)
    half = len(events) // 2
    handler = factory(_stream(domain))
    for event in events[:half]:
        handler.push(event)
    last = events[half - 1].ts_known
    expected = _look(handler, 0, last)
    for what, event in (
        ("another symbol's", msgspec.structs.replace(events[half], symbol="ELSEUSDT")),
        ("an earlier", msgspec.structs.replace(events[half], ts_known=last - 1)),
    ):
        try:
            handler.push(event)
        except QuantError:
            _compare(handler, f"{what} event, refused", [expected], [_look(handler, 0, last)])
        else:
            raise BrokenPromise(
                handler,
                "push refuses what is out of turn",
                given=f"{what} event after one known at {last}: {event}",
                expected="a QuantError such as DataError",
                came="no error",
            )
    handler.push(msgspec.structs.replace(events[half], ts_known=last))


def check_freshness_is_true(factory: HandlerFactory) -> None:
    """It is missing where nothing is seen, stale by the age of its last row, else fresh; it says why not."""
    domain = domain_of(factory)
    for temper in TEMPERS[domain]:
        known = [event.ts_known for event in _events(domain, temper)]
        handler = factory(_stream(domain, temper))
        handler.load_history(None, None, 64)
        for look in _watch(handler, STEPS, handler.advance):
            last = max((ts for ts in known if ts <= look.ts), default=None)
            is_old = last is not None and look.ts - last > MAX_AGE
            good: tuple[Freshness, Freshness] = ("fresh", "stale" if is_old else "fresh")
            expected = ("missing", "missing") if look.view is None else good
            came = (look.trust[0], look.aged[0])
            has_reasons = all(bool(reason) is (state != "fresh") for state, reason in (look.trust, look.aged))
            if came != expected or look.last_known != last or not has_reasons:
                raise BrokenPromise(
                    handler,
                    "freshness and last_known say how far the view can be trusted",
                    given=f"{domain}, {temper!r}, at {look.ts}, never stale and after {MAX_AGE} ns",
                    expected=f"{expected}, last known {last}, a reason for all but fresh",
                    came=(look.trust, look.aged, look.last_known),
                )


def check_gaps_are_reported(factory: HandlerFactory) -> None:
    """Every hole of the stream is reported once, in order, and none where nothing was lost."""
    domain = domain_of(factory)
    for temper in (CALM, *filter(None, [TROUBLE.get(domain)])):
        events = _events(domain, temper)
        handler = factory(_stream(domain, temper))
        handler.load_history(None, None, 64)
        found: tuple[DataGap, ...] = ()
        for ts in STEPS:
            handler.advance(ts)
            before, found = found, handler.gaps()
            for gap in found:
                check_is_lawful(handler, "gaps", f"{domain}, {temper!r}", gap, DataGap)
            holes = [ts_known for ts_known in _holes(domain, events) if ts_known <= ts]
            is_true = (
                found[: len(before)] == before
                and [gap.ts for gap in found] == holes
                and all(gap.missing_from <= gap.missing_to <= gap.ts for gap in found)
                and all((gap.symbol, gap.domain) == (handler.symbol, domain) for gap in found)
            )
            if not is_true:
                raise BrokenPromise(
                    handler,
                    "every hole is reported once, when it shows",
                    given=f"{domain}, {temper!r}, at {ts}",
                    expected=f"holes that showed at {holes}, of {handler.symbol} {domain}",
                    came=found,
                )


def check_memory_is_bounded(factory: HandlerFactory) -> None:
    """After a long stream it holds no more than `most_bytes`, a constant; measured in bulk and one by one."""
    domain = domain_of(factory)
    for way, most in (("in bulk", MOST_ROWS), ("one by one", MOST_EVENTS)):
        feed = _Long(domain, most)
        gc.collect()
        tracemalloc.start()
        try:
            handler = factory(feed)
            bound = handler.most_bytes
            if way == "in bulk":
                handler.load_history(None, None, 1)
                for ts in feed.steps():
                    handler.advance(ts)
                    handler.observe(ts - MINUTE, ts)
            else:
                for block in feed.blocks(None, None, 1):
                    for event in block.events():
                        # What a block builds is an event of its stream.
                        handler.push(event)  # type: ignore[arg-type]
                    handler.observe(block.ts_known.item(0), block.ts_known.item(-1))
                del block, event
            gc.collect()
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        if type(bound) is not int or held > bound or handler.most_bytes != bound:
            raise BrokenPromise(
                handler,
                "most_bytes is an upper bound of what it holds, and constant",
                given=f"{feed.rows:,} rows of {domain}, {way}",
                expected=f"a whole number of bytes, {held:,} or more",
                came=f"{bound!r} when it was made, {handler.most_bytes!r} after it all",
            )


@cache
def _stream(domain: Domain, temper: str = CALM) -> SampleStream:
    """A feed of what goes with `BARS`; it has no memory, so that everybody may read it."""
    return SampleStream.of(domain, BARS, temper)


@cache
def _events(domain: Domain, temper: str = CALM) -> tuple[Any, ...]:
    """The same rows as events."""
    return sample_events(domain, BARS, temper)


def _watch(handler: StreamHandler, steps: Sequence[Nanos], forward: Callable[[Nanos], None]) -> list[Look]:
    """What it says at each step, once `forward` has brought it there."""
    looks: list[Look] = []
    since = 0
    for ts in steps:
        forward(ts)
        looks.append(_look(handler, since, ts))
        since = ts
    return looks


def _look(handler: StreamHandler, since: Nanos, ts: Nanos) -> Look:
    view = handler.observe(since, ts)
    trust, aged = handler.freshness(ts, None), handler.freshness(ts, MAX_AGE)
    return Look(ts, view, view_bytes(view), handler.last_known, trust, aged)


def _pusher(handler: StreamHandler, events: Sequence[Any]) -> Callable[[Nanos], None]:
    """Pushes what is known by then, one by one."""
    waiting = iter([*events, None])
    held = [next(waiting)]

    def forward(ts: Nanos) -> None:
        while held[0] is not None and held[0].ts_known <= ts:
            handler.push(held[0])
            held[0] = next(waiting)

    return forward


def _ways(
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
    turn = [0]

    def forward(ts: Nanos) -> None:
        turn[0] += 1
        if by_turns and turn[0] % 3:
            handler.advance(ts)
        for event in handler.read(ts):
            handler.push(event)

    return forward


def _compare(handler: StreamHandler, given: str, expected: Sequence[Look], came: Sequence[Look]) -> None:
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


def _holes(domain: Domain, events: Sequence[Any]) -> list[Nanos]:
    """When each hole of the samples shows."""
    match domain:
        case "orderbook":
            return [event.ts_known for event in events if type(event).__name__ == "BookGap"]
        case "trades":
            return [
                after.ts_known for before, after in pairwise(events) if after.trade_id > before.trade_id + 1
            ]
    return []


class _Spy:
    """A feed that counts how often it is opened."""

    def __init__(self, feed: SampleStream) -> None:
        self._feed = feed
        self.opened = 0

    domain = property(lambda self: self._feed.domain)
    symbol = property(lambda self: self._feed.symbol)

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        self.opened += 1
        return self._feed.blocks(start, end, rows)

    def info(self) -> SourceInfo:
        return self._feed.info()

    def quality(self) -> tuple[QualityRow, ...]:
        return self._feed.quality()


class _Long:
    """A calm stream over and over, later each time, made as it is read: nothing of it stays in memory."""

    def __init__(self, domain: Domain, most: int) -> None:
        temper = "without numbers" if domain == "trades" else CALM
        bars = BARS[:30]
        (self._block,) = SampleStream.of(domain, bars, temper).blocks(None, None, 10**9)
        self._domain = domain
        self._span = bars[-1].ts_known - bars[0].ts_open
        self._end = bars[-1].ts_known
        most = min(most, MOST_EVENTS) if isinstance(self._block, EventBlock) else most
        self._rounds = most // len(self._block) + 1
        self.rows = self._rounds * len(self._block)

    domain = property(lambda self: self._domain)
    symbol = property(lambda self: self._block.symbol)

    def steps(self) -> Iterator[Nanos]:
        """The end of each round."""
        return (self._end + number * self._span for number in range(self._rounds))

    def blocks(self, _start: Nanos | None, _end: Nanos | None, _rows: int, /) -> Iterator[Block]:
        return (_later(self._block, number * self._span) for number in range(self._rounds))

    def info(self) -> SourceInfo:
        return SourceInfo("a long sample", "0" * 64)

    def quality(self) -> tuple[QualityRow, ...]:
        return ()


def _later(block: Any, delay: Nanos) -> Block:
    """The same rows, later."""
    if isinstance(block, EventBlock):
        rows = [
            msgspec.structs.replace(row, ts_event=row.ts_event + delay, ts_known=row.ts_known + delay)
            for row in block.rows
        ]
        return EventBlock(block.symbol, tuple(rows))
    later: Block = msgspec.structs.replace(block, ts=block.ts + delay, known=block.known + delay)
    return later


CHECKS: Final = (
    check_shell_knows_nothing,
    check_view_is_as_defined,
    check_any_way_of_absorbing_is_the_same,
    check_history_is_read_as_asked,
    check_looking_changes_nothing,
    check_what_was_seen_stays,
    check_nothing_later_is_seen,
    check_what_is_out_of_turn_is_refused,
    check_freshness_is_true,
    check_gaps_are_reported,
    check_memory_is_bounded,
)
