"""What is seen equals what the streams say, number for number."""

import math

import numpy as np
import pytest

from quant_channels.options.chain_fit import fit_chain
from quant_channels.options.pricing import YEAR, black76
from quant_channels.options.surface_event import surface_fit
from quant_channels.sentiment.features import SentimentScore
from quant_contracts.events import Bar, Document, OptionQuote
from quant_contracts.units import DAY, HOUR, MINUTE
from quant_contracts.views import Book, DocumentsView, ExpiryChain, OptionChain
from quant_engine.view.sight import BEYOND, CURVE_POINTS, book_sight, options_sight, sentiment_sight

AT = 1_700_000_000_000_000_000
FORWARD = 40_000.0


def vol_of(strike):
    """The smile that quotes are made with."""
    return 0.5 + 0.4 * math.log(strike / FORWARD) ** 2 - 0.1 * math.log(strike / FORWARD)


def quote(expiry, strike, right, half=0.01, **said):
    """A coin-quoted option whose bid and ask are `half` of volatility around its smile."""
    years, vol = (expiry - AT) / YEAR, vol_of(strike)
    low, middle, high = (
        black76(right > 0, FORWARD, strike, years, vol + move) / FORWARD for move in (-half, 0.0, half)
    )
    return OptionQuote(
        AT,
        AT,
        "BTC",
        "inverse",
        expiry,
        strike,
        right,
        **({"bid": low, "ask": high, "mark": middle, "forward": FORWARD} | said),
    )


def chain_of(*expiries, strikes=(30e3, 33e3, 36e3, 39e3, 42e3, 45e3, 50e3), **said):
    return OptionChain(
        AT,
        "BTC",
        "inverse",
        tuple(
            ExpiryChain(
                each, tuple(quote(each, strike, right, **said) for strike in strikes for right in (-1, 1))
            )
            for each in expiries
        ),
    )


def test_a_book_keeps_every_level():
    columns = [np.array(values) for values in ([99.5, 99.0], [1.0, 2.0], [100.5], [3.0])]
    seen = book_sight(Book(AT, AT - 7, "BTCUSDT", 42, *columns, bids_below=5))
    assert seen.bids == ((99.5, 1.0), (99.0, 2.0))
    assert (seen.mid, seen.spread, seen.sequence, seen.bids_below) == (100.0, 1.0, 42, 5)


def test_quotes_are_seen_as_the_volatilities_they_were_made_with():
    (one,) = options_sight(chain_of(AT + 30 * DAY), None, AT, "").expiries
    assert [point.side for point in one.points] == [-1, -1, -1, -1, 1, 1, 1]
    assert one.days == pytest.approx(30)
    for point in one.points:
        vol = vol_of(point.strike)
        assert (point.bid, point.mark, point.ask) == pytest.approx((vol - 0.01, vol, vol + 0.01), abs=1e-6)


def test_what_the_venue_does_not_say_stays_absent_and_what_it_says_itself_goes_first():
    (one,) = options_sight(chain_of(AT + 30 * DAY, bid=None, mark=None, mark_iv=0.77), None, AT, "").expiries
    assert {point.bid for point in one.points} == {None}
    assert {point.mark for point in one.points} == {0.77}


def test_an_expiry_without_a_forward_has_no_points():
    (one,) = options_sight(chain_of(AT + DAY, forward=None), None, AT, "").expiries
    assert (one.forward, one.points) == (0.0, ())


def test_curves_are_those_of_the_surface():
    chain = chain_of(AT + 20 * DAY, AT + 60 * DAY)
    surface = fit_chain(chain, "sabr")
    seen = options_sight(chain, surface, AT, "")
    fit = surface_fit(surface)
    for place, one in enumerate(seen.expiries):
        assert len(one.curve) == CURVE_POINTS
        for strike, vol in one.curve[::10]:
            expected = float(fit.vol(np.array([math.log(strike / FORWARD)]), fit.slices[place].years)[0])
            assert vol == pytest.approx(expected)
        assert one.atm_vol == fit.slices[place].atm_vol == pytest.approx(0.5, abs=0.01)
        assert one.fitted_from == pytest.approx(30e3)
        assert one.curve[0][0] < one.fitted_from
        assert math.log(one.curve[-1][0] / one.fitted_to) == pytest.approx(BEYOND * math.log(50 / 30))
        assert (one.used, one.offered) == (7, 7)
    assert (seen.model, seen.origin) == ("sabr", "fitted")
    assert options_sight(chain, surface, AT, "here").origin == "here"


def test_a_refused_expiry_is_seen_with_its_reason_and_its_quotes():
    strikes = (36e3, 42e3)
    chain = chain_of(AT + 20 * DAY, strikes=strikes)
    (one,) = options_sight(chain, fit_chain(chain), AT, "").expiries
    assert one.is_refused
    assert one.flags == ("too_few_quotes",)
    assert len(one.points) == 2


def test_a_surface_alone_is_seen_without_quotes():
    surface = fit_chain(chain_of(AT + 20 * DAY))
    (one,) = options_sight(None, surface, AT, "").expiries
    assert one.points == ()
    assert len(one.curve) == CURVE_POINTS


def document(minutes, doc_id, vader, **other):
    ts = AT + minutes * MINUTE
    said = {"relevance": 1.0, "source": "rss:x", "url": "", "text": "text", "first_seen": ts, "ingested": ts}
    return Document(ts, ts, "BTCUSDT", doc_id=doc_id, vader=vader, **(said | other))


DOCUMENTS = (
    document(10, "a", 0.8),
    document(60, "b", -0.5, relevance=0.5, finbert=(0.1, 0.8, 0.1)),
    document(200, "c", None),
    document(300, "a", -0.2, revision=1),
    document(400, "d", 0.9),
    document(500, "d", None, revision=1, is_deleted=True, text=""),
)


@pytest.mark.parametrize("minutes", [60, 61, 320, 450, 600])
def test_the_line_is_what_the_channel_makes_of_the_documents(minutes):
    until = AT + minutes * MINUTE
    known = [each for each in DOCUMENTS if each.ts_known <= until]
    seen = sentiment_sight(known, AT, until)
    bar = Bar(until, until, "BTCUSDT", MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0)
    score, _ = SentimentScore().update(bar, DocumentsView(until, AT, tuple(known)))
    assert seen.line[-1] == (until, pytest.approx(score))


def test_nothing_in_the_line_depends_on_a_later_document():
    early = sentiment_sight(DOCUMENTS[:2], AT, AT + 10 * HOUR).line
    late = sentiment_sight(DOCUMENTS, AT, AT + 10 * HOUR).line
    until = DOCUMENTS[2].ts_known
    assert [point for point in early if point[0] < until] == [point for point in late if point[0] < until]


def test_of_each_text_the_last_version_is_seen():
    seen = sentiment_sight(DOCUMENTS, AT, AT + 10 * HOUR)
    assert [(each.document.doc_id, each.document.revision) for each in seen.documents] == [
        ("b", 0),
        ("c", 0),
        ("a", 1),
        ("d", 1),
    ]
    assert [each.score for each in seen.documents][1:] == [None, -0.2, None]
