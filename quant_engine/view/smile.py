"""The smile of each expiry: what is quoted, and the curve that was fitted to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from quant_contracts.duration import time_name
from quant_contracts.units import Fraction, Nanos, Price
from quant_engine.report.numbers import percent, plain
from quant_engine.report.page.markup import Markup, escape, join, number, tag
from quant_engine.view.plot import Axis, Plane, Scale, labels, percent_labels, round_values, spread_values
from quant_engine.view.sight import ExpirySight, OptionsSight, VolPoint
from quant_engine.view.words import age, facts, legend, short

FLAGS: Final = {
    "butterfly": "butterfly arbitrage",
    "calendar": "calendar arbitrage",
    "poor_fit": "poor fit",
    "american": "early exercise is left out",
    "too_few_quotes": "too few quotes",
    "not_converged": "the fit did not arrive",
    "no_variance": "no variance at the money",
    "no_forward": "nobody tells its forward",
    "expired": "expired",
}
POINTS_PER_FRACTION: Final = 100
FARTHEST: Final = 2.2
"""The picture ends where strikes are this many times as far from the forward, in logarithms, as those of the
middle four fifths."""


def options_picture(sight: OptionsSight, at: Nanos) -> Markup:
    """What is known of the fit, then every expiry."""
    return join(
        (
            _facts(sight, at),
            _legend(sight),
            tag("div", join(smile(one) for one in sight.expiries), "smiles"),
        )
    )


def _facts(sight: OptionsSight, at: Nanos) -> Markup:
    fitted = [one for one in sight.expiries if one.curve]
    if not sight.model:
        return tag(
            "p",
            "No curve: no surface is known at this moment. Declare a surface beside the options, such as "
            '{"source": {"class": "fitted"}}, with quant-engine[options] installed.',
            "note",
        )
    rows = [
        ("Model", sight.model, ORIGINS.get(sight.origin, sight.origin)),
        ("Expiries fitted", f"{len(fitted)} of {len(sight.expiries)}", ""),
        ("Median error", points(sight.median_error), ""),
        ("Quotes used", "n/a" if sight.coverage is None else percent(sight.coverage, 1), ""),
    ]
    if sight.surface_known is not None and sight.origin != "here":
        rows.append(("Surface known", f"{age(at - sight.surface_known)} before", ""))
    return facts(rows)


ORIGINS: Final = {
    "fitted": "fitted in the run",
    "stored": "stored, not fitted in the run",
    "here": "fitted for this page: no surface is declared",
}


def smile(one: ExpirySight) -> Markup:
    """One expiry: title, picture, and what is to be said of the fit."""
    title = f"{time_name(one.expiry)[:10]}"
    beside = f"{short(one.days, 3)} d" + (f", forward {short(one.forward)}" if one.forward else "")
    head = tag("h3", join((title, " ", tag("small", number(beside)))))
    return tag("figure", join((head, _chart(one), tag("figcaption", _said(one)))), "smile")


def _said(one: ExpirySight) -> Markup:
    """Fit error, coverage and flags in words."""
    flags = ", ".join(FLAGS.get(flag, flag) for flag in one.flags)
    if one.is_refused:
        return join((tag("b", "No fit: ", "down"), f"{flags}; {one.used} of {one.offered} quotes usable"))
    if not one.curve:
        return escape(f"{len(one.points)} strikes, no curve" if one.points else "no usable quote")
    parts = [
        f"ATM {percent(one.atm_vol or 0.0, 1)}",
        f"error {points(one.median_error)}",
        f"{one.used} of {one.offered} quotes",
        f"{percent(one.within_spread or 0.0, 0)} within the spread",
    ]
    text = number(" · ".join(parts))
    return join((text, tag("span", f" · {flags}", "down"))) if flags else text


def _chart(one: ExpirySight) -> Markup:
    shown, low, high = _range(one)
    volatilities = [vol for point in shown for vol in (point.mark, _middle(point)) if vol is not None]
    volatilities += [vol for strike, vol in one.curve if low <= strike <= high]
    if not volatilities:
        return tag("p", "Nothing is quoted.", "note")
    bottom, top = min(volatilities), max(volatilities)
    # Where hardly anything is quoted, a hair's breadth must not fill the picture.
    margin = max((top - bottom) * 0.12, top * 0.02)
    floor, ceiling = max(bottom - margin, 0.0), top + margin
    strikes = Scale(low, high, is_log=True)
    plane = Plane(
        Axis(
            strikes,
            labels(spread_values(strikes)),
            "strike",
        ),
        Axis(
            Scale(floor, ceiling),
            percent_labels(round_values(floor, ceiling, 4)),
            "volatility",
        ),
    )
    shapes = [plane.upright(one.forward, floor, ceiling, "now", f"forward {short(one.forward)}")]
    for point in shown:
        shapes += _quote(plane, point, floor, ceiling)
    shapes += _curve(plane, one, (low, high), (floor, ceiling))
    words = (
        f"Smile of {time_name(one.expiry)[:10]}: {len(shown)} strikes from {short(low)} to {short(high)}, "
        f"volatility {percent(bottom, 1)} to {percent(top, 1)}"
    )
    return plane.picture(shapes, words)


def _quote(plane: Plane, point: VolPoint, floor: Fraction, ceiling: Fraction) -> list[Markup]:
    """Bid to ask as a bar, cut to the picture, and the mark as a dot."""
    name = f"{short(point.strike)} {'call' if point.side > 0 else 'put'}"
    told = {"bid": point.bid, "mark": point.mark, "ask": point.ask}
    words = f"{name}: " + ", ".join(
        f"{key} {percent(vol, 1)}" for key, vol in told.items() if vol is not None
    )
    shapes: list[Markup] = []
    if point.ask is not None:
        low = floor if point.bid is None else point.bid
        start, stop = max(low, floor), min(point.ask, ceiling)
        if start < stop:
            shapes.append(
                plane.upright(point.strike, start, stop, "range" if point.bid else "range half", words)
            )
    if point.mark is not None and floor <= point.mark <= ceiling:
        shapes.append(plane.dot(point.strike, point.mark, "dot mark", words))
    return shapes


def _curve(
    plane: Plane, one: ExpirySight, strikes: tuple[Price, Price], heights: tuple[Fraction, Fraction]
) -> list[Markup]:
    """The fitted curve: a full line where it had quotes, a broken one beyond."""
    inside = [
        row for row in one.curve if strikes[0] <= row[0] <= strikes[1] and heights[0] <= row[1] <= heights[1]
    ]
    below = [row for row in inside if row[0] <= one.fitted_from]
    within = [row for row in inside if one.fitted_from <= row[0] <= one.fitted_to]
    above = [row for row in inside if row[0] >= one.fitted_to]
    return [
        plane.line([*below, *within[:1]], "pen fit beyond") if below else Markup(),
        plane.line(within, "pen fit") if len(within) > 1 else Markup(),
        plane.line([*within[-1:], *above], "pen fit beyond") if above else Markup(),
    ]


def _range(one: ExpirySight) -> tuple[Sequence[VolPoint], Price, Price]:
    """The points to show, without those far out, and the strikes at the edges."""
    shown = [point for point in one.points if point.bid is not None or point.mark is not None]
    strikes = np.array([point.strike for point in shown] or [strike for strike, _ in one.curve] or [1.0, 2.0])
    if one.forward and len(strikes) > 9:
        k = np.log(strikes / one.forward)
        low, high = np.quantile(k, [0.1, 0.9])
        keep = (k >= min(low, 0.0) * FARTHEST) & (k <= max(high, 0.0) * FARTHEST)
        strikes = strikes[keep]
    ends = [*([one.forward] if one.forward else []), float(strikes.min()), float(strikes.max())]
    edge = (max(ends) / min(ends)) ** 0.03 if max(ends) > min(ends) else 1.05
    low_strike, high_strike = min(ends) / edge, max(ends) * edge
    return [point for point in shown if low_strike <= point.strike <= high_strike], low_strike, high_strike


def _middle(point: VolPoint) -> Fraction | None:
    if point.bid is None or point.ask is None:
        return None
    return (point.bid + point.ask) / 2


def _legend(sight: OptionsSight) -> Markup:
    keys = [("range", "bid to ask"), ("dot mark", "venue's mark"), ("now", "forward")]
    if any(point.ask is not None and point.bid is None for one in sight.expiries for point in one.points):
        keys.insert(1, ("range half", "only an ask"))
    if sight.model:
        keys[-1:-1] = [("fit", "fitted"), ("fit beyond", "beyond the quotes used")]
    return legend(keys)


def points(error: Fraction | None) -> str:
    """An error in volatility points.

    >>> points(0.0042), points(None)
    ('0.42 points', 'n/a')
    """
    return "n/a" if error is None else f"{plain(error * POINTS_PER_FRACTION)} points"
