"""The real option chains of the shared data, and quotes made from a model."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_channels.options.coin import quote_premium
from quant_channels.options.parity import parity_forward
from quant_channels.options.quotes import ExpiryQuotes, SmileQuotes, mark_spread, smile_quotes

YEAR_MS = 365 * 86_400_000
NEW_YORK_CLOSE = timedelta(hours=21)
"""In UTC, and in winter, when all of these chains were taken."""
DERIBIT = {
    "Deribit BTC, 2025-12-05": "options/deribit_BTC_chain_20251205.parquet",
    "Deribit ETH, 2024-01-08": "options/deribit_ETH_book_summary_20240108.parquet",
    "Deribit testnet BTC, 2026-06-27": "options/deribit_testnet_BTC_tickers_20260627.parquet",
}
MINUTE = {
    "GOOG, 2015-12-24 16:00 UTC": ("options/us_GOOG_minute_quotes_20151224.parquet", True),
    "SPXW, 2021-01-06 16:00 UTC": ("options/us_SPXW_minute_quotes_202101.parquet", False),
}
END_OF_DAY = {
    "GOOG, 2015-12-24": ("options/us_GOOG_eod_iv_greeks_20151222_20151231.parquet", True),
    "SPX, 2015-12-23": ("options/us_SPX_eod_iv_greeks_20151222_20151223.parquet", False),
}


def close_ms(day: date) -> int:
    close = datetime.combine(day, datetime.min.time(), UTC) + NEW_YORK_CLOSE
    return int(close.timestamp()) * 1000


def by_expiry(rows: list[dict], key: str):
    """Expiries in order, each with its rows as columns; NaN for null."""
    groups: dict = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    for end, group in sorted(groups.items()):
        columns = {name: [np.nan if row[name] is None else row[name] for row in group] for name in group[0]}
        yield end, {name: np.array(column) for name, column in columns.items()}


def deribit(path) -> list[ExpiryQuotes]:
    """Coin premiums become dollars by the forward of the expiry."""
    chain = []
    for end, columns in by_expiry(pq.read_table(path).to_pylist(), "expiry_ms"):
        forward = float(np.median(columns["underlying_price"]))
        timed = "ts_ms" in columns
        years = (end - float(columns["ts_ms"].max())) / YEAR_MS if timed else float(columns["t_years"][0])
        prices = [quote_premium(columns[name], forward) for name in ("bid_price", "ask_price", "mark_price")]
        chain.append(ExpiryQuotes(years, forward, columns["strike"], columns["right"] == "C", *prices))
    return chain


def minute(path, now_ms: int, *, is_american: bool) -> list[ExpiryQuotes]:
    """The last quote of each contract of that day; the forward from put-call parity, at a rate of zero."""
    day = [("bar_start_ms", "<", now_ms), ("bar_start_ms", ">=", now_ms - 43_200_000)]
    rows = pq.read_table(path, filters=day).to_pylist()
    last = {(row["expiry"], row["strike"], row["right"]): row for row in rows}
    chain = []
    for end, columns in by_expiry(list(last.values()), "expiry"):
        strikes, is_call, bid, ask = (
            columns["strike"],
            columns["right"] == "C",
            columns["bid"],
            columns["ask"],
        )
        forward = parity_forward(strikes, is_call, 0.5 * (bid + ask))
        years = (close_ms(end) - now_ms) / YEAR_MS
        chain.append(ExpiryQuotes(years, forward, strikes, is_call, bid, ask, is_american=is_american))
    return chain


def end_of_day(path, day: date) -> list[tuple[float, float, dict]]:
    """Years, forward from put-call parity and columns; an expiry without a strike of both is left out."""
    found = []
    for end, columns in by_expiry(pq.read_table(path, filters=[("date", "=", day)]).to_pylist(), "expiry"):
        forward = parity_forward(columns["strike"], columns["right"] == "C", columns["close"])
        if forward is not None:
            found.append(((close_ms(end) - close_ms(day)) / YEAR_MS, forward, columns))
    return found


def closing_prices(path, day: date, *, is_american: bool) -> list[SmileQuotes]:
    smiles = []
    for years, forward, columns in end_of_day(path, day):
        none = np.full(len(columns["strike"]), np.nan)
        prices = (none, none, columns["close"])
        is_call = columns["right"] == "C"
        quotes = ExpiryQuotes(years, forward, columns["strike"], is_call, *prices, is_american=is_american)
        smiles.append(smile_quotes(quotes, "mark"))
    return smiles


def own_volatilities(path, day: date, *, is_american: bool) -> list[SmileQuotes]:
    """The volatilities of the source itself; 0 and 1e-7 stand for none."""
    smiles = []
    for years, forward, columns in end_of_day(path, day):
        side = np.flatnonzero((columns["right"] == "C") == (columns["strike"] >= forward))
        side = side[np.argsort(columns["strike"][side])]
        used = side[columns["implied_volatility"][side] > 1e-6]
        strikes, vol = columns["strike"][used], columns["implied_volatility"][used]
        spread = mark_spread(np.log(strikes / forward), vol, years)
        smiles.append(SmileQuotes(years, forward, strikes, vol, spread, len(side), is_american=is_american))
    return smiles


@pytest.fixture
def chain(shared_data):
    """A function from the name of a real chain and what to read of it to the smiles of its expiries."""

    def read(name: str, source: str) -> list[SmileQuotes]:
        if name in DERIBIT:
            return [smile_quotes(one, source) for one in deribit(shared_data(DERIBIT[name]))]
        if name in MINUTE:
            path, is_american = MINUTE[name]
            now = datetime.fromisoformat(name.split(", ")[1].removesuffix(" UTC") + "+00:00")
            quotes = minute(shared_data(path), int(now.timestamp()) * 1000, is_american=is_american)
            return [smile_quotes(one, source) for one in quotes]
        path, is_american = END_OF_DAY[name]
        day = date.fromisoformat(name.split(", ")[1])
        reader = {"closing prices": closing_prices, "its own volatilities": own_volatilities}[source]
        return reader(shared_data(path), day, is_american=is_american)

    return read


@pytest.fixture
def rows_of(shared_data):
    """A function from the name of a reference file to its rows."""
    return lambda name: pq.read_table(shared_data(f"reference/{name}.parquet")).to_pylist()


@pytest.fixture
def deribit_rows(shared_data):
    """A function from the name of a Deribit chain to its rows."""
    return lambda name: pq.read_table(shared_data(DERIBIT[name])).to_pylist()
