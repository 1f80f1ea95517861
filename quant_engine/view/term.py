"""Volatility at the money over the time to expiry."""

from __future__ import annotations

from quant_contracts.duration import time_name
from quant_engine.report.numbers import percent
from quant_engine.report.page.markup import Markup, join, tag
from quant_engine.view.plot import Axis, Plane, Scale, percent_labels, round_values
from quant_engine.view.sight import OptionsSight
from quant_engine.view.words import short

DAYS = (0.1, 0.3, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 120.0, 240.0, 365.0, 730.0)


def term_picture(sight: OptionsSight) -> Markup:
    """The term structure; nothing where fewer than two expiries are fitted."""
    rows = [
        (one.days, one.atm_vol, one) for one in sight.expiries if one.atm_vol is not None and one.days > 0
    ]
    if len(rows) < 2:
        return Markup()
    days = [row[0] for row in rows]
    volatilities = [row[1] for row in rows]
    low, high = min(volatilities), max(volatilities)
    margin = (high - low) * 0.2 or high * 0.1
    floor, ceiling = max(low - margin, 0.0), high + margin
    first, last = min(days) / 1.25, max(days) * 1.25
    plane = Plane(
        Axis(
            Scale(first, last, is_log=True),
            tuple((value, f"{value:g}") for value in DAYS if first <= value <= last),
            "days to expiry",
        ),
        Axis(
            Scale(floor, ceiling),
            percent_labels(round_values(floor, ceiling, 4)),
            "volatility at the money",
        ),
    )
    shapes = [plane.line(zip(days, volatilities, strict=True), "pen fit")]
    for day, vol, one in rows:
        words = f"{time_name(one.expiry)[:10]}, {short(day, 3)} d: {percent(vol, 2)}"
        shapes.append(plane.dot(day, vol, "dot fit", words))
    label = f"Term structure: {percent(volatilities[0], 1)} at {short(days[0], 3)} days to "
    label += f"{percent(volatilities[-1], 1)} at {short(days[-1], 3)} days"
    return join((tag("h3", "Term structure"), plane.picture(shapes, label)))
