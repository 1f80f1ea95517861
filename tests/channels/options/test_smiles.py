"""SABR, SVI and SSVI: values, calibration and arbitrage."""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.options.sabr import SABR, fit_sabr
from quant_channels.options.smile import butterfly_density, has_butterfly_arbitrage
from quant_channels.options.ssvi import SSVI, SSVISmile, fit_ssvi
from quant_channels.options.svi import RawSVI, fit_svi
from quant_contracts.errors import ConfigError

YEARS = tuple(days / 365 for days in (7, 14, 30, 60, 120, 240))
THETAS = tuple(0.36 * years * (1.0 + 0.1 * place) for place, years in enumerate(YEARS))


def groups(rows, *names):
    """Rows by what they have in common."""
    rows = sorted(rows, key=lambda row: [row[name] for name in names])
    for _, group in itertools.groupby(rows, key=lambda row: [row[name] for name in names]):
        yield list(group)


@pytest.mark.parametrize(
    ("file", "close"), [("sabr_quantlib_testvalues", 1e-12), ("sabr_quantlib144_grid", 1e-13)]
)
def test_sabr_gives_the_reference_volatilities_and_recovers_their_parameters(rows_of, file, close):
    for rows in groups(rows_of(file), "forward", "expiry_years", "alpha"):
        row = rows[0]
        true = SABR(row["forward"], row["expiry_years"], row["alpha"], row["beta"], row["rho"], row["nu"])
        strikes, vol = (np.array([one[name] for one in rows]) for name in ("strike", "black_vol"))
        assert true.vol(strikes) == pytest.approx(vol, abs=close)
        found = fit_sabr(true.forward, true.years, strikes, vol, np.ones(len(vol)), true.beta)
        assert found is not None
        assert (found.alpha, found.rho, found.nu) == pytest.approx((true.alpha, true.rho, true.nu), rel=1e-6)


@given(
    k=st.floats(-2.0, 2.0),
    alpha=st.floats(0.05, 1.5),
    beta=st.floats(0.0, 1.0),
    rho=st.floats(-0.99, 0.99),
    nu=st.floats(0.01, 5.0),
)
@settings(max_examples=150, deadline=None)
def test_sabr_is_that_of_quantlib(k, alpha, beta, rho, nu):
    level = alpha * 100.0 ** (1.0 - beta)
    strike = 100.0 * math.exp(k)
    found = float(SABR(100.0, 0.5, level, beta, rho, nu).vol(np.array([strike]))[0])
    expected = QuantLib.sabrVolatility(strike, 100.0, 0.5, level, beta, nu, rho)
    assert found == pytest.approx(expected, rel=1e-6)


def test_sabr_is_smooth_at_the_money():
    smile = SABR(100.0, 0.5, 0.6, 1.0, -0.2, 0.8)
    near = smile.vol(100.0 * np.exp(np.array([-1e-6, -1e-9, -1e-12, 0.0, 1e-12, 1e-9, 1e-6])))
    assert np.abs(near - near[3]).max() < 1e-6
    assert np.diff(near).max() <= 1e-15
    flat = SABR(100.0, 0.5, 0.6, 1.0, -0.2, 0.0)
    assert flat.vol(np.array([50.0, 100.0, 200.0])) == pytest.approx(0.6)


def test_sabr_says_where_it_has_no_density():
    k = np.linspace(-2.0, 2.0, 201)
    assert not has_butterfly_arbitrage(SABR(100.0, 0.1, 0.5, 1.0, -0.3, 1.0), k)
    assert has_butterfly_arbitrage(SABR(100.0, 20.0, 0.3, 0.5, -0.6, 0.6), k)
    # Here the expansion itself falls below zero.
    collapsed = SABR(100.0, 10.0, 0.6, 1.0, -0.99, 1.0)
    assert np.isnan(collapsed.total_variance(np.zeros(1))[0])
    assert butterfly_density(collapsed, np.zeros(1))[0] == -np.inf


def test_svi_gives_the_reference_variances_and_recovers_their_parameters(rows_of):
    for rows in groups(rows_of("svi_quantlib144_grid"), "a", "b", "rho"):
        true = RawSVI(*(rows[0][name] for name in ("a", "b", "rho", "m", "sigma")))
        k, w = (np.array([row[name] for row in rows]) for name in ("log_moneyness", "total_variance"))
        assert true.total_variance(k) == pytest.approx(w, abs=1e-14)
        found = fit_svi(k, w, np.ones(len(k)))
        assert found is not None
        for name in ("a", "b", "rho", "m", "sigma"):
            assert getattr(found, name) == pytest.approx(getattr(true, name), rel=1e-6, abs=1e-9), name


def test_the_smile_of_vogt_has_butterfly_arbitrage():
    """Gatheral and Jacquier, example 3.1: the density is negative between k of about 0.6 and 1.2."""
    smile, k = RawSVI(-0.0410, 0.1331, 0.306, 0.3586, 0.4153), np.linspace(-1.5, 1.5, 301)
    assert has_butterfly_arbitrage(smile, k)
    negative = k[butterfly_density(smile, k) < 0.0]
    assert 0.5 < negative.min() < negative.max() < 1.3
    assert not has_butterfly_arbitrage(smile, k[k < 0.5])


@pytest.mark.parametrize("smile", [RawSVI(0.04, 0.1, -0.5, 0.02, 0.1), SSVISmile(0.05, -0.4, 1.1, 0.4)])
def test_derivatives_are_those_of_the_total_variance(smile):
    k, h = np.linspace(-0.8, 0.8, 33), 1e-4
    w, slope, curvature = smile.derivatives(k)
    up, down = smile.total_variance(k + h), smile.total_variance(k - h)
    assert w == pytest.approx(smile.total_variance(k), abs=0.0)
    assert slope == pytest.approx((up - down) / (2 * h), abs=1e-6)
    assert curvature == pytest.approx((up - 2 * w + down) / (h * h), abs=1e-4)


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ((0.04, -0.1, 0.0, 0.0, 0.1), "need b >= 0"),
        ((0.04, 0.1, 1.0, 0.0, 0.1), "need b >= 0"),
        ((-0.04, 0.1, 0.0, 0.0, 0.1), "total variance falls to -0.03"),
        ((math.nan, 0.1, 0.0, 0.0, 0.1), "must be finite"),
    ],
)
def test_svi_without_variance_is_refused(parameters, what):
    with pytest.raises(ValueError, match=what):
        RawSVI(*parameters)


def test_ssvi_with_arbitrage_cannot_be_made():
    assert SSVI(YEARS, THETAS, -0.45, 0.9, 0.45).smile(2).theta == THETAS[2]
    with pytest.raises(ValueError, match=r"calendar arbitrage: theta falls from 0\.06 at 0\.2 years"):
        SSVI((0.1, 0.2, 0.3), (0.05, 0.06, 0.05), -0.3, 1.0, 0.5)
    with pytest.raises(ValueError, match="butterfly arbitrage"):
        SSVI((0.1,), (0.05,), -0.9, 2.0, 0.5)
    with pytest.raises(ValueError, match=r"gamma must be above 0 and at most 0\.5, not 0\.7"):
        SSVI((0.1,), (0.05,), -0.3, 1.0, 0.7)
    with pytest.raises(ValueError, match="years must be above 0 and rise"):
        SSVI((0.2, 0.1), (0.05, 0.06), -0.3, 1.0, 0.5)
    with pytest.raises(ValueError, match="need a theta for each of 2 expiries, not 1"):
        SSVI((0.2, 0.1), (0.05,), -0.3, 1.0, 0.5)


@given(
    theta=st.floats(1e-5, 4.0),
    rho=st.floats(-0.999, 0.999),
    share=st.floats(0.01, 1.0),
    gamma=st.floats(0.01, 0.5),
    later=st.floats(1.0, 3.0),
)
@settings(max_examples=150, deadline=None)
def test_ssvi_has_no_arbitrage_wherever_the_calibration_goes(theta, rho, share, gamma, later):
    eta = share * 2.0 / (1.0 + abs(rho))
    first, second = (SSVISmile(value, rho, eta, gamma) for value in (theta, later * theta))
    k = np.linspace(-10.0, 10.0, 401) * math.sqrt(theta)
    assert not has_butterfly_arbitrage(first, k)
    assert (second.total_variance(k) >= first.total_variance(k) * (1.0 - 1e-12)).all()


def ssvi_chain(noise=0.0):
    """Six expiries of 25 strikes of a known surface."""
    true, rng = SSVI(YEARS, THETAS, -0.45, 0.9, 0.45), np.random.default_rng(3)
    k = [np.linspace(-2.0, 2.0, 25) * math.sqrt(theta) for theta in THETAS]
    vol = [
        np.sqrt(true.smile(place).total_variance(k[place]) / years) * (1.0 + noise * rng.standard_normal(25))
        for place, years in enumerate(YEARS)
    ]
    return true, k, vol, [np.ones(25)] * len(YEARS)


def test_ssvi_recovers_its_parameters():
    true, k, vol, weight = ssvi_chain()
    found = fit_ssvi(YEARS, k, vol, weight)
    assert (found.rho, found.eta, found.gamma) == pytest.approx((true.rho, true.eta, true.gamma), rel=1e-7)
    assert found.thetas == pytest.approx(true.thetas, rel=1e-8)
    true, k, vol, weight = ssvi_chain(noise=0.003)
    found = fit_ssvi(YEARS, k, vol, weight)
    assert (found.rho, found.eta, found.gamma) == pytest.approx((true.rho, true.eta, true.gamma), rel=0.02)
    assert found == fit_ssvi(YEARS, k, vol, weight)


def test_without_scipy_a_fit_says_which_extra_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    _, k, vol, weight = ssvi_chain()
    with pytest.raises(ConfigError, match=r'pip install "quant-engine\[options\]"'):
        fit_ssvi(YEARS, k, vol, weight)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"forward": 0.0}, "need a forward and years above 0"),
        ({"alpha": 0.0}, "alpha must be above 0"),
        ({"beta": 1.5}, "beta must be from 0 to 1"),
        ({"rho": 1.0}, "rho must be between -1 and 1"),
        ({"nu": -1.0}, "nu must be 0 or more"),
    ],
)
def test_sabr_outside_its_range_is_refused(change, what):
    good = {"forward": 100.0, "years": 0.5, "alpha": 0.6, "beta": 1.0, "rho": -0.2, "nu": 0.8}
    with pytest.raises(ValueError, match=what):
        SABR(**{**good, **change})
