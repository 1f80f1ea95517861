"""Surfaces as a stream: fitted at the multiples of a cadence to the chain as of then, or read from a file."""

from __future__ import annotations

import math
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.options import fitted
from quant_channels.options.chain_file import OptionsFileFeed
from quant_channels.options.chain_fit import expiry_quotes, fit_chain
from quant_channels.options.fitted import FittedSurfaceFeed
from quant_channels.options.pricing import black76
from quant_channels.options.ssvi import SSVISmile
from quant_channels.options.stored import StoredSurfaceFeed, read_surface, write_surfaces
from quant_channels.options.surface_event import surface_fit
from quant_channels.options.surface_handler import SurfaceHandler
from quant_contracts.blocks import ChainBlock
from quant_contracts.duration import parse_time
from quant_contracts.errors import ConfigError, DataError, LifecycleError
from quant_contracts.events import OptionQuote, Surface, Trade
from quant_contracts.protocols import DerivedFeed, StreamFeed, StreamHandler
from quant_contracts.testing.samples import SampleStream, random_bars
from quant_contracts.testing.streams import CHECKS, DERIVED_CHECKS
from quant_contracts.units import DAY, MINUTE, SECOND
from quant_contracts.views import ExpiryChain, OptionChain

NOW = parse_time("2024-03-01")
SHAPE = {"rho": -0.3, "eta": 1.2, "gamma": 0.4}
DAYS = (7, 21, 45, 90)
VOL = 0.6
STRIKES = tuple(float(strike) for strike in range(60, 150, 5))


def theta(days, vol=VOL):
    return vol * vol * days / 365


def chain_quotes(ts=NOW, *, known=None, vol=VOL, premium="inverse", forward=100.0, days=DAYS, said=True):
    """The options of an SSVI surface with exact mid prices and a spread around them, at `ts`."""
    made = []
    for length in days:
        years = length / 365
        own = forward * math.exp(0.05 * years)
        smile = SSVISmile(theta(length, vol), **SHAPE)
        for strike in STRIKES:
            w = float(smile.total_variance(np.array([math.log(strike / own)]))[0])
            for right in (-1, 1):
                price = black76(right > 0, own, strike, years, math.sqrt(w / years))
                unit = own if premium == "inverse" else 1.0
                half = 0.01 * price / unit
                made.append(
                    OptionQuote(
                        ts,
                        ts if known is None else known,
                        "BTC",
                        premium,
                        ts + length * DAY,
                        strike,
                        right,
                        bid=price / unit - half,
                        ask=price / unit + half,
                        mark=price / unit,
                        forward=own if said else None,
                    )
                )
    return made


def derived(quotes, **settings_):
    feed = FittedSurfaceFeed("surface", "BTC", **settings_)
    feed.derive(SampleStream("options", ChainBlock.of("BTC", quotes)))
    return feed


def surfaces_of(feed, start=None, end=None, rows=500):
    return [surface for block in feed.blocks(start, end, rows) for surface in block.events()]


@pytest.fixture
def stored_file(tmp_path):
    """A function from lines or surfaces to the feed of a file that holds them."""

    def write(*rows):
        path = tmp_path / "surfaces.jsonl"
        lines = [row if isinstance(row, bytes) else msgspec.json.encode(row) for row in rows]
        path.write_bytes(b"\n".join(lines) + b"\n")
        return StoredSurfaceFeed("surface", "BTC", str(path))

    return write


@pytest.fixture(scope="module")
def surface():
    (one,) = surfaces_of(derived(chain_quotes()))
    return one


def test_they_are_what_the_contracts_ask_for(tmp_path):
    assert isinstance(FittedSurfaceFeed("surface", "BTC"), StreamFeed)
    assert isinstance(FittedSurfaceFeed("surface", "BTC"), DerivedFeed)
    assert FittedSurfaceFeed("surface", "BTC").derives_from == "options"
    stored = StoredSurfaceFeed("surface", "BTC", "none.jsonl")
    assert isinstance(stored, StreamFeed)
    assert not isinstance(stored, DerivedFeed)
    assert isinstance(SurfaceHandler(stored), StreamHandler)


@pytest.mark.parametrize("premium", ["inverse", "linear"])
def test_a_known_surface_is_found_again_through_quotes_chain_and_fit(premium):
    (found,) = surfaces_of(derived(chain_quotes(premium=premium)))
    assert (found.ts_event, found.ts_known, found.symbol, found.origin) == (NOW, NOW, "BTC", "fitted")
    assert found.model == "ssvi"
    assert found.parameters == pytest.approx((SHAPE["rho"], SHAPE["eta"], SHAPE["gamma"]), abs=2e-4)
    assert [one.expiry for one in found.slices] == [NOW + days * DAY for days in DAYS]
    for one, days in zip(found.slices, DAYS, strict=True):
        assert one.parameters[0] == pytest.approx(theta(days), rel=1e-4)
        assert one.years == pytest.approx(days / 365)
        assert one.forward == pytest.approx(100.0 * math.exp(0.05 * days / 365))
        assert one.flags == ()
    assert found.median_error < 1e-5
    assert found.coverage == 1.0
    assert found.refused == ()


@pytest.mark.parametrize("model", ["sabr", "svi"])
def test_other_models_come_through_as_well(model):
    (found,) = surfaces_of(derived(chain_quotes(), model=model))
    assert (found.model, len(found.slices)) == (model, 4)
    fit = surface_fit(found)
    assert fit.slices[1].atm_vol == pytest.approx(VOL, abs=0.01)


def test_without_forwards_puts_and_calls_tell_them():
    (found,) = surfaces_of(derived(chain_quotes(premium="linear", said=False)))
    for one, days in zip(found.slices, DAYS, strict=True):
        assert one.forward == pytest.approx(100.0 * math.exp(0.05 * days / 365), rel=1e-6)
    assert found.slices[0].parameters[0] == pytest.approx(theta(7), rel=1e-3)


def test_an_expiry_without_a_forward_is_refused_and_counted():
    quotes = [
        msgspec.structs.replace(quote, bid=None, ask=None) if quote.expiry == NOW + 7 * DAY else quote
        for quote in chain_quotes(premium="linear", said=False)
    ]
    feed = derived(quotes)
    (found,) = surfaces_of(feed)
    (refused,) = found.refused
    assert (refused.flags, refused.offered, refused.expiry) == (("no_forward",), len(STRIKES), NOW + 7 * DAY)
    assert found.coverage == pytest.approx(0.75)
    assert {row.check: row.count for row in feed.quality()} == {"refused_no_forward": 1}


def test_a_coin_chain_without_forwards_has_no_surface_and_says_so():
    feed = derived(chain_quotes(said=False))
    (found,) = surfaces_of(feed)
    assert found.slices == ()
    assert {flag for one in found.refused for flag in one.flags} == {"no_forward"}
    assert {row.check: row.count for row in feed.quality()} == {"no_surface": 1, "refused_no_forward": 4}


def test_few_quotes_are_refused_with_the_reason():
    quotes = [quote for quote in chain_quotes() if quote.expiry > NOW + 7 * DAY or quote.strike < 75.0]
    (found,) = surfaces_of(derived(quotes))
    assert [one.flags for one in found.refused] == [("too_few_quotes",)]
    assert len(found.slices) == 3


def test_a_quote_made_at_another_forward_keeps_its_moneyness():
    # The same option in the same coins at half the price of the coin, and an expiry that is there now.
    old = OptionQuote(NOW, NOW, "BTC", "inverse", NOW + DAY, 55.0, 1, bid=0.01, ask=0.02, forward=50.0)
    new = OptionQuote(NOW, NOW + 1, "BTC", "inverse", NOW + DAY, 120.0, 1, bid=0.01, ask=0.02, forward=100.0)
    found = expiry_quotes(ExpiryChain(NOW + DAY, (old, new)), 1 / 365, "inverse")
    assert found.forward == 100.0
    assert found.strikes.tolist() == [55.0 * 2, 120.0]
    assert found.bid.tolist() == [1.0, 1.0]


def test_a_rate_discounts_premiums():
    chain = OptionChain(NOW, "BTC", "linear", ())
    each = ExpiryChain(NOW + 365 * DAY, tuple(chain_quotes(premium="linear", days=(365,))))
    assert expiry_quotes(each, 1.0, chain.premium, rate=0.05).discount == pytest.approx(math.exp(-0.05))


def test_refits_are_the_multiples_of_the_cadence_at_and_after_a_quote():
    moments = [-1, 0, 1, 5 * 60, 11 * 60 + 30, 40 * 60]
    quotes = [quote for s in moments for quote in chain_quotes(NOW + s * SECOND)]
    found = surfaces_of(derived(quotes, refit="5m"))
    assert [(one.ts_known - NOW) // MINUTE for one in found] == [0, 5, 15, 40]
    assert all(one.ts_event == one.ts_known for one in found)


def test_each_surface_is_the_fit_of_the_chain_as_of_its_moment():
    first, second = chain_quotes(NOW), chain_quotes(NOW + 90 * SECOND, vol=0.8)
    one, two = surfaces_of(derived([*first, *second], refit="1m"))
    alone = [each for each in first if each.ts_known <= NOW]
    assert [one] == surfaces_of(derived(alone, refit="1m"))
    assert two.ts_event == NOW + 2 * MINUTE
    assert len(two.slices) == 8


def test_the_size_of_blocks_changes_nothing():
    quotes = [quote for s in range(0, 600, 70) for quote in chain_quotes(NOW + s * SECOND, days=(7, 30))]
    feed = derived(quotes, refit="2m")
    expected = surfaces_of(feed)
    assert len(expected) == 6
    for rows in (1, 17, 100):
        assert surfaces_of(feed, rows=rows) == expected


def test_a_range_holds_the_surfaces_of_the_whole_that_are_known_in_it():
    quotes = [quote for s in range(0, 600, 70) for quote in chain_quotes(NOW + s * SECOND, days=(7, 30))]
    whole = surfaces_of(derived(quotes, refit="2m"))
    for start, end in ((0, 200), (121, 480), (130, 470), (240, 240), (590, 5_000), (700, 800)):
        first, last = NOW + start * SECOND, NOW + end * SECOND
        found = surfaces_of(derived(quotes, refit="2m"), first, last)
        assert found == [one for one in whole if first <= one.ts_known <= last]


def test_nothing_is_fitted_before_it_is_asked_for(monkeypatch):
    fits = []
    monkeypatch.setattr(fitted, "fit_chain", lambda *a, **k: fits.append(1) or fit_chain(*a, **k))
    quotes = [quote for s in range(0, 600, 60) for quote in chain_quotes(NOW + s * SECOND, days=(7,))]
    blocks = derived(quotes, refit="1m").blocks(None, None, 10)
    assert not fits
    next(blocks)
    assert len(fits) == 1


def test_quotes_that_are_too_old_are_not_fitted():
    old, new = chain_quotes(NOW, days=(7,)), chain_quotes(NOW + 600 * SECOND, days=(30,))
    found = surfaces_of(derived([*old, *new], refit="1m", max_quote_age="2m"))
    assert [len(one.slices) for one in found] == [1, 1]
    assert found[1].slices[0].expiry == NOW + 600 * SECOND + 30 * DAY


def test_the_same_surface_comes_with_the_same_settings_and_another_digest_with_others():
    quotes = chain_quotes()
    assert derived(quotes).info() == derived(quotes).info()
    assert derived(quotes).info() != derived(quotes, model="svi").info()
    assert derived(quotes).info().name == "ssvi fitted every 5m to sample options"


def test_without_its_options_it_says_what_to_call():
    feed = FittedSurfaceFeed("surface", "BTC")
    with pytest.raises(LifecycleError, match="derive"):
        feed.info()
    with pytest.raises(LifecycleError, match="derive"):
        next(feed.blocks(None, None, 10))


def test_without_scipy_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    feed = derived(chain_quotes())
    with pytest.raises(ConfigError, match=r"quant-engine\[options\]"):
        surfaces_of(feed)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"domain": "options"}, "serves the domain surface"),
        ({"model": "heston"}, "model must be one of ssvi, sabr, svi"),
        ({"min_quotes": 0}, "min_quotes"),
        ({"poor_fit": 0.0}, "poor_fit"),
        ({"beta": 1.5}, "beta"),
        ({"rate": 3.0}, "rate"),
    ],
)
def test_settings_are_checked(given_, said):
    with pytest.raises(ValueError, match=said):
        FittedSurfaceFeed(**({"domain": "surface", "symbol": "BTC"} | given_))


@pytest.mark.parametrize("given_", [{"max_contracts": 0}, {"max_quote_age": "old"}])
def test_settings_of_its_chain_are_checked_before_the_first_fit(given_):
    with pytest.raises(ConfigError):
        derived(chain_quotes(), **given_)


def test_a_cadence_is_a_length_of_time():
    with pytest.raises(ConfigError):
        FittedSurfaceFeed("surface", "BTC", refit="often")


REAL = {
    "deribit_chain": ("deribit_BTC_chain_20251205", {}, [(11, 0)], 0.005),
    "deribit_book_summary": ("deribit_ETH_book_summary_20240108", {}, [(11, 0)], 0.017),
    "deribit_tickers": ("deribit_testnet_BTC_tickers_20260627", {}, [(0, 1), (7, 0)], 0.0045),
}


@pytest.mark.parametrize("layout", REAL)
def test_real_chains_are_fitted_the_whole_way(shared_data, layout):
    name, settings_, slices, error = REAL[layout]
    feed = FittedSurfaceFeed("surface", "BTC", **settings_)
    feed.derive(OptionsFileFeed("options", "BTC", str(shared_data(f"options/{name}.parquet")), layout))
    found = surfaces_of(feed)
    assert [(len(one.slices), len(one.refused)) for one in found] == slices
    assert 0.0 < found[-1].median_error < error
    assert found[-1].coverage > 0.85


def test_a_day_of_american_options_is_fitted_and_flagged(shared_data):
    path = str(shared_data("options/us_GOOG_minute_quotes_20151224.parquet"))
    feed = FittedSurfaceFeed("surface", "GOOG", refit="1h")
    feed.derive(OptionsFileFeed("options", "GOOG", path, "us_minute_quotes", is_american=True))
    found = surfaces_of(feed)
    assert [one.ts_known for one in found] == [
        parse_time(f"2015-12-24T{hour}:00") for hour in (15, 16, 17, 18, 19)
    ]
    for one in found:
        assert len(one.slices) >= 10
        assert all("american" in each.flags for each in one.slices)
        assert one.slices[0].forward == pytest.approx(748.0, abs=3.0)
        assert one.median_error < 0.003


@pytest.mark.parametrize("model", ["ssvi", "sabr", "svi"])
def test_a_surface_that_went_over_the_wire_says_the_same_to_the_bit(model):
    (found,) = surfaces_of(derived(chain_quotes(), model=model))
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Surface)
    fit, other = surface_fit(found), surface_fit(again)
    assert fit == other
    k = np.linspace(-0.3, 0.3, 11)
    for years in (0.01, 0.05, 0.1, 0.3):
        assert fit.vol(k, years).tobytes() == other.vol(k, years).tobytes()


def test_an_event_holds_what_the_fit_said():
    chain = OptionChain(NOW, "BTC", "inverse", (ExpiryChain(NOW + 7 * DAY, tuple(chain_quotes(days=(7,)))),))
    (one,) = fit_chain(chain, "svi").slices
    back = surface_fit(fit_chain(chain, "svi")).slices[0]
    assert (back.used, back.offered, back.coverage) == (18, 18, 1.0)
    assert (back.lowest_k, back.highest_k) == (one.lowest_k, one.highest_k)
    assert back.lowest_k == pytest.approx(math.log(60.0 / one.forward))
    assert back.median_error == pytest.approx(100 * one.median_error)
    assert back.within_spread == one.within_spread == 1.0


def test_stored_surfaces_come_back_as_stored(tmp_path, surface):
    later = msgspec.structs.replace(surface, ts_known=surface.ts_known + 1)
    path = tmp_path / "surfaces.jsonl"
    assert write_surfaces(path, [surface, later]) == 2
    feed = StoredSurfaceFeed("surface", "BTC", str(path))
    found = surfaces_of(feed)
    assert found == [msgspec.structs.replace(one, origin="stored") for one in (surface, later)]
    assert surface_fit(found[0]) == surface_fit(surface)
    assert feed.quality() == ()
    assert feed.info().name == "surfaces.jsonl"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_stored_surfaces_keep_every_promise_of_a_stream_feed(stored_file, check):
    surfaces = [
        row
        for block in SampleStream.of("surface", random_bars(300, symbol="BTC")).blocks(None, None, 100)
        for row in block.rows
    ]
    feed = stored_file(*surfaces)
    check(lambda: StoredSurfaceFeed("surface", "BTC", feed.path))


@pytest.mark.parametrize("check", [*CHECKS, *DERIVED_CHECKS], ids=lambda check: check.__name__)
def test_fitted_surfaces_keep_every_promise_of_a_stream_feed(check):
    check(lambda: FittedSurfaceFeed("surface", "BTCUSDT", refit="20m"))


def test_a_range_of_stored_surfaces_and_blocks_of_any_size(stored_file, surface):
    many = [msgspec.structs.replace(surface, ts_known=surface.ts_known + row) for row in range(10)]
    feed = stored_file(*many)
    first = surface.ts_known
    assert [one.ts_known - first for one in surfaces_of(feed, first + 2, first + 5)] == [2, 3, 4, 5]
    assert [len(block) for block in feed.blocks(None, None, 4)] == [4, 4, 2]


LAWFUL = next(iter(SampleStream.of("surface", random_bars(2, symbol="BTC")).blocks(None, None, 1))).rows[0]


def spoiled(**changes):
    return msgspec.structs.replace(LAWFUL, **changes)


def with_slice(**changes):
    first, *others = LAWFUL.slices
    return spoiled(slices=(msgspec.structs.replace(first, **changes), *others))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="an object"),
        pytest.param(b'["Trade",1,1,"BTC",1,1,1]', id="another event"),
        pytest.param(msgspec.json.encode(LAWFUL)[:-20], id="cut off"),
        pytest.param(b"\xff\xfe" + msgspec.json.encode(LAWFUL), id="not text"),
        pytest.param(b"[" * 3_000, id="nested too deeply"),
        pytest.param(msgspec.json.encode(LAWFUL).replace(b"0.", b"1e309,0.", 1), id="a number too large"),
        pytest.param(msgspec.json.encode(LAWFUL).replace(b'"svi"', b"NaN"), id="no number"),
        pytest.param(b'["Surface",' + b"1," * 600_000 + b"1]", id="a line without end"),
        pytest.param(spoiled(model="heston"), id="a model nobody knows"),
        pytest.param(spoiled(parameters=(1.0,)), id="a parameter too many"),
        pytest.param(spoiled(ts_known=LAWFUL.ts_event - 1), id="known before it was"),
        pytest.param(spoiled(slices=LAWFUL.slices[::-1]), id="expiries that fall"),
        pytest.param(spoiled(coverage=1.5), id="more than all quotes"),
        pytest.param(spoiled(median_error=-0.1), id="an error below 0"),
        pytest.param(with_slice(forward=0.0), id="a forward of 0"),
        pytest.param(with_slice(years=-0.1), id="years below 0"),
        pytest.param(with_slice(expiry=LAWFUL.ts_event), id="an expiry in the past"),
        pytest.param(with_slice(parameters=(0.1, 0.1)), id="parameters that are missing"),
        pytest.param(with_slice(parameters=(-1.0, 0.1, 0.0, 0.0, 0.1)), id="variance below 0"),
        pytest.param(
            spoiled(
                model="ssvi",
                parameters=(0.9, 30.0, 0.5),
                slices=(msgspec.structs.replace(LAWFUL.slices[0], parameters=(0.5,)),),
            ),
            id="an ssvi surface that can be arbitraged",
        ),
    ],
)
def test_what_is_no_lawful_surface_is_left_out_and_counted(stored_file, row):
    feed = stored_file(LAWFUL, row, LAWFUL)
    assert [one.ts_known for one in surfaces_of(feed)] == [LAWFUL.ts_known] * 2
    expected = {} if row == b"" else {"broken_row": 1}
    assert {one.check: one.count for one in feed.quality()} == expected


def test_foreign_and_late_surfaces_are_counted_by_name(stored_file):
    feed = stored_file(LAWFUL, spoiled(symbol="ETH"), spoiled(ts_event=1, ts_known=1), LAWFUL)
    assert len(surfaces_of(feed)) == 2
    assert {one.check: one.count for one in feed.quality()} == {"foreign_symbol": 1, "out_of_order": 1}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_bytes_of_any_kind_are_refused_or_lawful(data):
    line = bytearray(msgspec.json.encode(LAWFUL))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place] = data.draw(st.integers(0, 255))
    try:
        found = read_surface(bytes(line))
    except DataError:
        return
    fit = surface_fit(found)
    assert all(math.isfinite(one.atm_vol) and one.atm_vol > 0.0 for one in fit.slices)


def test_an_absent_file_of_surfaces_is_met_when_it_is_read(tmp_path):
    feed = StoredSurfaceFeed("surface", "BTC", str(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="no such file"):
        surfaces_of(feed)
    with pytest.raises(ValueError, match="serve the domain surface"):
        StoredSurfaceFeed("options", "BTC", "x")


def test_the_handler_shows_the_last_surface_known(surface):
    handler = SurfaceHandler(derived(chain_quotes(), refit="5m"))
    assert handler.freshness(NOW, None) == ("missing", "no surface yet")
    handler.load_history(None, None, 100)
    handler.advance(NOW - 1)
    assert handler.observe(0, NOW - 1) is None
    handler.advance(NOW)
    assert handler.observe(0, NOW) == surface
    assert handler.last_known == NOW
    assert handler.freshness(NOW + MINUTE, MINUTE) == ("fresh", "")
    assert handler.freshness(NOW + MINUTE + 1, MINUTE)[0] == "stale"
    assert handler.gaps() == ()
    assert handler.most_bytes > len(msgspec.json.encode(surface))


def test_a_refused_surface_takes_the_last_one_away(surface):
    handler = SurfaceHandler(StoredSurfaceFeed("surface", "BTC", "none"))
    handler.push(surface)
    refused = msgspec.structs.replace(surface.slices[0], parameters=(), flags=("too_few_quotes",))
    handler.push(msgspec.structs.replace(surface, slices=(), refused=(refused,)))
    assert handler.observe(0, NOW) is None
    assert handler.freshness(NOW, None) == ("missing", "nothing could be fitted: too_few_quotes")


@pytest.mark.parametrize(
    "wrong", [Trade(NOW, NOW, "BTC", 1.0, 1.0, 1), spoiled(ts_known=NOW + 1), spoiled(symbol="ETH")]
)
def test_the_handler_refuses_what_is_not_its_own(surface, wrong):
    handler = SurfaceHandler(StoredSurfaceFeed("surface", "BTC", "none"))
    handler.push(msgspec.structs.replace(surface, ts_known=NOW + 2))
    with pytest.raises(DataError):
        handler.push(wrong)
    assert handler.last_known == NOW + 2
