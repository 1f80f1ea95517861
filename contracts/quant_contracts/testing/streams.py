"""The promises of a feed beside the bars: lawful rows as they became known, whole, the same in any blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from quant_contracts.blocks import Block, BookBlock, block_of
from quant_contracts.errors import DataError
from quant_contracts.protocols import DerivedFeed, Domain, StreamFeed
from quant_contracts.testing.feeds import check_names_its_source
from quant_contracts.testing.laws import check_block
from quant_contracts.testing.promise import BrokenPromise, same
from quant_contracts.testing.reference import views
from quant_contracts.testing.samples import (
    TEMPERS,
    SampleStream,
    random_bars,
    sample_events,
    sample_grid,
)
from quant_contracts.testing.seen import same_view
from quant_contracts.units import Nanos
from quant_contracts.views import Book, Seen

StreamFactory = Callable[[], StreamFeed]

MANY: Final = 4096
FEW: Final = 1_000
"""Rows, or a frame more, that the checks with small blocks and ranges look at."""

STATEFUL: Final = ("orderbook", "options")
"""Domains of which only all rows together say what is: they begin with what is needed to be whole."""

BARS: Final = random_bars(150)
"""What a derived feed is derived from goes with these."""


def made(factory: StreamFactory, temper: str = "calm", seed: int = 0) -> StreamFeed:
    """A fresh feed; one that derives from another stream gets a sample of that."""
    feed = factory()
    if isinstance(feed, DerivedFeed):
        feed.derive(SampleStream.of(known_domain(feed, feed.derives_from), BARS, temper, seed))
    return feed


def check_rows_are_lawful(factory: StreamFactory) -> None:
    """Rows are finite and within what their domain allows; a book begins with a whole one."""
    feed = made(factory)
    known_domain(feed, feed.domain)
    first = True
    for block in feed.blocks(None, None, MANY):
        check_block(feed, block, is_first=first)
        first = False


def check_rows_come_as_they_became_known(factory: StreamFactory) -> None:
    """`ts_known` never falls, within a block and from one to the next; and there are rows."""
    feed = made(factory)
    last: Nanos | None = None
    for block in feed.blocks(None, None, FEW):
        known = block.ts_known
        if last is not None and known.item(0) < last:
            raise BrokenPromise(
                feed,
                "rows come as they became known, from block to block",
                given=f"a block whose last row was known at {last}",
                expected=f"{last} or later",
                came=known.item(0),
            )
        falls = np.flatnonzero(np.diff(known) < 0)
        if len(falls):
            row = int(falls[0])
            raise BrokenPromise(
                feed,
                "rows come as they became known",
                given=f"row {row} of a block, known at {known[row]}",
                expected="a row known then or later",
                came=int(known[row + 1]),
            )
        last = known.item(-1)
    if last is None:
        raise BrokenPromise(
            feed,
            "a feed under test delivers rows",
            given=f"blocks(None, None, {FEW})",
            expected="at least one block; point the settings at a source that holds rows",
            came="no block",
        )


def check_block_size_changes_nothing(factory: StreamFactory) -> None:
    """The same rows come in blocks of any size: about as many as asked for, none empty, no frame divided."""
    feed = made(factory)
    expected = _first(feed, FEW)
    end = expected[-1].ts_known
    for rows in (1, 7, 64, FEW):
        came: list[Any] = []
        last: Block | None = None
        for block in feed.blocks(None, end, rows):
            _check_size(feed, last, block, rows)
            came += _events([block])
            last = block
        _compare(
            feed, "the same rows come in blocks of any size", f"blocks(None, {end}, {rows})", expected, came
        )


def check_range_is_kept(factory: StreamFactory) -> None:
    """It delivers exactly the rows known from `start` to `end`, after what makes a book or a chain whole.

    Where there is none it may deliver nothing, or raise a DataError that says so.
    """
    feed = made(factory)
    everything = _first(feed, FEW)
    last = everything[-1].ts_known
    middle, later = everything[len(everything) // 3].ts_known, everything[2 * len(everything) // 3].ts_known
    for start, end in (
        (None, later),
        (middle, last),
        (middle, later),
        (middle + 1, later - 1),
        (later, later),
        (everything[0].ts_known - 2, everything[0].ts_known - 1),
    ):
        expected = [
            row for row in everything if (start is None or row.ts_known >= start) and row.ts_known <= end
        ]
        asked = f"blocks({start}, {end}, 64)"
        try:
            came = _events(feed.blocks(start, end, 64))
        except DataError:
            if expected:
                raise
            continue
        before = [row for row in came if start is not None and row.ts_known < start]
        if before and feed.domain not in STATEFUL:
            raise BrokenPromise(
                feed, "rows are known from `start` on", given=asked, expected=start, came=before[0]
            )
        if came[: len(before)] != before:
            raise BrokenPromise(
                feed,
                "what was known earlier comes first",
                given=asked,
                expected=before,
                came=came[: len(before)],
            )
        _compare(feed, "rows are those known from `start` to `end`", asked, expected, came[len(before) :])
        if start is not None and expected:
            _check_is_whole(
                feed, asked, [row for row in everything if row.ts_known <= end], came, (start, end)
            )


def check_second_reading_is_the_same(factory: StreamFactory) -> None:
    """A feed can be read again, also after a reading that was given up, and says the same of its source."""
    feed = made(factory)
    before = feed.info()
    expected = _first(feed, FEW)
    end = expected[-1].ts_known
    given_up = iter(feed.blocks(None, end, 7))
    next(given_up)
    for which, other in (("the same feed again", feed), ("another one", made(factory))):
        _compare(
            feed,
            "a feed can be read twice with the same result",
            f"{which}: blocks(None, {end}, 64)",
            expected,
            _events(other.blocks(None, end, 64)),
        )
        if other.info() != before:
            raise BrokenPromise(
                feed, "the source stays the same", given=which, expected=before, came=other.info()
            )


def check_source_is_named(factory: StreamFactory) -> None:
    """`info` names the source without an absolute path and digests it; `quality` is a tuple of findings."""
    feed = made(factory)
    for _ in feed.blocks(None, None, MANY):
        pass
    check_names_its_source(feed)


def check_derives_without_looking_ahead(factory: StreamFactory) -> None:
    """Poison: what it derives up to a moment depends on nothing that comes later in its source."""
    feed = made(factory)
    assert isinstance(feed, DerivedFeed)
    domain, cut = known_domain(feed, feed.derives_from), BARS[100].ts_known
    noise = [event for event in sample_events(domain, BARS, seed=1) if event.ts_known > cut]
    whole = [row for row in _events(feed.blocks(None, None, MANY)) if row.ts_known <= cut]
    for which, later in (("ends", ()), ("goes on as another", noise)):
        poisoned = _fed(factory, cut, later)
        came = [row for row in _events(poisoned.blocks(None, None, MANY)) if row.ts_known <= cut]
        given = f"a source of {domain} that {which} at {cut}"
        _compare(feed, "what comes later changes nothing that was derived before", given, whole, came)


def known_domain(part: object, said: str) -> Domain:
    """What a part says that its domain is, where there is such a domain."""
    for domain in TEMPERS:
        if domain == said:
            return domain
    raise BrokenPromise(
        part,
        "a domain is one of the streams beside the bars",
        given="the part as it was made",
        expected=f"one of {', '.join(TEMPERS)}",
        came=said,
    )


def _fed(factory: StreamFactory, cut: Nanos, later: Sequence[Any]) -> StreamFeed:
    """A fresh derived feed on what is known of its source at `cut`, followed by `later`."""
    feed = factory()
    assert isinstance(feed, DerivedFeed)
    domain = known_domain(feed, feed.derives_from)
    events = [event for event in sample_events(domain, BARS) if event.ts_known <= cut]
    block = block_of(domain, BARS[0].symbol, [*events, *later], sample_grid(BARS[0].close))
    feed.derive(SampleStream(domain, block))
    return feed


def _check_size(feed: StreamFeed, last: Block | None, block: Block, rows: int) -> None:
    if isinstance(block, BookBlock) and isinstance(last, BookBlock):
        both = BookBlock.join(feed.symbol, block.grid, [last, block])
        if len(both.frame_starts()) < len(last.frame_starts()) + len(block.frame_starts()):
            raise BrokenPromise(
                feed,
                "a frame is never divided",
                given=f"blocks of {rows} rows",
                expected=f"all rows of frame {block.sequence.item(0)} in one block",
                came="some of them in the next",
            )
    # What became known at one moment may stay together.
    size = len(np.unique(block.ts_known))
    if not 1 <= size <= 2 * rows:
        raise BrokenPromise(
            feed,
            "blocks hold about as many rows as asked for",
            given=f"rows={rows}",
            expected=f"1 to {rows} rows, or a little more, and what is known together with the last of them",
            came=f"{len(block)} rows, known at {size} moments",
        )


def _check_is_whole(
    feed: StreamFeed, asked: str, everything: Sequence[Any], came: Sequence[Any], steps: Sequence[Nanos]
) -> None:
    """A book or a chain is seen as if everything had been read."""
    if feed.domain not in STATEFUL:
        return
    for ts, expected, view in zip(
        steps, _standing(feed, everything, steps), _standing(feed, came, steps), strict=True
    ):
        if not same_view(expected, view):
            raise BrokenPromise(
                feed,
                "a range begins with what is needed to be whole",
                given=f"{asked}, seen at {ts}",
                expected=expected,
                came=view,
            )


def _standing(feed: StreamFeed, events: Iterable[Any], steps: Sequence[Nanos]) -> list[Seen | None]:
    """What stands at each step; how and when it came about may be told in another way."""
    domain = known_domain(feed, feed.domain)
    return [
        replace(view, ts_known=0, sequence=0) if isinstance(view, Book) else view
        for view in views(domain, events, steps)
    ]


def _first(feed: StreamFeed, count: int) -> list[Any]:
    """The first `count` rows or some more, all that were known by the last of them; or all there are."""
    events: list[Any] = []
    for block in feed.blocks(None, None, MANY):
        events += _events([block])
        if len(events) > count:
            break
    end = events[min(count, len(events)) - 1].ts_known
    return _events(feed.blocks(None, end, MANY))


def _events(blocks: Iterable[Block]) -> list[Any]:
    return [event for block in blocks for event in block.events()]


def _compare(
    feed: StreamFeed, promise: str, asked: str, expected: Sequence[Any], came: Sequence[Any]
) -> None:
    if same([*expected], [*came]):
        return
    row = next(
        (i for i, pair in enumerate(zip(expected, came, strict=False)) if not same(*pair)),
        min(len(expected), len(came)),
    )
    raise BrokenPromise(
        feed,
        promise,
        given=asked,
        expected=f"{len(expected)} rows, number {row} of them {[*expected[row : row + 1]]}",
        came=f"{len(came)} rows, number {row} of them {[*came[row : row + 1]]}",
    )


CHECKS: Final = (
    check_rows_come_as_they_became_known,
    check_rows_are_lawful,
    check_block_size_changes_nothing,
    check_range_is_kept,
    check_second_reading_is_the_same,
    check_source_is_named,
)

DERIVED_CHECKS: Final = (check_derives_without_looking_ahead,)
