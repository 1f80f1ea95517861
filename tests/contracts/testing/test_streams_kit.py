"""The checks of feeds beside the bars pass good ones and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from quant_contracts.blocks import RESET, SET, BookBlock, EventBlock, QuoteBlock
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.testing import streams
from quant_contracts.testing.samples import TEMPERS, SampleStream, random_bars

BARS = random_bars(90)
FRESH = itertools.count()


class Feed(SampleStream):
    """A sample of one domain."""

    of_domain = "trades"

    def __init__(self, temper="calm"):
        made = SampleStream.of(self.of_domain, BARS, temper)
        super().__init__(self.of_domain, made._block)


class Book(Feed):
    of_domain = "orderbook"


class Quotes(Feed):
    of_domain = "quotes"


class Chain(Feed):
    of_domain = "options"


class Surfaces(Feed):
    of_domain = "surface"


class Documents(Feed):
    of_domain = "sentiment"


def changing(kind, **changes):
    """A feed of `kind` whose columns, or events, are changed on the way."""

    class Changed(kind):
        def blocks(self, start, end, rows, /):
            for block in super().blocks(start, end, rows):
                if isinstance(block, EventBlock):
                    events = [
                        msgspec.structs.replace(
                            row, **{name: change(row) for name, change in changes.items()}
                        )
                        for row in block.rows
                    ]
                    yield EventBlock(block.symbol, tuple(events))
                else:
                    columns = {name: change(block) for name, change in changes.items()}
                    yield msgspec.structs.replace(block, **columns)

    return Changed


class BestPrices(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Quotes of the best prices of a book, derived from its stream."""

    domain: str = "quotes"
    symbol: str = "BTCUSDT"
    tick: Decimal = Decimal("0.01")

    @property
    def derives_from(self):
        return "orderbook"

    def derive(self, feed, /):
        self._feed = feed

    def quotes(self, end):
        sides, made = {1: {}, -1: {}}, []
        for block in self._feed.blocks(None, end, 4096):
            for event in block.events():
                if type(event).__name__ == "BookSnapshot":
                    sides = {1: {}, -1: {}}
                for side, levels in ((1, getattr(event, "bids", ())), (-1, getattr(event, "asks", ()))):
                    sides[side].update(levels)
                    sides[side] = {price: size for price, size in sides[side].items() if size}
                if sides[1] and sides[-1]:
                    made.append(self.quote(event, sides))
        return made

    def quote(self, event, sides):
        bid, ask = max(sides[1]), min(sides[-1])
        return (event.ts_event, event.ts_known, bid, sides[1][bid], ask, sides[-1][ask])

    def blocks(self, start, end, rows, /):
        made = [row for row in self.quotes(end) if start is None or row[1] >= start]
        for first in range(0, len(made), rows):
            columns = list(zip(*made[first : first + rows], strict=True))
            times = [np.array(column, dtype=np.int64) for column in columns[:2]]
            yield QuoteBlock(self.symbol, *times, *map(np.array, columns[2:]))

    def info(self):
        return SourceInfo("best prices", "0" * 64)

    def quality(self):
        return ()


class OneDivided(Book):
    """Divides a frame."""

    def _edge(self, row):
        return row


class FromTheStart:
    """Begins where it is asked to, with nothing of what was there."""

    def blocks(self, start, end, rows, /):
        for block in super().blocks(start, end, rows):
            first = 0 if start is None else int(block.ts_known.searchsorted(start))
            if first < len(block):
                yield block.slice(first, len(block))


class ForgetsTheBook(FromTheStart, Book):
    pass


class ForgetsTheChain(FromTheStart, Chain):
    pass


class WithoutReset(Book):
    def __init__(self):
        super().__init__()
        self._block = self._block.slice(40, len(self._block))


class Falls(Feed):
    def __init__(self):
        super().__init__()
        known = self._block.known.copy()
        known[200] = known[150]
        self._block = msgspec.structs.replace(self._block, known=known)


class FallsBetweenBlocks(Feed):
    """Says the first row of large blocks twice."""

    def blocks(self, start, end, rows, /):
        for block in super().blocks(start, end, rows):
            yield block
            if rows == streams.FEW and end is None:
                yield block.slice(0, 1)

    def __init__(self):
        bars = random_bars(900)
        SampleStream.__init__(self, "trades", SampleStream.of("trades", bars)._block)


class Empty(Feed):
    def blocks(self, start, end, rows, /):
        return iter(())


class EmptyBlocks(Feed):
    def blocks(self, start, end, rows, /):
        for block in super().blocks(start, end, rows):
            yield block
            if rows == 7:
                yield block.slice(0, 0)


class BigBlocks(Feed):
    def blocks(self, start, end, rows, /):
        return super().blocks(start, end, 50 * rows)


class LosesTheTail(Feed):
    def blocks(self, start, end, rows, /):
        return (block for block in super().blocks(start, end, rows) if len(block) == rows or rows > 999)


class IgnoresTheStart(Feed):
    def blocks(self, start, end, rows, /):
        return super().blocks(None, end, rows)


class ReadsPastTheEnd(Feed):
    """Delivers the block in which the end lies to its own end."""

    def blocks(self, start, end, rows, /):
        return super().blocks(start, None if end is None else end + 10**11, rows)


class ReadOnce(Feed):
    def blocks(self, start, end, rows, /):
        found = super().blocks(start, end, rows)
        if rows == 7:
            self._block = self._block.slice(1, len(self._block))
        return found


class ChangesItsName(Feed):
    def __init__(self):
        super().__init__()
        self._name = f"sample-{next(FRESH)}"

    def info(self):
        return SourceInfo(self._name, "0" * 64)


class AbsolutePath(Feed):
    def info(self):
        return msgspec.structs.replace(super().info(), name="/data/trades.csv")


class CountsNothing(Feed):
    def quality(self):
        return (QualityRow("BTCUSDT", "gap", 0, "-"),)


class UnknownDomain(Feed):
    domain = "rumours"


class OfAnotherSymbol(Feed):
    symbol = "ETHUSDT"


class KnowsTheLastPrice(BestPrices):
    """Marks every quote with the size that stands there at the end."""

    def quotes(self, end):
        made = super().quotes(end)
        return [(*row[:3], made[-1][3], *row[4:]) for row in made]


class LooksALittleAhead(BestPrices):
    """Reads the book to its end, whatever it is asked for, and says of each moment what the next one was."""

    def quotes(self, end):
        made = super().quotes(None)
        ahead = [(*row[:2], *later[2:]) for row, later in itertools.pairwise(made)]
        return [row for row in ahead if end is None or row[1] <= end]


BAD = {
    Falls: {"rows_come_as_they_became_known"},
    FallsBetweenBlocks: {"rows_come_as_they_became_known"},
    changing(Feed, price=lambda block: np.where(block.trade_id % 9, block.price, np.nan)): {
        "rows_are_lawful"
    },
    changing(Feed, quantity=lambda block: block.quantity * 0): {"rows_are_lawful"},
    changing(Feed, side=lambda block: block.side * 0): {"rows_are_lawful"},
    changing(Feed, trade_id=lambda block: block.trade_id.astype(float)): {"rows_are_lawful"},
    changing(Quotes, bid_size=lambda block: -block.bid_size): {"rows_are_lawful"},
    changing(Quotes, ask=lambda block: block.ask * np.inf): {"rows_are_lawful"},
    changing(Book, side=lambda block: np.zeros_like(block.side)): {"rows_are_lawful"},
    changing(Book, lots=lambda block: -block.lots): {"rows_are_lawful"},
    changing(Book, ticks=lambda block: block.ticks * 0): {"rows_are_lawful"},
    changing(Book, sequence=lambda block: -block.sequence): {"rows_are_lawful"},
    WithoutReset: {"rows_are_lawful"},
    changing(Chain, strike=lambda block: -block.strike): {"rows_are_lawful"},
    changing(Chain, mark=lambda block: np.full_like(block.mark, np.inf)): {"rows_are_lawful"},
    changing(Chain, right=lambda block: block.right * 2): {"rows_are_lawful"},
    changing(Surfaces, slices=lambda row: row.slices[::-1]): {"rows_are_lawful"},
    changing(Surfaces, ts_event=lambda row: row.ts_known + 1): {"rows_are_lawful"},
    changing(Documents, first_seen=lambda row: row.ts_known + 1): {"rows_are_lawful"},
    changing(Documents, relevance=lambda row: row.relevance + 2): {"rows_are_lawful"},
    changing(Documents, finbert=lambda row: (*row.finbert[:2], 0.9)): {"rows_are_lawful"},
    changing(Documents, is_deleted=lambda row: bool(row.text)): {"rows_are_lawful"},
    OfAnotherSymbol: {"rows_are_lawful"},
    # The halves are other events, wherever blocks are cut.
    OneDivided: {"block_size_changes_nothing", "range_is_kept", "second_reading_is_the_same"},
    BigBlocks: {"block_size_changes_nothing"},
    EmptyBlocks: {"block_size_changes_nothing"},
    ForgetsTheBook: {"range_is_kept"},
    ForgetsTheChain: {"range_is_kept"},
    IgnoresTheStart: {"range_is_kept"},
    ReadsPastTheEnd: {"range_is_kept"},
    ReadOnce: {"second_reading_is_the_same", "block_size_changes_nothing"},
    ChangesItsName: {"second_reading_is_the_same"},
    AbsolutePath: {"source_is_named"},
    CountsNothing: {"source_is_named"},
    LooksALittleAhead: {"derives_without_looking_ahead"},
}


@pytest.mark.parametrize("feed", [Feed, Book, Quotes, Chain, Surfaces, Documents, BestPrices])
def test_a_good_feed_keeps_every_promise(broken, feed):
    assert broken("streams", feed) == {}


@pytest.mark.parametrize("feed", BAD)
def test_a_bad_feed_breaks_just_its_promise(broken, feed):
    assert broken("streams", feed).keys() == BAD[feed]


def test_what_depends_on_the_end_depends_on_the_range(broken):
    assert broken("streams", KnowsTheLastPrice).keys() >= {"derives_without_looking_ahead", "range_is_kept"}


def test_a_feed_without_rows_proves_nothing(broken):
    said = broken("streams", Empty)["rows_come_as_they_became_known"]
    assert "point the settings at a source that holds rows" in said


def test_a_domain_that_is_none_is_named(broken):
    assert "one of the streams beside the bars" in broken("streams", UnknownDomain)["rows_are_lawful"]


def test_every_check_of_stream_feeds_can_fail():
    own = {it.__name__ for it in (*streams.CHECKS, *streams.DERIVED_CHECKS)}
    assert own == {f"check_{name}" for names in BAD.values() for name in names}


def test_the_book_is_whole_even_where_it_is_told_in_another_way():
    """A book that begins with a snapshot made for the start is as good as the one with all that led to it."""

    class Sealed(Book):
        def blocks(self, start, end, rows, /):
            if start is None:
                yield from super().blocks(start, end, rows)
                return
            whole = [*super().blocks(None, end, 10**9)]
            if not whole:
                return
            (block,) = whole
            first = int(block.ts_known.searchsorted(start))
            held = {}
            for row in range(first):
                if block.action[row] == RESET and (not row or block.action[row - 1] != RESET):
                    held.clear()
                held[int(block.side[row]), int(block.ticks[row])] = int(block.lots[row])
            levels = [(side, ticks, lots) for (side, ticks), lots in held.items() if lots]
            if levels:
                sides, ticks, lots = (np.array(column) for column in zip(*levels, strict=True))
                times = np.full(len(levels), block.known[first - 1])
                action = np.full(len(levels), RESET, dtype=np.int8)
                sequence = np.full(len(levels), block.sequence[first - 1])
                yield BookBlock(
                    block.symbol,
                    block.grid,
                    times,
                    times,
                    action,
                    sides.astype(np.int8),
                    ticks,
                    lots,
                    sequence,
                )
            if first < len(block):
                yield block.slice(first, len(block))

    streams.check_range_is_kept(Sealed)
    assert {*Sealed()._block.action.tolist()} == {SET, RESET}


def test_the_domains_are_those_that_there_are():
    assert {kind.of_domain for kind in (Feed, Book, Quotes, Chain, Surfaces, Documents)} == {*TEMPERS}
