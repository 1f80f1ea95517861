"""Documents over time: their scores, the score as it moved, and how many there were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quant_contracts.events import Document
from quant_contracts.units import Nanos
from quant_engine.report.numbers import plain, signed
from quant_engine.report.page.markup import Markup, figure, join, table, tag
from quant_engine.view.plot import Axis, Plane, Scale, round_values, time_axis
from quant_engine.view.sight import Scored, SentimentSight
from quant_engine.view.words import age, clock, facts, legend

SLOTS: Final = 48
"""Bars of the volume."""
LISTED: Final = 20
"""Documents in the table; all are drawn."""
LONGEST: Final = 160
SCORES: Final = ((-1.0, "-1"), (-0.5, "-0.5"), (0.0, "0"), (0.5, "+0.5"), (1.0, "+1"))


def sentiment_picture(sight: SentimentSight) -> Markup:
    """Figures, scores, volume, and the last documents in words."""
    note = (
        "The line is what SentimentScore makes of them: their mean, the newer the heavier, with a half-life "
        f"of {age(sight.half_life)}. Each text is shown in the last version known at the moment."
    )
    return join(
        (
            _facts(sight),
            _scores(sight),
            _volume(sight),
            _legend(),
            tag("p", note, "note"),
            _list(sight),
        )
    )


def _facts(sight: SentimentSight) -> Markup:
    scores = [each.score for each in sight.documents if each.score is not None]
    now = sight.line[-1][1] if sight.line else None
    assumed = len([each for each in sight.documents if each.document.is_assumed])
    rows = [
        ("Documents", f"{len(sight.documents):,}", f"in {age(sight.until - sight.since)}"),
        (
            "Score at the moment",
            "n/a" if now is None else signed(now),
            f"halved every {age(sight.half_life)}",
        ),
        ("Good", f"{len([score for score in scores if score > 0]):,}", "scored above 0"),
        ("Bad", f"{len([score for score in scores if score < 0]):,}", "scored below 0"),
        ("Without a score", f"{len(sight.documents) - len(scores):,}", "deleted, or no model spoke"),
    ]
    if sight.documents:
        last = sight.documents[-1].document
        rows.append(("Last", f"{age(sight.until - last.ts_known)} before", ""))
    if assumed:
        rows.append(("Assumed", f"{assumed:,}", "nobody recorded when first seen"))
    return facts(rows)


def _scores(sight: SentimentSight) -> Markup:
    plane = Plane(time_axis(sight.since, sight.until), Axis(Scale(-1.1, 1.1), SCORES, "score"))
    shapes = [plane.line(((sight.since, 0.0), (sight.until, 0.0)), "zero")]
    for each in sight.documents:
        if each.score is None:
            continue
        kind = "up" if each.score > 0 else "down" if each.score < 0 else "even"
        width = 4.0 + 5.0 * each.document.relevance
        words = f"{signed(each.score)}  {_words(each.document)}"
        shapes.append(plane.dot(each.document.ts_known, each.score, f"dot {kind}", words, width))
    shapes.append(plane.line(sight.line, "pen fit"))
    label = f"Scores of {len(sight.documents):,} documents from {clock(sight.since)} to {clock(sight.until)}"
    return plane.picture(shapes, label, "tall")


def _volume(sight: SentimentSight) -> Markup:
    counts = slots([each.document.ts_known for each in sight.documents], sight.since, sight.until)
    highest = max(1, *counts)
    x = time_axis(sight.since, sight.until)
    ticks = tuple((value, f"{value:g}") for value in round_values(0, highest, 2) if value == int(value))
    plane = Plane(x, Axis(Scale(0.0, highest * 1.1), ticks, "documents"))
    length = (sight.until - sight.since) / SLOTS
    shapes = [
        plane.block(
            sight.since + (place + 0.12) * length,
            sight.since + (place + 0.88) * length,
            0.0,
            count,
            "count",
            f"{count} from {clock(round(sight.since + place * length))[11:16]} on",
        )
        for place, count in enumerate(counts)
        if count
    ]
    return plane.picture(shapes, f"Documents in {SLOTS} equal parts of the time, at most {highest}", "low")


def slots(moments: Sequence[Nanos], since: Nanos, until: Nanos) -> list[int]:
    """How many moments fall into each of `SLOTS` equal parts of (since, until]."""
    counts = [0] * SLOTS
    for moment in moments:
        counts[min((moment - since - 1) * SLOTS // (until - since), SLOTS - 1)] += 1
    return counts


def _legend() -> Markup:
    keys = (("dot up", "good"), ("dot down", "bad"), ("dot even", "neither"), ("fit", "mean score"))
    return legend(keys)


def _list(sight: SentimentSight) -> Markup:
    if not sight.documents:
        return tag("p", "No document became known in this time.", "note")
    last = sight.documents[: -LISTED - 1 : -1]
    title = "Documents" if len(last) == len(sight.documents) else f"The last {len(last)} documents"
    return join(
        (
            tag("h3", title),
            table(
                ("Known", "Source", "Text", "Relevance", "Score"),
                (_row(each) for each in last),
                "documents",
                text=3,
            ),
        )
    )


def _row(each: Scored) -> tuple[str, ...]:
    document = each.document
    score: Markup = tag("span", "n/a", "na") if each.score is None else figure(signed(each.score))
    return (
        clock(document.ts_known)[:19],
        document.source,
        _text(document),
        plain(document.relevance),
        score,
    )


def _words(document: Document) -> str:
    return f"{_text(document)} ({document.source}, {clock(document.ts_known)[:19]})"


def _text(document: Document) -> str:
    """The text, not all of it where it is long, and what became of it."""
    if document.is_deleted:
        return "deleted"
    text = document.text if len(document.text) <= LONGEST else document.text[:LONGEST] + " …"
    return f"{text} (version {document.revision + 1})" if document.revision else text
