"""The surface in numbers: against numbers worked out by hand, and through the whole way from quotes."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_channels.options.features.factors import IVFactors
from quant_channels.options.features.iv_surface import IVSurfaceFeature, WeightedDeviation
from quant_channels.options.features.open_interest import OpenInterest
from quant_channels.options.fitted import FittedSurfaceFeed
from quant_channels.options.handler import OptionChainDataHandler
from quant_channels.options.measures import surface_measures
from quant_channels.options.normal import normal_quantile
from quant_channels.options.pricing import YEAR, black76
from quant_channels.options.ssvi import SSVISmile
from quant_channels.options.surface_event import surface_fit
from quant_channels.options.surface_handler import SurfaceHandler
from quant_contracts.blocks import ChainBlock
from quant_contracts.events import OptionQuote, Surface, SurfaceSlice
from quant_contracts.protocols import ReadingChannel, Stream
from quant_contracts.testing.samples import SampleStream, bars_from_closes, random_bars
from quant_contracts.units import DAY, SECOND

(BAR,) = bars_from_closes(100.0)
NOW = BAR.ts_known

NAMES = ("atm", "skew", "smile", "term_slope", "vol_of_vol", "roll_down", "fit_error", "coverage", "age_s")


def flat(vols_by_days, *, ts=NOW, symbol="BTCUSDT"):
    """A surface without any smile: raw SVI with w = vol**2 T and nothing else."""
    slices = tuple(
        SurfaceSlice(
            ts + days * DAY, days / 365, 100.0, (vol * vol * days / 365, 0.0, 0.0, 0.0, 0.1), 9, 10, 0.001
        )
        for days, vol in vols_by_days.items()
    )
    return Surface(ts, ts, symbol, "svi", (), slices, (), 0.001, 0.9)


def ssvi(rho=-0.3, eta=1.0, gamma=0.5, vol=0.5, *, ts=NOW, days=(15, 45)):
    slices = tuple(
        SurfaceSlice(ts + each * DAY, each / 365, 100.0, (vol * vol * each / 365,), 9, 10, 0.001)
        for each in days
    )
    return Surface(ts, ts, "BTCUSDT", "ssvi", (rho, eta, gamma), slices, (), 0.001, 0.9)


def after(seconds):
    return msgspec.structs.replace(BAR, ts_event=NOW + seconds * SECOND, ts_known=NOW + seconds * SECOND)


def warm(channel, *surfaces):
    """The last values, as a dictionary by the short names."""
    values = None
    for surface in surfaces:
        values = channel.update(after(60), surface)
    return None if values is None else dict(zip(NAMES, values, strict=True))


def thrice(surface):
    return [msgspec.structs.replace(surface, ts_event=NOW + row, ts_known=NOW + row) for row in range(3)]


@pytest.mark.parametrize("channel", [IVSurfaceFeature(), IVFactors(), OpenInterest()])
def test_it_is_a_channel_that_reads_a_stream(channel):
    assert isinstance(channel, ReadingChannel)
    assert channel.reads in {(Stream("surface"),), (Stream("options"),)}


def test_names_carry_the_settings():
    assert IVSurfaceFeature().outputs == tuple(f"iv_{name}_30d_24" for name in NAMES)
    assert IVSurfaceFeature(7.5, 2.5, extrapolate=True).outputs[0] == "iv_atm_7.5d_flat_2.5"
    assert IVFactors(60.0).outputs == ("iv_atm_60d", "iv_rr25_60d", "iv_bf25_60d")


def test_at_the_money_total_variance_is_linear_between_expiries():
    # 15 days at 40% and 45 days at 60%: w at 30 days is half-way between 0.16 * 15 and 0.36 * 45, over 365.
    found = warm(IVSurfaceFeature(), *thrice(flat({15: 0.4, 45: 0.6})))
    assert found["atm"] == pytest.approx(math.sqrt(0.5 * (0.16 * 15 + 0.36 * 45) / 30))
    # One day nearer: a share of 14/30 of the way.
    w29 = 0.16 * 15 + 14 / 30 * (0.36 * 45 - 0.16 * 15)
    assert found["roll_down"] == pytest.approx(found["atm"] - math.sqrt(w29 / 29))
    # Two points have one line through them.
    slope = (0.6 - 0.4) / (math.sqrt(45 / 365) - math.sqrt(15 / 365))
    assert found["term_slope"] == pytest.approx(slope)
    assert found["fit_error"] == 0.001
    assert found["coverage"] == 0.9
    assert found["age_s"] == pytest.approx(60.0)


def test_without_a_smile_there_is_neither_skew_nor_smile():
    found = warm(IVSurfaceFeature(), *thrice(flat({15: 0.5, 45: 0.5})))
    assert found["atm"] == pytest.approx(0.5, abs=1e-12)
    for name in ("skew", "smile", "term_slope", "roll_down", "vol_of_vol"):
        assert found[name] == pytest.approx(0.0, abs=1e-9)


def test_the_wings_have_a_delta_of_a_quarter():
    surface = ssvi()
    found = warm(IVSurfaceFeature(15.0, extrapolate=True), *thrice(surface))
    years, theta = 15 / 365, 0.25 * 15 / 365
    phi = 1.0 / math.sqrt(theta * (1 + theta))

    def w(k):
        # Gatheral and Jacquier's formula, written out once more.
        return theta / 2 * (1 - 0.3 * phi * k + math.sqrt((phi * k - 0.3) ** 2 + 1 - 0.09))

    def k_at(side):
        # d1 is a fixed number at the wing: by fixed-point iteration instead of a search.
        d1, k = side * normal_quantile(0.25), 0.0
        for _ in range(200):
            k = 0.5 * w(k) - d1 * math.sqrt(w(k))
        return k

    call, put = (math.sqrt(w(k_at(side)) / years) for side in (1, -1))
    assert found["skew"] == pytest.approx(put - call, abs=1e-8)
    assert found["smile"] == pytest.approx(0.5 * (put + call) - 0.5, abs=1e-8)
    assert found["skew"] > 0.0


def test_factors_are_the_same_numbers_as_a_desk_says_them():
    surface = ssvi()
    found = warm(IVSurfaceFeature(), *thrice(surface))
    atm, reversal, butterfly = IVFactors().update(BAR, surface)
    assert (atm, reversal, butterfly) == (found["atm"], -found["skew"], found["smile"])


def test_vol_of_vol_is_the_weighted_deviation_of_the_changes():
    vols = [0.50, 0.52, 0.51, 0.55]
    surfaces = [flat({15: vol, 45: vol}, ts=NOW + row) for row, vol in enumerate(vols)]
    found = warm(IVSurfaceFeature(half_life=1.0), *surfaces)
    # Changes 0.02, -0.01, 0.04 with weights 1/4, 1/2, 1.
    mean = (0.02 / 4 - 0.01 / 2 + 0.04) / 1.75
    variance = ((0.02 - mean) ** 2 / 4 + (-0.01 - mean) ** 2 / 2 + (0.04 - mean) ** 2) / 1.75
    assert found["vol_of_vol"] == pytest.approx(math.sqrt(variance))


def test_a_surface_that_is_looked_at_again_is_no_change():
    vols = [0.50, 0.52, 0.51]
    surfaces = [flat({15: vol, 45: vol}, ts=NOW + row) for row, vol in enumerate(vols)]
    often = [surface for surface in surfaces for _ in range(3)]
    once, again = warm(IVSurfaceFeature(), *surfaces), warm(IVSurfaceFeature(), *often)
    assert once == again


def test_the_third_surface_brings_the_first_values():
    channel = IVSurfaceFeature()
    assert channel.warmup == 3
    came = [channel.update(BAR, surface) is not None for surface in thrice(ssvi())]
    assert came == [False, False, True]
    assert IVFactors().warmup == 1


def test_the_age_grows_while_no_new_surface_comes():
    channel = IVFactors()
    surface = ssvi()
    assert channel.update(BAR, surface) == channel.update(after(600), surface)
    channel = IVSurfaceFeature()
    warm(channel, *thrice(surface))
    last = thrice(surface)[-1]
    assert [channel.update(after(seconds), last)[-1] for seconds in (60, 120)] == pytest.approx([60, 120])


@pytest.mark.parametrize("kind", [IVSurfaceFeature, IVFactors])
@pytest.mark.parametrize(
    "surface",
    [
        pytest.param(None, id="no surface"),
        pytest.param(flat({}), id="a surface without slices"),
        pytest.param(flat({30: 0.5}, ts=NOW + 1_000), id="one expiry, and not quite the maturity"),
        pytest.param(flat({40: 0.5, 60: 0.5}), id="no expiry before the maturity"),
        pytest.param(flat({5: 0.5, 20: 0.5}), id="no expiry after it"),
    ],
)
def test_it_is_missing_rather_than_made_up(kind, surface):
    channel = kind(29.5)
    for row in range(4):
        moved = None if surface is None else msgspec.structs.replace(surface, ts_known=NOW + row)
        assert channel.update(BAR, moved) is None


def test_beyond_all_expiries_the_nearest_counts_where_that_is_wanted():
    surface = flat({5: 0.4, 20: 0.5})
    found = warm(IVSurfaceFeature(extrapolate=True), *thrice(surface))
    assert found["atm"] == pytest.approx(0.5)
    assert found["roll_down"] == pytest.approx(0.0, abs=1e-12)
    # One expiry alone has no term structure.
    assert warm(IVSurfaceFeature(extrapolate=True), *thrice(flat({20: 0.5}))) is None


def test_a_missing_surface_leaves_no_trace():
    first, second, third = thrice(ssvi())
    whole, broken = IVSurfaceFeature(), IVSurfaceFeature()
    expected = [whole.update(BAR, each) for each in (first, second, third)]
    assert [broken.update(BAR, each) for each in (first, None, second, flat({}), third)] == [
        expected[0],
        None,
        expected[1],
        None,
        expected[2],
    ]


@pytest.mark.parametrize(
    ("kind", "given_"),
    [
        (IVSurfaceFeature, {"maturity_days": 1.0}),
        (IVSurfaceFeature, {"maturity_days": math.nan}),
        (IVSurfaceFeature, {"half_life": 0.0}),
        (IVFactors, {"maturity_days": 4_000.0}),
    ],
)
def test_settings_are_checked(kind, given_):
    with pytest.raises(ValueError, match=r"maturity_days must be|half_life must be"):
        kind(**given_)


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=40), st.floats(0.2, 50.0))
def test_the_deviation_is_that_of_the_weights(values, half_life):
    deviation = WeightedDeviation(half_life)
    for value in values:
        deviation.push(value)
    weights = [0.5 ** ((len(values) - 1 - row) / half_life) for row in range(len(values))]
    total = math.fsum(weights)
    mean = math.fsum(w * x for w, x in zip(weights, values, strict=True)) / total
    variance = math.fsum(w * (x - mean) ** 2 for w, x in zip(weights, values, strict=True)) / total
    assert deviation.value == pytest.approx(math.sqrt(variance), abs=1e-9)
    assert deviation.count == len(values)


EXPIRIES = (7, 20, 45, 90)
STRIKES = range(60, 150, 5)
VOLS = (0.50, 0.52, 0.49, 0.55, 0.54, 0.60)
"""At the money, at every expiry, minute by minute."""


def chain_of(ts, vol):
    """Coin premiums of an SSVI surface with `vol` at the money, around exact mid prices."""
    for days in EXPIRIES:
        expiry = NOW + days * DAY
        years = (expiry - ts) / YEAR
        smile = SSVISmile(vol * vol * years, rho=-0.3, eta=1.2, gamma=0.4)
        w = smile.total_variance(np.log(np.array(STRIKES) / 100.0))
        for strike, variance in zip(STRIKES, w.tolist(), strict=True):
            for right in (-1, 1):
                mid = black76(right > 0, 100.0, strike, years, math.sqrt(variance / years)) / 100.0
                yield OptionQuote(
                    ts,
                    ts,
                    "BTCUSDT",
                    "inverse",
                    expiry,
                    float(strike),
                    right,
                    bid=0.98 * mid,
                    ask=1.02 * mid,
                    forward=100.0,
                )


def test_known_volatilities_come_through_from_quotes_to_features():
    bars = bars_from_closes(*[100.0] * len(VOLS), first_open=NOW)
    # Quotes stand ten seconds before each close: the surface is fitted at the close, which is a multiple.
    quotes = [
        quote
        for bar, vol in zip(bars, VOLS, strict=True)
        for quote in chain_of(bar.ts_known - 10 * SECOND, vol)
    ]
    feed = FittedSurfaceFeed("surface", "BTCUSDT", refit="1m")
    feed.derive(SampleStream("options", ChainBlock.of("BTCUSDT", quotes)))
    handler = SurfaceHandler(feed)
    handler.load_history(None, None, 100)
    channel, factors = IVSurfaceFeature(half_life=2.0), IVFactors()
    changes = WeightedDeviation(2.0)
    for row, (bar, vol) in enumerate(zip(bars, VOLS, strict=True)):
        handler.advance(bar.ts_known)
        surface = handler.observe(0, bar.ts_known)
        assert surface.ts_known == bar.ts_known
        values = channel.update(bar, surface)
        reversal = factors.update(bar, surface)
        assert reversal[0] == pytest.approx(vol, abs=2e-4)
        if row:
            changes.push(vol - VOLS[row - 1])
        assert (values is None) == (row < 2)
        if values is None:
            continue
        found = dict(zip(NAMES, values, strict=True))
        assert found["atm"] == reversal[0]
        assert found["term_slope"] == pytest.approx(0.0, abs=5e-4)
        assert found["roll_down"] == pytest.approx(0.0, abs=1e-4)
        assert found["vol_of_vol"] == pytest.approx(changes.value, abs=2e-4)
        truth = msgspec.structs.replace(
            ssvi(-0.3, 1.2, 0.4, vol, ts=bar.ts_known, days=EXPIRIES), symbol="BTCUSDT"
        )
        wings = surface_measures(surface_fit(truth), 30 / 365)
        assert found["skew"] == pytest.approx(wings.skew, abs=1e-3)
        assert found["smile"] == pytest.approx(wings.smile, abs=1e-3)
        assert found["fit_error"] < 1e-4
        assert found["coverage"] == 1.0
        assert found["age_s"] == 0.0


def test_open_interest_adds_up_what_is_held():
    bars = random_bars(5, symbol="BTC")
    feed = SampleStream.of("options", bars)
    handler = OptionChainDataHandler(feed)
    handler.load_history(None, None, 100)
    handler.advance(bars[-1].ts_known)
    chain = handler.observe(0, bars[-1].ts_known)
    held = {1: 0.0, -1: 0.0}
    for each in chain.expiries:
        for quote in each.quotes:
            held[quote.right] += quote.open_interest
    assert OpenInterest().update(bars[-1], chain) == (held[1] + held[-1], held[-1] / held[1])
    assert OpenInterest().update(bars[-1], None) is None
    crumbs = msgspec.structs.replace(
        chain,
        expiries=tuple(
            msgspec.structs.replace(
                expiry,
                quotes=tuple(
                    msgspec.structs.replace(quote, open_interest=5e-324 if quote.right > 0 else 1e6)
                    for quote in expiry.quotes
                ),
            )
            for expiry in chain.expiries
        ),
    )
    assert OpenInterest().update(bars[-1], crumbs) is None


def test_without_calls_there_is_no_ratio():
    bars = random_bars(2, symbol="BTC")
    handler = OptionChainDataHandler(SampleStream.of("options", bars, "bare"))
    handler.load_history(None, None, 100)
    handler.advance(bars[-1].ts_known)
    assert OpenInterest().update(bars[-1], handler.observe(0, bars[-1].ts_known)) is None
