"""What features of the top of the book read: the best bid and ask, of a whole book or of quotes alone."""

from __future__ import annotations

from typing import Literal, TypeAlias

from quant_contracts.protocols import Stream
from quant_contracts.views import Book, QuotesView

Top: TypeAlias = Literal["orderbook", "quotes"]
"""Which stream the best prices are read from."""

PREFIX: dict[Top, str] = {"orderbook": "", "quotes": "quote_"}
"""How outputs made from each are named, so that both may stand side by side."""


def streams(of: Top) -> tuple[Stream, ...]:
    """What a channel reads that looks at the best prices only."""
    return (Stream(of),)


def best(seen: Book | QuotesView) -> tuple[float, float, float, float]:
    """Bid, its size, ask, its size: the bid is below the ask and both sizes are above 0."""
    if isinstance(seen, Book):
        return (
            seen.bid_prices.item(0),
            seen.bid_sizes.item(0),
            seen.ask_prices.item(0),
            seen.ask_sizes.item(0),
        )
    last = seen.last
    return last.bid, last.bid_size, last.ask, last.ask_size


def sees(book: Book, levels: int) -> bool:
    """True when the best `levels` of both sides are sealed, or all there are."""
    return (not book.bids_below or len(book.bid_prices) >= levels) and (
        not book.asks_above or len(book.ask_prices) >= levels
    )
