"""The states of the book builder, and what moves it from one to another, venue by venue."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from quant_channels.frames.said import Depth, Lost
from quant_channels.orderbook.builder import FIRST_WAIT, LAST_WAIT, BookBuilder, Resync
from quant_channels.orderbook.ladder import ASK, BID
from quant_channels.orderbook.reach import RESERVE
from quant_channels.orderbook.rows import BookRows, Change
from quant_channels.orderbook.sequence import RULES, rule_of
from quant_contracts.blocks import GAP, RESET, SET
from quant_contracts.errors import ConfigError
from quant_contracts.events import BookDelta, BookGap, BookSnapshot
from quant_contracts.instrument import Grid
from quant_contracts.units import SECOND

BIDS = [(100, 5), (99, 7)]
ASKS = [(101, 2), (102, 9)]


def whole(last, bids=BIDS, asks=ASKS, **more):
    return Depth(last, last, True, last, last, bids, asks, **more)


def diff(first, last, bids=(), asks=(), **more):
    return Depth(last, last, False, first, last, list(bids), list(asks), **more)


def after(last, previous, bids=(), asks=(), **more):
    return diff(last, last, bids, asks, previous=previous, **more)


def builder(venue, *frames, **settings):
    """A builder that has taken `frames`, the n-th at n seconds, and everything that came of them."""
    made = BookBuilder("BTCUSDT", rule_of(venue), **settings)
    return made, [each for n, frame in enumerate(frames, 1) for each in made.take(frame, n * SECOND)]


def kinds(outcomes):
    names = {SET: "set", RESET: "reset", GAP: "gap"}
    return [names[each.action] if isinstance(each, Change) else each.reason for each in outcomes]


class TestBinanceSpot:
    def test_changes_wait_for_the_snapshot_that_is_asked_for(self):
        book, found = builder("binance_spot", diff(5, 7), diff(8, 9))
        assert (book.state, kinds(found)) == ("buffering", ["no snapshot yet"])
        assert found[0] == Resync("BTCUSDT", "no snapshot yet", 1 * SECOND)

    def test_changes_that_the_snapshot_holds_are_dropped_and_those_after_it_follow(self):
        book, found = builder(
            "binance_spot", diff(5, 7, [(100, 1)]), diff(8, 10, [(100, 8)]), diff(11, 12, [(99, 0)]), whole(9)
        )
        assert kinds(found) == ["no snapshot yet", "reset", "set", "set"]
        assert (book.state, book.at) == ("valid", 12)
        assert book.ladder.sides[BID] == {100: 8}
        # None of it could be known before the snapshot came.
        assert {each.known for each in found[1:]} == {4 * SECOND}
        assert [each.sequence for each in found[1:]] == [9, 10, 12]

    def test_a_snapshot_older_than_the_first_change_is_asked_for_again(self):
        book, found = builder("binance_spot", diff(5, 7), whole(3), whole(6))
        assert kinds(found) == ["no snapshot yet", "stale_snapshot", "reset", "set"]
        assert (book.state, book.at, book.counts["stale_snapshot"]) == ("valid", 7, 1)

    def test_an_overlap_is_applied_once_and_an_old_change_never(self):
        book, found = builder(
            "binance_spot", diff(8, 9), whole(9), diff(7, 11, [(100, 3)]), diff(8, 10, [(100, 1)])
        )
        assert kinds(found) == ["no snapshot yet", "reset", "set"]
        assert (book.ladder.sides[BID][100], book.at, book.counts["old"]) == (3, 11, 1)

    def test_a_gap_makes_the_book_invalid_until_a_snapshot_that_the_change_follows(self):
        book, found = builder("binance_spot", diff(8, 9), whole(9), diff(12, 13, [(100, 1)]))
        assert kinds(found)[2:] == ["gap", "gap"]
        assert (book.state, book.reason, book.ladder.sides) == ("invalid", "gap", {BID: {}, ASK: {}})
        assert kinds(book.take(whole(10), 4 * SECOND)) == ["stale_snapshot"]
        assert kinds(book.take(whole(12), 5 * SECOND)) == ["reset", "set"]
        assert (book.state, book.reason, book.at, book.ladder.sides[BID][100]) == ("valid", "", 13, 1)

    def test_a_hole_among_the_changes_that_wait_needs_a_later_snapshot(self):
        book, found = builder("binance_spot", diff(5, 7), diff(8, 9), diff(12, 13), whole(6))
        assert (book.state, kinds(found)) == ("buffering", ["no snapshot yet", "gap"])
        assert kinds(book.take(whole(11), 5 * SECOND)) == ["reset", "set"]

    def test_a_snapshot_nobody_needs_changes_nothing(self):
        book, _ = builder("binance_spot", whole(9), diff(10, 11, [(100, 1)]))
        assert book.take(whole(11, [(1, 1)]), 3 * SECOND) == ()
        assert book.ladder.sides[BID] == {100: 1, 99: 7}

    def test_a_snapshot_without_a_side_is_asked_for_again(self):
        book, found = builder("binance_spot", diff(5, 7), whole(6, bids=[]))
        assert (book.state, kinds(found)) == ("buffering", ["no snapshot yet", "empty_snapshot"])


class TestBinanceFutures:
    def test_changes_follow_by_the_number_of_the_one_before(self):
        book, found = builder("binance_usdm", after(7, 3), whole(8), after(12, 7, [(100, 1)]), after(20, 12))
        assert kinds(found) == ["no snapshot yet", "reset", "set", "set"]
        assert (book.state, book.at) == ("valid", 20)

    def test_a_jump_of_the_number_before_is_a_gap(self):
        book, _ = builder("binance_usdm", whole(8), after(12, 8), after(20, 13))
        assert (book.state, book.reason) == ("invalid", "gap")

    def test_a_change_that_comes_again_is_ignored(self):
        book, found = builder("binance_usdm", whole(8), after(12, 8), after(12, 8), after(20, 12))
        assert (book.state, book.counts, len(found)) == ("valid", {"old": 1}, 3)


INLINE = {
    "deribit": (lambda n: after(n, n - 1), 7),
    "bybit": (lambda n: diff(n, n), 7),
    "okx": (lambda n: after(n, n - 1), 7),
}


@pytest.mark.parametrize("venue", INLINE)
class TestSnapshotInTheStream:
    def test_it_begins_changes_follow_and_what_comes_again_is_ignored(self, venue):
        change, at = INLINE[venue]
        book, found = builder(venue, whole(at), change(at + 1), change(at + 1), change(at + 2))
        assert (kinds(found), book.state, book.at) == (["reset", "set", "set"], "valid", at + 2)
        assert book.counts == {"old": 1}

    def test_a_missing_change_makes_it_invalid_and_a_new_snapshot_valid(self, venue):
        change, at = INLINE[venue]
        book, found = builder(venue, whole(at), change(at + 2), change(at + 3), whole(at + 3), change(at + 4))
        assert kinds(found) == ["reset", "gap", "gap", "reset", "set"]
        assert (book.state, book.counts["before_snapshot"]) == ("valid", 1)

    def test_an_old_snapshot_never_takes_it_back(self, venue):
        change, at = INLINE[venue]
        book, _ = builder(venue, whole(at), change(at + 1))
        assert book.take(whole(at), 3 * SECOND) == ()
        assert book.at == at + 1
        book.take(change(at + 5), 4 * SECOND)
        assert kinds(book.take(whole(at), 5 * SECOND)) == ["stale_snapshot"]
        assert book.state == "invalid"

    def test_changes_before_any_snapshot_ask_for_one(self, venue):
        change, at = INLINE[venue]
        book, found = builder(venue, change(at), change(at + 1))
        assert (book.state, kinds(found)) == ("invalid", ["no snapshot yet"])

    def test_an_empty_book_is_a_book(self, venue):
        _, at = INLINE[venue]
        book, (change,) = builder(venue, whole(at, [], []))
        assert book.state == "valid"
        rows = BookRows("BTCUSDT", None)
        rows.add(change)
        assert (len(rows), rows.take().side.tolist()) == (1, [0])


def test_bybit_begins_to_count_anew_with_1():
    book, _ = builder("bybit", whole(70), diff(71, 71), whole(1, [(50, 1)]), diff(2, 2))
    assert (book.state, book.at, book.ladder.sides[BID]) == ("valid", 2, {50: 1})


def test_okx_begins_to_count_anew_with_a_number_below_the_previous():
    book, found = builder("okx", whole(70), after(3, 70), after(5, 3))
    assert (book.state, book.at) == ("valid", 5)
    # What is handed on rises all the same.
    assert [each.sequence for each in found] == [70, 71, 72]


def test_okx_checksum_that_differs_makes_it_invalid():
    import zlib

    def crc(text):
        value = zlib.crc32(text.encode())
        return value - (1 << 32) if value >> 31 else value

    texts = (["10.0:5", "9.9:7"], ["10.1:2", "10.2:9"])
    first = whole(7, checksum=crc("10.0:5:10.1:2:9.9:7:10.2:9"), texts=texts)
    book, _ = builder("okx", first)
    assert book.state == "valid"
    good = after(8, 7, [(100, 0)], checksum=crc("9.9:7:10.1:2:10.2:9"), texts=(["10.0:0"], []))
    book.take(good, 2 * SECOND)
    assert book.state == "valid"
    book.take(after(9, 8, [(98, 1)], checksum=crc("other"), texts=(["9.8:1"], [])), 3 * SECOND)
    assert (book.state, book.reason) == ("invalid", "checksum")


class TestCoinbase:
    def test_time_that_goes_back_is_a_gap(self):
        book, _ = builder("coinbase", whole(0), diff(50, 50), diff(50, 50), diff(49, 49))
        assert (book.state, book.reason) == ("invalid", "gap")

    def test_a_second_snapshot_is_trusted_only_after_a_new_subscription(self):
        book, _ = builder("coinbase", whole(0), diff(50, 50), whole(0))
        assert (book.state, book.reason) == ("invalid", "second snapshot")
        assert book.take(whole(0), 4 * SECOND) == ()
        assert book.restart(5 * SECOND) == ()
        assert kinds(book.take(whole(0), 6 * SECOND)) == ["reset"]
        assert book.state == "valid"


def test_hyperliquid_books_replace_each_other_and_old_ones_are_ignored():
    book, found = builder("hyperliquid", whole(5), whole(7, [(98, 1)]), whole(6))
    assert (kinds(found), book.at, book.ladder.sides[BID]) == (["reset", "reset"], 7, {98: 1})


@pytest.mark.parametrize("venue", sorted(RULES))
def test_a_crossed_book_is_a_gap(venue):
    book, found = builder(venue, whole(7, bids=[(101, 5)]))
    assert (book.state, book.reason, kinds(found)) == ("invalid", "crossed", ["crossed"])
    assert book.ladder.sides == {BID: {}, ASK: {}}
    book, _ = builder(venue, whole(7))
    crossing = Depth(8, 8, venue == "hyperliquid", 8, 8, [(103, 1)], ASKS, previous=7)
    assert kinds(book.take(crossing, 2 * SECOND)) == ["gap", "crossed"]
    assert (book.state, book.reason) == ("invalid", "crossed")


@pytest.mark.parametrize("venue", ["okx", "coinbase"])
def test_an_unreadable_frame_is_a_gap_where_those_after_it_would_not_show_it(venue):
    book, _ = builder(venue, whole(0), Lost(2, "broken_json"))
    assert (book.state, book.reason) == ("invalid", "unreadable frame")


@pytest.mark.parametrize("venue", ["binance_spot", "deribit", "bybit"])
def test_an_unreadable_frame_is_left_to_the_numbers_where_there_are_some(venue):
    book, _ = builder(venue, whole(7), Lost(2, "broken_json"))
    assert book.state == "valid"


def test_an_unreadable_snapshot_is_asked_for_again():
    _, found = builder("binance_spot", diff(5, 7), Lost(2, "off_grid"))
    assert kinds(found) == ["no snapshot yet", "unreadable frame"]


def test_requests_are_at_least_two_seconds_apart_and_further_the_more_of_them_fail():
    book, (first,) = builder("binance_spot", diff(50, 51))
    asked = [first.not_before]
    for _ in range(8):
        (again,) = book.take(whole(3), asked[-1])
        asked.append(again.not_before)
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == [min(FIRST_WAIT * 2**n, LAST_WAIT) for n in range(8)]
    book.take(whole(51), asked[-1] + 1)
    (_, again) = book.take(diff(90, 91), asked[-1] + 2)
    assert again.not_before - asked[-1] == FIRST_WAIT


def test_a_new_connection_forgets_everything():
    book, _ = builder("deribit", whole(7), after(8, 7))
    assert kinds(book.restart(3 * SECOND)) == ["gap"]
    assert (book.state, book.reason) == ("empty", "no snapshot yet")
    assert kinds(book.take(whole(5), 4 * SECOND)) == ["reset"]


class TestBeyondTheSnapshot:
    BIDS = tuple((1000 - n, 1) for n in range(40))
    ASKS = tuple((1001 + n, 1) for n in range(40))

    def test_another_snapshot_is_asked_for_before_its_edge_is_reached_and_the_book_stays(self):
        book, _ = builder("binance_spot", whole(7, self.BIDS, self.ASKS), limit=40)
        gone = [(1000 - n, 0) for n in range(40 - RESERVE + 1)]
        found = book.take(diff(8, 8, gone), 2 * SECOND)
        assert (kinds(found), book.state) == (["set", "near_edge"], "valid")
        # Only once, and what comes meanwhile waits for it as well.
        assert kinds(book.take(diff(9, 9, [(940, 3)]), 3 * SECOND)) == ["set"]
        fresh = [(979 - n, 1) for n in range(45)]
        assert kinds(book.take(whole(8, fresh, self.ASKS), 4 * SECOND)) == ["reset", "set"]
        assert (book.at, book.ladder.sides[BID][940], book.counts.get("drifted")) == (9, 3, None)

    def test_a_snapshot_of_fewer_levels_than_asked_for_has_no_edge(self):
        book, _ = builder("binance_spot", whole(7, self.BIDS, self.ASKS), limit=41)
        gone = [(1000 - n, 0) for n in range(39)]
        assert kinds(book.take(diff(8, 8, gone), 2 * SECOND)) == ["set"]

    def test_a_fresh_snapshot_proves_the_book_or_tells_that_it_drifted(self):
        book, _ = builder("binance_spot", whole(7), diff(8, 8, [(100, 6)]))
        assert kinds(book.refresh(3 * SECOND)) == ["refresh"]
        assert book.refresh(3 * SECOND) == ()
        book.take(whole(8, [(100, 6), (99, 7)]), 4 * SECOND)
        assert book.counts == {}
        book.refresh(5 * SECOND)
        book.take(whole(8, [(100, 6), (99, 8)]), 6 * SECOND)
        assert (book.counts, book.ladder.sides[BID][99]) == ({"drifted": 1}, 8)


def test_rows_say_the_same_as_events():
    book, found = builder("bybit", whole(7), diff(8, 8, [(100, 0)], [(101, 3)]), diff(10, 10))
    rows = BookRows("BTCUSDT", Grid(Decimal("0.1"), Decimal("0.1")))
    for each in found:
        if isinstance(each, Change):
            rows.add(each)
    block = rows.take()
    assert not len(rows)
    first, second, third = block.events()
    assert isinstance(first, BookSnapshot)
    assert (first.bids, first.asks) == (((10.0, 0.5), (9.9, 0.7)), ((10.1, 0.2), (10.2, 0.9)))
    assert second == BookDelta(8, 2 * SECOND, "BTCUSDT", 8, ((10.0, 0.0),), ((10.1, 0.3),))
    assert third == BookGap(3 * SECOND, 3 * SECOND, "BTCUSDT", 8)
    del book


def test_the_whole_book_as_it_stands_is_one_snapshot():
    book, _ = builder("bybit", whole(7), diff(8, 8, [(98, 4)]))
    change = book.whole()
    assert (change.action, change.sequence, change.known) == (RESET, 8, 2 * SECOND)
    assert (change.bids, change.asks) == ([(100, 5), (99, 7), (98, 4)], ASKS)
    book.take(diff(10, 10), 3 * SECOND)
    assert book.whole() is None


def test_a_venue_without_a_rule_is_refused():
    with pytest.raises(ConfigError, match="no rule for the books of venue 'kraken'"):
        rule_of("kraken")
