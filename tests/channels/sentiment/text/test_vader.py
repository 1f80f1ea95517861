"""Plain VADER is VADER; with the words of crypto it reads what holders read."""

from __future__ import annotations

import time

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.sentiment.text.cleaning import clean
from quant_channels.sentiment.text.lexicon import read_lexicon
from quant_channels.sentiment.text.vader import Vader, load_vader

SCORED = (
    "crypto_headlines_labelled_20251001_a",
    "crypto_headlines_stream_202510",
    "crypto_reddit_comments_labelled_a",
    "vader_tweets_a",
    "vader_amazonReviewSnippets_a",
)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Bitcoin ETF approval sends price soaring", 0.4767),
        ("Exchange hacked, withdrawals halted", -0.4019),
        ("Fed leaves rates unchanged", 0.0),
    ],
)
def test_plain_scores_of_version_3_3_2(text, score):
    assert Vader("plain").score(text) == score


@pytest.mark.parametrize("name", SCORED)
def test_plain_scores_are_those_of_the_authors_program_to_the_last_digit(name, shared_data):
    rows = pq.read_table(shared_data(f"text/{name}.parquet"), columns=["text", "vader_compound"]).to_pylist()
    plain = Vader("plain")
    assert [plain.score(row["text"]) for row in rows] == [row["vader_compound"] for row in rows]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("BTC rallies after ETF approval", "BTC dumps after ETF rejection"),
        ("Bitcoin hits all-time high", "Bitcoin hits all time low"),
        ("Short squeeze lifts ETH", "ETH falls below key support"),
        ("Spot ETFs see record inflows", "Spot ETFs see record outflows"),
        ("SOL is up 12%", "SOL is down 12%"),
        ("The project is not a scam", "The project is a scam"),
        ("I am buying more", "I got rekt by a rug pull"),
        ("Wagmi, to the moon 🚀", "Ngmi, left holding the bag"),
    ],
)
def test_the_sign_of_plain_cases(better, worse):
    crypto = Vader()
    assert crypto.score(better) > 0 > crypto.score(worse)


@pytest.mark.parametrize(
    "text", ["Shares of securities", "The interest is shared by 5 assets", "A BLOCK of data"]
)
def test_words_of_the_trade_are_no_feelings(text):
    assert Vader().score(text) == 0
    assert Vader("plain").score(text) != 0


WORDS = b"""
down #	-2	fall
bear trap	-1	trap
bear trap over	3	end
+#	1	rise
never sell	2	keeps
trap	0	none
"""


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("Bear   trap over?", "bear_trap_over?", id="the longest phrase wins"),
        pytest.param("a bear-trap, again", "a bear_trap, again", id="hyphens between words"),
        pytest.param("BEAR TRAP here", "BEAR_TRAP here", id="capitals stay"),
        pytest.param("down $1.2M today", "down_number today", id="a number with unit"),
        pytest.param("down 5%, +300 now", "down_number, plusnumber now", id="a number with sign"),
        pytest.param("down 3 million", "down_number", id="a number with a word"),
        pytest.param("down 12-month trend", "down 12-month trend", id="never a part of a word"),
        pytest.param("bearish traps", "bearish traps", id="never inside words"),
        pytest.param("don’t never sell", "don't never_sell", id="curly apostrophes become straight"),
    ],
)
def test_phrases_become_words(text, read):
    model = load_vader(read_lexicon(WORDS, "test"))
    assert model.phrased(text).replace("\ue000", "") == read


def test_a_word_of_no_valence_hides_no_negation():
    model = load_vader(read_lexicon(b"share\t0\tstock\n", "test"))
    assert model.score("not share good") < 0
    assert model.score("a SHARE of it") == 0


def test_the_model_is_named_by_what_it_counts_by():
    plain, crypto = Vader("plain").model_id, Vader("crypto").model_id
    assert plain.startswith("vader-3.3.")
    assert crypto.startswith(plain)
    other = load_vader(read_lexicon(b"hack\t-1\ta theft\n", "test")).id
    assert len({plain, crypto, other}) == 3


def test_another_lexicon_is_refused():
    with pytest.raises(ValueError, match="lexicon must be crypto or plain, not 'finance'"):
        Vader("finance")


@settings(max_examples=100)
@given(text=st.text(max_size=300), lexicon=st.sampled_from(["crypto", "plain"]))
def test_any_text_has_a_score_within_bounds(text, lexicon):
    score = Vader(lexicon).score(text)
    assert -1 <= score <= 1
    assert Vader(lexicon).score(text) == score


def test_a_text_without_end_is_scored_soon():
    began = time.process_time()
    Vader().score(clean("up 5% not good but hacked " * 100_000))
    assert time.process_time() - began < 5
