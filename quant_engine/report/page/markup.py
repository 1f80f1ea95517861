"""HTML from text: everything is escaped unless it was made here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Final

from quant_engine.report.definitions import Unit
from quant_engine.report.metric import Metric
from quant_engine.report.numbers import MISSING, metric

FLAGS: Final = {"short_sample": "short sample", "open": "still open"}


class Markup(str):
    """Text that is HTML already. Wherever a page takes a str, plain text is escaped and this is not."""

    __slots__ = ()


def escape(content: str) -> Markup:
    """`content` as HTML.

    >>> escape("<b>"), escape(Markup("<b>"))
    ('&lt;b&gt;', '<b>')
    """
    return content if isinstance(content, Markup) else Markup(html.escape(content))


def join(parts: Iterable[str]) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(escape(part) for part in parts))


def tag(name: str, content: str, css: str = "") -> Markup:
    """An element with its content and its classes.

    >>> tag("p", "a < b", "note")
    '<p class="note">a &lt; b</p>'
    """
    attribute = f' class="{escape(css)}"' if css else ""
    return Markup(f"<{name}{attribute}>{escape(content)}</{name}>")


def section(anchor: str, title: str, *parts: str, note: str = "") -> Markup:
    """A titled section that the navigation can point at."""
    head = join((tag("h2", title), tag("p", note, "note") if note else ""))
    return Markup(f'<section id="{escape(anchor)}">\n{head}{join(parts)}\n</section>\n')


def table(head: Sequence[str], rows: Iterable[Sequence[str]], css: str = "", text: int = 1) -> Markup:
    """A table that scrolls sideways in a frame of its own; its first `text` columns are words."""
    kinds = ["text" if index < text else "" for index in range(len(head))]
    top = join(_cell("th", name, kind) for name, kind in zip(head, kinds, strict=True))
    body = join(
        Markup(f"<tr>{join(_cell('td', value, kind) for value, kind in zip(row, kinds, strict=True))}</tr>\n")
        for row in rows
    )
    return Markup(
        f'<div class="frame"><table class="{escape(css)}">\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def _cell(name: str, content: str, kind: str) -> Markup:
    return tag(name, content, kind)


def figure(text: str) -> Markup:
    """A formatted number in the colour of its sign, when it carries one."""
    kind = {"+": "up", "-": "down"}.get(text[:1], "")
    return tag("span", number(text), kind) if kind else number(text)


def number(text: str) -> Markup:
    """Formatted numbers with true minus signs, and units that stay on their line."""
    return escape(text.replace("-", "−").replace(" %", "\u00a0%"))


def measure(value: Metric, unit: Unit) -> Markup:
    """A metric with its flag, or with the reason why there is none."""
    if value.value is None:
        return join((tag("span", MISSING, "na"), tag("small", value.reason)))
    text = metric(value, unit)
    shown = figure(text) if unit == "change" else number(text)
    return join((shown, tag("small", FLAGS[value.flag]))) if value.flag else shown
