"""Sensitivities against Haug's book, vollib and differences of prices."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.options.greeks import (
    black76_greeks,
    black76_greeks_many,
    black_scholes_greeks,
    black_scholes_greeks_many,
)
from quant_channels.options.pricing import black76, black_scholes


def test_greeks_of_the_book(rows_of):
    checked = set()
    for row in rows_of("black_scholes_greeks_haug_quantlib_testvalues"):
        option = (row["type"] == "call", row["spot"], row["strike"], row["t"], row["vol"], row["r"], row["q"])
        greeks = black_scholes_greeks(*option)
        told = {
            **msgspec.structs.asdict(greeks),
            "elasticity": greeks.delta * row["spot"] / greeks.price,
            "thetaPerDay": greeks.theta_per_day,
            "dividendRho": -row["t"] * greeks.delta * row["spot"],
        }
        if row["greek"] in told:
            checked.add(row["greek"])
            assert told[row["greek"]] == pytest.approx(row["expected"], rel=1e-4, abs=6e-5), row
    assert {"delta", "gamma", "vega", "theta", "rho", "elasticity"} <= checked


def test_greeks_of_vollib_on_file(rows_of):
    rows = rows_of("black_scholes_py_vollib")
    spot, strike, rate, years, vol = (np.array([row[key] for row in rows]) for key in "SKRtv")
    for side, is_call in (("C", True), ("P", False)):
        found = black_scholes_greeks_many(np.full(len(rows), is_call), spot, strike, years, vol, rate)
        for letter, name in zip("DGTVR", ("delta", "gamma", "theta", "vega", "rho"), strict=True):
            expected = np.array([row[side + letter] for row in rows])
            assert getattr(found, name) == pytest.approx(expected, rel=1e-6, abs=1e-6), (side, name)


def slope(price, name: str, at: float, step: float) -> float:
    """Derivative by one input, by differences of fourth order."""
    far, near = (price(**{name: at + away}) - price(**{name: at - away}) for away in (2.0 * step, step))
    return (8.0 * near - far) / (12.0 * step)


@given(
    is_call=st.booleans(),
    k=st.floats(-0.6, 0.6),
    years=st.floats(0.05, 2.0),
    vol=st.floats(0.15, 1.5),
    rate=st.floats(-0.05, 0.1),
    dividend=st.floats(-0.05, 0.1),
)
@settings(max_examples=100, deadline=None)
def test_greeks_are_the_slopes_of_the_price(is_call, k, years, vol, rate, dividend):
    strike = 100.0 * math.exp(k)

    def spot_price(at=100.0, t=years, v=vol, r=rate):
        return black_scholes(is_call, at, strike, t, v, r, dividend)

    def forward_price(at=100.0, t=years, v=vol, r=rate):
        return black76(is_call, at, strike, t, v, math.exp(-r * t))

    for price, greeks in (
        (spot_price, black_scholes_greeks(is_call, 100.0, strike, years, vol, rate, dividend)),
        (forward_price, black76_greeks(is_call, 100.0, strike, years, vol, rate)),
    ):
        assert greeks.price == price()
        assert greeks.delta == pytest.approx(slope(price, "at", 100.0, 0.1), abs=1e-6)
        second = (price(100.1) - 2.0 * price() + price(99.9)) / 0.01
        assert greeks.gamma == pytest.approx(second, abs=1e-4)
        assert greeks.vega == pytest.approx(slope(price, "v", vol, 1e-3), rel=1e-5, abs=1e-5)
        assert greeks.theta == pytest.approx(-slope(price, "t", years, 1e-3), rel=1e-4, abs=1e-3)
        assert greeks.rho == pytest.approx(slope(price, "r", rate, 1e-3), rel=1e-5, abs=1e-5)


def test_columns_have_the_greeks_of_single_options():
    rng = np.random.default_rng(6)
    is_call, strike = rng.random(200) < 0.5, 100.0 * np.exp(rng.normal(0.0, 0.3, 200))
    years, vol = rng.uniform(0.0, 1.0, 200), rng.uniform(0.05, 1.0, 200)
    years[:10], strike[0] = 0.0, 100.0
    for one, many, rest in (
        (black76_greeks, black76_greeks_many, (0.03,)),
        (black_scholes_greeks, black_scholes_greeks_many, (0.03, 0.01)),
    ):
        columns = many(is_call, 100.0, strike, years, vol, *rest)
        for row in range(200):
            option = (bool(is_call[row]), 100.0, strike.item(row), years.item(row), vol.item(row), *rest)
            for name, value in msgspec.structs.asdict(one(*option)).items():
                assert getattr(columns, name)[row] == pytest.approx(value, rel=1e-10, abs=1e-12), name


def test_columns_give_nan_for_what_has_no_price():
    columns = black76_greeks_many(np.array([True, True]), 100.0, np.array([90.0, -1.0]), 0.5, np.full(2, 0.4))
    for name in ("price", "delta", "gamma", "vega", "theta", "rho"):
        assert np.isfinite(getattr(columns, name)).tolist() == [True, False]


def test_an_expired_option_moves_with_the_underlying_or_not_at_all():
    inside, outside = (black76_greeks(True, 100.0, strike, 0.0, 0.5) for strike in (90.0, 110.0))
    assert (inside.delta, outside.delta) == (1.0, 0.0)
    assert (inside.gamma, inside.vega, inside.theta) == (0.0, 0.0, 0.0)


def test_greeks_of_the_venue(deribit_rows):
    """Deribit's delta, gamma, vega and theta of its test network, from its own volatility."""
    rows = [row for row in deribit_rows("Deribit testnet BTC, 2026-06-27") if row["mark_iv_pct"]]
    years = np.array([(row["expiry_ms"] - row["ts_ms"]) / (365 * 86_400_000) for row in rows])
    is_call = np.array([row["right"] == "C" for row in rows])
    forward, strike, vol = (
        np.array([row[name] for row in rows]) for name in ("underlying_price", "strike", "mark_iv_pct")
    )
    greeks = black76_greeks_many(is_call, forward, strike, years, vol / 100.0)
    for name, unit, close in (("delta", 1.0, 2e-4), ("vega", 0.01, 0.02), ("theta", 1 / 365, 0.3)):
        told = np.array([row[name] for row in rows])
        assert np.median(np.abs(getattr(greeks, name) * unit - told)) < close, name
