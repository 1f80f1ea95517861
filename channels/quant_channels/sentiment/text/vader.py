"""VADER (Hutto & Gilbert 2014), plain or with the reviewed words of crypto."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal

import msgspec

from quant_channels.sentiment.text.cleaning import LIMIT
from quant_channels.sentiment.text.lexicon import Lexicon, crypto_lexicon

UNIT: Final = r"%|(?:[kmbt]n?|x|\s?(?:million|billion|trillion|percent|mln|bln))(?!\w)"
NUMBER: Final = rf"[~$€£]*\d+(?:[.,]\d+)*(?:{UNIT})?"
"""What `#` in a phrase stands for: 5%, $1.2M, 24K, 300, 3 billion."""
MARK: Final = "\ue000"
"""Begins the word a phrase becomes. Of private use, so that no text holds such a word."""
PLAINER: Final = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "—": " ", "–": " ", MARK: " ", "\ufe0f": ""}
)
"""VADER knows don't, not don’t; takes two words with a dash between for one, and the colour of an emoji for
a letter of its name."""
NEUTRAL_BAND: Final = 0.05
"""VADER's authors call a score inside (-0.05, 0.05) neutral."""


class Vader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores a text by the words in it: -1 (bad) to 1 (good), 0 where no word counts.

    `plain` is vaderSentiment as its authors ship it. `crypto` first makes one word of every phrase of the
    lexicon (the longest phrase wins, from left to right), then counts by VADER's own rules for negation,
    degree, capitals and "but". Only the first 10,000 characters are read. The model loads with the first
    score, in less than 100 ms.

    >>> [Vader(name).score("Exchange hacked, withdrawals halted") for name in ("plain", "crypto")]
    [-0.4019, -0.743]
    """

    lexicon: Literal["crypto", "plain"] = "crypto"

    def __post_init__(self) -> None:
        if self.lexicon not in {"crypto", "plain"}:
            raise ValueError(f"lexicon must be crypto or plain, not {self.lexicon!r}")

    @property
    def model_id(self) -> str:
        """Version of the rules and the digests of every lexicon they count by."""
        return _model(self.lexicon).id

    def score(self, text: str) -> float:
        """VADER's compound score, rounded to four decimals as VADER does."""
        return _model(self.lexicon).score(text)


class VaderModel(msgspec.Struct, frozen=True):
    """VADER's rules with the lexicons they count by, in memory."""

    id: str
    analyzer: Any
    pattern: re.Pattern[str] | None
    """Finds the phrases that become words."""

    def score(self, text: str) -> float:
        return float(self.analyzer.polarity_scores(self.phrased(text))["compound"])

    def phrased(self, text: str) -> str:
        """What VADER is given to read."""
        text = text[:LIMIT]
        if self.pattern is None:
            return text
        return self.pattern.sub(_one_word, text.translate(PLAINER))


def load_vader(lexicon: Lexicon | None) -> VaderModel:
    """VADER with the words of `lexicon` added to its own, or as it is shipped."""
    from importlib.metadata import version  # noqa: PLC0415 - only a text to score pays for it

    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415 - ditto

    analyzer = SentimentIntensityAnalyzer()
    # The analyzer keeps the texts of its files under these names.
    vader, emoji = (
        hashlib.sha256(text.encode()).hexdigest()
        for text in (analyzer.lexicon_full_filepath, analyzer.emoji_full_filepath)
    )
    model = f"vader-{version('vaderSentiment')}/lexicon-{vader}/emoji-{emoji}"
    if lexicon is None:
        return VaderModel(model, analyzer, None)
    for word, valence in valences(lexicon).items():
        if valence:
            analyzer.lexicon[word] = valence
        else:
            # A word of valence 0 would still count as -0.733 in capitals, and hide a "not" before it.
            analyzer.lexicon.pop(word, None)
    return VaderModel(f"{model}/crypto-{lexicon.sha256}", analyzer, _pattern(lexicon.phrases))


@cache
def _model(name: str) -> VaderModel:
    return load_vader(crypto_lexicon() if name == "crypto" else None)


def valences(lexicon: Lexicon) -> dict[str, float]:
    """Every word of `lexicon` as VADER will read it, phrases among them."""
    return {**lexicon.words, **{_word(phrase): valence for phrase, valence in lexicon.phrases.items()}}


def _word(phrase: str) -> str:
    # VADER strips punctuation from the ends of a word, so `#` and `+` are spelt out.
    return MARK + phrase.replace("#", "number").replace("+", "plus").replace(" ", "_")


def _pattern(phrases: Mapping[str, float]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=lambda phrase: (-phrase.count(" "), -len(phrase), phrase))
    ways = "|".join(_way(phrase) for phrase in longest_first)
    return re.compile(rf"(?<!\w)(?:{ways})(?!\w|-\w)", re.IGNORECASE)


def _way(phrase: str) -> str:
    words = (re.escape(word).replace(r"\#", NUMBER) for word in phrase.split(" "))
    return r"(?:\s+|-)".join(words)


def _one_word(found: re.Match[str]) -> str:
    phrase = re.sub(r"\s+|-", " ", re.sub(NUMBER, "#", found[0].lower()))
    word = _word(phrase)
    # Capitals are emphasis to VADER, of a phrase as of a word.
    return word.upper() if found[0].isupper() else word
