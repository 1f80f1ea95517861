"""Trades around the moment, between the best prices that they hit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quant_contracts.events import Quote, Trade
from quant_contracts.units import Nanos
from quant_engine.report.numbers import percent
from quant_engine.report.page.markup import Markup, join, tag
from quant_engine.view.plot import Axis, Plane, Scale, labels, round_values, time_axis
from quant_engine.view.sight import TradesSight
from quant_engine.view.words import age, clock, facts, legend, short

MOST_DOTS: Final = 1_500
"""Of more trades the largest are drawn; of more changes of best prices every k-th."""
THINNEST, THICKEST = 2.5, 13.0
"""Pixels across the smallest and the largest dot; its area goes with the quantity."""


def trades_picture(sight: TradesSight, at: Nanos) -> Markup:
    """Figures and the trades over time."""
    drawn, note = _drawn((*sight.before, *sight.after))
    words = [note] if note else []
    if sight.after:
        words.append("What lies to the right of the moment was not known at it.")
    if not sight.is_whole:
        words.append("Not whole: trades were missed, or are no longer kept.")
    parts = [trades_facts(sight, at), _chart(sight, drawn, at), _legend(sight)]
    if words:
        parts.append(tag("p", " ".join(words), "note"))
    return join(parts)


def trades_facts(sight: TradesSight, at: Nanos) -> Markup:
    """What was known of the trades at the moment."""
    rows: list[tuple[str, str, str]] = []
    if sight.before:
        volume = bought = value = 0.0
        for trade in sight.before:
            volume += trade.quantity
            value += trade.quantity * trade.price
            bought += trade.quantity if trade.side > 0 else 0.0
        last = sight.before[-1]
        largest = max(sight.before, key=_quantity)
        rows += [
            ("Trades", f"{len(sight.before):,}", f"in {age(at - sight.since)}"),
            ("Volume", short(volume), f"{percent(bought / volume, 1)} taken by buyers"),
            ("Mean price by volume", short(value / volume), ""),
            ("Last", short(last.price), f"{age(at - last.ts_known)} before"),
            ("Largest", short(largest.quantity), f"at {short(largest.price)}"),
        ]
    if sight.quotes:
        quote = sight.quotes[-1]
        rows += [
            ("Best bid", short(quote.bid), f"size {short(quote.bid_size)}"),
            ("Best ask", short(quote.ask), f"size {short(quote.ask_size)}"),
        ]
    return facts(rows)


def _chart(sight: TradesSight, drawn: Sequence[Trade], at: Nanos) -> Markup:
    quotes = _thinned(sight.quotes)
    prices = [trade.price for trade in drawn]
    prices += [price for quote in quotes for price in (quote.bid, quote.ask)]
    low, high = min(prices), max(prices)
    margin = (high - low) * 0.06 or high * 1e-4
    x = time_axis(sight.since, sight.until if sight.after else at)
    y = Axis(
        Scale(low - margin, high + margin),
        labels(round_values(low - margin, high + margin)),
        "price",
    )
    plane = Plane(x, y)
    largest = max((trade.quantity for trade in drawn), default=1.0)
    shapes = [plane.block(float(at), x.scale.high, y.scale.low, y.scale.high, "later")] if sight.after else []
    shapes += [
        plane.line(_stairs([(quote.ts_known, quote.bid) for quote in quotes], at), "bid pen quote"),
        plane.line(_stairs([(quote.ts_known, quote.ask) for quote in quotes], at), "ask pen quote"),
    ]
    for trade in drawn:
        verb = "bought" if trade.side > 0 else "sold"
        words = f"{short(trade.quantity)} {verb} at {short(trade.price, 8)}, {clock(trade.ts_known)}"
        width = max(THINNEST, THICKEST * (trade.quantity / largest) ** 0.5)
        css = f"dot {'up' if trade.side > 0 else 'down'}"
        shapes.append(plane.dot(float(trade.ts_known), trade.price, css, words, width))
    shapes.append(plane.upright(float(at), y.scale.low, y.scale.high, "now"))
    words = f"{len(drawn):,} trades from {clock(sight.since)} on, between {short(low)} and {short(high)}"
    return plane.picture(shapes, words, "tall")


def _legend(sight: TradesSight) -> Markup:
    keys = [("dot up", "bought"), ("dot down", "sold")] if sight.before or sight.after else []
    keys += [("bid", "best bid"), ("ask", "best ask")] if sight.quotes else []
    keys.append(("now", "the moment"))
    return legend(keys)


def _drawn(trades: Sequence[Trade]) -> tuple[Sequence[Trade], str]:
    """The trades to draw, the largest first so that small ones stay on top of them."""
    by_size = sorted(trades, key=_quantity, reverse=True)
    if len(trades) <= MOST_DOTS:
        return by_size, ""
    return by_size[:MOST_DOTS], f"Of {len(trades):,} trades the {MOST_DOTS:,} largest are drawn."


def _thinned(quotes: Sequence[Quote]) -> Sequence[Quote]:
    every = -(-len(quotes) // MOST_DOTS) or 1
    return quotes[::every]


def _stairs(rows: Sequence[tuple[Nanos, float]], until: Nanos) -> list[tuple[float, float]]:
    """Each price holds until the next."""
    points: list[tuple[float, float]] = []
    for ts, price in rows:
        if points:
            points.append((float(ts), points[-1][1]))
        points.append((float(ts), price))
    if points:
        points.append((float(until), points[-1][1]))
    return points


def _quantity(trade: Trade) -> float:
    return trade.quantity
