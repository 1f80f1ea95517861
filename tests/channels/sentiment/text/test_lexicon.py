"""The file of words is sound, and a damaged one is refused by line."""

from __future__ import annotations

import pytest

from quant_channels.sentiment.text.lexicon import crypto_lexicon, read_lexicon
from quant_channels.sentiment.text.vader import load_vader
from quant_contracts.errors import DataError


def test_the_lexicon_of_the_package_is_read_whole():
    lexicon = crypto_lexicon()
    assert len(lexicon.words) > 700
    assert len(lexicon.phrases) > 250
    assert len(lexicon.sha256) == 64


def test_what_every_holder_feels_alike_has_its_sign():
    found = {**crypto_lexicon().words, **crypto_lexicon().phrases}
    good = ("surge", "soars", "approval", "inflows", "partnership", "moon", "hodl", "ath", "all time high")
    bad = (
        "plunge",
        "hack",
        "exploit",
        "lawsuit",
        "outflows",
        "liquidated",
        "halted",
        "delist",
        "rekt",
        "rug",
        "fud",
    )
    assert all(found[word] > 0 for word in good)
    assert all(found[word] < 0 for word in bad)


def test_every_word_made_neutral_was_one_of_vaders():
    known = load_vader(None).analyzer.lexicon
    neutral = [word for word, valence in crypto_lexicon().words.items() if valence == 0]
    assert {"share", "interest", "security", "securities"} <= set(neutral)
    assert [word for word in neutral if word not in known] == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"hack\t-2.7", "line 1: expected forms, valence and sense with tabs between, not 'hack"),
        (b"hack\t-2.7\t ", "line 1: expected forms, valence and sense"),
        (b"# heading\nhack\tbad\ta theft", "line 2: the valence 'bad' is no number"),
        (b"hack\tnan\ta theft", "line 1: the valence nan lies outside -4 to 4"),
        (b"hack\t-4.1\ta theft", "line 1: the valence -4.1 lies outside -4 to 4"),
        (b"Hack\t-2\ta theft", "line 1: the form 'Hack' is not in small letters"),
        (b"hack||hacks\t-2\ta theft", "line 1: the form '' is not"),
        (b"rug  pull\t-2\ta theft", "line 1: the form 'rug  pull' is not"),
        (b"all-time high\t2\tbest", "line 1: the phrase 'all-time high' has a digit or hyphen"),
        (b"top 5\t2\tbest", "line 1: the phrase 'top 5' has a digit or hyphen"),
        (b"hack\t-2\ta theft\nhack\t-1\ttwice", "line 2: 'hack' stands in an earlier row too"),
        (b"hack\t-2\t\xff", "byte 8 is not UTF-8"),
    ],
)
def test_a_damaged_row_is_named(content, problem):
    with pytest.raises(DataError) as error:
        read_lexicon(content, "words.tsv")
    assert str(error.value).startswith(f"words.tsv: {problem}")
