"""The checks of feature channels pass good channels and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from quant_contracts.protocols import Stream
from quant_contracts.testing import BrokenPromise, checks_for, features, run_checks
from quant_contracts.testing.samples import TEMPERS
from quant_contracts.testing.tape import tapes
from quant_contracts.units import HOUR


class Mean(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Mean of the last closes, one by one only."""

    window: int = 5

    def __post_init__(self):
        self._closes: list[float] = []

    @property
    def outputs(self):
        return (f"mean_{self.window}",)

    @property
    def warmup(self):
        return self.window

    def update(self, bar, /):
        self._closes = [*self._closes, bar.close][-self.window :]
        return (math.fsum(self._closes) / self.window,) if len(self._closes) == self.window else None


class Last(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The close some bars ago, with a block form."""

    window: int = 5

    def __post_init__(self):
        self._closes = np.empty(0)

    @property
    def outputs(self):
        return (f"close_{self.window}_ago",)

    @property
    def warmup(self):
        return self.window

    def update(self, bar, /):
        self._closes = np.append(self._closes, bar.close)[-self.window :]
        return (float(self._closes[0]),) if len(self._closes) == self.window else None

    def update_many(self, bars, /):
        closes = np.append(self._closes, bars.close)
        row = np.arange(len(bars)) + len(self._closes) + 1 - self.window
        self._closes = closes[-self.window :].copy()
        return [np.where(row >= 0, closes[np.maximum(row, 0)], np.nan)]


class Ratio(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The close over that of another symbol, with a block form."""

    other: str = "ETHUSDT"

    @property
    def outputs(self):
        return (f"ratio_{self.other}",)

    @property
    def warmup(self):
        return 1

    @property
    def reads(self):
        return (Stream("klines", self.other),)

    def update(self, bar, other, /):
        return None if other is None else (bar.close / other.close,)

    def update_many(self, bars, other, /):
        return [bars.close / other.close]


class NamesInAList(Mean):
    @property
    def outputs(self):
        return [f"mean_{self.window}"]


class NamesThatChange(Mean):
    @property
    def outputs(self):
        return ("cold",) if len(self._closes) < self.window else ("warm",)


class WarmsUpEarly(Mean):
    @property
    def warmup(self):
        return self.window + 1


class WarmsUpLate(Mean):
    @property
    def warmup(self):
        return self.window - 1


class ForgetsNowAndThen(Mean):
    def update(self, bar, /):
        values = super().update(bar)
        return None if bar.volume < 1.5 else values


class DividesByVolume(Mean):
    def update(self, bar, /):
        super().update(bar)
        if len(self._closes) < self.window:
            return None
        return (bar.close / bar.volume if bar.volume else math.inf,)


class SaysNumpy(Mean):
    def update(self, bar, /):
        self._closes = [*self._closes, bar.close][-self.window :]
        return (np.mean(self._closes),) if len(self._closes) == self.window else None


class ChangesItsSettings(Mean):
    def __post_init__(self):
        self.window += 1
        super().__post_init__()


class Noisy(Mean):
    def __post_init__(self):
        super().__post_init__()
        self._noise = next(SEEDS)

    def update(self, bar, /):
        values = super().update(bar)
        return values and (values[0] + self._noise,)


SEEDS = itertools.count()


class SharesMemory(Mean):
    def __post_init__(self):
        SHARED.clear()
        self._closes = SHARED

    def update(self, bar, /):
        self._closes.append(bar.close)
        del self._closes[: -self.window]
        return (math.fsum(self._closes),) if len(self._closes) == self.window else None


SHARED: list[float] = []


class LooksAhead(Last):
    def update_many(self, bars, /):
        self._closes = np.append(self._closes, bars.close)[-self.window :]
        return [np.full(len(bars), bars.close.max())]


class GivesUpAtGaps(Mean):
    def __post_init__(self):
        super().__post_init__()
        self._ts = 0

    def update(self, bar, /):
        values = super().update(bar)
        last, self._ts = self._ts, max(self._ts, bar.ts_event)
        if last and bar.ts_event - last > HOUR and bar.interval < HOUR:
            self._ts = 10**19
        return None if self._ts == 10**19 else values


class RoundsInBlocks(Last):
    def update_many(self, bars, /):
        return [super().update_many(bars)[0] * (1 + 2**-52)]


class OneColumnShort(Last):
    def update_many(self, bars, /):
        return [super().update_many(bars)[0][1:]]


class WritesIntoBlocks(Last):
    def update_many(self, bars, /):
        columns = super().update_many(bars)
        bars.volume[:] = 0
        return columns


class ReusesItsColumn(Last):
    def __post_init__(self):
        super().__post_init__()
        self._column = np.empty(5_000)

    def update_many(self, bars, /):
        self._column[: len(bars)] = super().update_many(bars)[0]
        return [self._column[: len(bars)]]


class KeepsAView(Last):
    def update_many(self, bars, /):
        columns = super().update_many(bars)
        if len(bars) >= self.window:
            self._closes = bars.close[-self.window :]
        return columns


class NeedsTheOther(Ratio):
    def update(self, bar, other, /):
        return (bar.close / other.close,)


class CountsTheOthers(Ratio):
    def __post_init__(self):
        self._seen = 0

    @property
    def reads(self):
        return (Stream("klines", self.other),) * (1 if self._seen < 200 else 2)

    def update(self, bar, other, /):
        self._seen += 1
        return super().update(bar, other)

    def update_many(self, bars, other, /):
        self._seen += len(bars)
        return super().update_many(bars, other)


class Reads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number of one stream, as of the bar."""

    domain: ClassVar = "trades"

    outputs = property(lambda self: (f"{self.domain}_number",))
    warmup = property(lambda _: 1)
    reads = property(lambda self: (Stream(self.domain),))

    def update(self, bar, seen, /):
        return None if seen is None else (self.number(bar, seen),)


class TradedVolume(Reads):
    def number(self, _bar, seen):
        return math.fsum(seen.trades.quantity)


class QuotedSpread(Reads):
    domain: ClassVar = "quotes"

    def number(self, _bar, seen):
        return seen.last.ask - seen.last.bid


class BookMid(Reads):
    domain: ClassVar = "orderbook"

    def number(self, _bar, seen):
        return seen.mid


class OptionsListed(Reads):
    domain: ClassVar = "options"

    def number(self, _bar, seen):
        return float(len([quote for expiry in seen.expiries for quote in expiry.quotes]))


class SurfaceAge(Reads):
    domain: ClassVar = "surface"

    def number(self, bar, seen):
        return float(bar.ts_known - seen.ts_event)


class WordCount(Reads):
    domain: ClassVar = "sentiment"

    def number(self, _bar, seen):
        return float(len([word for document in seen.documents for word in document.text.split()]))


class Basis(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The mean distance of the book of another symbol to its last bar, over some bars."""

    other: str = "ETHUSDT"
    window: int = 3

    def __post_init__(self):
        self._held = []

    outputs = property(lambda self: (f"basis_{self.other}_{self.window}",))
    warmup = property(lambda self: self.window)
    reads = property(lambda self: (Stream("orderbook", self.other), Stream("klines", self.other)))

    def update(self, _bar, book, other, /):
        if book is None or other is None:
            return None
        self._held = [*self._held, book.mid / other.close - 1][-self.window :]
        return (math.fsum(self._held) / self.window,) if len(self._held) == self.window else None


class NeedsTheBook(BookMid):
    def update(self, bar, seen, /):
        return (seen.mid - bar.close,)


class NeedsBothSides(QuotedSpread):
    """Divides by a size that may be 0 within the span."""

    def number(self, _bar, seen):
        return float(np.mean(1.0 / seen.quotes.bid_size)) if len(seen.quotes) else 0.0


class SaysNoTradeIsNoPrice(TradedVolume):
    def number(self, _bar, seen):
        trades = seen.trades
        return float(trades.price @ trades.quantity / trades.quantity.sum()) if len(trades) else math.nan


class ReadsNothing(BookMid):
    reads = property(lambda _: ())


class ReadsRumours(BookMid):
    reads = property(lambda _: (Stream("rumours"),))


class ReadsNames(BookMid):
    reads = property(lambda _: ("orderbook", "trades"))


class ReadsAList(BookMid):
    reads = property(lambda _: [Stream("orderbook")])


class ReadsMoreLater(TradedVolume, dict=True, frozen=False):
    def __post_init__(self):
        self._seen = 0

    reads = property(lambda self: (Stream("trades"),) * (1 + (self._seen > 90)))

    def update(self, bar, seen, /):
        self._seen += 1
        return super().update(bar, seen)


class WarmWithTheSecond(SurfaceAge, dict=True, frozen=False):
    """Needs two surfaces, and says that one is enough."""

    def __post_init__(self):
        self._last = None

    def update(self, bar, seen, /):
        last, self._last = self._last, seen
        return None if last is None else super().update(bar, seen)


class KeepsTheView(TradedVolume, dict=True, frozen=False):
    """Shares what it saw with every other channel of its kind."""

    def __post_init__(self):
        LAST.clear()

    def number(self, _bar, seen):
        LAST.append(math.fsum(seen.trades.quantity))
        return LAST[-2] if len(LAST) > 1 else 0.0


LAST: list[float] = []


class InBlocks(BookMid):
    def update_many(self, bars, _books, /):
        return [bars.close]


STREAMS = [TradedVolume, QuotedSpread, BookMid, OptionsListed, SurfaceAge, WordCount]

GOOD = [Mean, lambda: Mean(window=1), Last, lambda: Last(window=120), Ratio, *STREAMS, Basis]

BAD = {
    NamesInAList: {"outputs_are_named"},
    NamesThatChange: {"outputs_are_named"},
    WarmsUpEarly: {"warmup_is_exact"},
    WarmsUpLate: {"warmup_is_exact"},
    ForgetsNowAndThen: {"warmup_is_exact"},
    DividesByVolume: {"values_are_finite"},
    ChangesItsSettings: {"same_bars_give_the_same_values", "settings_survive_a_file"},
    Noisy: {"same_bars_give_the_same_values", "memory_is_its_own", "no_look_ahead"},
    SharesMemory: {"memory_is_its_own"},
    LooksAhead: {"no_look_ahead", "blocks_equal_one_by_one", "blocks_are_let_go"},
    GivesUpAtGaps: {"gaps_do_not_break_it"},
    RoundsInBlocks: {"blocks_equal_one_by_one", "blocks_are_let_go"},
    ReusesItsColumn: {"blocks_equal_one_by_one"},
    KeepsAView: {"blocks_are_let_go"},
    # Books go missing in the other markets, too, that these are played.
    NeedsTheBook: {
        "what_it_reads_may_be_missing",
        "values_are_finite",
        "same_bars_give_the_same_values",
        "memory_is_its_own",
        "no_look_ahead",
    },
    NeedsBothSides: {"values_are_finite", "same_bars_give_the_same_values"},
    SaysNoTradeIsNoPrice: {"values_are_finite", "same_bars_give_the_same_values"},
    ReadsNothing: {"reads_are_streams"},
    ReadsRumours: {"reads_are_streams"},
    ReadsNames: {"reads_are_streams"},
    ReadsAList: {"reads_are_streams"},
    ReadsMoreLater: {"what_it_reads_may_be_missing"},
    WarmWithTheSecond: {"warmup_is_exact"},
    KeepsTheView: {"memory_is_its_own"},
    InBlocks: {"what_it_reads_may_be_missing", "blocks_equal_one_by_one", "blocks_are_let_go"},
    NeedsTheOther: {"what_it_reads_may_be_missing"},
    CountsTheOthers: {"what_it_reads_may_be_missing"},
}


@pytest.mark.parametrize("factory", GOOD)
def test_a_good_channel_keeps_every_promise(broken, factory):
    assert broken("features", factory) == {}


@pytest.mark.parametrize("channel", BAD)
def test_a_bad_channel_breaks_just_its_promise(broken, channel):
    assert broken("features", channel).keys() == BAD[channel]


def test_every_check_can_fail():
    own = {
        function.__name__
        for functions in (
            features.CHECKS,
            features.BLOCK_CHECKS,
            features.READING_CHECKS,
            features.FIRST_CHECKS,
        )
        for function in functions
    }
    assert own == {f"check_{name}" for names in BAD.values() for name in names if f"check_{name}" in own}


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (SaysNumpy, "['float64']"),
        (OneColumnShort, "as long as the block"),
        (WritesIntoBlocks, "a block is never written to"),
    ],
)
def test_a_wrong_form_is_found_by_every_check_that_plays_bars(broken, channel, said):
    found = broken("features", channel)
    assert "blocks_equal_one_by_one" in found or "values_are_finite" in found
    assert all(said in detail for detail in found.values())


@pytest.mark.parametrize("channel", [ReadsNothing, ReadsRumours, ReadsNames, ReadsAList])
def test_what_is_read_must_be_streams_that_there_are(channel):
    results = run_checks("features", channel)
    (first,) = [result for result in results if result.verdict == "broken"]
    assert "reads is a tuple of streams" in first.detail
    assert results.index(first) == 1
    unchecked = {result.name: result.detail for result in results if result.verdict == "not checked"}
    assert unchecked.keys() == {
        function.__name__.removeprefix("check_") for function in (*features.CHECKS, *features.READING_CHECKS)
    }
    assert set(unchecked.values()) == {"reads is not a tuple of Stream"}


@pytest.mark.parametrize("channel", [*STREAMS, Basis])
def test_a_channel_is_played_streams_of_every_temper(channel):
    """And sees something in nearly all of them, and nothing at times in some."""
    played = tapes(channel(), 128)
    tempers = {name for stream in channel().reads for name in TEMPERS.get(stream.domain, ("calm",))}
    assert {tape.name.partition(" that is: ")[2] for tape in played} == {*tempers, ""} - {"calm"}
    seen = [[view is not None for view in tape.seen[0]] for tape in played]
    # Nothing at all is seen of trades where nothing is traded, and of surfaces that nobody could fit.
    assert [any(views) for views in seen].count(False) <= 3
    assert not all(map(all, seen))


def test_the_message_says_what_was_given_expected_and_came():
    with pytest.raises(BrokenPromise) as caught:
        features.check_warmup_is_exact(WarmsUpLate)
    assert str(caught.value).splitlines() == [
        "WarmsUpLate(window=5): the first value comes with bar number `warmup`",
        "  given     256 bars of 'a random walk'",
        "  expected  None 3 times, then values",
        "  came      None 4 times, then a value",
    ]


def test_scaling_is_checked_where_it_is_promised():
    features.check_scale_of_prices(Mean, {"mean_5": 1})
    features.check_scale_of_prices(Ratio, {"ratio_ETHUSDT": 0})
    with pytest.raises(BrokenPromise, match="mean_5 goes with the price to the power 0"):
        features.check_scale_of_prices(Mean, {"mean_5": 0})


def test_checks_can_be_called_one_by_one():
    for check in checks_for("features"):
        if check.offered_by is None:
            check(Mean)
