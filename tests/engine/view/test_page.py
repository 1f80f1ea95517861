"""The page: whole, closed to the network, safe with any text, and showing the numbers of the data."""

import re

import msgspec
import pytest

from quant_contracts.events import Document
from quant_contracts.protocols import QualityRow
from quant_engine.view import tape
from quant_engine.view.ladder import LEVELS, book_picture, imbalance, ladder
from quant_engine.view.look import Look
from quant_engine.view.page import view_page
from quant_engine.view.sight import (
    BookSight,
    ExpirySight,
    OptionsSight,
    Scored,
    SentimentSight,
    Sight,
    StreamState,
    VolPoint,
    sentiment_sight,
)
from quant_engine.view.smile import options_picture, smile
from quant_engine.view.tape import trades_picture
from quant_engine.view.term import term_picture
from quant_engine.view.timeline import SLOTS, sentiment_picture, slots
from quant_engine.view.words import trust

replace = msgspec.structs.replace
HOSTILE = """</title></style><script>alert('x')</script>"&<b>"""
AT = 1_700_000_000_000_000_000

BOOK = BookSight(
    sequence=42,
    ts_known=AT - 84_000_000,
    bids=((99.5, 1.5), (99.0, 2.25)),
    asks=((100.5, 0.5), (101.0, 4.0)),
    bids_below=7,
    asks_above=0,
)


@pytest.fixture(scope="module")
def text(seen):
    return view_page(seen, "strategy.json")


@pytest.fixture(scope="module")
def page(text, page_of):
    return page_of(text)


def words_of(page):
    return [words.replace("−", "-").replace("\u00a0", " ") for words in page.words]


def test_is_well_formed_and_has_a_section_for_each_picture(page):
    anchors = [value for tag, name, value in page.attributes if tag == "section" and name == "id"]
    assert anchors == ["book", "trades", "surface", "sentiment", "sources"]
    links = [value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href"]
    assert links == anchors


def test_loads_nothing_and_runs_nothing(text, page):
    assert not {"script", "link", "img", "iframe", "object"} & set(page.names)
    assert not [name for _, name, _ in page.attributes if name in {"src", "srcset", "onload", "onclick"}]
    assert not re.search(r"https?://(?!www\.w3\.org)|url\(|@import", text.partition("</style>")[0])
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")


def test_is_the_same_every_time_and_small(seen, text):
    assert view_page(seen, "strategy.json") == text
    assert len(text.encode()) < 600_000


def test_every_drawing_says_in_words_what_it_shows(page):
    assert len(page.labels) == 1 + 1 + 3 + 1 + 2
    assert all(len(label) > 20 for label in page.labels)


def test_the_ladder_shows_prices_and_sizes_with_all_their_digits(seen, page_of):
    book = seen.sight.book
    words = words_of(page_of(ladder(book)))
    for price, size in (*book.bids[:LEVELS], *book.asks[:LEVELS]):
        assert f"{price:,.2f}" in words
        assert f"{size:.5f}" in words


def test_asks_stand_above_bids_and_sizes_are_bars_on_one_scale(page_of):
    page = page_of(ladder(BOOK))
    prices = [float(words) for words in page.words if re.fullmatch(r"\d+\.\d", words)]
    assert prices == [101.0, 100.5, 99.5, 99.0]
    widths = [value for tag, name, value in page.attributes if tag == "i" and name == "style"]
    assert widths == ["width:100.00%", "width:12.50%", "width:37.50%", "width:56.25%"]
    assert "spread 1.0" in page.words


def test_the_book_says_mid_spread_age_sequence_and_what_is_not_shown(page_of):
    words = words_of(page_of(book_picture(BOOK, AT)))
    for expected in (
        "100.00",
        "1.0",
        "100.000 bps of the mid",
        "84 ms before",
        "sequence 42",
        "in 2 levels; 7 lie below",
    ):
        assert expected in words, expected
    assert imbalance(BOOK) == pytest.approx((3.75 - 4.5) / 8.25)


def test_depth_is_cumulated_from_the_mid_outwards(page_of):
    page = page_of(book_picture(BOOK, AT))
    assert page.labels == ["Depth of the book: 3.750 bid down to 99.0, 4.500 offered up to 101.0"]
    (outline,) = [shape["d"] for shape in page.of("ask pen")]
    heights = [float(point.split(" ")[1]) for point in outline.removeprefix("M").split("L")]
    top = 4.5 * 1.08
    assert heights == pytest.approx([1000 * (1 - size / top) for size in (0, 0, 0.5, 0.5, 4.5, 4.5)], abs=0.1)


def test_every_trade_is_a_dot_with_its_words_and_later_ones_are_set_apart(seen, page_of, moment):
    sight = seen.sight.trades
    page = page_of(trades_picture(sight, moment))
    assert len(page.of("dot")) == len(sight.before) + len(sight.after)
    bought = [trade for trade in (*sight.before, *sight.after) if trade.side > 0]
    assert len(page.of("dot up")) == len(bought)
    assert any(f"bought at {bought[0].price:,.2f}" in title for title in page.titles)
    assert len(page.of("later")) == 1
    assert "What lies to the right of the moment was not known at it." in page.words
    words = words_of(page)
    assert f"{len(sight.before):,}" in words
    assert f"{sight.quotes[-1].bid:,.2f}" in words


def test_many_trades_are_thinned_and_the_page_says_so(seen, page_of, moment, monkeypatch):
    monkeypatch.setattr(tape, "MOST_DOTS", 50)
    page = page_of(trades_picture(seen.sight.trades, moment))
    assert len(page.of("dot")) == 50
    assert any("the 50 largest are drawn" in words for words in page.words)


def test_every_expiry_is_a_smile_with_its_fit_in_words(seen, page_of, moment):
    options = seen.sight.options
    page = page_of(options_picture(options, moment))
    assert page.names.count("figure") == len(options.expiries) == 3
    words = " ".join(words_of(page))
    for one in options.expiries:
        assert f"ATM {one.atm_vol * 100:.1f} %" in words
        assert f"error {one.median_error * 100:.2f} points" in words
        assert f"{one.used} of {one.offered} quotes" in words
    assert len(page.of("pen fit")) >= 3


def test_quotes_are_drawn_from_bid_to_ask_at_their_places(page_of):
    quoted = [VolPoint(strike, 1, 0.4, 0.6, 0.5) for strike in (90.0, 110.0)]
    points = (*quoted, VolPoint(130.0, 1, None, 0.55, 0.5))
    page = page_of(smile(ExpirySight(AT + 10**15, 11.6, 100.0, points)))
    whole = [shape for shape in page.of("range") if "half" not in shape["class"]]
    assert len(whole) == 2
    assert len(page.of("range half")) == 1
    assert len(page.of("dot mark")) == 3
    assert "110 call: bid 40.0 %, mark 50.0 %, ask 60.0 %" in page.titles
    assert "3 strikes, no curve" in page.words


def test_a_single_quote_is_not_blown_up_until_its_axis_cannot_be_read(page_of):
    lone = (VolPoint(95.0, -1, 1.34, 1.3401, 1.34005),)
    words = words_of(page_of(smile(ExpirySight(AT + 10**15, 11.6, 100.0, lone))))
    assert [text for text in words if text.endswith(" %")] == ["132 %", "133 %", "134 %", "135 %", "136 %"]


def test_a_refused_expiry_says_why(page_of):
    refused = ExpirySight(AT, 1.0, 100.0, (), used=2, offered=9, flags=("too_few_quotes",), is_refused=True)
    words = page_of(smile(refused)).words
    assert "No fit:" in words
    assert "too few quotes; 2 of 9 quotes usable" in words


def test_without_a_surface_the_page_says_how_to_get_one(page_of):
    text = options_picture(OptionsSight((ExpirySight(AT, 1.0, 0.0, ()),)), AT)
    assert any("no surface is known" in words for words in page_of(text).words)
    assert term_picture(OptionsSight(())) == ""


def test_the_term_structure_has_a_dot_for_each_fitted_expiry(seen, page_of):
    options = seen.sight.options
    page = page_of(term_picture(options))
    assert len(page.of("dot fit")) == 3
    assert [
        f"{one.atm_vol * 100:.2f} %" in title
        for one, title in zip(options.expiries, page.titles, strict=True)
    ]


def test_every_scored_document_is_a_dot_and_the_last_ones_are_listed(seen, page_of):
    sight = seen.sight.sentiment
    page = page_of(sentiment_picture(sight))
    scored = [each for each in sight.documents if each.score is not None]
    assert len(page.of("dot")) == len(scored)
    assert any(scored[0].document.text in title for title in page.titles)
    assert sight.documents[-1].document.text in page.words or sight.documents[-1].document.is_deleted
    assert sum(slots([each.document.ts_known for each in sight.documents], sight.since, sight.until)) == len(
        sight.documents
    )


def test_slots_take_what_lies_behind_their_start_up_to_their_end():
    assert slots([1, 48 * 10], 0, 48 * 10) == [1, *[0] * (SLOTS - 2), 1]
    assert slots([10, 11], 0, 48 * 10)[:2] == [1, 1]


@pytest.mark.parametrize(
    ("domain", "reason", "said"),
    [
        ("orderbook", "crossed", "its best bid is not below its best ask"),
        ("orderbook", "gap", "changes were lost, and no whole book has come since"),
        ("orderbook", "no snapshot yet", "no whole book has come yet"),
        ("surface", "nothing could be fitted: too_few_quotes", "nothing could be fitted"),
    ],
)
def test_what_cannot_be_trusted_is_not_drawn_and_the_page_says_why(page_of, domain, reason, said):
    state = StreamState(domain, "missing", reason, AT, None, "recording(path=x)")
    page = page_of(view_page(Look(Sight("BTCUSDT", AT, (state,)), ()), "x.json"))
    assert "svg" not in page.names
    sentence = next(words for words in page.words if "not to be trusted" in words)
    assert said in sentence
    assert "handed nothing" in sentence


def test_what_is_stale_is_drawn_and_said_to_be(page_of):
    state = StreamState("orderbook", "stale", "last change 40s ago", AT - 40 * 10**9, "30s", "x")
    page = page_of(view_page(Look(Sight("BTCUSDT", AT, (state,), book=BOOK), ()), "x.json"))
    assert "Order book: stale, last change 40s ago; declared to be stale after 30s." in page.words
    assert "svg" in page.names
    assert "fresh, last known 0 ms before" in trust(replace(state, state="fresh", last_known=AT), AT)


def test_what_was_found_wrong_is_listed(page_of):
    rows = (("sentiment", QualityRow("BTCUSDT", "assumed_first_seen", 311, "-", None, "published+5m")),)
    state = StreamState("sentiment", "fresh", "", AT, None, "documents")
    words = page_of(view_page(Look(Sight("BTCUSDT", AT, (state,)), rows), "x.json")).words
    assert words[words.index("assumed first seen") - 1] == "Documents"
    assert {"published+5m", "311"} <= set(words)


def test_a_window_without_a_trade_is_said_unless_the_stream_cannot_be_trusted(page_of):
    state = StreamState("trades", "fresh", "", AT - 10**15, None, "catalog()")
    words = page_of(view_page(Look(Sight("BTCUSDT", AT, (state,)), ()), "x.json")).words
    assert "Nothing became known in the window before the moment; --window looks further back." in words
    missing = replace(state, state="missing", reason="no trade yet")
    words = page_of(view_page(Look(Sight("BTCUSDT", AT, (missing,)), ()), "x.json")).words
    assert not any("--window" in said for said in words)


def test_hostile_texts_stay_text(page_of):
    said = {"relevance": 1.0, "source": HOSTILE, "url": HOSTILE, "first_seen": AT - 9, "ingested": AT - 9}
    document = Document(AT - 9, AT - 9, "X", doc_id=HOSTILE, text=HOSTILE, vader=0.5, **said)
    state = StreamState("sentiment", "fresh", "", AT, None, HOSTILE)
    sight = Sight(HOSTILE, AT, (state,), sentiment=sentiment_sight([document], AT - 10**15, AT))
    page = page_of(
        view_page(Look(sight, (("trades", QualityRow("X", HOSTILE, 1, HOSTILE, None, HOSTILE)),)), HOSTILE)
    )
    assert "script" not in page.names
    assert any(HOSTILE in words for words in page.words)
    assert any(HOSTILE in title for title in page.titles)


def test_no_document_at_all_is_said(page_of):
    words = page_of(sentiment_picture(SentimentSight(AT - 10**15, AT, (), 10**12, ()))).words
    assert "No document became known in this time." in words


def test_an_edited_and_a_deleted_text_say_so(page_of):
    said = {"relevance": 1.0, "source": "rss:x", "url": "", "first_seen": AT, "ingested": AT}
    edited = Document(AT, AT, "X", doc_id="a", text="words", revision=2, vader=0.1, **said)
    deleted = replace(edited, doc_id="b", is_deleted=True, text="", vader=None)
    seen = SentimentSight(AT - 10**15, AT, (Scored(edited, 0.1), Scored(deleted, None)), 10**12, ())
    words = page_of(sentiment_picture(seen)).words
    assert "words (version 3)" in words
    assert "deleted" in words
