"""The promises of a feed: lawful bars, in order, only those asked for, the same in blocks of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from quant_contracts.blocks import BarBlock
from quant_contracts.errors import DataError
from quant_contracts.events import Bar
from quant_contracts.protocols import Feed, QualityRow, SourceInfo, StreamFeed
from quant_contracts.testing.promise import BrokenPromise, check_is_lawful, same
from quant_contracts.testing.tape import column_form
from quant_contracts.units import Nanos

FeedFactory = Callable[[], Feed]

MANY: Final = 4096
FEW: Final = 400
"""Bars that the checks with small blocks and ranges look at."""


def check_bars_are_lawful(factory: FeedFactory) -> None:
    """Bars are finite: 0 < low <= open, close <= high, volume 0 or more; known at the close or later."""
    feed = factory()
    for block in feed.blocks(None, None, MANY):
        _check_form(feed, block, MANY)
        for rule, kept in {
            "prices and volume are finite": np.isfinite(
                [block.open, block.high, block.low, block.close, block.volume]
            ).all(axis=0),
            "the low is above 0": block.low > 0,
            "the low is the lowest": block.low <= np.minimum(block.open, block.close),
            "the high is the highest": block.high >= np.maximum(block.open, block.close),
            "the volume is 0 or more": block.volume >= 0,
            "a bar is known at its close or later": block.ts_known >= block.ts,
        }.items():
            if not kept.all():
                row = int(np.argmin(kept))
                raise BrokenPromise(
                    feed, rule, given=f"row {row} of a block", expected=rule, came=block.bar(row)
                )


def check_bars_are_in_order(factory: FeedFactory) -> None:
    """Closes rise strictly, within a block and from one to the next; bars come as they became known."""
    feed = factory()
    last: Bar | None = None
    for block in feed.blocks(None, None, 1000):
        first = block.bar(0)
        if last is not None and not (last.ts_event < first.ts_event and last.ts_known <= first.ts_known):
            raise BrokenPromise(
                feed, "bars come in order from block to block", given=last, expected="a later bar", came=first
            )
        falls = np.flatnonzero((np.diff(block.ts) <= 0) | (np.diff(block.ts_known) < 0))
        if len(falls):
            row = int(falls[0])
            raise BrokenPromise(
                feed,
                "bars come in order within a block",
                given=block.bar(row),
                expected="a later bar",
                came=block.bar(row + 1),
            )
        last = block.bar(len(block) - 1)
    if last is None:
        raise BrokenPromise(
            feed,
            "a feed under test delivers bars",
            given="blocks(None, None, 1000)",
            expected="at least one block; point the settings at a source that holds bars",
            came="no block",
        )


def check_block_size_changes_nothing(factory: FeedFactory) -> None:
    """The same bars come in blocks of any size, none larger than asked for and none empty."""
    feed = factory()
    expected = _first(feed, FEW)
    end = expected[-1].ts_event
    for rows in (1, 7, 64, MANY):
        came: list[Bar] = []
        for block in feed.blocks(None, end, rows):
            _check_form(feed, block, rows)
            came += block.events()
        _compare(
            feed, "the same bars come in blocks of any size", f"blocks(None, {end}, {rows})", expected, came
        )


def check_range_is_kept(factory: FeedFactory) -> None:
    """It delivers exactly the bars that opened at `start` or later and closed at `end` or earlier.

    Where there is none it may deliver nothing, or raise a DataError that says so.
    """
    feed = factory()
    bars = _first(feed, FEW)
    last = bars[-1].ts_event
    middle, later = bars[len(bars) // 3], bars[2 * len(bars) // 3]
    for start, end in (
        (None, later.ts_event),
        (middle.ts_open, last),
        (middle.ts_open, later.ts_event),
        (middle.ts_open + 1, later.ts_event - 1),
        (middle.ts_open, middle.ts_event),
        (middle.ts_open + 1, middle.ts_event),
        (bars[0].ts_open - middle.interval, bars[0].ts_event),
        (bars[0].ts_open - 2, bars[0].ts_open - 1),
    ):
        expected = [bar for bar in bars if (start is None or bar.ts_open >= start) and bar.ts_event <= end]
        try:
            came = _between(feed, start, end, 64)
        except DataError:
            if expected:
                raise
            continue
        _compare(
            feed,
            "a feed delivers what opened at `start` or later and closed at `end` or earlier",
            f"blocks({start}, {end}, 64)",
            expected,
            came,
        )


def check_second_reading_is_the_same(factory: FeedFactory) -> None:
    """A feed can be read again, also after a reading that was given up, and says the same of its source."""
    feed = factory()
    before = feed.info()
    expected = _first(feed, FEW)
    end = expected[-1].ts_event
    given_up = iter(feed.blocks(None, end, 7))
    next(given_up)
    for which, other in (("the same feed again", feed), ("another one", factory())):
        _compare(
            feed,
            "a feed can be read twice with the same result",
            f"{which}: blocks(None, {end}, 64)",
            expected,
            _between(other, None, end, 64),
        )
        if other.info() != before:
            raise BrokenPromise(
                feed, "the source stays the same", given=which, expected=before, came=other.info()
            )


def check_last_close_is_true(factory: FeedFactory) -> None:
    """`last_close` is the close of the last bar there is, or None where reading would be needed to know."""
    feed = factory()
    hint, last = feed.last_close(), None
    for block in feed.blocks(None, None, MANY):
        last = int(block.ts[-1])
    for said, when in ((hint, "before reading"), (feed.last_close(), "after reading everything")):
        if said not in {None, last}:
            raise BrokenPromise(
                feed, "last_close is the last bar's, or None", given=when, expected=last, came=said
            )


def check_source_is_named(factory: FeedFactory) -> None:
    """`info` names the source without an absolute path and digests it; `quality` is a tuple of findings."""
    feed = factory()
    for _ in feed.blocks(None, None, MANY):
        pass
    check_names_its_source(feed)


def check_names_its_source(feed: Feed | StreamFeed) -> None:
    """What any feed says of its source after everything was read, bars or not."""
    info, quality = feed.info(), feed.quality()
    check_is_lawful(feed, "info", "after reading everything", info, SourceInfo)
    is_digest = len(info.sha256) == 64 and set(info.sha256) <= set("0123456789abcdef")
    if not info.name or info.name.startswith(("/", "~", "\\")) or info.name[1:3] == ":\\" or not is_digest:
        raise BrokenPromise(
            feed,
            "info holds a name that means the same on every machine, and a SHA-256 digest",
            given="after reading everything",
            expected="a name without an absolute path and 64 hexadecimal digits",
            came=info,
        )
    if type(quality) is not tuple:
        raise BrokenPromise(
            feed,
            "quality returns a tuple",
            given="after reading everything",
            expected="a tuple of QualityRow",
            came=f"{quality!r}, a {type(quality).__name__}",
        )
    for row in quality:
        check_is_lawful(feed, "quality", "after reading everything", row, QualityRow)
        if row.count < 1 or not row.check or row.symbol != feed.symbol:
            raise BrokenPromise(
                feed,
                "a finding counts something about the feed's symbol",
                given="after reading everything",
                expected=f"a count of 1 or more, the name of a check, symbol {feed.symbol!r}",
                came=row,
            )


def _check_form(feed: Feed, block: BarBlock, rows: int) -> None:
    columns = (block.open, block.high, block.low, block.close, block.volume)
    forms = [column_form(column) for column in (block.ts, block.ts_known, *columns)]
    size = (len(block.ts),)
    wanted = [("int64", size)] * 2 + [("float64", size)] * 5
    if forms != wanted or not 1 <= len(block) <= rows:
        raise BrokenPromise(
            feed,
            "a block has int64 times and float64 columns of equal length, 1 to `rows` rows",
            given=f"rows={rows}",
            expected=f"1 to {rows} rows; ts, known: int64, the others: float64",
            came=forms,
        )
    if (block.symbol, block.interval) != (feed.symbol, feed.interval):
        raise BrokenPromise(
            feed,
            "blocks are of the feed's symbol and interval",
            given=f"rows={rows}",
            expected=(feed.symbol, feed.interval),
            came=(block.symbol, block.interval),
        )


def _first(feed: Feed, count: int) -> list[Bar]:
    """The first `count` bars, or all there are; stops reading then."""
    bars: list[Bar] = []
    for block in feed.blocks(None, None, MANY):
        bars += block.events()
        if len(bars) >= count:
            break
    return bars[:count]


def _between(feed: Feed, start: Nanos | None, end: Nanos | None, rows: int) -> list[Bar]:
    return [bar for block in feed.blocks(start, end, rows) for bar in block.events()]


def _compare(feed: Feed, promise: str, asked: str, expected: Sequence[Bar], came: Sequence[Bar]) -> None:
    if same(expected, came):
        return
    row = next(
        (i for i, pair in enumerate(zip(expected, came, strict=False)) if not same(*pair)),
        min(len(expected), len(came)),
    )
    raise BrokenPromise(
        feed,
        promise,
        given=asked,
        expected=f"{len(expected)} bars, number {row} of them {[*expected[row : row + 1]]}",
        came=f"{len(came)} bars, number {row} of them {[*came[row : row + 1]]}",
    )


CHECKS: Final = (
    check_bars_are_in_order,
    check_bars_are_lawful,
    check_block_size_changes_nothing,
    check_range_is_kept,
    check_second_reading_is_the_same,
    check_last_close_is_true,
    check_source_is_named,
)
