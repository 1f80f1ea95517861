"""The checks of stream handlers pass good ones and catch bad ones, each by its promise."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import DataGap
from quant_contracts.testing import BrokenPromise, stream_handlers
from quant_contracts.testing.probes import LongFeed
from quant_contracts.testing.reference import REFERENCES, OrderBook
from quant_contracts.testing.samples import TEMPERS, SampleStream, random_bars
from quant_contracts.testing.stream_handlers import domain_of


class View:
    """The as-of view of a stream of trades, as simply as can be: it keeps everything."""

    domain = "trades"
    most_bytes = 10**9

    def __init__(self, feed):
        if feed.domain != self.domain:
            raise ConfigError(f"a handler of {self.domain} reads no {feed.domain}")
        self.symbol = feed.symbol
        self.last_known = None
        self._feed = feed
        self._reference = self.reference()
        self._ahead = iter(())
        self._next = None
        self._gaps = []
        self._id = 0
        self._broken = False

    def reference(self):
        return REFERENCES[self.domain]()

    def load_history(self, start, end, rows, /):
        self._ahead = (event for block in self._feed.blocks(start, end, rows) for event in block.events())
        self._next = next(self._ahead, None)

    def advance(self, ts, /):
        for event in self.read(ts):
            self.push(event)

    def read(self, ts, /):
        while self._next is not None and self._next.ts_known <= ts:
            event, self._next = self._next, next(self._ahead, None)
            yield event

    def push(self, event, /):
        if event.symbol != self.symbol or event.ts_known < (self.last_known or 0):
            raise DataError(f"{event} is out of turn")
        number, kind = getattr(event, "trade_id", 0), type(event).__name__
        if number > self._id + 1 > 1 or kind == "BookGap":
            self.lost(event.ts_known)
        self._id = number
        self.last_known = event.ts_known
        self._reference.take(event)

    def lost(self, ts):
        self._gaps.append(DataGap(ts, self.symbol, self.domain, self.last_known or ts, ts, "lost"))

    def observe(self, since, ts, /):
        return self._reference.view(since, ts)

    def freshness(self, ts, max_age, /):
        if self._reference.view(0, ts) is None:
            return "missing", "nothing good"
        if max_age is not None and ts - self.last_known > max_age:
            return "stale", "too old"
        return "fresh", ""

    def gaps(self):
        return tuple(self._gaps)

    def quality(self):
        return ()


class BookView(View):
    domain = "orderbook"


class QuotesView(View):
    domain = "quotes"


class ChainView(View):
    domain = "options"


class SurfaceView(View):
    domain = "surface"


class DocumentsView(View):
    domain = "sentiment"


class LastTrades(View):
    """Keeps a hundred trades and says so, as a handler may."""

    most_bytes = 200_000

    def push(self, event, /):
        super().push(event)
        del self._reference._trades[:-100]

    def observe(self, since, ts, /):
        view = super().observe(since, ts)
        is_cut = view is not None and len(view.trades) == 100
        return msgspec.structs.replace(view, is_whole=False) if is_cut else view


class TopOfBook(BookView):
    """Seals three levels of each side, as a handler may."""

    def observe(self, since, ts, /):
        book = super().observe(since, ts)
        if book is None:
            return None
        columns = ("bid_prices", "bid_sizes", "ask_prices", "ask_sizes")
        return msgspec.structs.replace(
            book,
            bids_below=max(0, len(book.bid_prices) - 3),
            asks_above=max(0, len(book.ask_prices) - 3),
            **{name: getattr(book, name)[:3] for name in columns},
        )


class OpensAtOnce(View):
    def __init__(self, feed):
        super().__init__(feed)
        next(iter(feed.blocks(None, None, 1)))


class IsSureOfNothing(View):
    def freshness(self, ts, max_age, /):
        state, reason = super().freshness(ts, max_age)
        return state, reason if self.last_known else ""


class ServesCrossedBooks(BookView):
    class Trusting(OrderBook):
        def view(self, since, ts, /):
            held = {**self._bids}
            if self._bids and self._asks:
                self._bids = {price: size for price, size in held.items() if price < min(self._asks)}
            view = super().view(since, ts)
            self._bids = held
            return view

    reference = Trusting


class ForgetsTheNewest(View):
    def observe(self, since, ts, /):
        view = super().observe(since, ts)
        return view and msgspec.structs.replace(view, trades=view.trades.slice(0, len(view.trades) - 1))


class AdmitsThatItKeepsNothing(View):
    def observe(self, since, ts, /):
        view = super().observe(since, ts)
        return view and msgspec.structs.replace(view, trades=view.trades.slice(0, 0), is_whole=False)


class KeepsOneDocument(DocumentsView):
    def observe(self, since, ts, /):
        view = super().observe(since, ts)
        return view and msgspec.structs.replace(view, documents=view.documents[-1:])


class KeepsTheExpired(ChainView):
    def observe(self, since, ts, /):
        view = super().observe(since, ts - 10**13)
        return view and msgspec.structs.replace(view, ts=ts)


class SkipsInLargeBlocks(View):
    def load_history(self, start, end, rows, /):
        super().load_history(start, end, rows)
        if rows > 1_000:
            self._next = next(self._ahead)


class IgnoresTheStart(View):
    def load_history(self, _start, end, rows, /):
        super().load_history(None, end, rows)


class ShowsWhatIsNew(View):
    """Hands out what came since the last look, whoever asks for which span."""

    def __init__(self, feed):
        super().__init__(feed)
        self._since = 0

    def observe(self, since, ts, /):
        span, self._since = self._since if ts > self._since else since, ts
        return super().observe(span, ts)


class ReusesItsColumns(BookView):
    def __init__(self, feed):
        super().__init__(feed)
        self._sizes = np.zeros(100)

    def observe(self, since, ts, /):
        book = super().observe(since, ts)
        if book is None:
            return None
        count = len(book.bid_sizes)
        self._sizes[:count] = book.bid_sizes
        return msgspec.structs.replace(book, bid_sizes=self._sizes[:count])


class ReadsAhead(View):
    """Is half a minute ahead of its time."""

    def read(self, ts, /):
        return super().read(ts + 3 * 10**10)


class TakesAnything(View):
    def push(self, event, /):
        known = max(event.ts_known, self.last_known or 0)
        super().push(msgspec.structs.replace(event, symbol=self.symbol, ts_known=known))


class NeverStale(View):
    def freshness(self, ts, max_age, /):
        return super().freshness(ts, None)


class FreshWithAReason(View):
    def freshness(self, ts, max_age, /):
        return super().freshness(ts, max_age)[0], "because"


class SaysNothingOfGaps(View):
    def lost(self, ts):
        pass


class SaysGapsTwice(BookView):
    def lost(self, ts):
        super().lost(ts)
        super().lost(ts)


class KeepsMoreThanItSays(View):
    most_bytes = 1_000


class KeepsEventsForever(DocumentsView):
    most_bytes = 200_000


BAD = {
    OpensAtOnce: {"shell_knows_nothing"},
    IsSureOfNothing: {"shell_knows_nothing", "freshness_is_true"},
    ServesCrossedBooks: {"view_is_as_defined"},
    ForgetsTheNewest: {"view_is_as_defined"},
    AdmitsThatItKeepsNothing: {"view_is_as_defined"},
    KeepsOneDocument: {"view_is_as_defined"},
    KeepsTheExpired: {"view_is_as_defined"},
    SkipsInLargeBlocks: {"any_way_of_absorbing_is_the_same"},
    IgnoresTheStart: {"history_is_read_as_asked"},
    ShowsWhatIsNew: {"looking_changes_nothing"},
    # Views are compared when all of them were seen.
    ReusesItsColumns: {"what_was_seen_stays", "view_is_as_defined"},
    ReadsAhead: {
        "nothing_later_is_seen",
        "view_is_as_defined",
        "any_way_of_absorbing_is_the_same",
        "history_is_read_as_asked",
        "freshness_is_true",
        "gaps_are_reported",
    },
    TakesAnything: {"what_is_out_of_turn_is_refused"},
    NeverStale: {"freshness_is_true"},
    FreshWithAReason: {"freshness_is_true"},
    SaysNothingOfGaps: {"gaps_are_reported"},
    SaysGapsTwice: {"gaps_are_reported"},
    KeepsMoreThanItSays: {"memory_is_bounded"},
    KeepsEventsForever: {"memory_is_bounded"},
}

GOOD = [View, BookView, QuotesView, ChainView, SurfaceView, DocumentsView, LastTrades, TopOfBook]


@pytest.mark.parametrize("handler", GOOD)
def test_a_good_handler_keeps_every_promise(broken, handler):
    assert broken("stream_handlers", handler) == {}


@pytest.mark.parametrize("handler", BAD)
def test_a_bad_handler_breaks_just_its_promise(broken, handler):
    assert broken("stream_handlers", handler).keys() == BAD[handler]


def test_every_check_of_stream_handlers_can_fail():
    own = {function.__name__ for function in stream_handlers.CHECKS}
    assert own == {f"check_{name}" for names in BAD.values() for name in names}


def test_a_handler_is_known_by_the_feed_that_it_takes():
    assert [domain_of(kind) for kind in GOOD[:6]] == [kind.domain for kind in GOOD[:6]]
    assert {kind.domain for kind in GOOD} == {*TEMPERS}

    class Rumours(View):
        domain = "rumours"

    with pytest.raises(BrokenPromise, match="of which domain it is"):
        domain_of(Rumours)


def test_the_message_says_what_was_given_expected_and_came():
    with pytest.raises(BrokenPromise) as caught:
        stream_handlers.check_freshness_is_true(NeverStale)
    lines = str(caught.value).splitlines()
    assert lines[0] == "NeverStale: freshness and last_known say how far the view can be trusted"
    assert "'quiet'" in lines[1]
    assert "('fresh', 'stale')" in lines[2]


def test_a_long_stream_is_made_as_it_is_read():
    long = LongFeed("trades", 1_000)
    blocks = [*long.blocks(None, None, 1)]
    assert sum(map(len, blocks)) == long.rows >= 1_000
    assert all(
        block.ts_known.item(-1) <= end and (not later or later.ts_known.item(0) >= end)
        for block, later, end in zip(blocks, [*blocks[1:], None], long.steps(), strict=True)
    )
    whole = [*SampleStream.of("trades", random_bars(30)).blocks(None, None, 10**6)]
    assert len(whole) == 1
    assert [*itertools.islice(long.steps(), 1)] == [blocks[0].ts_known.item(-1)]
