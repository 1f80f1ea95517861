"""The reviewed words of crypto: a file of forms, valences and senses, checked as it is read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib import resources
from typing import Final

import msgspec

from quant_contracts.errors import DataError

FILE: Final = "crypto_lexicon.tsv"
STRONGEST: Final = 4.0
"""VADER's scale of valence ends here on both sides."""
FORM: Final = re.compile(r"\S+(?: \S+)*")
DIGIT_OR_HYPHEN: Final = re.compile(r"[\d-]")


class Lexicon(msgspec.Struct, frozen=True):
    """Words and phrases with their valence, -4 (worst) to 4 (best); 0 makes a word of VADER's neutral."""

    words: dict[str, float]
    phrases: dict[str, float]
    """Forms of several words or with a `#`, which stands for a number with its unit."""
    sha256: str
    """Digest of the file as it was read."""


def crypto_lexicon() -> Lexicon:
    """The lexicon that is part of the package."""
    return read_lexicon((resources.files(__package__) / FILE).read_bytes(), FILE)


def read_lexicon(content: bytes, name: str) -> Lexicon:
    r"""A lexicon from the bytes of a file; raises DataError for the first row that is none.

    A row is `forms TAB valence TAB sense`; the forms of one word have `|` between. Rows that begin with
    `# ` and empty ones are for the reader.

    >>> read_lexicon(b"hack|hacks\t-2.7\ta theft\nup #\t1.6\ta rise\n", "example").words
    {'hack': -2.7, 'hacks': -2.7}
    """
    words: dict[str, float] = {}
    phrases: dict[str, float] = {}
    try:
        rows = content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: byte {error.start:,} is not UTF-8; save the file as UTF-8") from None
    for number, row in enumerate(rows, 1):
        if not row.strip() or row.startswith("# "):
            continue
        try:
            forms, valence = _row(row)
        except ValueError as error:
            raise DataError(f"{name}: line {number}: {error}") from None
        for form in forms:
            if form in words or form in phrases:
                raise DataError(f"{name}: line {number}: {form!r} stands in an earlier row too; keep one")
            (phrases if " " in form or "#" in form else words)[form] = valence
    return Lexicon(words, phrases, hashlib.sha256(content).hexdigest())


def _row(row: str) -> tuple[Iterable[str], float]:
    cells = row.split("\t")
    if len(cells) != 3 or not cells[2].strip():
        raise ValueError(f"expected forms, valence and sense with tabs between, not {row[:60]!r}")
    try:
        valence = float(cells[1])
    except ValueError:
        raise ValueError(f"the valence {cells[1]!r} is no number") from None
    if not -STRONGEST <= valence <= STRONGEST:
        raise ValueError(f"the valence {cells[1]} lies outside -4 to 4")
    forms = cells[0].split("|")
    for form in forms:
        if not FORM.fullmatch(form) or form != form.lower():
            raise ValueError(f"the form {form!r} is not in small letters with single spaces")
        if " " in form and DIGIT_OR_HYPHEN.search(form):
            raise ValueError(f"the phrase {form!r} has a digit or hyphen; # and a space stand for them")
    return forms, valence
