"""The checks of feeds and data handlers pass good ones and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from quant_contracts.blocks import BarBlock
from quant_contracts.errors import DataError
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.testing import feeds, handlers
from quant_contracts.testing.samples import SampleFeed, random_bars
from quant_contracts.units import SECOND

BARS = random_bars(900)
FRESH = itertools.count()


class Sample(SampleFeed):
    """A feed of bars with an hour's gap among them."""

    def __init__(self, bars=tuple(BARS[:300] + BARS[360:])):
        super().__init__(bars)


class Late(Sample):
    """Its bars are known some seconds after their close."""

    def __init__(self):
        super().__init__([msgspec.structs.replace(bar, ts_known=bar.ts_known + 3 * SECOND) for bar in BARS])


class Changed(Sample):
    """A feed whose blocks are changed on the way."""

    def blocks(self, start, end, rows, /):
        for block in super().blocks(start, end, rows):
            yield self.change(block)


class HighBelowClose(Changed):
    def change(self, block):
        return msgspec.structs.replace(block, high=np.minimum(block.high, block.close))


class KnownTooSoon(Changed):
    def change(self, block):
        return msgspec.structs.replace(block, known=block.ts - SECOND)


class HoldsNaN(Changed):
    def change(self, block):
        return msgspec.structs.replace(block, volume=np.where(block.volume < 5, np.nan, block.volume))


class FloatTimes(Changed):
    def change(self, block):
        return msgspec.structs.replace(block, ts=block.ts.astype(np.float64))


class AnotherSymbol(Changed):
    def change(self, block):
        return msgspec.structs.replace(block, symbol="ELSEUSDT")


class OutOfOrder(Sample):
    def __init__(self):
        super().__init__([*BARS[:500], BARS[498], *BARS[500:]])


class RepeatsBetweenBlocks(Sample):
    def blocks(self, start, end, rows, /):
        for block in super().blocks(start, end, rows):
            yield BarBlock.join([block, block.slice(len(block) - 1, len(block))])


class Empty(Sample):
    def blocks(self, start, end, rows, /):
        return iter(())


class BigBlocks(Sample):
    def blocks(self, start, end, rows, /):
        return super().blocks(start, end, 2 * rows)


class LosesTheTail(Sample):
    def blocks(self, start, end, rows, /):
        return (block for block in super().blocks(start, end, rows) if len(block) == rows or rows > 999)


class IgnoresTheStart(Sample):
    def blocks(self, start, end, rows, /):
        return super().blocks(None, end, rows)


class CutsByClose(Sample):
    """Takes a bar that closed after `start`, though it opened before."""

    def blocks(self, start, end, rows, /):
        return super().blocks(None if start is None else start - self.interval + 1, end, rows)


class ReadOnce(Sample):
    def blocks(self, start, end, rows, /):
        found = super().blocks(start, end, rows)
        self._block = BarBlock.join([self._block.slice(0, 1), self._block.slice(2, len(self._block))])
        return found


class ChangesItsName(Sample):
    def __init__(self):
        super().__init__()
        self._name = f"sample-{next(FRESH)}"

    def info(self):
        return SourceInfo(self._name, "0" * 64)


class GuessesTheEnd(Sample):
    def last_close(self):
        return super().last_close() + self.interval


class AbsolutePath(Sample):
    def info(self):
        return msgspec.structs.replace(super().info(), name="/data/btc.csv")


class NoDigest(Sample):
    def info(self):
        return SourceInfo("btc.csv", "unknown")


class CountsNothing(Sample):
    def quality(self):
        return (QualityRow("BTCUSDT", "gap", 0, "-"),)


BAD = {
    HighBelowClose: {"bars_are_lawful"},
    KnownTooSoon: {"bars_are_lawful"},
    HoldsNaN: {"bars_are_lawful"},
    OutOfOrder: {"bars_are_in_order"},
    LosesTheTail: {"block_size_changes_nothing", "range_is_kept", "second_reading_is_the_same"},
    IgnoresTheStart: {"range_is_kept"},
    CutsByClose: {"range_is_kept"},
    ReadOnce: {"second_reading_is_the_same", "block_size_changes_nothing", "range_is_kept"},
    ChangesItsName: {"second_reading_is_the_same"},
    GuessesTheEnd: {"last_close_is_true"},
    AbsolutePath: {"source_is_named"},
    NoDigest: {"source_is_named"},
    CountsNothing: {"source_is_named"},
}


@pytest.mark.parametrize("factory", [Sample, Late, lambda: SampleFeed(BARS[:1])])
def test_a_good_feed_keeps_every_promise(broken, factory):
    assert broken("feeds", factory) == {}


@pytest.mark.parametrize("feed", BAD)
def test_a_bad_feed_breaks_just_its_promise(broken, feed):
    assert broken("feeds", feed).keys() == BAD[feed]


@pytest.mark.parametrize("feed", [FloatTimes, AnotherSymbol, RepeatsBetweenBlocks, BigBlocks])
def test_a_wrong_form_breaks_several_promises(broken, feed):
    assert "block_size_changes_nothing" in broken("feeds", feed)


def test_a_feed_without_bars_proves_nothing(broken):
    assert "point the settings at a source that holds bars" in broken("feeds", Empty)["bars_are_in_order"]


def test_every_check_of_feeds_can_fail():
    assert {it.__name__ for it in feeds.CHECKS} == {
        f"check_{name}" for names in BAD.values() for name in names
    }


class View:
    """The as-of view of a feed, as simply as can be."""

    def __init__(self, feed):
        self._feed = feed
        self._known = []
        self._ahead = []

    symbol = property(lambda self: self._feed.symbol)
    interval = property(lambda self: self._feed.interval)

    @property
    def last(self):
        return self._known[-1] if self._known else None

    def load_history(self, start, end, rows, /):
        self._ahead = [bar for block in self._feed.blocks(start, end, rows) for bar in block.events()]

    def first_close(self):
        return self._ahead[0].ts_event if self._ahead else None

    def last_close(self):
        return self._feed.last_close()

    def warmup_to(self, anchor, /):
        known = [bar for bar in self._ahead if bar.ts_known <= anchor]
        self._ahead = self._ahead[len(known) :]
        self._known += known
        return BarBlock.of(known) if known else None

    def read(self):
        block, self._ahead = self._ahead[:7], self._ahead[7:]
        return BarBlock.of(block) if block else None

    def push(self, bar, /):
        if self._known and bar.ts_event <= self._known[-1].ts_event:
            raise DataError(f"{bar} is not later")
        self._known.append(bar)

    def push_many(self, bars, /):
        for bar in bars.events():
            self.push(bar)

    def window(self, count, /):
        return BarBlock.of(self._known[-count:]) if self._known else None


class KnowsTooMuch(View):
    def __init__(self, feed):
        super().__init__(feed)
        self._known = [next(iter(feed.blocks(None, None, 1))).bar(0)]

    def push(self, bar, /):
        if self._known[-1] is not bar and len(self._known) == 1 and bar.ts_event == self._known[0].ts_event:
            self._known.clear()
        super().push(bar)

    def warmup_to(self, anchor, /):
        self._known.clear()
        return super().warmup_to(anchor)


class ForgetsTheNewest(View):
    def window(self, count, /):
        known = self._known[:-1] if len(self._known) > 70 else self._known
        return BarBlock.of(known[-count:]) if known else None


class TakesAnything(View):
    def push(self, bar, /):
        self._known.append(bar)


class SkipsInBlocks(View):
    def push_many(self, bars, /):
        for bar in itertools.islice(bars.events(), 1, None):
            self.push(bar)


class ReadsAhead(View):
    def read(self):
        block = super().read()
        if block is not None:
            self._known += block.events()
        return block


BAD_HANDLERS = {
    KnowsTooMuch: {"shell_knows_nothing"},
    ForgetsTheNewest: {"window_holds_the_last_bars"},
    TakesAnything: {"only_later_bars_are_taken"},
    SkipsInBlocks: {"blocks_equal_one_by_one"},
    ReadsAhead: {"history_comes_in_order"},
}


def test_a_good_handler_keeps_every_promise(broken):
    assert broken("handlers", View) == {}


@pytest.mark.parametrize("handler", BAD_HANDLERS)
def test_a_bad_handler_breaks_just_its_promise(broken, handler):
    assert broken("handlers", handler).keys() == BAD_HANDLERS[handler]


def test_every_check_of_handlers_can_fail():
    own = {function.__name__ for function in handlers.CHECKS}
    assert own == {f"check_{name}" for names in BAD_HANDLERS.values() for name in names}
