"""The order book: level by level as a ladder, and cumulated as its depth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from quant_contracts.units import Fraction, Nanos, Price, Quantity
from quant_engine.report.numbers import plain
from quant_engine.report.page.markup import Markup, join, number, tag
from quant_engine.view.plot import Axis, Plane, Scale, decimals, labels, round_values
from quant_engine.view.sight import BookSight
from quant_engine.view.words import age, facts, legend

LEVELS: Final = 15
"""Levels of each side in the ladder; the depth shows all that are sealed."""
BPS: Final = 10_000


def book_picture(book: BookSight, at: Nanos) -> Markup:
    """Figures, ladder and depth."""
    return join(
        (
            book_facts(book, at),
            tag("div", join((ladder(book), tag("div", join((depth(book), _legend()))))), "columns"),
        )
    )


def book_facts(book: BookSight, at: Nanos) -> Markup:
    """What is read off a book first."""
    bids, asks = _total(book.bids), _total(book.asks)
    places = _places(book)
    return facts(
        (
            ("Mid", plain(book.mid, places + 1), ""),
            (
                "Spread",
                plain(book.spread, places),
                f"{plain(book.spread / book.mid * BPS, 3)} bps of the mid",
            ),
            ("Last change", f"{age(at - book.ts_known)} before", f"sequence {book.sequence}"),
            ("Bids", plain(bids, 3), f"in {len(book.bids):,} levels; {book.bids_below:,} lie below"),
            ("Asks", plain(asks, 3), f"in {len(book.asks):,} levels; {book.asks_above:,} lie above"),
            ("Imbalance", plain(imbalance(book), 3), "bids less asks, over both"),
        )
    )


def imbalance(book: BookSight) -> Fraction:
    """Bid size less ask size over both: +1 where there are only bids."""
    bids, asks = _total(book.bids), _total(book.asks)
    return (bids - asks) / (bids + asks)


def ladder(book: BookSight) -> Markup:
    """Asks above, bids below, sizes as bars on one scale."""
    bids, asks = book.bids[:LEVELS], book.asks[:LEVELS]
    largest = max(size for _, size in (*bids, *asks))
    head = join(tag("th", name) for name in ("Size", "", "Price", "From mid", "Cumulated"))
    ask_rows = [
        _row("ask", level, so_far, book, largest)
        for level, so_far in zip(asks, accumulate(size for _, size in asks), strict=True)
    ]
    bid_rows = [
        _row("bid", level, so_far, book, largest)
        for level, so_far in zip(bids, accumulate(size for _, size in bids), strict=True)
    ]
    spread = f"spread {plain(book.spread, _places(book))}"
    middle = Markup(
        f'<tr class="mid"><td></td><td></td><td>{number(plain(book.mid, _places(book) + 1))}</td>'
        f'<td colspan="2">{number(spread)}</td></tr>\n'
    )
    body = join((*reversed(ask_rows), middle, *bid_rows))
    return Markup(
        f'<div class="frame"><table class="ladder"><caption>Asks above, bids below</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def _row(
    side: str, level: tuple[Price, Quantity], so_far: Quantity, book: BookSight, largest: Quantity
) -> Markup:
    price, size = level
    distance = plain(abs(price - book.mid) / book.mid * BPS, 2)
    cells = join(
        (
            tag("td", plain(size, max(decimals(size) for _, size in (*book.bids, *book.asks)))),
            Markup(f'<td class="bar"><i style="width:{size / largest:.2%}"></i></td>'),
            tag("td", plain(price, _places(book)), "price"),
            tag("td", join((number(distance), tag("small", " bps")))),
            tag("td", plain(so_far, 3)),
        )
    )
    return Markup(f'<tr class="{side}">{cells}</tr>\n')


def depth(book: BookSight) -> Markup:
    """Size that stands at a price or better, from the mid outwards."""
    bids, asks = _cumulated(book.bids), _cumulated(book.asks)
    low, high = min(bids[-1][0], book.bids[0][0]), max(asks[-1][0], asks[0][0])
    margin = (high - low) * 0.02
    top = max(bids[-1][1], asks[-1][1]) * 1.08
    places = _places(book)
    plane = Plane(
        Axis(
            Scale(low - margin, high + margin),
            labels(round_values(low, high, 4)),
            "price",
        ),
        Axis(
            Scale(0.0, top),
            labels(round_values(0.0, top)),
            "cumulated size",
        ),
    )
    shapes: list[Markup] = []
    for rows, side, edge in ((bids, "bid", low - margin), (asks, "ask", high + margin)):
        outline = [*_stairs(rows), (edge, rows[-1][1])]
        shapes += [plane.area(outline, f"{side} wash"), plane.line(outline, f"{side} pen")]
    shapes.append(plane.upright(book.mid, 0.0, top, "now"))
    words = (
        f"Depth of the book: {plain(bids[-1][1], 3)} bid down to {plain(bids[-1][0], places)}, "
        f"{plain(asks[-1][1], 3)} offered up to {plain(asks[-1][0], places)}"
    )
    return plane.picture(shapes, words, "tall")


def _legend() -> Markup:
    keys = (("bid", "bids"), ("ask", "asks"), ("now", "mid"))
    return legend(keys)


def _stairs(rows: Sequence[tuple[Price, Quantity]]) -> list[tuple[Price, Quantity]]:
    """The outline of cumulated sizes: up at each price, level in between."""
    points = [(rows[0][0], 0.0)]
    for price, size in rows:
        points += [(price, points[-1][1]), (price, size)]
    return points


def _cumulated(levels: Sequence[tuple[Price, Quantity]]) -> list[tuple[Price, Quantity]]:
    sizes = accumulate(size for _, size in levels)
    return [(price, size) for (price, _), size in zip(levels, sizes, strict=True)]


def _total(levels: Sequence[tuple[Price, Quantity]]) -> Quantity:
    return _cumulated(levels)[-1][1]


def _places(book: BookSight) -> int:
    """Decimals that every shown price needs."""
    return max(decimals(price) for price, _ in (*book.bids, *book.asks))
