"""Made-up chains look like a venue's and leave nothing for free."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from quant_channels.options.pricing import YEAR, black76
from quant_channels.synthetic.chain import Listing, expiries_from
from quant_contracts.units import DAY, HOUR, MINUTE

START = 1_640_995_200_000_000_000


@pytest.mark.parametrize("count", [1, 6, 12])
def test_expiries_are_as_many_as_asked_for_and_all_ahead(count):
    for day in range(60):
        expiries = expiries_from(day * DAY, count)
        assert expiries == sorted(set(expiries))
        assert len(expiries) == count
        assert expiries[0] == day * DAY + 8 * HOUR
        assert all(expiry % DAY == 8 * HOUR for expiry in expiries)


def test_a_strike_once_listed_stays_until_its_expiry():
    listing = Listing(6, 11, 0.6)
    before = set()
    for day, price in enumerate((100.0, 130.0, 80.0, 82.0)):
        listing.list_day(START + day * DAY, price)
        expiries, strikes, rights = listing.options()
        now = {*zip(expiries.tolist(), strikes.tolist(), rights.tolist(), strict=True)}
        assert {option for option in before if option[0] > START + day * DAY} <= now
        assert (strikes > 0).all()
        for expiry in set(expiries.tolist()):
            near = strikes[expiries == expiry]
            assert near.min() < price < near.max()
        before = now


def test_quotes_stand_around_the_mark_on_the_ticks_of_the_venue(rows):
    for quote in rows("options", end=START + 3 * HOUR):
        assert START < quote.ts_event < quote.expiry
        assert quote.ask > 0
        assert quote.bid is None or 0 < quote.bid < quote.ask
        assert (quote.bid is None) == (quote.bid_size is None)
        assert 0.1 < quote.mark_iv < 3.0
        for price in (quote.bid or 0.0, quote.ask):
            assert round(price * 10_000) / 10_000 == price
        years = (quote.expiry - quote.ts_event) / YEAR
        value = black76(quote.right > 0, quote.forward, quote.strike, years, quote.mark_iv) / quote.forward
        assert quote.mark == pytest.approx(value, abs=2e-5)


def test_no_spread_of_the_surface_is_free(rows):
    """Calls fall and bend upwards in the strike; total variance at one moneyness rises with time."""
    chains = defaultdict(list)
    quotes = rows("options", premium="linear", strikes=41, expiries=8, chain_interval="4h")
    for quote in quotes:
        if quote.right > 0:
            chains[quote.ts_event, quote.expiry].append(quote)
    variances = defaultdict(list)
    for (ts, expiry), calls in sorted(chains.items()):
        strikes = np.array([call.strike for call in calls])
        marks = np.array([call.mark for call in calls])
        slopes = np.diff(marks) / np.diff(strikes)
        assert (slopes <= 1e-9).all()
        assert (slopes >= -1 - 1e-9).all()
        assert (np.diff(slopes) > -1e-6).all()
        money = np.log(strikes / calls[0].forward)
        years = (expiry - ts) / YEAR
        total = np.array([call.mark_iv for call in calls]) ** 2 * years
        variances[ts].append(np.interp([-0.02, 0.0, 0.02], money, total))
    for rising in variances.values():
        assert (np.diff(rising, axis=0) > -1e-5).all()


def test_the_skew_leans_further_when_the_market_is_restless(rows):
    skews, levels = [], []
    expiry = expiries_from(START, 6)[-1]
    by_moment = defaultdict(list)
    for quote in rows("options", chain_interval="30m"):
        if quote.expiry == expiry and quote.right > 0:
            by_moment[quote.ts_event].append(quote)
    for quotes in by_moment.values():
        money = np.array([quote.strike / quote.forward for quote in quotes])
        vols = np.array([quote.mark_iv for quote in quotes])
        low, level, high = np.interp([0.9, 1.0, 1.1], money, vols)
        skews.append((low - high) / level)
        levels.append(level)
    assert min(skews) > 0
    assert np.corrcoef(levels, skews)[0, 1] > 0.5


def test_a_chain_is_there_when_the_bar_closes(rows):
    moments = {quote.ts_event for quote in rows("options", chain_interval="15m", end=START + 2 * HOUR)}
    assert moments == {START + count * 15 * MINUTE - 15 * 10**9 for count in range(1, 9)}
