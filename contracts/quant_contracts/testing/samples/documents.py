"""What people wrote while the bars went by: versions of texts, with what models made of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from quant_contracts.events import Bar, Document
from quant_contracts.testing.samples.ticks import is_skipped, moments
from quant_contracts.units import MINUTE

DOCUMENT_TEMPERS: Final = (
    "calm",
    "quiet",
    "edits and deletions",
    "said twice",
    "all at one moment",
    "without models",
    "one model",
    "about something else",
    "assumed",
    "late",
)

WORDS: Final = ("up", "down", "rally", "crash", "holds", "breaks", "fear", "greed")


def sample_documents(bars: Sequence[Bar], temper: str = "calm", seed: int = 0) -> tuple[Document, ...]:
    """Texts about the symbol of `bars`, by the moment at which they became known.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> documents = sample_documents(bars_from_closes(10, 12))
    >>> documents[0].doc_id, documents[0].source, documents[-1].ts_known == 1_640_995_320_000_000_000
    ('doc-1', 'rss:sample', True)
    """
    source = random.Random(f"sentiment {seed}")  # noqa: S311 - repeatable, not secret
    made: list[Document] = []
    number = 0
    for row, bar in enumerate(bars):
        if is_skipped(temper, row):
            continue
        count = 15 if temper == "all at one moment" else 1 + source.randrange(3)
        last = made[-1].ts_known if made else 0
        for ts, known in moments(source, bar, count, temper, last):
            fate = source.random()
            if made and temper == "said twice" and fate < 0.3:
                made.append(structs.replace(made[-1], ts_known=known, first_seen=ts, ingested=ts))
            elif made and temper == "edits and deletions" and fate < 0.5:
                made.append(_revised(source.choice(made[-5:]), ts, known, is_deleted=fate < 0.2))
            else:
                number += 1
                made.append(_written(source, temper, bar, ts, known, number))
    return tuple(made)


def _written(source: random.Random, temper: str, bar: Bar, ts: int, known: int, number: int) -> Document:
    shares = [source.random() + 0.01 for _ in range(3)]
    total = shares[0] + shares[1] + shares[2]
    has_vader = temper != "without models"
    has_finbert = temper not in {"without models", "one model"}
    return Document(
        ts_event=ts - 5 * MINUTE,
        ts_known=known,
        symbol=bar.symbol,
        relevance=0.0 if temper == "about something else" and number % 2 else source.uniform(0.3, 1.0),
        doc_id=f"doc-{number}",
        source="rss:sample",
        url=f"https://example.org/{number}",
        text=f"{bar.symbol} {source.choice(WORDS)} {source.choice(WORDS)} {number}",
        first_seen=ts,
        ingested=ts,
        weight=source.choice((0.5, 1.0)),
        vader=source.uniform(-1.0, 1.0) if has_vader else None,
        finbert=(shares[0] / total, shares[1] / total, shares[2] / total) if has_finbert else None,
        models=("vader-1",) * has_vader + ("finbert-1",) * has_finbert,
        is_assumed=temper == "assumed",
    )


def _revised(document: Document, ts: int, known: int, *, is_deleted: bool) -> Document:
    """The next version of a text; a deleted one says nothing."""
    text = "" if is_deleted else f"{document.text} (edited)"
    return structs.replace(
        document,
        ts_known=known,
        first_seen=ts,
        ingested=ts,
        revision=document.revision + 1,
        is_deleted=is_deleted,
        text=text,
        vader=None if is_deleted else document.vader,
        finbert=None if is_deleted else document.finbert,
    )
