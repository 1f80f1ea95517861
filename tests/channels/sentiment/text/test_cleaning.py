"""What is no language leaves a text, and nothing else does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.sentiment.text.cleaning import LIMIT, clean

PIECES = (  # noqa: SIM905 - read as the text it makes
    " |\n|&amp;|&#38;|&lt;|#38;|amp;|<b>|</b>|<!--|-->|<script>|</script>|[a](|)|https://x.io/a|@sam|u/sam|#|$BTC|"
    "\u200b|\ufe0f|\ud800|ﷺ|é|e\u0301|’|<|>|[|]|＜b＞|www.|1|a"
).split("|")
PATTERNS = "a |ﷺ|#38;|amp;|<script>|<!--|[a|@|@a|#|#a|u/|&lt;|\u200b|<b |[a](/".split("|")  # noqa: SIM905 - as above


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("see https://t.co/x?a=1#b now", "see now", id="address"),
        pytest.param("see www.example.org/x, now", "see now", id="address without scheme"),
        pytest.param("pic.twitter.com/abc up", "up", id="address of a picture"),
        pytest.param("thanks @sam_1 and /u/some-one", "thanks and", id="handles"),
        pytest.param("mail sam@example.org", "mail sam@example.org", id="a mail address is no handle"),
        pytest.param("$BTC up, $eth too", "$BTC up, $eth too", id="cashtags stay"),
        pytest.param("#bitcoin is #1", "bitcoin is #1", id="hashtags lose their mark, ranks keep it"),
        pytest.param("<p>A&nbsp;&amp;<br/>B</p>", "A & B", id="markup and entities"),
        pytest.param("&lt;b&gt;bold&lt;/b&gt;", "bold", id="markup written as entities"),
        pytest.param("x<script>var a;</script>y <!-- z --> w", "x y w", id="scripts and comments"),
        pytest.param("x<script>var a;", "x", id="a script without end"),
        pytest.param("BTC <ETH and >SOL, 5 < 6", "BTC <ETH and >SOL, 5 < 6", id="comparisons are no markup"),
        pytest.param("[the news](https://a.io/b) is out", "the news is out", id="Markdown link"),
        pytest.param("bit\u200bcoin\u202e \x00up", "bitcoin up", id="zero-width and control"),
        pytest.param("𝐁𝐢𝐭𝐜𝐨𝐢𝐧 ＵＰ ﬁne", "Bitcoin UP fine", id="ornamental and full-width letters"),
        pytest.param("don’t “buy”", 'don\'t "buy"', id="curly quotes"),
        pytest.param("  a\t\nb\u00a0\u3000c ", "a b c", id="white space"),
        pytest.param("I ❤️ it 🚀", "I ❤ it 🚀", id="emoji stay, their variants go"),
        pytest.param("\ud800half\udfff", "half", id="lone surrogates"),
        pytest.param("SURGES!!! 5%, really?", "SURGES!!! 5%, really?", id="case and punctuation stay"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_is_left(raw, expected):
    assert clean(raw) == expected


@settings(max_examples=150)
@given(
    st.one_of(
        st.text(st.characters(exclude_categories=())),
        st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    )
)
def test_cleaning_twice_is_cleaning_once(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    cleaned.encode()
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned


@pytest.mark.parametrize("text", PATTERNS, ids=ascii)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("&", ""), ("", ">"), ("", "](/a)")])
def test_hostile_texts_end_soon_and_small(text, before, after):
    half = LIMIT // 2 // len(text)
    text = before + text * half + after * half
    began = time.process_time()
    cleaned = clean(text)
    assert time.process_time() - began < 1
    assert len(cleaned) <= LIMIT
    assert clean(cleaned) == cleaned
