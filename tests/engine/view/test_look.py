"""Looking opens the declared streams, sees what a run would see, and refuses a moment without data."""

import msgspec
import pytest

from quant_contracts.duration import parse_time
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.strategy import DataSpec, PartSpec, StreamSpec
from quant_contracts.units import MINUTE
from quant_daemon.stream_loader import StreamLoader
from quant_engine.view.look import chosen_streams, declared_pictures, look

replace = msgspec.structs.replace


def handler_of(registry, data, domain, until):
    """The view that a run that reads everything from the beginning has."""
    for stream in StreamLoader(registry, {"BTCUSDT": data}).streams(every_declared=True):
        if stream.handler.domain == domain:
            stream.handler.load_history(None, until, 4_096)
            stream.handler.advance(until)
            return stream.handler
    raise AssertionError(domain)


def test_the_book_is_that_of_a_run_from_the_beginning(seen, data, moment, registry):
    book = handler_of(registry, data, "orderbook", moment).observe(0, moment)
    assert [price for price, _ in seen.sight.book.bids] == book.bid_prices.tolist()
    assert [size for _, size in seen.sight.book.asks] == book.ask_sizes.tolist()
    assert seen.sight.book.sequence == book.sequence


def test_trades_and_quotes_are_those_of_the_window_and_what_came_later_stands_apart(
    seen, data, moment, registry
):
    trades = seen.sight.trades
    view = handler_of(registry, data, "trades", moment).observe(moment - 15 * MINUTE, moment)
    assert list(trades.before) == list(view.trades.events())
    assert trades.after
    assert all(moment < trade.ts_known <= moment + 3 * MINUTE for trade in trades.after)
    assert all(moment - 15 * MINUTE < quote.ts_known <= moment for quote in trades.quotes)


def test_the_chain_and_its_surface_are_those_of_the_moment(seen, data, moment, registry):
    options = seen.sight.options
    chain = handler_of(registry, data, "options", moment).observe(0, moment)
    surface = handler_of(registry, data, "surface", moment).observe(0, moment)
    assert [one.expiry for one in options.expiries] == [one.expiry for one in chain.expiries]
    assert options.surface_known == surface.ts_known < moment
    assert options.median_error == surface.median_error
    assert options.origin == "fitted"


def test_documents_are_those_that_were_known(seen, moment):
    known = [each.document.ts_known for each in seen.sight.sentiment.documents]
    assert known == sorted(known)
    assert known
    assert known[-1] <= moment


def test_every_stream_says_how_far_it_is_to_be_trusted(seen):
    assert [(state.domain, state.state) for state in seen.sight.streams] == [
        ("orderbook", "fresh"),
        ("trades", "fresh"),
        ("quotes", "fresh"),
        ("options", "fresh"),
        ("surface", "fresh"),
        ("sentiment", "fresh"),
    ]
    assert seen.sight.streams[0].source == (
        "synthetic(seed=7, days=1, strikes=9, expiries=4, chain_interval=10m)"
    )


def test_another_window_is_kept_to(data, moment, registry):
    made = look("BTCUSDT", data, moment, ("trades",), window=2 * MINUTE, registry=registry)
    trades = made.sight.trades
    assert trades.since == moment - 2 * MINUTE
    assert all(trade.ts_known > trades.since for trade in trades.before)


def test_quotes_alone_make_a_picture_of_trades(data, moment, registry):
    trades = look("BTCUSDT", data, moment, ("quotes",), registry=registry).sight.trades
    assert trades.before == trades.after == ()
    assert trades.quotes


def test_without_a_declared_surface_one_is_fitted_for_the_page(data, moment, registry):
    alone = replace(data, surface=None)
    domains = chosen_streams("BTCUSDT", alone, ["surface"])
    assert domains == ("options",)
    assert look("BTCUSDT", alone, moment, domains, registry=registry).sight.options.origin == "here"


def test_a_book_that_lost_changes_is_not_seen(data, registry):
    params = {"seed": 7, "days": 1, "gaps_per_day": 500}
    torn = replace(data, orderbook=StreamSpec(PartSpec("synthetic", params)))
    gaps = handler_of(registry, torn, "orderbook", parse_time("2022-01-01T06:00")).gaps()
    made = look("BTCUSDT", torn, gaps[-1].ts, ("orderbook",), registry=registry)
    assert made.sight.book is None
    assert (made.sight.streams[0].state, made.sight.streams[0].reason) == ("missing", "gap")


def test_a_moment_before_the_data_is_refused_with_where_they_begin(data, registry):
    with pytest.raises(DataError, match="2022-01-01"):
        look("BTCUSDT", data, parse_time("2021-12-25"), ("trades",), registry=registry)


def test_a_moment_long_after_the_data_is_refused_with_where_they_end(data, registry):
    with pytest.raises(
        DataError, match=r"nothing became known in the day before 2022-01-05.*its trades at 2022-01-01T23:59"
    ):
        look("BTCUSDT", data, parse_time("2022-01-05"), ("trades",), registry=registry)


def test_a_stream_that_ended_hours_ago_is_still_seen(data, registry):
    made = look("BTCUSDT", data, parse_time("2022-01-02T05:00"), ("orderbook",), registry=registry)
    assert made.sight.streams[0].state == "stale"
    assert made.sight.book is not None


def test_a_picture_of_what_is_not_declared_is_refused_with_what_is(data):
    alone = DataSpec(trades=data.trades)
    assert declared_pictures(alone) == ("trades",)
    with pytest.raises(ConfigError, match="needs a stream of options or surface; declared: trades"):
        chosen_streams("BTCUSDT", alone, ["surface"])
    with pytest.raises(ConfigError, match="no stream is declared beside its bars"):
        chosen_streams("BTCUSDT", DataSpec(), ["book"])
