"""Words and figures that all pictures share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from quant_contracts.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Nanos
from quant_engine.report.encode import iso_time
from quant_engine.report.numbers import plain
from quant_engine.report.page.markup import Markup, join, number, tag
from quant_engine.view.sight import StreamState

NAMES: Final = {
    "orderbook": "Order book",
    "trades": "Trades",
    "quotes": "Best prices",
    "options": "Option quotes",
    "surface": "Volatility surface",
    "sentiment": "Documents",
}

REASONS: Final = {
    "gap": "changes were lost, and no whole book has come since",
    "crossed": "its best bid is not below its best ask",
    "no snapshot yet": "no whole book has come yet, only changes",
    "no bids": "nobody bids",
    "no asks": "nobody offers",
    "no trade yet": "no trade has become known yet",
    "no quote yet": "no quote has become known yet",
    "no surface yet": "no surface has become known yet",
}
"""What the reasons of handlers mean, in plain words."""

LENGTHS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"), (MILLISECOND, "ms"))


def age(length: Nanos) -> str:
    """A length of time as people say it.

    >>> age(84_000_000), age(90_000_000_000), age(0)
    ('84 ms', '1.5 min', '0 ms')
    """
    for unit, name in LENGTHS:
        if length >= unit:
            return f"{length / unit:.3g} {name}"
    return f"{length / MILLISECOND:.3g} ms"


def clock(ts: Nanos) -> str:
    """A moment to the millisecond.

    >>> clock(1_500_000_000)
    '1970-01-01 00:00:01.500'
    """
    text = iso_time(ts)
    return f"{text[:10]} {text[11:19]}.{text[20:23] if '.' in text else '000'}"


def short(value: float, digits: int = 4) -> str:
    """A size or price with about as many digits as are read.

    >>> short(64000.123), short(0.0123456), short(12.5)
    ('64,000.12', '0.01235', '12.5')
    """
    return plain(value) if abs(value) >= 1_000 else f"{value:.{digits}g}"


def facts(rows: Iterable[tuple[str, str, str]]) -> Markup:
    """Figures, each with its name and what is to be said beside it."""
    cells = (
        tag("div", join((tag("dt", name), tag("dd", join((number(value), tag("small", number(beside))))))))
        for name, value, beside in rows
    )
    return tag("dl", join(cells), "figures")


def legend(keys: Iterable[tuple[str, str]]) -> Markup:
    """What each kind of shape stands for, by its class."""
    return tag(
        "p",
        join(Markup(f'<span class="key"><i class="{css}"></i>{name}</span>') for css, name in keys),
        "keys",
    )


def trust(state: StreamState, at: Nanos) -> Markup:
    """How far a stream is to be trusted, in a sentence; loud where it is not."""
    name = NAMES[state.domain]
    if state.state == "fresh":
        assert state.last_known is not None
        text = f"{name}: fresh, last known {age(at - state.last_known)} before."
        return tag("p", text, "trust fresh")
    if state.state == "stale":
        text = f"{name}: stale, {state.reason}; declared to be stale after {state.max_age}."
        return tag("p", text, "trust stale")
    why = REASONS.get(state.reason, state.reason)
    text = f"{name}: not to be trusted, because {why}. A strategy is handed nothing of it at this moment."
    return tag("p", text, "trust missing")
