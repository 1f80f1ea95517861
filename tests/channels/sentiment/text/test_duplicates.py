"""What was said before is recognised, the first to say it wins, and memory has a bound."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.sentiment.text.duplicates import (
    Duplicate,
    DuplicateIndex,
    canonical_url,
    hamming,
    jaccard,
    simhash,
    text_hash,
    words_of,
)
from quant_contracts.units import DAY, HOUR

TITLE = "Coinbase Applies for National Trust Charter to Expand Regulated Crypto Services"
REWORDED = "Coinbase files for National Trust Charter to expand regulated crypto services"
OTHER = "Ethereum Foundation converts 1,000 ETH to stablecoins in a Cowswap maneuver"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG/A", "http://example.org/A"),
        ("https://example.org:443/a/", "https://example.org/a"),
        ("http://example.org:8080/", "http://example.org:8080"),
        ("https://example.org", "https://example.org"),
        ("https://e.org/a?utm_source=x&UTM_Medium=y&fbclid=1&gclid=2", "https://e.org/a"),
        ("https://e.org/a?b=2&a=1&b=1#part", "https://e.org/a?a=1&b=1&b=2"),
        ("https://e.org/a?id=%ff", "https://e.org/a?id=%ff"),
        ("https://e.org/a?q=&x", "https://e.org/a?q=&x"),
        ("https://e.org/a?%75tm_source=x", "https://e.org/a"),
        ("https://sam@e.org/a", "https://sam@e.org/a"),
        ("https://[::1]:443/a", "https://[::1]/a"),
        ("https://e.org/a / #x", "https://e.org/a"),
        ("https://e.org/a?b=1 &a=2", "https://e.org/a?a=2&b=1"),
        (" t3_abc ", "t3_abc"),
        ("https://e.org:port/", "https://e.org:port/"),
        ("https://[oops/", "https://[oops/"),
        ("", ""),
    ],
)
def test_one_address_is_written_one_way(url, expected):
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected


@given(
    st.one_of(st.text(max_size=60), st.text("htps:/?&=#.a1%@[] ", max_size=40).map("https://a.io/{}".format))
)
def test_any_text_is_an_address_or_comes_back(url):
    once = canonical_url(url)
    assert canonical_url(once) == once


def test_words_are_compared_without_case_marks_and_markup():
    assert words_of("<b>BTC</b> hits $120,000 (+5%)") == ["btc", "hits", "$120,000", "5%"]
    assert text_hash("Bitcoin, up!") == text_hash("BITCOIN up https://t.co/1")
    assert text_hash("Bitcoin up") != text_hash("up Bitcoin")
    assert text_hash("🚀") != text_hash("💀")


def test_simhash_by_its_definition():
    assert simhash([]) == 0
    one = simhash(["bitcoin"])
    assert simhash(["bitcoin"] * 3 + ["a", "b"]) == one
    assert hamming(0b1011, 0b0010) == 2


def test_simhash_is_near_for_long_texts_only():
    long = [f"word{place}" for place in range(400)]
    assert hamming(simhash(long), simhash([*long[:-1], "changed"])) <= 3
    assert hamming(simhash(words_of(TITLE)), simhash(words_of(REWORDED))) > 3
    assert jaccard(frozenset(words_of(TITLE)), frozenset(words_of(REWORDED))) == pytest.approx(10 / 12)
    assert jaccard(frozenset(), frozenset()) == 0


@pytest.mark.parametrize(
    ("url", "text", "expected"),
    [
        pytest.param("https://a.io/1?utm_campaign=x", "something else", ("url", 1.0), id="same address"),
        pytest.param("https://b.io/2", TITLE.upper() + "!", ("text", 1.0), id="same words"),
        pytest.param("", TITLE, ("text", 1.0), id="without address"),
        pytest.param("https://b.io/2", REWORDED, ("jaccard", 10 / 12), id="a rewording"),
        pytest.param("https://b.io/2", OTHER, None, id="another story"),
        pytest.param("", "", None, id="nothing"),
    ],
)
def test_rules(url, text, expected):
    index = DuplicateIndex()
    assert index.add("first", 0, "https://a.io/1", TITLE) is None
    found = index.add("second", HOUR, url, text)
    assert found == (expected and Duplicate("first", expected[0], pytest.approx(expected[1])))


def test_a_long_text_with_a_word_changed_is_found_by_its_hash():
    long = " ".join(f"word{place}" for place in range(400))
    index = DuplicateIndex()
    index.add("first", 0, "", long)
    found = index.add("second", 1, "", long.replace("word7 ", "changed "))
    assert found is not None
    assert (found.of, found.rule) == ("first", "simhash")
    assert 0 <= found.measure <= 3


def test_other_numbers_are_other_news():
    index = DuplicateIndex()
    index.add("first", 0, "", "Bitcoin price tops $120,000 for the first time as spot ETF inflows grow again")
    assert (
        index.add("x", 1, "", "Bitcoin price tops $125,000 for the first time as spot ETF inflows grow again")
        is None
    )


def test_a_repetition_of_a_repetition_repeats_the_first():
    index = DuplicateIndex()
    index.add("first", 0, "https://a.io/1", TITLE)
    assert index.add("second", 1, "https://b.io/2", REWORDED).of == "first"
    assert index.add("third", 2, "https://b.io/2", OTHER) == Duplicate("first", "url", 1.0)
    assert index.add("fourth", 3, "", REWORDED) == Duplicate("first", "text", 1.0)


def test_a_revision_is_no_duplicate_of_itself():
    index = DuplicateIndex()
    index.add("first", 0, "https://a.io/1", TITLE)
    assert index.add("first", 1, "https://a.io/1", OTHER) is None
    assert index.add("second", 2, "", OTHER) == Duplicate("first", "text", 1.0)


def test_windows_end():
    index = DuplicateIndex()
    index.add("first", 0, "https://a.io/1", TITLE)
    assert index.add("second", DAY, "", REWORDED).rule == "jaccard"
    assert index.add("third", DAY + 1, "", REWORDED.replace("files", "asks")) is None
    assert index.add("fourth", 7 * DAY, "https://a.io/1", "x").of == "first"
    assert index.add("fifth", 7 * DAY + 1, "https://a.io/1", "y") is None


def test_one_that_comes_late_is_looked_at_as_of_the_latest_time():
    index = DuplicateIndex()
    index.add("first", 10 * DAY, "", TITLE)
    assert index.add("late", 0, "", REWORDED).of == "first"


@settings(max_examples=40)
@given(
    texts=st.lists(st.lists(st.sampled_from("abcdefgh1"), max_size=6).map(" ".join), max_size=60),
    limit=st.integers(1, 5),
    step=st.integers(0, 10 * HOUR),
)
def test_memory_has_a_bound_and_the_same_stream_gives_the_same_answers(texts, limit, step):
    def answers(index):
        found = []
        for place, text in enumerate(texts):
            found.append(index.add(str(place), place * step, f"https://a.io/{text}", text))
            assert len(index) <= limit
            assert len(index._exact) <= 2 * limit
            assert sum(map(len, index._places.values())) <= limit * 10
        return found

    first = answers(DuplicateIndex(limit=limit))
    assert answers(DuplicateIndex(limit=limit)) == first
    assert all(found is None or int(found.of) < place for place, found in enumerate(first))


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=8, unique=True), min_size=2, max_size=12
    )
)
def test_the_index_misses_no_pair_that_a_comparison_of_all_finds(sets):
    index = DuplicateIndex(jaccard_share=0.6)
    kept = []
    for place, words in enumerate(sets):
        found = index.add(str(place), 0, "", " ".join(words))
        alike = [
            name
            for name, other in kept
            if jaccard(frozenset(words), frozenset(other)) >= 0.6
            or hamming(simhash(words), simhash(other)) <= 3
        ]
        assert (found is not None) == bool(alike)
        if found is None:
            kept.append((str(place), words))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"near_window": 0}, "near_window"),
        ({"near_window": 8 * DAY}, "near_window <= exact_window"),
        ({"simhash_bits": 4}, "simhash_bits must be 0 to 3, not 4"),
        ({"jaccard_share": 0.5}, "jaccard_share must be above 0.5"),
        ({"limit": 0}, "limit must be at least 1"),
    ],
)
def test_settings_that_are_none_are_refused(settings, problem):
    with pytest.raises(ValueError, match=problem):
        DuplicateIndex(**settings)


def test_what_is_found_in_eighteen_days_of_headlines(shared_data):
    rows = pq.read_table(shared_data("text/crypto_headlines_stream_202510.parquet")).to_pylist()
    index = DuplicateIndex()
    titles = {}
    found = []
    for row in sorted(rows, key=lambda row: (row["published_ms"], row["id"])):
        titles[str(row["id"])] = row["text"]
        duplicate = index.add(str(row["id"]), row["published_ms"] * 1_000_000, "", row["text"])
        if duplicate is not None:
            found.append((duplicate.rule, row["text"], titles[duplicate.of]))
    # "DOGE Price Prediction for October 4" and "SHIB Price Prediction for October 4" stay two stories.
    ((rule, *titles),) = found
    assert (rule, sorted(titles)) == ("jaccard", [TITLE, REWORDED])
