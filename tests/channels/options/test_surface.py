"""Quotes to volatilities, volatilities to a surface, and what is read from it."""

from __future__ import annotations

import math
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.options.calibrate import fit_surface
from quant_channels.options.measures import MONTH, surface_measures
from quant_channels.options.normal import normal_cdf
from quant_channels.options.pricing import black76_many
from quant_channels.options.quotes import FINEST, ExpiryQuotes, SmileQuotes, mark_spread, smile_quotes
from quant_channels.options.ssvi import SSVI
from quant_channels.options.strikes import k_at_delta, strike_at_delta, vol_at_delta
from quant_channels.options.surface import SliceFit, SurfaceFit, smile_of
from quant_channels.options.svi import RawSVI

YEARS = tuple(days / 365 for days in (7, 14, 30, 60, 120, 240))
THETAS = tuple(0.36 * years * (1.0 + 0.1 * place) for place, years in enumerate(YEARS))
TRUE = SSVI(YEARS, THETAS, -0.45, 0.9, 0.45)


def smile_at(place: int, count: int = 25, **change) -> SmileQuotes:
    """Quotes of an expiry of the true surface, with a forward of 100 and more for later ones."""
    k = np.linspace(-2.0, 2.0, count) * math.sqrt(THETAS[place])
    vol = np.sqrt(TRUE.smile(place).total_variance(k) / YEARS[place])
    forward = 100.0 + place
    values = {"strikes": forward * np.exp(k), "vol": vol, "half_spread": np.full(count, 0.005), **change}
    return SmileQuotes(YEARS[place], forward, **values, offered=count + 5)


def chain() -> list[SmileQuotes]:
    return [smile_at(place) for place in range(len(YEARS))]


def flat(vol: float = 0.5, expiries: int = 2) -> SurfaceFit:
    """A surface with one volatility everywhere, as nearly as SVI can say it."""
    slices = tuple(
        SliceFit(
            years, 100.0, (vol * vol * years, 0.0, 0.0, 0.0, 0.1), vol, -1.0, 1.0, 0.0, 0.0, 1.0, 9, 9, ()
        )
        for years in (0.25, 0.5, 1.0)[:expiries]
    )
    return SurfaceFit("svi", slices, (), 0.0, 1.0, None)


@pytest.mark.parametrize(("model", "close"), [("ssvi", 1e-6), ("svi", 0.01), ("sabr", 1.0)])
def test_every_model_fits_a_clean_chain(model, close):
    fit = fit_surface(chain(), model)
    assert (fit.model, fit.reason, fit.refused) == (model, None, ())
    assert fit.median_error < close
    assert fit.coverage == 25 / 30
    for place, one in enumerate(fit.slices):
        assert (one.years, one.forward, one.used, one.offered) == (YEARS[place], 100.0 + place, 25, 30)
        assert one.atm_vol == pytest.approx(math.sqrt(THETAS[place] / YEARS[place]), abs=0.015)
        assert one.median_error <= 100 * 0.005
        assert one.flags == ()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(fit), type=SurfaceFit) == fit
    assert fit == fit_surface(chain()[::-1], model)


def test_an_expiry_that_cannot_be_fitted_is_refused_with_its_reason():
    expired = SmileQuotes(-0.1, 100.0, np.array([100.0]), np.array([0.5]), np.array([0.01]), 20)
    fit = fit_surface([*chain()[:2], smile_at(2, count=4), expired])
    assert [(one.reason, one.used, one.offered) for one in fit.refused] == [
        ("expired", 1, 20),
        ("too_few_quotes", 4, 9),
    ]
    assert [one.years for one in fit.slices] == list(YEARS[:2])
    assert fit.coverage == 50 / (30 + 30 + 9 + 20)


def test_a_chain_without_a_fit_says_why_and_has_no_numbers():
    for smiles in ([], [smile_at(0, count=3)]):
        fit = fit_surface(smiles)
        assert (fit.reason, fit.slices, fit.median_error, fit.coverage) == ("too_few_quotes", (), None, 0.0)
        assert surface_measures(fit) is None


def test_a_bad_fit_is_flagged():
    vol = np.where(np.arange(25) % 2 == 0, 0.4, 0.8)
    fit = fit_surface([smile_at(0), smile_at(3, vol=vol)], "sabr")
    assert fit.slices[0].flags == ()
    assert fit.slices[1].flags == ("poor_fit",)
    assert fit_surface([smile_at(3, vol=vol)], "sabr", poor_fit=30.0).slices[0].flags == ()


def test_arbitrage_between_and_within_expiries_is_flagged():
    crossed = fit_surface([smile_at(2), smile_at(3, vol=np.full(25, 0.3))], "sabr")
    assert [one.flags for one in crossed.slices] == [(), ("calendar",)]
    vogt, k = RawSVI(-0.0410, 0.1331, 0.306, 0.3586, 0.4153), np.linspace(-1.5, 1.5, 31)
    quotes = SmileQuotes(
        1.0, 100.0, 100.0 * np.exp(k), np.sqrt(vogt.total_variance(k)), np.full(31, 0.01), 31
    )
    for model, flags in (("svi", ("butterfly",)), ("ssvi", ())):
        assert fit_surface([quotes], model, poor_fit=99.0).slices[0].flags == flags


def test_american_options_are_flagged():
    american = msgspec.structs.replace(smile_at(1), is_american=True)
    assert fit_surface([american]).slices[0].flags == ("american",)


def test_quotes_with_a_small_spread_weigh_more():
    vol = smile_at(0).vol.copy()
    vol[3:6] += 0.2
    sure = np.full(25, 0.005)
    unsure = sure.copy()
    unsure[3:6] = 0.5
    even, weighed = (
        fit_surface([smile_at(0, vol=vol, half_spread=half)]).slices[0] for half in (sure, unsure)
    )
    assert weighed.median_error < 0.1 < even.median_error


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: fit_surface([smile_at(0), smile_at(0)]), "two expiries in"),
        (lambda: fit_surface(chain(), "heston"), "model must be one of ssvi, sabr, svi, not 'heston'"),
        (lambda: smile_at(0, vol=np.full(25, np.nan)), "vol of the expiry in .* must be finite and above 0"),
        (lambda: smile_at(0, strikes=np.full(25, 100.0)), "strikes of the expiry in .* must rise"),
        (lambda: smile_at(0, vol=np.ones(3)), "need as many strikes as volatilities"),
        (lambda: flat().total_variance(np.zeros(1), 0.0), "years must be above 0, not 0.0"),
        (lambda: k_at_delta(flat(), 0.3, 0.7), "delta must be above 0 and at most 0.5 either way"),
    ],
)
def test_what_makes_no_sense_is_refused(call, what):
    with pytest.raises(ValueError, match=what):
        call()


def test_total_variance_is_linear_between_expiries_and_volatility_flat_outside():
    fit, k = fit_surface(chain()), np.linspace(-0.3, 0.3, 7)
    first, second = (fit.smile(place).total_variance(k) for place in (2, 3))
    assert fit.total_variance(k, 45 / 365) == pytest.approx(0.5 * (first + second), rel=1e-12)
    assert fit.total_variance(k, YEARS[2]) == pytest.approx(first, rel=1e-12)
    assert fit.vol(k, 1 / 365) == pytest.approx(fit.vol(k, YEARS[0]), rel=1e-12)
    assert fit.vol(k, 2.0) == pytest.approx(fit.vol(k, YEARS[-1]), rel=1e-12)
    assert [fit.is_extrapolated(years) for years in (1 / 365, YEARS[0], 0.3, YEARS[-1], 2.0)] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert fit.forward(45 / 365) == pytest.approx(math.sqrt(102.0 * 103.0))
    assert (fit.forward(0.001), fit.forward(9.0)) == (100.0, 105.0)
    assert fit.vol_at_strike(fit.forward(0.2), 0.2) == pytest.approx(float(fit.vol(np.zeros(1), 0.2)[0]))


@given(delta=st.floats(0.01, 0.5), side=st.sampled_from([1.0, -1.0]), years=st.floats(0.01, 1.0))
@settings(max_examples=60, deadline=None)
def test_the_strike_of_a_delta_has_that_delta(delta, side, years):
    fit = fit_at_once()
    k = k_at_delta(fit, years, side * delta)
    deviation = math.sqrt(float(fit.total_variance(np.array([k]), years)[0]))
    chance = normal_cdf(-k / deviation + 0.5 * deviation)
    assert (chance if side > 0 else chance - 1.0) == pytest.approx(side * delta, abs=1e-9)
    assert strike_at_delta(fit, years, side * delta) == pytest.approx(fit.forward(years) * math.exp(k))


@cache
def fit_at_once() -> SurfaceFit:
    """One fit for all who only read it."""
    return fit_surface(chain())


def test_a_flat_surface_has_no_skew_smile_or_slope():
    found = surface_measures(flat(), 0.3)
    assert (found.atm, found.is_extrapolated) == (pytest.approx(0.5), False)
    assert [found.skew, found.smile, found.term_slope, found.roll_down] == pytest.approx([0.0] * 4, abs=1e-12)
    # Delta 1/4: k = w/2 + 0.6745 sqrt(w) in closed form.
    assert k_at_delta(flat(), 0.25, 0.25) == pytest.approx(0.5 * 0.0625 + 0.674489750196 * 0.25, abs=1e-10)
    assert k_at_delta(flat(), 0.25, -0.25) == pytest.approx(0.5 * 0.0625 - 0.674489750196 * 0.25, abs=1e-10)


def test_measures_are_those_of_the_curve():
    fit = fit_at_once()
    found = surface_measures(fit)
    put, call = vol_at_delta(fit, MONTH, -0.25), vol_at_delta(fit, MONTH, 0.25)
    assert found.atm == pytest.approx(math.sqrt(THETAS[2] / YEARS[2]), rel=1e-6)
    assert found.skew == pytest.approx(put - call)
    assert found.skew > 0.0
    assert found.smile == pytest.approx(0.5 * (put + call) - found.atm)
    roots, vols = np.sqrt(YEARS), np.sqrt(np.array(THETAS) / YEARS)
    assert found.term_slope == pytest.approx(np.polyfit(roots, vols, 1)[0], rel=1e-6)
    nearer = THETAS[1] + (THETAS[2] - THETAS[1]) * (15 / 16)
    assert found.roll_down == pytest.approx(found.atm - math.sqrt(nearer / (29 / 365)), rel=1e-4)
    assert surface_measures(flat(expiries=1), 0.25).term_slope is None
    assert surface_measures(flat(), 0.5 / 365).roll_down is None
    assert surface_measures(flat(), 2.0).is_extrapolated


def quotes_of(**change) -> ExpiryQuotes:
    """Strikes 80 to 120 of a forward of 100 at a volatility of 0.4, quoted a tenth of a dollar around."""
    strikes = np.repeat(np.arange(80.0, 121.0, 5.0), 2)
    is_call = np.arange(len(strikes)) % 2 == 0
    price = black76_many(is_call, 100.0, strikes, 0.25, np.full(len(strikes), 0.4), 0.99)
    values = {"bid": price - 0.1, "ask": price + 0.1, "mark": price, **change}
    return ExpiryQuotes(0.25, 100.0, strikes, is_call, **values, discount=0.99)


@pytest.mark.parametrize("source", ["quotes", "mark"])
def test_the_option_out_of_the_money_is_read_at_each_strike(source):
    smile = smile_quotes(quotes_of(), source)
    assert smile.strikes.tolist() == np.arange(80.0, 121.0, 5.0).tolist()
    assert smile.vol == pytest.approx(0.4, abs=1e-4)
    assert (smile.offered, smile.left_out) == (9, ())
    middle = smile.strikes == 100.0
    assert smile.half_spread[middle].min() == smile.half_spread.min()
    vega = 0.99 * 100.0 * math.exp(-0.5 * 0.1**2) / math.sqrt(2 * math.pi) * 0.5
    expected = 0.1 / vega if source == "quotes" else FINEST * math.exp(0.5 * 0.1**2)
    assert smile.half_spread[middle][0] == pytest.approx(expected, rel=1e-3)


def test_strikes_that_cannot_be_used_are_counted_by_reason():
    quotes = quotes_of()
    bid, ask = quotes.bid.copy(), quotes.ask.copy()
    put = {strike: row for row, strike in enumerate(quotes.strikes.tolist()) if not quotes.is_call[row]}
    call = {strike: row for row, strike in enumerate(quotes.strikes.tolist()) if quotes.is_call[row]}
    bid[put[80.0]] = 0.0
    ask[put[85.0]] = np.nan
    bid[put[90.0]], ask[put[90.0]] = ask[put[90.0]], bid[put[90.0]]
    bid[call[110.0]], ask[call[110.0]] = 99.5, 99.6
    ask[call[115.0]] = 99.5
    smile = smile_quotes(quotes_of(bid=bid, ask=ask))
    assert smile.left_out == (("above_bound", 1), ("crossed", 1), ("no_spread", 1), ("one_sided", 2))
    assert smile.strikes.tolist() == [95.0, 100.0, 105.0, 120.0]
    assert smile.offered == 9


def test_marks_that_are_asked_for_must_be_there():
    with pytest.raises(ValueError, match="source is 'mark' and the quotes have none"):
        smile_quotes(quotes_of(mark=None), "mark")


def test_a_mark_far_from_the_money_is_unsure_within_limits():
    spread = mark_spread(np.array([-3.0, 0.0, 3.0]), np.full(3, 0.5), 0.1)
    assert spread[0] == spread[2] == 0.5
    assert spread[1] == pytest.approx(FINEST, rel=0.01)


def test_the_model_of_a_slice_is_the_one_that_is_named():
    fit = fit_at_once()
    assert smile_of("ssvi", fit.slices[0]).theta == fit.slices[0].parameters[0]


@given(
    vol=st.lists(st.floats(0.01, 5.0), min_size=16, max_size=16),
    half=st.lists(st.floats(0.001, 0.5), min_size=16, max_size=16),
    model=st.sampled_from(["ssvi", "sabr", "svi"]),
    reach=st.sampled_from([1e-6, 0.4, 6.0]),
)
@settings(max_examples=25, deadline=None)
def test_any_quotes_end_in_finite_numbers_or_a_reason(vol, half, model, reach):
    k = np.linspace(-reach, reach, 8)
    smiles = [
        SmileQuotes(years, 100.0, 100.0 * np.exp(k), np.array(vol[part]), np.array(half[part]), 8)
        for years, part in ((0.05, slice(8)), (0.3, slice(8, 16)))
    ]
    fit = fit_surface(smiles, model)
    assert len(fit.slices) + len(fit.refused) == 2
    for one in fit.slices:
        assert all(map(math.isfinite, (*one.parameters, one.atm_vol, one.rms_error, one.median_error)))
    if fit.slices:
        found = surface_measures(fit)
        told = (found.atm, found.skew, found.smile, found.term_slope, found.roll_down)
        assert all(value is None or math.isfinite(value) for value in told)


@pytest.mark.parametrize("source", ["quotes", "mark"])
def test_an_expiry_without_usable_quotes_has_no_volatilities(source):
    none = np.zeros(0)
    empty = ExpiryQuotes(0.25, 100.0, none, none > 0.0, none, none, none)
    assert smile_quotes(empty, source).offered == 0
    expired = smile_quotes(msgspec.structs.replace(quotes_of(), years=-0.01), source)
    assert (expired.left_out, len(expired.vol)) == ((("expired", 9),), 0)
    assert fit_surface([expired]).reason == "expired"
    with pytest.raises(ValueError, match="need a forward above 0"):
        smile_quotes(msgspec.structs.replace(quotes_of(), forward=math.nan), source)


def test_a_smile_that_touches_zero_is_still_one():
    k = np.linspace(-0.5, 0.5, 21)
    touching = RawSVI(-0.1 * 0.2 * math.sqrt(1 - 0.09), 0.1, -0.3, 0.05, 0.2)
    quotes = SmileQuotes(
        0.5, 100.0, 100.0 * np.exp(k), np.sqrt(touching.total_variance(k) / 0.5), np.full(21, 0.01), 21
    )
    fit = fit_surface([quotes], "svi")
    assert fit.reason is None
    assert fit.median_error < 0.05
