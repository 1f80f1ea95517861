"""Trades, bars, quotes and books of one seed tell of one market."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby, pairwise

import numpy as np
import pytest

from quant_contracts.events import BookGap, BookSnapshot
from quant_contracts.instrument import Grid
from quant_contracts.units import MINUTE


@pytest.mark.parametrize(
    ("symbol", "settings"),
    [
        pytest.param("BTCUSDT", {}, id="as it comes"),
        pytest.param("SOLUSDT", {"tick": Decimal("0.001"), "lot": Decimal("0.01")}, id="coarse lots"),
        pytest.param("BTCUSDT", {"tick": Decimal("0.5"), "lot": Decimal(1)}, id="lots above the volume's"),
        pytest.param("DOGEUSDT", {"price": 0.03, "lot": Decimal(1)}, id="three ticks of price"),
        pytest.param("ETHUSDT", {"volatility": 6.0}, id="a storm"),
    ],
)
def test_the_trades_of_a_minute_are_its_bar(rows, bars, symbol, settings):
    shared = {name: value for name, value in settings.items() if name != "lot"}
    expected = {bar.ts_event: bar for bar in bars(symbol, **shared)}
    thousandth = Grid(Decimal(1), Decimal("0.00001"))
    seen = 0
    trades = rows("trades", symbol=symbol, **settings)
    for close, group in groupby(trades, key=lambda trade: (trade.ts_event // MINUTE + 1) * MINUTE):
        traded, bar = list(group), expected[close]
        prices = [trade.price for trade in traded]
        assert (prices[0], max(prices), min(prices), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)
        total = thousandth.lots(np.array([trade.quantity for trade in traded])).sum()
        assert total == max(thousandth.lots(np.array([bar.volume]))[0], 4 * 100 if bar.volume < 0.004 else 0)
        assert traded[-1].ts_known < close
        seen += 1
    assert seen == len(expected)


def test_trades_are_numbered_and_in_order(rows):
    trades = rows("trades", days=2)
    assert [trade.trade_id for trade in trades] == list(range(1, len(trades) + 1))
    assert all(one.ts_event < other.ts_event for one, other in pairwise(trades))


def test_trades_come_in_bursts_and_aggressors_follow_one_another(rows):
    trades = rows("trades", trades_per_minute=60)
    waits = np.diff([trade.ts_event for trade in trades]) / 1e9
    assert waits.std() > 1.5 * waits.mean()
    sides = np.array([trade.side for trade in trades])
    assert abs(sides.mean()) < 0.05
    assert 0.5 < (sides[1:] * sides[:-1]).mean() < 0.8
    # Net buying goes with a rising price.
    minute = np.array([trade.ts_event // MINUTE for trade in trades])
    begins = np.flatnonzero(np.diff(minute, prepend=-1))
    net = np.add.reduceat(sides, begins)
    last = np.append(begins[1:], len(trades)) - 1
    prices = np.array([trade.price for trade in trades])
    moves = prices[last] - prices[begins]
    assert np.corrcoef(net, moves)[0, 1] > 0.2


def test_a_trade_finds_its_price_in_the_quotes_and_leaves_the_rest(rows):
    quotes = rows("quotes")
    trades = rows("trades")
    assert len(quotes) == 2 * len(trades)
    for trade, before, after in zip(trades, quotes[::2], quotes[1::2], strict=True):
        assert before.ts_event < trade.ts_event == after.ts_event
        assert before.bid < before.ask
        assert trade.price == (before.ask if trade.side > 0 else before.bid)
        was, left = (before.ask_size, after.ask_size) if trade.side > 0 else (before.bid_size, after.bid_size)
        assert was - left == pytest.approx(trade.quantity, abs=1e-9)
        assert left > 0


@pytest.mark.parametrize("gaps", [0, 200])
@pytest.mark.parametrize("levels", [2, 20])
def test_the_book_is_never_crossed_and_its_top_is_the_quote(rows, levels, gaps):
    until = 1_640_995_200_000_000_000 + 240 * MINUTE
    quotes = {quote.ts_event: quote for quote in rows("quotes", end=until)}
    bids, asks = {}, {}
    good, compared, lost, sequence = False, 0, 0, 0
    for event in rows("orderbook", end=until, book_levels=levels, gaps_per_day=gaps):
        assert event.sequence >= sequence
        sequence = event.sequence
        if isinstance(event, BookGap):
            good, lost = False, lost + 1
            continue
        if isinstance(event, BookSnapshot):
            bids, asks, good = {}, {}, True
        assert good
        for side, changed in ((bids, event.bids), (asks, event.asks)):
            assert len(dict(changed)) == len(changed)
            side.update(changed)
            for price, size in changed:
                if size == 0:
                    del side[price]
        assert len(bids) == len(asks) == levels
        bid, ask = max(bids), min(asks)
        assert bid < ask
        if (quote := quotes.get(event.ts_event)) is not None:
            compared += 1
            assert (bid, bids[bid], ask, asks[ask]) == (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
    assert compared > (0.7 if gaps else 0.99) * len(quotes)
    assert (lost > 10) == (gaps > 0)


def test_the_market_is_thinner_and_wider_when_it_is_restless(rows):
    calm, wild = (rows("quotes", volatility=volatility) for volatility in (0.3, 3.0))
    # Volatility over the usual is the same in both; within one day it is not.
    for quotes in (calm, wild):
        spread = np.array([(quote.ask - quote.bid) / quote.bid for quote in quotes])
        size = np.array([quote.bid_size for quote in quotes])
        hour = np.array([quote.ts_event // (60 * MINUTE) % 24 for quote in quotes])
        night, day = np.isin(hour, (4, 5)), np.isin(hour, (14, 15))
        assert spread[day].mean() > 1.1 * spread[night].mean()
        assert size[day].mean() < size[night].mean()
