"""What the rows of each domain may be: forms of columns, ranges of numbers, and what a frame of a book is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import numpy as np

from quant_contracts.blocks import (
    GAP,
    RESET,
    SET,
    Block,
    BookBlock,
    ChainBlock,
    EventBlock,
    QuoteBlock,
    TradeBlock,
)
from quant_contracts.events import Document, Surface
from quant_contracts.protocols import StreamFeed
from quant_contracts.testing.promise import BrokenPromise, check_is_lawful
from quant_contracts.testing.tape import column_form

KINDS: Final[Mapping[str, type]] = {
    "orderbook": BookBlock,
    "quotes": QuoteBlock,
    "trades": TradeBlock,
    "options": ChainBlock,
    "surface": EventBlock,
    "sentiment": EventBlock,
}
"""The blocks of each domain."""

FORMS: Final[Mapping[type, Mapping[str, str]]] = {
    TradeBlock: {
        "int64": "ts known trade_id",
        "float64": "price quantity",
        "int8": "side",
    },
    QuoteBlock: {"int64": "ts known", "float64": "bid bid_size ask ask_size"},
    BookBlock: {"int64": "ts known ticks lots sequence", "int8": "action side"},
    ChainBlock: {
        "int64": "ts known expiry",
        "float64": "strike bid bid_size ask ask_size mark mark_iv forward open_interest",
        "int8": "right",
    },
}
"""Columns of each kind of block by their type."""

SHOWN: Final = 50
"""Events of a block that are written to JSON and read, to see that a journal could hold them."""


def check_block(feed: StreamFeed, block: Block, *, is_first: bool) -> None:
    """A block of the feed's domain and symbol, its columns as declared, its rows within the law."""
    kind = KINDS[feed.domain]
    if type(block) is not kind or block.symbol != feed.symbol:
        raise BrokenPromise(
            feed,
            "blocks are of the feed's domain and symbol",
            given=feed.domain,
            expected=f"a {kind.__name__} of {feed.symbol!r}",
            came=f"a {type(block).__name__} of {block.symbol!r}",
        )
    _check_form(feed, block)
    for rule, kept in _laws(block, is_first=is_first):
        if not np.all(kept):
            row = int(np.argmin(kept))
            raise BrokenPromise(
                feed,
                rule,
                given=f"row {row} of a block",
                expected=rule,
                came=[*block.slice(row, row + 1).events()],
            )
    for event in islice(block.events(), SHOWN):
        check_is_lawful(feed, "events", "a row of a block", event, type(event))


def _check_form(feed: StreamFeed, block: Block) -> None:
    wanted = {
        name: (dtype, (len(block),))
        for dtype, names in FORMS.get(type(block), {}).items()
        for name in names.split()
    }
    forms = {name: column_form(getattr(block, name)) for name in wanted}
    if forms != wanted:
        raise BrokenPromise(
            feed,
            "columns are numpy arrays of one length and the types that their block declares",
            given=f"a {type(block).__name__} of {len(block)} rows",
            expected=wanted,
            came=forms,
        )


def _laws(block: Block, *, is_first: bool) -> Iterator[tuple[str, Any]]:
    """Each law, and the rows that keep it."""
    if isinstance(block, TradeBlock):
        yield (
            "prices and quantities are finite and above 0",
            _positive(block.price) & _positive(block.quantity),
        )
        yield "a side is +1 or -1", np.abs(block.side) == 1
        yield "a number is 0 or more", block.trade_id >= 0
    elif isinstance(block, QuoteBlock):
        for price, size in ((block.bid, block.bid_size), (block.ask, block.ask_size)):
            yield "a side that is there has a price above 0", _positive(price) | (size == 0)
            yield (
                "prices and sizes are finite, sizes 0 or more",
                np.isfinite(price) & np.isfinite(size) & (size >= 0),
            )
    elif isinstance(block, BookBlock):
        yield from _book_laws(block, is_first=is_first)
    elif isinstance(block, ChainBlock):
        yield from _chain_laws(block)
    elif isinstance(block, EventBlock):
        yield from _rare_laws(block)


def _book_laws(block: BookBlock, *, is_first: bool) -> Iterator[tuple[str, Any]]:
    is_gap = block.action == GAP
    yield "an action is SET, RESET or GAP", np.isin(block.action, (SET, RESET, GAP))
    yield "a side is +1 or -1, and 0 for a gap", np.abs(block.side) == np.where(is_gap, 0, 1)
    yield "ticks are above 0, and 0 for a gap", (block.ticks > 0) == ~is_gap
    yield "lots are 0 or more, and 0 for a gap", np.where(is_gap, block.lots == 0, block.lots >= 0)
    if is_first:
        yield "a book begins with a RESET", block.action[:1] == RESET
    starts = block.frame_starts()
    new = np.zeros(len(block), dtype=np.bool_)
    new[starts] = True
    yield (
        "the sequence rises from frame to frame, except at a reset",
        ~new | (np.diff(block.sequence, prepend=-1) > 0) | (block.action == RESET) | is_gap,
    )


def _chain_laws(block: ChainBlock) -> Iterator[tuple[str, Any]]:
    yield "a right is +1 or -1", np.abs(block.right) == 1
    yield "a strike is finite and above 0", _positive(block.strike)
    yield "an expiry is a moment", block.expiry > 0
    for name in ("bid", "bid_size", "ask", "ask_size", "mark", "mark_iv", "open_interest"):
        column = getattr(block, name)
        said = np.isnan(column) | (np.isfinite(column) & (column >= 0))
        yield f"{name} is 0 or more where it was said, and NaN where not", said
    yield "a forward is above 0 where it was said", np.isnan(block.forward) | _positive(block.forward)


def _rare_laws(block: EventBlock[Any]) -> Iterator[tuple[str, Any]]:
    rows = block.rows
    if rows and isinstance(rows[0], Surface):
        expiries = [[each.expiry for each in row.slices] for row in rows]
        yield "slices stand by rising expiry", [sorted(set(each)) == each for each in expiries]
        yield "a coverage is from 0 to 1", [0 <= row.coverage <= 1 for row in rows]
        yield "errors are 0 or more", [row.median_error >= 0 for row in rows]
        yield "a surface is of a moment by which it is known", [row.ts_event <= row.ts_known for row in rows]
    if rows and isinstance(rows[0], Document):
        yield "relevance and weight are 0 or more", [row.relevance >= 0 <= row.weight for row in rows]
        yield "a relevance is at most 1", [row.relevance <= 1 for row in rows]
        yield "a deleted document says nothing", [not (row.is_deleted and row.text) for row in rows]
        yield "nothing is known before it is seen", [row.ts_known >= row.first_seen for row in rows]
        yield "a compound score is from -1 to 1", [row.vader is None or abs(row.vader) <= 1 for row in rows]
        yield (
            "probabilities are from 0 to 1 and add up to 1",
            [row.finbert is None or _are_probabilities(row.finbert) for row in rows],
        )


def _are_probabilities(shares: tuple[float, float, float]) -> bool:
    first, second, third = shares
    return min(shares) >= 0 and abs(first + second + third - 1) < 1e-3


def _positive(column: Any) -> Any:
    return np.isfinite(column) & (column > 0)
