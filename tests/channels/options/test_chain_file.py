"""Quotes from files: raw values in the contracts' units, in the order they were known, the rest counted."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_channels.options import chain_file
from quant_channels.options.chain_file import OptionsFileFeed
from quant_channels.options.chain_layouts import LAYOUTS
from quant_channels.options.handler import OptionChainDataHandler
from quant_contracts.blocks import ChainBlock
from quant_contracts.duration import parse_time
from quant_contracts.errors import DataError
from quant_contracts.protocols import StreamFeed
from quant_contracts.testing.streams import CHECKS
from quant_contracts.units import HOUR, MILLISECOND, MINUTE

REAL = {
    "deribit_chain": ("deribit_BTC_chain_20251205", None, 676),
    "deribit_book_summary": ("deribit_ETH_book_summary_20240108", None, 684),
    "deribit_tickers": ("deribit_testnet_BTC_tickers_20260627", None, 330),
    "us_minute_quotes": ("us_SPXW_minute_quotes_202101", False, 14_104),
    "us_eod": ("us_GOOG_eod_iv_greeks_20151222_20151231", True, 12_196),
}
"""Of each layout the file, whether its options are American, and how many rows are good."""

T0 = 1_700_000_000_000


@pytest.fixture
def real(shared_data):
    """A function from a layout to the feed of its real file."""

    def make(layout, **settings):
        name, is_american, _ = REAL[layout]
        path = str(shared_data(f"options/{name}.parquet"))
        return OptionsFileFeed("options", "X", path, layout, is_american=is_american, **settings)

    return make


@pytest.fixture
def tickers(tmp_path):
    """A function from rows, as changes of a good one, to the feed of a file of tickers."""
    good = {
        "ts_ms": T0,
        "expiry_ms": T0 + 86_400_000,
        "strike": 100.0,
        "right": "C",
        "bid_price": 0.01,
        "bid_size": 1.0,
        "ask_price": 0.02,
        "ask_size": 2.0,
        "mark_price": 0.015,
        "mark_iv_pct": 65.0,
        "underlying_price": 101.0,
        "open_interest": 3.0,
    }

    def make(*changes, group=1 << 20, columns=None, **settings):
        rows = [good | change for change in changes]
        table = pa.table(columns or {name: [row[name] for row in rows] for name in good})
        path = tmp_path / "tickers.parquet"
        pq.write_table(table, path, row_group_size=group)
        return OptionsFileFeed("options", "X", str(path), "deribit_tickers", **settings)

    return make


def quotes_of(feed, start=None, end=None, rows=1_000):
    return [quote for block in feed.blocks(start, end, rows) for quote in block.events()]


def found(feed):
    return {row.check: row.count for row in feed.quality()}


def raw_rows(path):
    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_real_file_is_read_whole_and_in_order(real, layout):
    feed = real(layout)
    assert isinstance(feed, StreamFeed)
    blocks = list(feed.blocks(None, None, 1_000))
    assert sum(map(len, blocks)) == REAL[layout][2]
    known = np.concatenate([block.known for block in blocks])
    assert (np.diff(known) >= 0).all()
    for block in blocks:
        assert 0 < len(block) <= 1_000
        assert (block.expiry > block.known).all()
        assert block.premium == ("inverse" if layout.startswith("deribit") else "linear")
        assert block.is_american == (layout == "us_eod")
    assert len(feed.info().sha256) == 64
    assert feed.info().name == f"{REAL[layout][0]}.parquet"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_do_not_depend_on_the_size_of_blocks(real, layout):
    feed = real(layout)
    whole = ChainBlock.join("X", list(feed.blocks(None, None, 1 << 20)))
    parts = ChainBlock.join("X", list(feed.blocks(None, None, 777)))
    for name in ("known", "expiry", "strike", "right", "bid", "ask", "mark", "forward"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("layout", ["deribit_tickers", "us_minute_quotes"])
def test_it_keeps_every_promise_of_a_stream_feed(real, layout, check):
    check(lambda: real(layout))


def test_coin_premiums_stay_in_coin_and_percent_becomes_a_fraction(real):
    feed = real("deribit_chain")
    raw = raw_rows(feed.path)
    for quote, row in zip(quotes_of(feed), raw, strict=True):
        assert (quote.bid, quote.ask, quote.mark) == (row["bid_price"], row["ask_price"], row["mark_price"])
        assert quote.mark_iv == row["mark_iv_pct"] / 100
        assert quote.forward == row["underlying_price"]
        assert quote.open_interest == row["open_interest"]
        assert (quote.bid_size, quote.ask_size, quote.is_american) == (None, None, False)
        assert quote.expiry == row["expiry_ms"] * MILLISECOND
        assert quote.right == (1 if row["right"] == "C" else -1)
    assert sum(quote.bid is None for quote in quotes_of(feed)) == 147
    assert sum(quote.ask is None for quote in quotes_of(feed)) == 129


def test_a_snapshot_without_its_time_gets_the_last_that_agrees_with_every_row(real):
    feed = real("deribit_chain")
    (known,) = {quote.ts_known for quote in quotes_of(feed)}
    assert known == parse_time("2025-12-05T01:11:04.560000")
    (row,) = feed.quality()
    assert row.check == "assumed_time"
    assert "2025-12-05T01:10:38Z to 2025-12-05T01:11:04Z" in row.example
    for quote, raw in zip(quotes_of(feed), raw_rows(feed.path), strict=True):
        years = (quote.expiry - known) / (365 * 24 * HOUR)
        assert abs(years - raw["t_years"]) < 1.001e-5


def test_a_snapshot_may_be_declared(real):
    feed = real("deribit_chain", snapshot="2025-12-05T01:10:50")
    (known,) = {quote.ts_known for quote in quotes_of(feed)}
    assert known == parse_time("2025-12-05T01:10:50")
    assert "declared" in feed.quality()[0].example


def test_an_empty_side_sent_as_zero_is_none(real):
    feed = real("deribit_tickers")
    quotes = quotes_of(feed)
    assert sum(quote.bid is None for quote in quotes) == 20
    assert all(quote.bid_size == 0.0 for quote in quotes if quote.bid is None)
    assert found(feed) == {"out_of_order": 277}


def test_minutes_are_known_at_their_end_and_sizes_are_shares(real, shared_data):
    feed = real("us_minute_quotes")
    quotes = quotes_of(feed)
    raw = min(raw_rows(feed.path), key=lambda row: row["bar_start_ms"])
    first = next(one for one in quotes if one.strike == raw["strike"] and one.right == 1)
    assert first.ts_known == raw["bar_start_ms"] * MILLISECOND + MINUTE == parse_time("2021-01-04T14:31:00")
    assert first.bid_size == 100 * raw["bid_size"]
    assert first.forward is None
    assert first.mark is None
    close = datetime.combine(raw["expiry"], datetime.min.time(), UTC).timestamp() + 21 * 3600
    assert first.expiry == int(close) * 1_000 * MILLISECOND
    assert found(feed)["crossed"] == 7
    assert sum(one.bid is not None and one.ask is not None and one.bid > one.ask for one in quotes) == 7
    assert found(feed)["expired"] == 5
    assert "21:00 UTC" in next(row.example for row in feed.quality() if row.check == "assumed_expiry")


def test_a_day_is_known_at_its_end(real):
    feed = real("us_eod")
    quotes = quotes_of(feed)
    assert quotes[0].ts_known == parse_time("2015-12-23")
    raw = raw_rows(feed.path)[1_000]
    match = next(
        one
        for one in quotes
        if (one.strike, one.right) == (raw["strike"], 1 if raw["right"] == "C" else -1)
        and datetime.fromtimestamp(one.expiry / 1e9, UTC).date() == raw["expiry"]
        and one.ts_known == parse_time(raw["date"].isoformat()) + 24 * HOUR
    )
    assert (match.mark, match.bid, match.ask) == (raw["close"], None, None)
    assert match.mark_iv == raw["implied_volatility"]
    interest = raw["open_interest"]
    assert match.open_interest == (None if interest is None else 100 * interest)
    checks = found(feed)
    assert checks["expired"] == 194
    assert checks["no_volatility"] == sum(one.mark_iv is None for one in quotes)
    assert {"assumed_time", "assumed_expiry"} <= set(checks)


def test_expiries_end_at_the_declared_time(real):
    (block, *_) = real("us_minute_quotes", settles="21:15").blocks(None, None, 100)
    assert {ts % (24 * HOUR) for ts in block.expiry.tolist()} == {21 * HOUR + 15 * MINUTE}


def test_from_a_moment_on_the_last_quotes_before_it_come_first(real):
    feed = real("us_minute_quotes")
    start, end = parse_time("2021-01-05T15:00:00"), parse_time("2021-01-05T16:00:00")
    whole, part = OptionChainDataHandler(feed), OptionChainDataHandler(feed)
    whole.load_history(None, None, 500)
    part.load_history(start, end, 500)
    for ts in range(start, end + 1, 10 * MINUTE):
        whole.advance(ts)
        part.advance(ts)
        assert part.observe(0, ts) == whole.observe(0, ts) is not None
    asked = quotes_of(feed, start, end)
    assert len(asked) < 1_000
    assert asked[-1].ts_known <= end
    assert [one for one in asked if one.ts_known >= start] == [
        one for one in quotes_of(feed) if start <= one.ts_known <= end
    ]


def test_a_file_in_order_of_time_is_read_as_it_goes_by(tickers, monkeypatch):
    monkeypatch.setattr(chain_file, "DECODE", 8)
    feed = tickers(*({"ts_ms": T0 + row, "strike": 100.0 + row} for row in range(40)), group=8)
    blocks = feed.blocks(None, None, 100)
    assert len(next(blocks)) == 8
    assert sum(map(len, blocks)) == 32
    assert found(feed) == {}


def test_too_many_rows_out_of_order_are_refused(tickers, monkeypatch):
    monkeypatch.setattr(chain_file, "MOST_SORTED", 1)
    feed = tickers({"ts_ms": T0 + 1}, {"ts_ms": T0})
    with pytest.raises(DataError, match="not in order of ts_ms"):
        quotes_of(feed)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param({"ts_ms": None}, "broken_time", id="no time"),
        pytest.param({"strike": None}, "broken_option", id="no strike"),
        pytest.param({"strike": 0.0}, "broken_option", id="a strike of 0"),
        pytest.param({"strike": float("nan")}, "broken_option", id="a strike that is no number"),
        pytest.param({"strike": float("inf")}, "broken_option", id="an infinite strike"),
        pytest.param({"right": "X"}, "broken_option", id="neither call nor put"),
        pytest.param({"right": None}, "broken_option", id="no right"),
        pytest.param({"expiry_ms": None}, "broken_option", id="no expiry"),
        pytest.param({"bid_price": float("inf")}, "not_finite", id="an infinite bid"),
        pytest.param({"ask_size": float("-inf")}, "not_finite", id="an infinite size"),
        pytest.param({"bid_price": -0.1}, "negative", id="a bid below 0"),
        pytest.param({"bid_size": -1.0}, "negative", id="a size below 0"),
        pytest.param({"underlying_price": 0.0}, "negative", id="a forward of 0"),
        pytest.param({"mark_iv_pct": -65.0}, "negative", id="a volatility below 0"),
        pytest.param({"underlying_price": 1e300}, "wild", id="a forward beyond measure"),
        pytest.param({"strike": 1e-300}, "wild", id="a strike of next to nothing"),
        pytest.param({"open_interest": 1e-320}, "wild", id="an interest of next to nothing"),
        pytest.param({"expiry_ms": T0}, "expired", id="an option that has expired"),
    ],
)
def test_a_bad_row_is_left_out_and_counted(tickers, change, check):
    feed = tickers({}, change, {"strike": 105.0})
    assert [quote.strike for quote in quotes_of(feed)] == [100.0, 105.0]
    assert found(feed) == {check: 1}


def test_what_a_venue_did_not_say_is_none(tickers):
    nothing = dict.fromkeys(
        ("bid_price", "bid_size", "ask_price", "mark_price", "underlying_price", "open_interest")
    )
    (quote,) = quotes_of(tickers(nothing | {"mark_iv_pct": 0.0}))
    assert (quote.bid, quote.ask, quote.mark, quote.mark_iv, quote.forward, quote.open_interest) == (
        None,
    ) * 6


def test_a_file_of_another_kind_says_what_is_missing(tickers):
    feed = tickers({}, columns={"ts_ms": [1], "strike": [1.0]})
    with pytest.raises(DataError, match="not laid out as deribit_tickers: no column ask_price"):
        quotes_of(feed)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a parquet file" * 10])
def test_a_damaged_file_is_a_data_error(tmp_path, content):
    path = tmp_path / "damaged.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        quotes_of(OptionsFileFeed("options", "X", str(path), "deribit_tickers"))


def test_an_absent_file_is_met_when_it_is_read(tmp_path):
    feed = OptionsFileFeed("options", "X", str(tmp_path / "none.parquet"), "deribit_tickers")
    blocks = feed.blocks(None, None, 10)
    with pytest.raises(DataError, match="no such file"):
        next(blocks)


def test_a_row_without_years_has_no_say_in_the_snapshot(tmp_path):
    columns = {name: [1.0, 1.0] for name in ("bid_price", "ask_price", "mark_price", "underlying_price")}
    columns |= {"expiry_ms": [T0, T0], "t_years": [0.1, None], "strike": [1.0, 2.0], "right": ["C", "C"]}
    columns |= {"mark_iv_pct": [50.0, 50.0], "open_interest": [1.0, 1.0]}
    path = tmp_path / "chain.parquet"
    pq.write_table(pa.table(columns), path)
    quotes = quotes_of(OptionsFileFeed("options", "X", str(path), "deribit_chain"))
    assert {quote.ts_known for quote in quotes} == {int(T0 * MILLISECOND - 0.099995 * 365 * 24 * HOUR)}


def test_rows_that_do_not_agree_on_a_moment_ask_for_the_snapshot(tmp_path):
    columns = {name: [1.0, 1.0] for name in ("bid_price", "ask_price", "mark_price", "underlying_price")}
    columns |= {"expiry_ms": [T0, T0], "t_years": [0.1, 0.2], "strike": [1.0, 2.0], "right": ["C", "C"]}
    columns |= {"mark_iv_pct": [50.0, 50.0], "open_interest": [1.0, 1.0]}
    path = tmp_path / "chain.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match="declare snapshot"):
        quotes_of(OptionsFileFeed("options", "X", str(path), "deribit_chain"))


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"domain": "trades"}, "serves the domain options"),
        ({"layout": "nse"}, "layout must be one of deribit_chain"),
        ({"snapshot": "2025-12-05"}, "leave snapshot out"),
        ({"layout": "us_eod"}, "declare is_american"),
        ({"is_american": True}, "European"),
        ({"layout": "us_eod", "is_american": True, "settles": "9pm"}, "time of day"),
    ],
)
def test_settings_are_checked(given_, said):
    with pytest.raises(ValueError, match=said):
        OptionsFileFeed(
            **({"domain": "options", "symbol": "X", "path": "p", "layout": "deribit_tickers"} | given_)
        )
