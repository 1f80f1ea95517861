"""Text as it comes from feeds and posts, made plain for scoring, linking and comparing."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

LIMIT: Final = 10_000
"""Characters read of a text; what is longer is cut. Reddit ends comments there; headlines are near 100."""
ROUNDS: Final = 8
"""How deep an entity in an entity, or a tag in a tag, is opened. Deeper is an attack: it loses its marks."""

ELEMENTS: Final = (
    "a|abbr|article|aside|b|big|blockquote|body|br|button|caption|center|cite|code|col|dd|del|div|dl|dt|em|"
    "embed|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|"
    "li|main|mark|meta|nav|noscript|object|ol|option|p|picture|pre|q|s|script|section|select|small|source|"
    "span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|video|wbr"
)
"""Elements of HTML. Other words in angle brackets stay: "BTC <ETH and >SOL" is a comparison."""
TAG: Final = re.compile(rf"</?(?:{ELEMENTS})(?=[\s/>])[^<>]*>", re.IGNORECASE)
HIDDEN: Final = re.compile(
    r"<(script|style)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE
)
MARKDOWN_LINK: Final = re.compile(r"\[([^\[\]]+)\]\((?:https?://|www\.|/)[^\s()]*\)", re.IGNORECASE)
URL: Final = re.compile(r"(?:https?://|www\.|(?<!\w)(?:t\.co|pic\.twitter\.com)/)\S*", re.IGNORECASE)
HANDLE: Final = re.compile(r"(?<![\w@])(?:@\w+)+|(?<![\w/])(?:/?u/[\w-]+)+")
HASHTAG: Final = re.compile(r"(?<![\w#])#(?=\w*[^\W\d_])")
SPACES: Final = re.compile(r"\s+")
STRAIGHT: Final = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"'})
MARKS: Final = str.maketrans(dict.fromkeys("&<[#@/", " "))
VARIANTS: Final = frozenset("\ufe0e\ufe0f")
"""Say whether an emoji is drawn in colour; VADER takes them for a letter of the word it puts there."""


def clean(text: str) -> str:
    """`text` without what is no language: pure, idempotent, defined for every string, no longer than `LIMIT`.

    These steps are repeated until they change nothing:

    1. HTML entities become their characters; scripts, styles, comments and tags become a space
    2. Unicode NFKC (full-width and ornamental letters become letters); curly quotes become straight
    3. control, zero-width, private and unassigned characters and lone surrogates go; tabs and line ends
       are white space
    4. a Markdown link keeps its words; URLs, @handles and u/handles become a space
    5. a hashtag loses its #; a cashtag such as $BTC stays as it is
    6. white space becomes one space, and none at either end

    Case, punctuation, emoji and words stay: VADER reads all of them.

    >>> clean("<b>$BTC</b> to the &#x1F319; #bitcoin @sam https://example.org/x  don’t sell")
    "$BTC to the 🌙 bitcoin don't sell"
    """
    text = text[:LIMIT]
    rounds = 0
    while (plainer := _once(text)) != text:
        rounds += 1
        text = plainer if rounds < ROUNDS else plainer.translate(MARKS)
    return text


def _once(text: str) -> str:
    text = html.unescape(text)
    text = TAG.sub(" ", HIDDEN.sub(" ", text))
    text = unicodedata.normalize("NFKC", text)[:LIMIT].translate(STRAIGHT)
    if not text.isascii() or not text.isprintable():
        text = "".join(character for character in text if _is_text(character))
    text = URL.sub(" ", MARKDOWN_LINK.sub(r"\1", text))
    text = HASHTAG.sub("", HANDLE.sub(" ", text))
    return SPACES.sub(" ", text).strip()


def _is_text(character: str) -> bool:
    if character.isspace():
        return True
    return unicodedata.category(character)[0] != "C" and character not in VARIANTS
