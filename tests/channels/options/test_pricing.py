"""Prices against Haug's book, vollib and put-call parity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vollib.black import black as vollib_black

from quant_channels.options.coin import coin_delta, coin_premium, quote_premium
from quant_channels.options.normal import normal_cdf, normal_cdfs, normal_quantile
from quant_channels.options.parity import parity_forward
from quant_channels.options.pricing import (
    black76,
    black76_many,
    black_scholes,
    black_scholes_many,
    bounds,
    bounds_many,
)

OPTIONS = st.tuples(
    st.booleans(),
    st.floats(0.01, 1e6),
    st.floats(-3.0, 3.0),
    st.floats(1e-5, 10.0),
    st.floats(1e-3, 5.0),
)
"""Right, forward, ln(strike / forward), years, volatility."""


def test_prices_of_the_book(rows_of):
    for row in rows_of("black_scholes_haug_quantlib_testvalues"):
        is_call = row["type"] == "call"
        price = black_scholes(is_call, row["spot"], row["strike"], row["t"], row["vol"], row["r"], row["q"])
        assert price == pytest.approx(row["expected"], abs=max(row["tol"], 1e-4)), row


def test_prices_of_vollib_on_file(rows_of):
    rows = rows_of("black_scholes_py_vollib")
    for name, is_call in (("bs_call", True), ("bs_put", False)):
        spot, strike, rate, years, vol, expected = (
            np.array([row[key] for row in rows]) for key in ("S", "K", "R", "t", "v", name)
        )
        found = black_scholes_many(np.full(len(rows), is_call), spot, strike, years, vol, rate)
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-6)


@given(option=OPTIONS)
@settings(max_examples=150, deadline=None)
def test_prices_are_those_of_vollib_and_keep_parity_and_bounds(option):
    is_call, forward, k, years, vol = option
    strike = forward * math.exp(k)
    price, other = (black76(right, forward, strike, years, vol) for right in (is_call, not is_call))
    expected = vollib_black("c" if is_call else "p", forward, strike, years, 0.0, vol)
    assert price == pytest.approx(expected, rel=1e-12, abs=1e-13 * max(forward, strike))
    signed = price - other if is_call else other - price
    assert signed == pytest.approx(forward - strike, rel=1e-12, abs=1e-13 * max(forward, strike))
    low, high = bounds(is_call, forward, strike)
    assert low <= price <= high


def test_columns_are_priced_as_single_options():
    rng = np.random.default_rng(5)
    is_call, strike = rng.random(300) < 0.5, 100.0 * np.exp(rng.normal(0.0, 0.5, 300))
    years, vol = rng.uniform(0.0, 2.0, 300), rng.uniform(0.0, 1.5, 300)
    vol[:20] = 0.0
    many = black76_many(is_call, 100.0, strike, years, vol, 0.9)
    rows = zip(is_call.tolist(), strike.tolist(), years.tolist(), vol.tolist(), strict=True)
    single = [black76(right, 100.0, k, t, v, 0.9) for right, k, t, v in rows]
    assert many == pytest.approx(single, rel=1e-11, abs=1e-12)
    low, high = bounds_many(is_call, 100.0, strike, 0.9)
    assert (low <= many).all()
    assert (many <= high).all()


def test_columns_give_nan_for_what_has_no_price():
    bad = np.array([100.0, -1.0, np.nan, np.inf])
    prices = black76_many(np.full(4, True), 100.0, bad, 0.5, np.full(4, 0.2))
    assert np.isfinite(prices).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"forward": 0.0}, "forward must be a finite number above 0, not 0.0"),
        ({"strike": math.nan}, "strike must be a finite number above 0, not nan"),
        ({"years": -0.1}, "years must be a finite number from 0, not -0.1"),
        ({"vol": math.inf}, "vol must be a finite number from 0, not inf"),
        ({"discount": 0.0}, "discount must be a finite number above 0, not 0.0"),
    ],
)
def test_what_has_no_price_is_refused(change, what):
    option = {"is_call": True, "forward": 100.0, "strike": 90.0, "years": 1.0, "vol": 0.2, **change}
    with pytest.raises(ValueError, match=what):
        black76(**option)


def test_an_expired_option_is_worth_its_payoff():
    assert black76(True, 100.0, 90.0, 0.0, 0.5) == 10.0
    assert black76(False, 100.0, 90.0, 0.0, 0.5) == 0.0


def test_normal_distribution_far_into_the_tail():
    # Abramowitz and Stegun, table 26.2: -log10 Q(x).
    for x, expected in ((5.0, 6.54265), (10.0, 23.11805), (20.0, 88.56010), (30.0, 197.30921)):
        assert -math.log10(normal_cdf(-x)) == pytest.approx(expected, abs=6e-6)
    column = np.linspace(-37.0, 37.0, 149)
    assert normal_cdfs(column).tolist() == [normal_cdf(x) for x in column.tolist()]
    assert normal_cdf(normal_quantile(0.25)) == pytest.approx(0.25, rel=1e-15)


def test_premiums_in_coin_go_forth_and_back():
    assert quote_premium(coin_premium(1234.5, 64_000.0), 64_000.0) == pytest.approx(1234.5, rel=1e-15)
    # The value in coin of one call less `coin_delta` coins sold does not move with the forward.
    forward, strike, years, vol, step = 100.0, 110.0, 0.5, 0.6, 1e-3
    up, down = (
        coin_premium(black76(True, forward + h, strike, years, vol), forward + h) for h in (step, -step)
    )
    middle = coin_premium(black76(True, forward, strike, years, vol), forward)
    delta = (
        black76(True, forward + step, strike, years, vol) - black76(True, forward - step, strike, years, vol)
    ) / (2 * step)
    assert (up - down) / (2 * step) * forward == pytest.approx(coin_delta(delta, middle), rel=1e-6)


def test_the_forward_is_the_one_that_calls_and_puts_agree_on():
    strikes = np.repeat(np.arange(80.0, 121.0, 5.0), 2)
    is_call = np.arange(len(strikes)) % 2 == 0
    premium = black76_many(is_call, 101.3, strikes, 0.4, np.full(len(strikes), 0.3), 0.98)
    assert parity_forward(strikes, is_call, premium, 0.98) == pytest.approx(101.3, rel=1e-12)
    one_sided = np.where(is_call, premium, np.nan)
    assert parity_forward(strikes, is_call, one_sided, 0.98) is None
