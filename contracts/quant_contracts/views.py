"""What channels are handed of a stream at a step: known by then, and nothing later.

    klines       Bar            the last closed bar of another symbol
    trades       TradesView     the trades since the symbol's last step
    quotes       QuotesView     the changes of best prices since then, and those in force
    orderbook    Book           the sealed top of a book that can be trusted
    options      OptionChain    the last quote of every option that has not expired
    surface      Surface        the last fitted or stored surface
    sentiment    DocumentsView  the documents that became known since the last step

In the place of each a channel gets None while nothing of it can be trusted: a book before its snapshot or
behind a gap, a chain without quotes.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from quant_contracts.blocks import Column, QuoteBlock, TradeBlock
from quant_contracts.events import Bar, Document, OptionQuote, Premium, Quote, Surface, Trade
from quant_contracts.units import Nanos


class TradesView(msgspec.Struct, frozen=True, eq=False):
    """What traded in (`since`, `ts`]."""

    ts: Nanos
    since: Nanos
    trades: TradeBlock
    """The trades that became known in between, perhaps none. At most as many as the handler keeps."""
    last: Trade | None
    """The last trade known at `ts`, perhaps before `since`."""
    is_whole: bool
    """False where trades of the span were missed or are no longer kept."""


class QuotesView(msgspec.Struct, frozen=True, eq=False):
    """How the best prices moved in (`since`, `ts`]."""

    ts: Nanos
    since: Nanos
    quotes: QuoteBlock
    """The changes that became known in between, perhaps none. At most as many as the handler keeps."""
    before: Quote | None
    """The quote in force at `since`, None before the first. Where rows of the span are no longer kept, the
    quote before those that are."""
    last: Quote
    """The quote in force at `ts`."""
    is_whole: bool
    """False where changes of the span were missed or are no longer kept."""


class Book(msgspec.Struct, frozen=True, eq=False):
    """The sealed top of an order book: valid, not crossed, both sides there. Nothing changes it any more."""

    ts: Nanos
    """The moment it is seen at."""
    ts_known: Nanos
    """When its last change became known."""
    symbol: str
    sequence: int
    """The venue's number of its last change."""
    bid_prices: Column
    """Best first, at least one."""
    bid_sizes: Column
    ask_prices: Column
    ask_sizes: Column
    bids_below: int = 0
    """How many more bids there are behind those that are sealed."""
    asks_above: int = 0

    @property
    def age(self) -> Nanos:
        """Time since its last change."""
        return self.ts - self.ts_known

    @property
    def mid(self) -> float:
        """Half-way between best bid and best ask."""
        return (self.bid_prices.item(0) + self.ask_prices.item(0)) / 2


class ExpiryChain(msgspec.Struct, frozen=True):
    """The quotes of one expiry."""

    expiry: Nanos
    quotes: tuple[OptionQuote, ...]
    """By rising strike, put before call; the last of each option."""

    @property
    def forward(self) -> float | None:
        """Price of the underlying for this expiry, of the quote that became known last; None if none says."""
        said = [quote for quote in self.quotes if quote.forward is not None]
        return max(said, key=_known).forward if said else None


class OptionChain(msgspec.Struct, frozen=True):
    """Every option of one underlying that has a quote and has not expired at `ts`; at its expiry it has."""

    ts: Nanos
    symbol: str
    premium: Premium
    expiries: tuple[ExpiryChain, ...]
    """By rising expiry, none empty."""

    def chain(self, expiry: Nanos, /) -> ExpiryChain | None:
        """The quotes of `expiry`, None where there are none."""
        return next((each for each in self.expiries if each.expiry == expiry), None)


class DocumentsView(msgspec.Struct, frozen=True):
    """What became known in (`since`, `ts`]."""

    ts: Nanos
    since: Nanos
    documents: tuple[Document, ...]
    """In the order in which they became known, perhaps none; at the first step all that is kept."""


def _known(quote: OptionQuote) -> Nanos:
    return quote.ts_known


Seen: TypeAlias = Bar | TradesView | QuotesView | Book | OptionChain | Surface | DocumentsView
"""What a channel is handed beside its bar."""
