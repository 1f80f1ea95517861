"""What is to be seen at one moment as one page: styles and pictures inside it, nothing fetched, no script."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from quant_contracts.duration import time_name
from quant_contracts.protocols import QualityRow
from quant_contracts.units import Nanos
from quant_engine.report.html import ASSETS
from quant_engine.report.page.markup import Markup, escape, join, section, table, tag
from quant_engine.view.ladder import book_picture
from quant_engine.view.look import PICTURES, Look
from quant_engine.view.sight import Sight, StreamState
from quant_engine.view.smile import options_picture
from quant_engine.view.tape import trades_picture
from quant_engine.view.term import term_picture
from quant_engine.view.timeline import sentiment_picture
from quant_engine.view.words import NAMES, age, clock, trust

HERE: Final = Path(__file__).parent

TITLES: Final = {
    "book": "Order book",
    "trades": "Trades around the moment",
    "surface": "Implied volatility",
    "sentiment": "Sentiment",
}

NO_TRADES: Final = "Nothing became known in the window before the moment; --window looks further back."


def view_page(look: Look, name: str) -> str:
    """The whole page; `name` says where the streams are declared. The same data give the same text."""
    sight = look.sight
    shown = [
        (picture, states)
        for picture, domains in PICTURES.items()
        if (states := [state for state in sight.streams if state.domain in domains])
    ]
    sections = [_section(sight, picture, states) for picture, states in shown]
    anchors = [(picture, TITLES[picture]) for picture, _ in shown] + [("sources", "Sources")]
    return string.Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(f"{sight.symbol} at {time_name(sight.at)}"),
        style="\n".join(
            path.read_text(encoding="utf-8") for path in (ASSETS / "report.css", HERE / "view.css")
        ),
        header=_header(sight, name),
        navigation=join(Markup(f'<a href="#{anchor}">{escape(title)}</a>') for anchor, title in anchors),
        body=join((*sections, _sources(sight, look.quality))),
    )


def _header(sight: Sight, name: str) -> Markup:
    return join(
        (
            tag("p", "Quant Engine view", "kicker"),
            tag("h1", sight.symbol),
            tag("p", f"{clock(sight.at)} UTC", "range"),
            tag("p", join((tag("span", "as a run would see it at this moment"), tag("span", name))), "facts"),
        )
    )


def _section(sight: Sight, picture: str, states: Sequence[StreamState]) -> Markup:
    parts = [trust(state, sight.at) for state in states]
    parts += _picture(sight, picture, states)
    return section(picture, TITLES[picture], *parts)


def _picture(sight: Sight, picture: str, states: Sequence[StreamState]) -> list[Markup]:
    """Nothing where the stream cannot be trusted: its sentence says why."""
    at: Nanos = sight.at
    if picture == "book" and sight.book is not None:
        return [book_picture(sight.book, at)]
    if picture == "trades":
        if sight.trades is not None:
            return [trades_picture(sight.trades, at)]
        if any(state.state != "missing" for state in states):
            return [tag("p", NO_TRADES, "note")]
    if picture == "surface" and sight.options is not None:
        return [options_picture(sight.options, at), term_picture(sight.options)]
    if picture == "sentiment" and sight.sentiment is not None:
        return [sentiment_picture(sight.sentiment)]
    return []


def _sources(sight: Sight, quality: Sequence[tuple[str, QualityRow]]) -> Markup:
    sources = table(
        ("Stream", "Source", "At the moment", "Last known"),
        (
            (
                NAMES[state.domain],
                tag("code", state.source),
                f"{state.state}, {state.reason}" if state.reason else state.state,
                "never" if state.last_known is None else _known(state.last_known, sight.at),
            )
            for state in sight.streams
        ),
        "sources",
        text=4,
    )
    found: Markup = tag("p", "Nothing was found wrong in the rows that were read.", "note")
    if quality:
        found = table(
            ("Stream", "Found in the rows that were read", "Example", "Repair", "Count"),
            (
                (
                    NAMES[domain],
                    row.check.replace("_", " "),
                    row.example,
                    "none" if row.repaired == "-" else row.repaired,
                    f"{row.count:,}",
                )
                for domain, row in quality
            ),
            text=4,
        )
    return section("sources", "Sources", sources, found)


def _known(known: Nanos, at: Nanos) -> str:
    return f"{clock(known)}, {age(at - known)} before"
