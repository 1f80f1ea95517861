"""The promises of a stream handler: the view that the definition gives, however the rows came in."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from quant_contracts.blocks import block_of
from quant_contracts.errors import QuantError
from quant_contracts.events import DataGap, Freshness
from quant_contracts.protocols import Domain
from quant_contracts.testing.probes import MOST_EVENTS, LongFeed, SpyFeed
from quant_contracts.testing.promise import BrokenPromise, check_is_lawful
from quant_contracts.testing.reference import views
from quant_contracts.testing.samples import CALM, TEMPERS, SampleStream, sample_events, sample_grid
from quant_contracts.testing.seen import agrees, levels_of, view_bytes
from quant_contracts.testing.watching import (
    BARS,
    MAX_AGE,
    STEPS,
    HandlerFactory,
    Look,
    compare,
    events_of,
    look_at,
    pusher,
    stream,
    watch,
    ways,
)
from quant_contracts.units import MINUTE, Nanos

TROUBLE: Final[dict[str, str]] = {"orderbook": "gaps", "trades": "numbers missing"}
"""Tempers in which something is lost, where that shows."""

MOST_ROWS: Final = 30_000
"""Of the stream after which memory is measured."""


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
    feed = SpyFeed(stream(domain))
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
        events = events_of(domain, temper)
        handler = factory(stream(domain, temper))
        handler.load_history(None, None, 64)
        looks = watch(handler, STEPS, handler.advance)
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
        feed = stream(domain, temper)
        pushed = factory(feed)
        expected = watch(pushed, STEPS, pusher(pushed, events_of(domain, temper)))
        sizes = (1, 7, 64, 100_000) if temper in {CALM, TROUBLE.get(domain)} else (7,)
        for way, handler, forward in ways(factory, feed, sizes):
            compare(handler, f"{domain}, {temper!r}, {way}", expected, watch(handler, STEPS, forward))
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
    feed = stream(domain)
    for start, end in ((None, STEPS[60]), (STEPS[40], STEPS[80]), (STEPS[40], None)):
        handler, pushed = factory(feed), factory(feed)
        handler.load_history(start, end, 64)
        events = [event for block in feed.blocks(start, end, 64) for event in block.events()]
        expected = watch(pushed, STEPS, pusher(pushed, events))
        came = watch(handler, STEPS, handler.advance)
        compare(handler, f"load_history({start}, {end}, 64)", expected, came)


def check_looking_changes_nothing(factory: HandlerFactory) -> None:
    """Looking once, often, back over any span or not at all leaves the next view as it would be."""
    domain = domain_of(factory)
    quiet, busy = (factory(stream(domain)) for _ in range(2))
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
            expected, came = look_at(quiet, since, ts), look_at(busy, since, ts)
            compare(busy, "a handler that was looked at often", [expected], [came])


def check_what_was_seen_stays(factory: HandlerFactory) -> None:
    """A view never changes once it was handed out, whatever comes in afterwards."""
    domain = domain_of(factory)
    handler = factory(stream(domain))
    handler.load_history(None, None, 64)
    for look in watch(handler, STEPS, handler.advance):
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
    clean = [event for event in events_of(domain) if event.ts_known <= cut]
    block = block_of(domain, BARS[0].symbol, [*clean, *noise], sample_grid(BARS[0].close))
    looks: list[list[Look]] = []
    for feed in (stream(domain), SampleStream(domain, block)):
        handler = factory(feed)
        handler.load_history(None, None, 100_000)
        looks.append(watch(handler, [ts for ts in STEPS if ts <= cut], handler.advance))
    compare(handler, f"another market from {cut} on, loaded from the beginning", *looks)


def check_what_is_out_of_turn_is_refused(factory: HandlerFactory) -> None:
    """An event of another symbol, or known before the last, is refused with a QuantError; nothing changes."""
    domain = domain_of(factory)
    events = events_of(domain)
    half = len(events) // 2
    handler = factory(stream(domain))
    for event in events[:half]:
        handler.push(event)
    last = events[half - 1].ts_known
    expected = look_at(handler, 0, last)
    for what, event in (
        ("another symbol's", msgspec.structs.replace(events[half], symbol="ELSEUSDT")),
        ("an earlier", msgspec.structs.replace(events[half], ts_known=last - 1)),
    ):
        try:
            handler.push(event)
        except QuantError:
            compare(handler, f"{what} event, refused", [expected], [look_at(handler, 0, last)])
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
        known = [event.ts_known for event in events_of(domain, temper)]
        handler = factory(stream(domain, temper))
        handler.load_history(None, None, 64)
        for look in watch(handler, STEPS, handler.advance):
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
        events = events_of(domain, temper)
        handler = factory(stream(domain, temper))
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
        feed = LongFeed(domain, most)
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
