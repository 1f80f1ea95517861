"""When two views say the same: to the bit, or as far as a handler keeps what a reference keeps for ever."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from quant_contracts.views import Book, DocumentsView, QuotesView, Seen, TradesView


def view_bytes(view: Seen | None) -> bytes:
    """Bytes that two views share only when every bit of every number in them is the same."""
    return msgspec.msgpack.encode(view, enc_hook=_plain)


def same_view(one: Seen | None, other: Seen | None) -> bool:
    """True when two views are equal to the last bit."""
    return view_bytes(one) == view_bytes(other)


def agrees(came: Seen | None, reference: Seen | None, depth: int | None = None) -> bool:
    """True when a handler's view says what the reference says, as far as it says anything.

    Of a book it may hold the best `depth` levels of each side, of a span of time the last rows: then it
    says that the span is not whole. Of documents it may have forgotten early ones at the first look.
    """
    if isinstance(came, Book) and isinstance(reference, Book):
        return same_view(came, _top(reference, depth))
    if isinstance(came, TradesView) and isinstance(reference, TradesView):
        kept, there = len(came.trades), len(reference.trades)
        last = msgspec.structs.replace(
            reference,
            trades=reference.trades.slice(max(0, there - kept), there),
            is_whole=reference.is_whole and kept == there,
        )
        return (kept > 0 or not there) and same_view(came, last)
    if isinstance(came, QuotesView) and isinstance(reference, QuotesView):
        kept, there = len(came.quotes), len(reference.quotes)
        last_quotes = msgspec.structs.replace(
            reference,
            quotes=reference.quotes.slice(max(0, there - kept), there),
            # Of a span that is no longer all there it is the quote before what is.
            before=reference.before if kept == there else came.before,
            is_whole=kept == there,
        )
        return (kept > 0 or not there) and same_view(came, last_quotes)
    if isinstance(came, DocumentsView) and isinstance(reference, DocumentsView) and not came.since:
        there = len(reference.documents)
        documents = reference.documents[max(0, there - len(came.documents)) :]
        return same_view(came, msgspec.structs.replace(reference, documents=documents))
    return same_view(came, reference)


def levels_of(view: Seen | None) -> int:
    """How many levels the longer side of a book has; 0 for anything else."""
    return max(len(view.bid_prices), len(view.ask_prices)) if isinstance(view, Book) else 0


def _top(book: Book, depth: int | None) -> Book:
    return msgspec.structs.replace(
        book,
        bid_prices=book.bid_prices[:depth],
        bid_sizes=book.bid_sizes[:depth],
        ask_prices=book.ask_prices[:depth],
        ask_sizes=book.ask_sizes[:depth],
        bids_below=book.bids_below + len(book.bid_prices[depth:]) if depth is not None else book.bids_below,
        asks_above=book.asks_above + len(book.ask_prices[depth:]) if depth is not None else book.asks_above,
    )


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    raise TypeError(f"a view holds no {type(value).__name__}")
