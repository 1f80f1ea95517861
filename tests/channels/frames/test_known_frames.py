"""What each message of each venue says, against what the venue's documents say it means."""

from __future__ import annotations

import json

import pytest

from quant_channels.frames.deribit import parse_option
from quant_channels.frames.said import Depth
from quant_channels.frames.venues import parser_of
from quant_contracts.errors import ConfigError
from quant_contracts.events import Bar, FormingBar, Liquidation, MarkPrice, OptionQuote, Quote, Trade
from quant_contracts.instrument import Grid
from quant_contracts.units import MILLISECOND, MINUTE

NOW = 1_784_000_000_000_000_000
DIFF = {
    "e": "depthUpdate",
    "E": 1723161256299,
    "T": 1723161256298,
    "s": "BTCUSDT",
    "U": 5,
    "u": 9,
    "pu": 4,
    "b": [["61496.50", "0.010"], ["61510.90", "0.000"]],
    "a": [["61600.00", "1.211"]],
}
SPOT_DIFF = {key: value for key, value in DIFF.items() if key not in {"T", "pu"}}
KLINE = {
    "e": "kline",
    "E": 1638747660000,
    "s": "BTCUSDT",
    "k": {
        "t": 1638747600000,
        "T": 1638747659999,
        "s": "BTCUSDT",
        "i": "1m",
        "o": "100.00",
        "c": "101.50",
        "h": "102.00",
        "l": "99.50",
        "v": "12.5",
        "n": 3,
        "x": True,
    },
}


def test_binance_changes_of_a_futures_book(read_one):
    (depth,), _ = read_one("binance", "BTCUSDT", DIFF)
    assert depth == Depth(
        1723161256298 * MILLISECOND,
        NOW,
        False,
        5,
        9,
        [(6149650, 1000000), (6151090, 0)],
        [(6160000, 121100000)],
        4,
    )


def test_binance_changes_of_a_spot_book_in_the_wrapper(read_one):
    (depth,), _ = read_one("binance_spot", "BTCUSDT", {"stream": "btcusdt@depth@100ms", "data": SPOT_DIFF})
    assert (depth.ts, depth.first, depth.last, depth.previous) == (1723161256299 * MILLISECOND, 5, 9, None)


def test_binance_snapshot_by_rest(read_one):
    (depth,), _ = read_one(
        "binance", "BTCUSDT", {"lastUpdateId": 7, "bids": [["4.00", "431.0"]], "asks": [["4.02", "12"]]}
    )
    assert (depth.is_snapshot, depth.last, depth.ts) == (True, 7, 0)
    assert (depth.bids, depth.asks) == ([(400, 43_100_000_000)], [(402, 1_200_000_000)])


@pytest.mark.parametrize(
    "data",
    [
        {"lastUpdateId": 160, "bids": [["100.00", "2"], ["99.00", "9"]], "asks": [["101.00", "3"]]},
        {**DIFF, "b": [["99.00", "9"], ["100.00", "2"]], "a": [["101.00", "3"], ["102.00", "4"]]},
    ],
    ids=["spot", "usdm"],
)
def test_binance_the_best_few_levels_give_a_quote_not_changes(read_one, data):
    (quote,), _ = read_one("binance", "BTCUSDT", {"stream": "btcusdt@depth5@100ms", "data": data})
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (100.0, 2.0, 101.0, 3.0)


def test_binance_best_prices_of_futures_have_a_time_and_those_of_spot_have_none(read_one):
    spot = {"u": 7, "s": "BTCUSDT", "b": "61837.63", "B": "3.78826", "a": "61837.64", "A": "1.54698"}
    (quote,), _ = read_one("binance", "BTCUSDT", spot)
    assert quote == Quote(NOW, NOW, "BTCUSDT", 61837.63, 3.78826, 61837.64, 1.54698)
    (quote,), _ = read_one("binance", "BTCUSDT", {"e": "bookTicker", "T": 1723161256313, "E": 1, **spot})
    assert quote.ts_event == 1723161256313 * MILLISECOND


def test_binance_the_side_of_a_trade_is_the_aggressors(read_one):
    trade = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 5, "p": "61837.63", "q": "0.02", "T": 1723161255342}
    (sold,), _ = read_one("binance", "BTCUSDT", {**trade, "m": True, "M": True})
    assert sold == Trade(1723161255342 * MILLISECOND, NOW, "BTCUSDT", 61837.63, 0.02, -1, 5)
    (bought,), _ = read_one("binance", "BTCUSDT", {**trade, "X": "MARKET", "m": False})
    assert bought.side == 1


def test_binance_an_aggregate_of_trades_has_its_own_number(read_one):
    (trade,), _ = read_one(
        "binance",
        "BTCUSDT",
        {"e": "aggTrade", "E": 1, "s": "BTCUSDT", "a": 77, "p": "10.00", "q": "4", "f": 1, "l": 3}
        | {"T": 1723161255342, "m": False},
    )
    assert (trade.trade_id, trade.quantity, trade.side) == (77, 4.0, 1)


def test_binance_a_trade_that_no_market_made_is_refused(read_one):
    forced = {"e": "trade", "s": "BTCUSDT", "t": 5, "p": "1.00", "q": "1", "T": 1723161255342, "m": True}
    said, parser = read_one("binance", "BTCUSDT", {**forced, "X": "INSURANCE_FUND"})
    assert (said, parser.refused) == ((), {"no_market_trade": 1})


def test_binance_a_closed_and_a_forming_bar(read_one):
    (bar,), _ = read_one("binance", "BTCUSDT", KLINE)
    close = 1638747660000 * MILLISECOND
    assert bar == Bar(close, NOW, "BTCUSDT", MINUTE, 100.0, 102.0, 99.5, 101.5, 12.5)
    early = {**KLINE, "k": {**KLINE["k"], "x": False}}
    (forming,), _ = read_one("binance", "BTCUSDT", early, recv_ns=close - 30)
    assert isinstance(forming, FormingBar)
    assert (forming.ts_event, forming.ts_known) == (close, close - 30)


def test_binance_mark_price_and_funding(read_one):
    frame = {"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSDT", "p": "11794.15345", "i": "11784.62"}
    (mark,), _ = read_one("binance", "BTCUSDT", {**frame, "P": "1", "r": "-0.00038167", "T": 1562306400000})
    at = 1562305380000 * MILLISECOND
    assert mark == MarkPrice(
        at, NOW, "BTCUSDT", 11794.15345, 11784.62, -0.00038167, 1562306400000 * MILLISECOND
    )
    (mark,), _ = read_one("binance", "BTCUSDT", {**frame, "r": "", "T": 0})
    assert (mark.funding_rate, mark.next_funding) == (None, None)


def test_binance_a_position_closed_by_force(read_one):
    order = {
        "s": "BTCUSDT",
        "S": "SELL",
        "o": "LIMIT",
        "f": "IOC",
        "q": "0.014",
        "p": "9910.00",
        "ap": "9910",
    }
    (forced,), _ = read_one(
        "binance",
        "BTCUSDT",
        {"e": "forceOrder", "E": 1568014460893, "o": {**order, "X": "FILLED", "T": 1568014460893}},
    )
    assert forced == Liquidation(1568014460893 * MILLISECOND, NOW, "BTCUSDT", -1, 9910.0, 0.014)


def test_binance_documentation_examples_are_read_or_refused_for_a_reason(shared_data, parser_for):
    with shared_data("fixtures/binance_spot_responses.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    parser = parser_for("binance", "BNBBTC", tick="0.00000001")
    said = {
        row["name"]: parser.parse(json.dumps(row["frame"]), NOW)
        for row in rows
        if row["api"] == "websocket_streams"
    }
    (depth,) = said["diff_book_depth_subscription"]
    assert (depth.first, depth.last, depth.bids) == (157, 160, [(240_000, 1_000_000_000)])
    # The examples of trades and bars leave their prices out.
    assert said["trade_subscription"] == () == said["agg_trade_subscription"] == said["kline_subscription"]
    assert said["avg_price_subscription"] == () == said["mini_ticker_subscription"]


def test_deribit_book_that_begins_and_changes(fixture_frames, read_one):
    frames = fixture_frames("deribit_nautilus_frames.jsonl")
    settings = {"tick": "0.5", "lot": "10", "symbol": "BTCUSD"}
    (snapshot,), _ = read_one("deribit", "BTC-PERPETUAL", frames["ws_book_snapshot"], **settings)
    assert snapshot.is_snapshot
    assert (snapshot.last, snapshot.bids[0], snapshot.asks[-1]) == (123456789, (85000, 100), (85006, 55))
    (change,), _ = read_one("deribit", "BTC-PERPETUAL", frames["ws_book_delta"], **settings)
    assert (change.previous, change.last) == (123456789, 123456790)
    assert change.asks == [(85002, 0), (85003, 70)]


def test_deribit_perpetual(fixture_frames, read_one):
    frames = fixture_frames("deribit_nautilus_frames.jsonl")
    settings = {"tick": "0.5", "lot": "1", "symbol": "BTCUSD"}
    (quote,), _ = read_one("deribit", "BTC-PERPETUAL", frames["ws_quote"], **settings)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (92288.0, 133440.0, 92288.5, 99470.0)
    (quote, mark), _ = read_one("deribit", "BTC-PERPETUAL", frames["ws_ticker"], **settings)
    assert (quote.bid, quote.ask, mark.mark, mark.index) == (92283.5, 92284.0, 92281.78, 92263.55)
    assert mark.funding_rate == 0.0
    trades, _ = read_one("deribit", "BTC-PERPETUAL", frames["ws_trades"], **settings)
    assert [(each.price, each.quantity, each.side, each.trade_id) for each in trades] == [
        (92294.5, 10.0, -1, 271252854),
        (92288.5, 750.0, -1, 271252855),
    ]
    (top,), _ = read_one("deribit", "BTC-PERPETUAL", frames["ws_book_grouped_snapshot"], **settings)
    assert (top.bid, top.bid_size, top.ask, top.ask_size) == (89532.5, 254900.0, 89533.0, 91570.0)


def test_deribit_side_without_anything_has_no_size(fixture_frames, read_one):
    frame = fixture_frames("deribit_nautilus_frames.jsonl")["ws_quote"]
    frame["params"]["data"] |= {"best_bid_price": None, "best_bid_amount": 0.0}
    (quote,), _ = read_one("deribit", "BTC-PERPETUAL", frame, tick="0.5", lot="10")
    assert (quote.bid, quote.bid_size, quote.ask_size) == (0.0, 0.0, 99470.0)


def test_deribit_replies_and_errors_say_nothing(fixture_frames, read_one):
    frames = fixture_frames("deribit_nautilus_frames.jsonl")
    for name in ("ws_error", "ws_subscribe_response", "ws_test_request", "ws_chart", "ws_volatility_index"):
        said, parser = read_one("deribit", "BTC-PERPETUAL", frames[name])
        assert (list(said), parser.refused) == ([], {}), name


def test_deribit_tickers_of_a_coins_options(shared_data, parser_for):
    import gzip

    parser = parser_for("deribit", "BTC", tick="0.0001", lot="0.1", symbol="BTC")
    with gzip.open(shared_data("fixtures/deribit_testnet_tickers_20260627.jsonl.gz"), "rt") as file:
        rows = [json.loads(line) for line in file]
    quotes = []
    for row in rows:
        channel = f"ticker.{row['instrument']['instrument_name']}.raw"
        frame = {"method": "subscription", "params": {"channel": channel, "data": row["ticker"]}}
        quotes += [(row, quote) for quote in parser.parse(json.dumps(frame), NOW)]
    assert len(quotes) == len(rows) > 10
    for row, quote in quotes:
        said, about = row["ticker"], row["instrument"]
        assert isinstance(quote, OptionQuote)
        assert quote.expiry == about["expiration_timestamp"] * MILLISECOND
        assert (quote.strike, quote.right) == (about["strike"], 1 if about["option_type"] == "call" else -1)
        assert quote.premium == "inverse"
        assert quote.mark_iv == pytest.approx(said["mark_iv"] / 100)
        assert (quote.bid or 0.0, quote.ask or 0.0) == (said["best_bid_price"], said["best_ask_price"])
        assert quote.forward == said["underlying_price"]


def test_deribit_summary_of_all_options_at_once(read_one):
    row = {"instrument_name": "ETH-12JAN24-2300-P", "creation_timestamp": 1704712781000, "mark_price": 0.0446}
    row |= {"bid_price": 0.0435, "ask_price": None, "mark_iv": 61.2, "underlying_price": 2239.4}
    future = {"instrument_name": "ETH-PERPETUAL", "creation_timestamp": 1704712781000, "mark_price": 2240.0}
    reply = {"jsonrpc": "2.0", "result": [row | {"open_interest": 12.0}, future]}
    (quote,), _ = read_one("deribit", "ETH", reply, symbol="ETH")
    assert (quote.strike, quote.right, quote.bid, quote.ask) == (2300.0, -1, 0.0435, None)
    assert (quote.mark_iv, quote.open_interest) == (pytest.approx(0.612), 12.0)


@pytest.mark.parametrize(
    "name",
    ["BTC-32DEC21-34000-P", "BTC-1FOO21-34000-P", "BTC-PERPETUAL", "BTC-24SEP21", "BTC-24SEP21-0-C", "-"],
)
def test_deribit_what_is_no_option_is_none(name):
    assert parse_option(name) is None


def test_deribit_linear_options_are_told_by_their_currency():
    option = parse_option("XRP_USDC-30JUN23-0d525-C")
    assert (option.underlying, option.premium, option.strike, option.right) == (
        "XRP_USDC",
        "linear",
        0.525,
        1,
    )


def test_coinbase_the_side_of_a_match_is_the_makers(read_one):
    match = {"type": "match", "trade_id": 5, "side": "sell", "size": "0.04", "price": "14.77", "sequence": 3}
    match |= {"product_id": "BAND-GBP", "time": "2021-04-17T16:43:30.244075Z"}
    (trade,), _ = read_one("coinbase", "BAND-GBP", match)
    assert trade == Trade(1_618_677_810_244_075_000, NOW, "BTCUSDT", 14.77, 0.04, 1, 5)
    assert read_one("coinbase", "BAND-GBP", {**match, "type": "last_match"})[0] == ()


def test_coinbase_a_ticker_without_sizes_makes_no_quote(read_one):
    ticker = {"type": "ticker", "product_id": "A-B", "best_bid": "14.75", "best_ask": "14.80"}
    ticker |= {"time": "2021-04-17T16:43:30.244075Z"}
    assert read_one("coinbase", "A-B", ticker)[0] == ()
    (quote,), _ = read_one("coinbase", "A-B", {**ticker, "best_bid_size": "1", "best_ask_size": "2"})
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (14.75, 1.0, 14.8, 2.0)


def test_coinbase_advanced_books_count_every_message_of_the_connection(fixture_frames, parser_for):
    frames = fixture_frames("coinbase_nautilus_frames.jsonl")
    parser = parser_for("coinbase", "BTC-USD", tick="0.01")
    (snapshot,) = parser.parse(json.dumps(frames["ws_l2_data_snapshot"]), NOW)
    assert (snapshot.is_snapshot, len(snapshot.bids), len(snapshot.asks)) == (True, 3, 3)
    (change,) = parser.parse(json.dumps(frames["ws_l2_data_update"]), NOW)
    assert (change.bids, change.asks) == ([(6_890_000, 200_000_000)], [(6_890_100, 0)])
    # Number 12 after 1: what was between may have been the book's.
    lost, quote = parser.parse(json.dumps(frames["ws_ticker"]), NOW)
    assert lost.reason == "sequence_num"
    assert (quote.bid, quote.ask_size) == (68900.0, 0.5)


def test_okx_book_with_its_checksum_and_numbers(read_one):
    book = {"asks": [["5.158", "129", "0", "2"]], "bids": [["5.14", "0", "0", "0"]], "ts": "1652459225464"}
    frame = {"arg": {"channel": "books", "instId": "UNI-USD-SWAP"}, "action": "update", "data": [book]}
    book["checksum"] = 1361161687
    (depth,), _ = read_one("okx", "UNI-USD-SWAP", frame, tick="0.001", lot="1")
    assert (depth.checksum, depth.texts) == (1361161687, (["5.14:0"], ["5.158:129"]))
    assert (depth.last, depth.previous) == (1652459225464, None)
    book |= {"checksum": 0, "seqId": 11, "prevSeqId": 9}
    (depth,), _ = read_one("okx", "UNI-USD-SWAP", frame, tick="0.001", lot="1")
    assert (depth.checksum, depth.last, depth.previous) == (None, 11, 9)


def test_okx_tickers_and_the_best_few_levels(read_one):
    ticker = {"instId": "BTC-USDT", "askPx": "30228.7", "askSz": "1.5", "bidPx": "", "bidSz": ""}
    frame = {"arg": {"channel": "tickers", "instId": "BTC-USDT"}, "data": [{**ticker, "ts": "1652459224956"}]}
    (quote,), _ = read_one("okx", "BTC-USDT", frame, tick="0.1")
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (0.0, 0.0, 30228.7, 1.5)
    few = {"asks": [["2.2", "1", "0", "1"]], "bids": [["2.1", "3", "0", "1"]], "ts": "1652459224956"}
    frame = {"arg": {"channel": "books5", "instId": "BTC-USDT"}, "data": [few]}
    (quote,), _ = read_one("okx", "BTC-USDT", frame, tick="0.1")
    assert (quote.bid, quote.bid_size, quote.ask) == (2.1, 3.0, 2.2)


def test_bybit_trades_and_best_level(read_one):
    trade = {
        "T": 1672304486865,
        "s": "BTCUSDT",
        "S": "Buy",
        "v": "0.001",
        "p": "16578.50",
        "i": "20f43950-d8",
    }
    frame = {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1672304486868, "data": [trade]}
    (said,), _ = read_one("bybit", "BTCUSDT", frame)
    assert said == Trade(1672304486865 * MILLISECOND, NOW, "BTCUSDT", 16578.5, 0.001, 1, 0)
    trade |= {"S": "Sell", "i": "2290000000007764263"[:18]}
    (said,), _ = read_one("bybit", "BTCUSDT", frame)
    assert (said.side, said.trade_id) == (-1, 229000000000776426)
    data = {"s": "BTCUSDT", "b": [["16493.50", "0.006"]], "a": [], "u": 1, "seq": 7}
    frame = {"topic": "orderbook.1.BTCUSDT", "type": "snapshot", "ts": 1672304484978, "data": data}
    (quote,), _ = read_one("bybit", "BTCUSDT", frame)
    assert (quote.bid, quote.ask_size) == (16493.5, 0.0)


def test_hyperliquid_trades_name_the_aggressor(read_one):
    trade = {
        "coin": "BTC",
        "side": "A",
        "px": "105056.0",
        "sz": "0.00219",
        "time": 1737918794873,
        "tid": 12145,
    }
    (said,), _ = read_one("hyperliquid", "BTC", {"channel": "trades", "data": [trade]}, tick="1")
    assert said == Trade(1737918794873 * MILLISECOND, NOW, "BTCUSDT", 105056.0, 0.00219, -1, 0)


def test_a_venue_nobody_reads_is_refused_with_the_nearest_name():
    from decimal import Decimal

    with pytest.raises(ConfigError, match="did you mean 'binance'"):
        parser_of("binanse", "BTCUSDT", Grid(Decimal(1), Decimal(1)))
