"""Implied volatilities: there and back, against vollib and the venue, and the prices that have none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from vollib.black.implied_volatility import implied_volatility as vollib_vol

from quant_channels.options.coin import quote_premium
from quant_channels.options.implied import REASONS, implied_vol, implied_vols
from quant_channels.options.pricing import black76, black76_many

EPSILON = 2.0**-52


@given(
    is_call=st.booleans(),
    forward=st.floats(1e-6, 1e9),
    k=st.one_of(st.floats(-1e-9, 1e-9), st.floats(-0.5, 0.5), st.floats(-10.0, 10.0)),
    deviation=st.floats(-6.0, 1.0).map(lambda power: 10.0**power),
    years=st.floats(1e-4, 30.0),
)
@example(is_call=True, forward=100.0, k=0.0, deviation=1e-6, years=1.0)
@example(is_call=False, forward=100.0, k=-8.0, deviation=0.3, years=1.0)
@example(is_call=True, forward=100.0, k=0.3, deviation=9.9, years=1.0)
@example(is_call=True, forward=1.0, k=-7.12109375, deviation=1.0, years=1.0)
@settings(max_examples=400, deadline=None)
def test_a_volatility_comes_back_from_its_price(is_call, forward, k, deviation, years):
    strike, vol = forward * math.exp(k), deviation / math.sqrt(years)
    price = black76(is_call, forward, strike, years, vol)
    found = implied_vol(is_call, price, forward, strike, years)
    if found.vol is None:
        # At either end a price says nothing more; the price and its intrinsic value are rounded themselves.
        assert found.reason in {"no_time_value", "above_bound"}
        value = min(price, black76(not is_call, forward, strike, years, vol))
        bound = forward if is_call else strike
        assert value <= (8 + 1) * EPSILON * max(forward, strike) or price >= bound * (1.0 - 8 * EPSILON)
        return
    again = black76(is_call, forward, strike, years, found.vol)
    # What the last digit of the price leaves open, and a few of its roundings.
    assert abs(again - price) <= 64 * EPSILON * max(forward, strike)
    slope = (black76(is_call, forward, strike, years, vol * 1.001) - price) / (0.001 * vol)
    assume(slope * vol > 1e-9 * max(forward, strike))
    assert found.vol == pytest.approx(vol, rel=1e-9 + 64 * EPSILON * max(forward, strike) / (slope * vol))


@given(k=st.floats(-1.5, 1.5), vol=st.floats(0.05, 3.0), years=st.floats(0.01, 3.0))
@settings(max_examples=60, deadline=None)
def test_the_volatility_is_that_of_vollib(k, vol, years):
    is_call, strike = k > 0.0, 100.0 * math.exp(k)
    price = black76(is_call, 100.0, strike, years, vol)
    assume(price > 1e-10)
    expected = vollib_vol(price, 100.0, strike, 0.0, years, "c" if is_call else "p")
    assert implied_vol(is_call, price, 100.0, strike, years).vol == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": math.nan}, "not_finite"),
        ({"price": math.inf}, "not_finite"),
        ({"forward": math.nan}, "not_finite"),
        ({"price": 1e300, "discount": 1e-300}, "not_finite"),
        ({"forward": 0.0}, "not_positive"),
        ({"strike": -1.0}, "not_positive"),
        ({"discount": 0.0}, "not_positive"),
        ({"years": 0.0}, "expired"),
        ({"years": -1.0}, "expired"),
        ({"price": 9.99}, "below_intrinsic"),
        ({"price": -1.0, "strike": 110.0}, "below_intrinsic"),
        ({"price": 100.0}, "above_bound"),
        ({"price": 1e9}, "above_bound"),
        ({"price": 10.0}, "no_time_value"),
        ({"price": 0.0, "strike": 110.0}, "no_time_value"),
        ({"price": 10.0 + 2e-14}, "no_time_value"),
        ({}, "solved"),
    ],
)
def test_a_price_without_a_volatility_says_why(change, reason):
    option = {"price": 12.0, "forward": 100.0, "strike": 90.0, "years": 0.5, "discount": 1.0, **change}
    found = implied_vol(True, **option)
    assert found.reason == reason
    assert (found.vol is not None) == (reason == "solved")
    columns = {name: np.array([value]) for name, value in option.items()}
    many = implied_vols(np.array([True]), **columns)
    assert many.reason(0) == reason
    assert np.isfinite(many.vol[0]) == (reason == "solved")


def test_a_chain_is_solved_as_its_options_are():
    rng = np.random.default_rng(11)
    count = 5_000
    is_call = rng.random(count) < 0.5
    strike = 100.0 * np.exp(rng.choice([0.0, 1e-6, 1e-2, 0.3, 2.0], count) * rng.uniform(-1.0, 1.0, count))
    deviation = 10.0 ** rng.uniform(-4.0, 0.8, count)
    price = black76_many(is_call, 100.0, strike, 1.0, deviation)
    price[::50] *= 1.5
    price[1::50] -= 5.0
    price[2::50] = np.nan
    many = implied_vols(is_call, price, 100.0, strike, 1.0)
    assert {REASONS[code] for code in many.code.tolist()} == {
        "solved",
        "not_finite",
        "below_intrinsic",
        "above_bound",
        "no_time_value",
    }
    for row in range(count):
        single = implied_vol(bool(is_call[row]), price.item(row), 100.0, strike.item(row), 1.0)
        assert many.reason(row) == single.reason
        if single.vol is not None:
            # Two roundings of nearly the whole price can lie between them.
            assert many.vol[row] == pytest.approx(single.vol, rel=1e-7)


def test_the_volatilities_that_the_venue_states(deribit_rows):
    """Deribit marks every option with a price and a volatility; one follows from the other."""
    rows = deribit_rows("Deribit BTC, 2025-12-05")
    is_call = np.array([row["right"] == "C" for row in rows])
    names = ("mark_price", "underlying_price", "strike", "t_years", "mark_iv_pct")
    premium, forward, strike, years, told = (np.array([row[name] for row in rows]) for name in names)
    found = implied_vols(is_call, quote_premium(premium, forward), forward, strike, years)
    solved = found.code == REASONS.index("solved")
    assert solved.mean() > 0.9
    assert np.median(np.abs(100.0 * found.vol[solved] - told[solved])) < 0.004


def test_volatilities_of_the_test_network(deribit_rows):
    """Bid, ask and mark of options out of the money; marks are rounded to 0.0001 coin there."""
    rows = deribit_rows("Deribit testnet BTC, 2026-06-27")
    rows = [row for row in rows if (row["right"] == "C") == (row["strike"] >= row["underlying_price"])]
    is_call = np.array([row["right"] == "C" for row in rows])
    forward, strike = (np.array([row[name] for row in rows]) for name in ("underlying_price", "strike"))
    years = np.array([(row["expiry_ms"] - row["ts_ms"]) / (365 * 86_400_000) for row in rows])
    for side in ("bid", "ask"):
        premium, told = (np.array([row[f"{side}_{end}"] for row in rows]) for end in ("price", "iv_pct"))
        found = implied_vols(is_call, quote_premium(premium, forward), forward, strike, years)
        both = np.isfinite(found.vol) & (told > 0.0)
        assert both.sum() > 100
        assert np.median(np.abs(100.0 * found.vol[both] - told[both])) < 0.02, side
