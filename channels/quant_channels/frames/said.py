"""What one frame of a venue says of a book, and the kinds of messages there are."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from quant_contracts.events import Bar, FormingBar, Liquidation, MarkPrice, OptionQuote, Quote, Trade
from quant_contracts.units import Nanos

Kind: TypeAlias = Literal[
    "depth",
    "partial_depth",
    "quote",
    "trade",
    "agg_trade",
    "ticker",
    "summary",
    "kline",
    "mark",
    "liquidation",
]
"""What a message is about; each venue names it differently.

    depth          changes of a book, and the whole book that they begin with
    partial_depth  the best few levels again and again, of which the best bid and ask are taken
    quote          best bid and ask
    trade          one trade
    agg_trade      the trades of one order at one price as one
    ticker         the state of a contract: best prices and mark, of an option also its volatility
    summary        the same of all options at once, asked for by REST
    kline          a bar, forming or closed
    mark           what the venue values a contract at
    liquidation    a position closed by force
"""

KINDS: Final[frozenset[Kind]] = frozenset(
    (
        "depth",
        "partial_depth",
        "quote",
        "trade",
        "agg_trade",
        "ticker",
        "summary",
        "kline",
        "mark",
        "liquidation",
    )
)

Levels: TypeAlias = list[tuple[int, int]]
"""Whole ticks and the whole lots that stand there; 0 lots take the level away."""


class Depth(msgspec.Struct, frozen=True, gc=False):
    """A whole book or changes of one, with the numbers by which frames follow each other."""

    ts: Nanos
    """When it was so at the venue, 0 where the venue does not say."""
    recv_ns: Nanos
    is_snapshot: bool
    first: int
    """Number of the first change it holds; that of the last where the venue gives only one."""
    last: int
    """Number of the last change it holds, or of the book's state."""
    bids: Levels
    asks: Levels
    previous: int | None = None
    """`last` of the frame before it, where the venue says so."""
    checksum: int | None = None
    """CRC-32 of the top of the book after it, where the venue gives one."""
    texts: tuple[list[str], list[str]] = ([], [])
    """`price:size` of each level of bids and asks as the venue wrote them, where it gives a checksum."""


class Lost(msgspec.Struct, frozen=True, gc=False):
    """A frame that may have been the book's could not be read, or frames before it never came."""

    recv_ns: Nanos
    reason: str


Said: TypeAlias = Depth | Lost | Trade | Quote | OptionQuote | MarkPrice | Liquidation | Bar | FormingBar
"""Everything that frames are turned into. `ts_known` of the events is the time that the parser was given."""
