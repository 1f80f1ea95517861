"""The chain as of now: sorted, without what has expired, bounded, and the same however its rows come."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.options.handler import OptionChainDataHandler
from quant_channels.options.latest import last_of_each, within
from quant_contracts.blocks import ChainBlock
from quant_contracts.errors import ConfigError, DataError, LifecycleError
from quant_contracts.events import OptionQuote, Trade
from quant_contracts.protocols import SourceInfo, StreamFeed, StreamHandler
from quant_contracts.units import SECOND


class QuoteFeed:
    """Delivers quotes that are at hand."""

    domain = "options"
    symbol = "BTC"

    def __init__(self, quotes=(), fail=False):
        self.quotes = tuple(quotes)
        self.fail = fail

    def blocks(self, start, end, rows):
        assert not self.fail, "opened"
        whole = iter([ChainBlock.of("BTC", self.quotes)] if self.quotes else [])
        for block in within(whole, start, end):
            for row in range(0, len(block), rows):
                yield block.slice(row, row + rows)

    def info(self):
        return SourceInfo("quotes", "0" * 64)

    def quality(self):
        return ()


def quote(ts, expiry=1_000, strike=100.0, right=1, **said):
    return OptionQuote(ts, ts, "BTC", "inverse", expiry, strike, right, **said)


def seen(handler, ts):
    """Strikes and rights by expiry."""
    chain = handler.observe(0, ts)
    if chain is None:
        return None
    return {each.expiry: [(one.strike, one.right) for one in each.quotes] for each in chain.expiries}


QUOTES = st.builds(
    quote,
    st.integers(0, 60),
    expiry=st.sampled_from([20, 40, 1_000]),
    strike=st.sampled_from([90.0, 100.0, 110.0]),
    right=st.sampled_from([1, -1]),
    bid=st.sampled_from([None, 0.01, 0.02]),
    forward=st.sampled_from([None, 100.5]),
)
STREAMS = st.lists(QUOTES, max_size=60).map(lambda rows: sorted(rows, key=lambda row: row.ts_known))


def test_it_is_a_handler_and_its_feed_a_feed():
    assert isinstance(QuoteFeed(), StreamFeed)
    assert isinstance(OptionChainDataHandler(QuoteFeed()), StreamHandler)


def test_nothing_is_opened_before_history_is_loaded():
    handler = OptionChainDataHandler(QuoteFeed(fail=True))
    handler.advance(10)
    assert handler.observe(0, 10) is None
    assert handler.freshness(10, None) == ("missing", "no quote yet")
    assert handler.last_known is None
    assert handler.gaps() == ()
    with pytest.raises(AssertionError, match="opened"):
        handler.load_history(None, None, 10)


def test_history_is_loaded_once():
    handler = OptionChainDataHandler(QuoteFeed())
    handler.load_history(None, None, 10)
    with pytest.raises(LifecycleError):
        handler.load_history(None, None, 10)


def test_quotes_stand_by_expiry_and_rising_strike_put_before_call():
    handler = OptionChainDataHandler(QuoteFeed())
    for strike, right, expiry in ((110.0, 1, 500), (90.0, 1, 500), (90.0, -1, 500), (100.0, 1, 300)):
        handler.push(quote(1, expiry, strike, right))
    assert seen(handler, 1) == {300: [(100.0, 1)], 500: [(90.0, -1), (90.0, 1), (110.0, 1)]}
    assert [one.strike for one in handler.chain(500).quotes] == [90.0, 90.0, 110.0]
    assert handler.chain(301) is None


def test_the_last_quote_of_an_option_replaces_the_one_before():
    handler = OptionChainDataHandler(QuoteFeed())
    handler.push(quote(1, bid=0.01, ask=0.02))
    handler.push(quote(2, ask=0.03))
    (one,) = handler.chain(1_000).quotes
    assert (one.bid, one.ask, one.ts_known) == (None, 0.03, 2)


def test_what_expires_is_dropped_at_the_moment_of_expiry():
    handler = OptionChainDataHandler(QuoteFeed())
    handler.push(quote(1, expiry=20))
    handler.push(quote(1, expiry=30))
    assert seen(handler, 19) == {20: [(100.0, 1)], 30: [(100.0, 1)]}
    handler.advance(20)
    assert seen(handler, 20) == {30: [(100.0, 1)]}
    handler.advance(30)
    assert handler.observe(0, 30) is None
    assert handler.freshness(30, None) == ("missing", "every option has expired")


def test_a_quote_of_what_has_expired_is_of_no_use():
    handler = OptionChainDataHandler(QuoteFeed())
    handler.push(quote(20, expiry=20))
    assert handler.observe(0, 20) is None
    assert handler.last_known == 20


def test_of_too_many_options_those_quoted_longest_ago_go_and_are_counted():
    handler = OptionChainDataHandler(QuoteFeed(), max_contracts=2)
    for ts, strike in ((1, 90.0), (2, 100.0), (3, 90.0), (4, 110.0), (5, 120.0)):
        handler.push(quote(ts, strike=strike))
    assert seen(handler, 5) == {1_000: [(110.0, 1), (120.0, 1)]}
    assert handler.dropped == 2
    assert [(row.check, row.count) for row in handler.quality()] == [("too_many_options", 2)]
    assert handler.most_bytes < OptionChainDataHandler(QuoteFeed()).most_bytes


def test_quotes_that_are_too_old_are_left_out_and_come_back_with_the_next():
    handler = OptionChainDataHandler(QuoteFeed(), max_quote_age="10s")
    far = 10**15
    handler.push(quote(0, far, 90.0))
    handler.push(quote(5 * SECOND, far, 100.0))
    assert seen(handler, 10 * SECOND) == {far: [(90.0, 1), (100.0, 1)]}
    assert seen(handler, 10 * SECOND + 1) == {far: [(100.0, 1)]}
    assert seen(handler, 15 * SECOND + 1) is None
    assert handler.freshness(15 * SECOND + 1, None) == ("missing", "every quote is too old")
    handler.push(quote(16 * SECOND, far, 90.0))
    assert seen(handler, 16 * SECOND) == {far: [(90.0, 1)]}


def test_it_is_stale_when_the_last_quote_is_older_than_asked():
    handler = OptionChainDataHandler(QuoteFeed())
    handler.push(quote(10))
    assert handler.freshness(20, 10) == ("fresh", "")
    assert handler.freshness(21, 10)[0] == "stale"
    assert handler.freshness(900, None) == ("fresh", "")


def test_what_was_built_is_kept_until_something_changes():
    handler = OptionChainDataHandler(QuoteFeed())
    handler.push(quote(1, expiry=20))
    handler.push(quote(1, expiry=30))
    first, again = handler.observe(0, 1), handler.observe(0, 2)
    assert again.ts == 2
    assert again.expiries is first.expiries
    handler.push(quote(3, expiry=30, strike=90.0))
    later = handler.observe(0, 3)
    assert later.expiries[0] is first.expiries[0]
    assert later.expiries[1] is not first.expiries[1]


def test_what_was_handed_out_never_changes():
    handler = OptionChainDataHandler(QuoteFeed())
    handler.push(quote(1, bid=0.01))
    before = handler.observe(0, 1)
    copy = msgspec.msgpack.encode(before)
    handler.push(quote(2, bid=0.05))
    handler.advance(5_000)
    assert msgspec.msgpack.encode(before) == copy


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(quote(4), id="known before the last"),
        pytest.param(msgspec.structs.replace(quote(6), symbol="ETH"), id="of another symbol"),
        pytest.param(msgspec.structs.replace(quote(6), premium="linear"), id="with another premium"),
        pytest.param(Trade(6, 6, "BTC", 1.0, 1.0, 1), id="no quote"),
    ],
)
def test_what_is_not_its_own_is_refused_and_changes_nothing(wrong):
    handler = OptionChainDataHandler(QuoteFeed())
    handler.push(quote(5))
    before = handler.observe(0, 5)
    with pytest.raises(DataError):
        handler.push(wrong)
    assert handler.observe(0, 5) == before
    assert handler.last_known == 5


def test_a_block_out_of_order_is_refused():
    handler = OptionChainDataHandler(QuoteFeed())
    with pytest.raises(DataError, match="order"):
        handler.absorb(ChainBlock.of("BTC", [quote(2), quote(1)]))


@pytest.mark.parametrize("given_", [{"max_contracts": 0}, {"max_quote_age": "soon"}])
def test_settings_are_checked(given_):
    with pytest.raises(ConfigError):
        OptionChainDataHandler(QuoteFeed(), **given_)


@settings(max_examples=150)
@given(
    rows=STREAMS,
    most=st.integers(1, 20),
    age=st.sampled_from([None, "5s"]),
    size=st.integers(1, 70),
    step=st.integers(1, 30),
)
def test_in_bulk_and_event_by_event_the_chain_is_the_same(rows, most, age, size, step):
    # In seconds, so that ages can be written.
    scaled = [
        msgspec.structs.replace(
            row, ts_event=row.ts_event * SECOND, ts_known=row.ts_known * SECOND, expiry=row.expiry * SECOND
        )
        for row in rows
    ]
    bulk, single, pushed = (OptionChainDataHandler(QuoteFeed(scaled), most, age) for _ in range(3))
    bulk.load_history(None, None, size)
    single.load_history(None, None, 7)
    for ts in range(0, 70 * SECOND, step * SECOND):
        bulk.advance(ts)
        for event in list(single.read(ts)):
            single.push(event)
        single.advance(ts)
        for event in scaled:
            if (pushed.last_known is None or event.ts_known > ts - step * SECOND) and event.ts_known <= ts:
                pushed.push(event)
        chains = [handler.observe(0, ts) for handler in (bulk, single, pushed)]
        assert chains[0] == chains[1] == chains[2]
        assert bulk.dropped == single.dropped == pushed.dropped
        assert bulk.last_known == single.last_known
        fresh = [handler.freshness(ts, 3 * SECOND) for handler in (bulk, single)]
        assert fresh[0] == fresh[1]


@settings(max_examples=100)
@given(rows=STREAMS, start=st.integers(0, 60), span=st.integers(0, 60))
def test_a_chain_that_is_read_from_a_moment_on_is_whole_there(rows, start, span):
    whole = OptionChainDataHandler(QuoteFeed(rows))
    whole.load_history(None, None, 16)
    part = OptionChainDataHandler(QuoteFeed(rows))
    part.load_history(start, start + span, 16)
    for ts in range(start, start + span + 1, 7):
        whole.advance(ts)
        part.advance(ts)
        assert part.observe(0, ts) == whole.observe(0, ts)
        assert part.last_known == whole.last_known


@given(rows=STREAMS)
def test_the_last_rows_are_those_a_dictionary_keeps(rows):
    kept = {}
    for number, row in enumerate(rows):
        kept[row.expiry, row.strike, row.right] = number
    assert last_of_each(ChainBlock.of("BTC", rows)).tolist() == sorted(kept.values())
