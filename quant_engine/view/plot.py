"""Axes, lines, bars and dots as SVG that fits any width: shapes stretch with the page, words and pens do not.

The picture lies in a square of `SIDE` units that is stretched to its place. Strokes keep their width, a dot
is a stroke of no length with round ends, and labels are HTML beside the picture, so that they can be read
on a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quant_contracts.duration import time_name
from quant_contracts.units import DAY, HOUR, MINUTE, SECOND, Nanos
from quant_engine.report.numbers import percent
from quant_engine.report.page.markup import Markup, escape, join, number, tag

SIDE: Final = 1_000.0
STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
TIME_STEPS: Final = (
    *(step * SECOND for step in (1, 5, 10, 30)),
    *(step * MINUTE for step in (1, 2, 5, 10, 15, 30)),
    *(step * HOUR for step in (1, 2, 3, 6, 12)),
    *(step * DAY for step in (1, 2, 7, 14, 30, 90, 365)),
)


class Scale(msgspec.Struct, frozen=True):
    """From a value to its place along an axis.

    >>> Scale(10.0, 30.0).place(15.0), Scale(1.0, 100.0, is_log=True).place(10.0)
    (0.25, 0.5)
    """

    low: float
    high: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """0 at `low`, 1 at `high`; outside it goes on."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class Axis(msgspec.Struct, frozen=True):
    """A scale with the values that are written beside it."""

    scale: Scale
    ticks: tuple[tuple[float, str], ...]
    title: str = ""


class Plane(msgspec.Struct, frozen=True):
    """Two axes, and the shapes that can be drawn between them."""

    x: Axis
    y: Axis

    def line(self, points: Iterable[tuple[float, float]], css: str) -> Markup:
        """A line from point to point."""
        path = "L".join(self._at(*point) for point in points)
        return Markup(f'<path class="{css}" d="M{path}"/>') if path else Markup()

    def area(self, points: Sequence[tuple[float, float]], css: str) -> Markup:
        """What lies between a line and the foot of the picture."""
        if not points:
            return Markup()
        foot = self.y.scale.low
        return self.line([(points[0][0], foot), *points, (points[-1][0], foot)], css)

    def upright(self, x: float, low: float, high: float, css: str, words: str = "") -> Markup:
        """A bar with the width of a pen."""
        left, top = self._at(x, high).split(" ")
        bottom = self._at(x, low).split(" ")[1]
        return Markup(f'<path class="{css}" d="M{left} {top}V{bottom}">{_title(words)}</path>')

    def dot(self, x: float, y: float, css: str, words: str = "", width: float | None = None) -> Markup:
        """A round dot, `width` pixels across where the style does not say it."""
        style = "" if width is None else f' style="stroke-width:{width:.1f}px"'
        return Markup(f'<path class="{css}"{style} d="M{self._at(x, y)}h0">{_title(words)}</path>')

    def block(self, left: float, right: float, low: float, high: float, css: str, words: str = "") -> Markup:
        """A rectangle."""
        x, y = self._at(left, high).split(" ")
        width = (self.x.scale.place(right) - self.x.scale.place(left)) * SIDE
        height = (self.y.scale.place(high) - self.y.scale.place(low)) * SIDE
        return Markup(
            f'<rect class="{css}" x="{x}" y="{y}" width="{width:.1f}" height="{height:.1f}">'
            f"{_title(words)}</rect>"
        )

    def picture(self, shapes: Iterable[Markup], label: str, css: str = "") -> Markup:
        """The shapes with their axes; `label` is what they show, in words."""
        grid = "".join(
            f'<path class="grid" d="M0 {_unit(1 - self.y.scale.place(value))}H{SIDE:g}"/>'
            for value, _ in self.y.ticks
        )
        sides = join(
            Markup(f'<span style="top:{_share(1 - self.y.scale.place(value))}">{number(text)}</span>')
            for value, text in self.y.ticks
        )
        foot = join(
            Markup(
                f'<span{" class=odd" * (place % 2)} style="left:{_share(self.x.scale.place(value))}">'
                f"{number(text)}</span>"
            )
            for place, (value, text) in enumerate(self.x.ticks)
        )
        svg = (
            f'<svg viewBox="0 0 {SIDE:g} {SIDE:g}" preserveAspectRatio="none" role="img" '
            f'aria-label="{escape(label)}">{grid}{"".join(shapes)}</svg>'
        )
        titles = join(
            tag("span", title, kind) for title, kind in ((self.y.title, "y"), (self.x.title, "x")) if title
        )
        return Markup(
            f'<div class="plot {css}"><div class="titles">{titles}</div>'
            f'<div class="side" aria-hidden="true">{sides}</div><div class="sheet">{svg}</div>'
            f'<div class="foot" aria-hidden="true">{foot}</div></div>'
        )

    def _at(self, x: float, y: float) -> str:
        return f"{_unit(self.x.scale.place(x))} {_unit(1 - self.y.scale.place(y))}"


def round_values(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, about `count` of them.

    >>> round_values(0.13, 0.98)
    (0.2, 0.4, 0.6, 0.8)
    """
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = min((size * each for each in STEPS), key=lambda each: abs(each - rough))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    # Rounded again, because multiples of 0.1 are none.
    places = max(0, 1 - math.floor(math.log10(step)))
    return tuple(round(place * step, places) for place in range(first, last + 1))


def spread_values(scale: Scale, least: float = 0.2) -> tuple[float, ...]:
    """Round numbers along a logarithmic scale, no two of them closer than `least` of its length.

    >>> spread_values(Scale(900.0, 11_000.0, is_log=True))
    (1000.0, 2000.0, 5000.0, 10000.0)
    """
    values = round_values(scale.low, scale.high, 4)
    if scale.high > 3 * scale.low:
        first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
        values = tuple(
            each * 10.0**power for power in range(first, last + 1) for each in (1.0, 2.0, 3.0, 5.0)
        )
    kept: list[float] = []
    for value in values:
        if not scale.low <= value <= scale.high:
            continue
        if not kept or scale.place(value) - scale.place(kept[-1]) >= least:
            kept.append(value)
    return tuple(kept)


def labels(values: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Each value with its text, all with as many decimals as one of them needs.

    >>> labels((0.5, 1.0))
    ((0.5, '0.5'), (1.0, '1.0'))
    """
    places = max((decimals(value) for value in values), default=0)
    return tuple((value, f"{value:,.{places}f}") for value in values)


def percent_labels(values: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Each fraction with its text as a percentage, all with as many decimals as one of them needs.

    >>> percent_labels((0.2, 0.225))
    ((0.2, '20.0 %'), (0.225, '22.5 %'))
    """
    places = max((decimals(value) for value in values), default=0) - 2
    return tuple((value, percent(value, max(places, 0))) for value in values)


def decimals(value: float) -> int:
    """How many decimals the shortest text that names the value has.

    >>> decimals(1e-05), decimals(64000.5), decimals(3.0)
    (5, 1, 0)
    """
    return len(f"{Decimal(repr(value)):f}".removesuffix(".0").partition(".")[2])


def time_axis(start: Nanos, end: Nanos, count: int = 6) -> Axis:
    """An axis of time in UTC, with whole minutes, hours or days."""
    rough = (end - start) / count
    step = min(TIME_STEPS, key=lambda each: abs(math.log(each / rough)))
    moments = range(-(-start // step) * step, end + 1, step)
    return Axis(Scale(float(start), float(end)), tuple((float(ts), _moment(ts, step)) for ts in moments))


def _moment(ts: Nanos, step: Nanos) -> str:
    text = time_name(ts)
    if step >= DAY:
        return text[5:10]
    return text[11:19] if step < MINUTE else text[11:16]


def _title(words: str) -> Markup:
    """What a pointer that rests on the shape is told."""
    return Markup(f"<title>{escape(words)}</title>") if words else Markup()


def _unit(share: float) -> str:
    return f"{share * SIDE:.1f}"


def _share(share: float) -> str:
    return f"{share:.2%}"
