"""As-of views straight from their definitions: everything is kept, and looked through when somebody asks.

Slow and plain on purpose. Channels under test are handed these, and handlers under test must say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, takewhile
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from quant_contracts.blocks import Column, QuoteBlock, TradeBlock
from quant_contracts.blocks.book import BookEvent
from quant_contracts.events import (
    BookDelta,
    BookGap,
    BookSnapshot,
    Document,
    OptionQuote,
    Quote,
    StreamEvent,
    Surface,
    Trade,
)
from quant_contracts.protocols import Domain
from quant_contracts.units import Nanos, Price, Quantity
from quant_contracts.views import Book, DocumentsView, ExpiryChain, OptionChain, QuotesView, Seen, TradesView

E = TypeVar("E", bound=StreamEvent)


class Reference(Protocol):
    """What is known of one stream."""

    def take(self, event: Any, /) -> None:
        """One event became known."""
        ...

    def view(self, since: Nanos, ts: Nanos, /) -> Seen | None:
        """What a handler says at `ts` that absorbed the same events, all of them known by then."""
        ...


def views(domain: Domain, events: Iterable[StreamEvent], steps: Sequence[Nanos]) -> list[Seen | None]:
    """What is seen of a stream at each of `steps`, which rise; the first look goes back to the beginning.

    >>> from quant_contracts.testing.samples import random_bars, sample_trades
    >>> bars = random_bars(3)
    >>> seen = views("trades", sample_trades(bars), [bar.ts_known for bar in bars])
    >>> [view.last.price == bar.close for view, bar in zip(seen, bars)]
    [True, True, True]
    """
    reference, coming = REFERENCES[domain](), iter(events)
    event, since = next(coming, None), 0
    seen: list[Seen | None] = []
    for ts in steps:
        while event is not None and event.ts_known <= ts:
            reference.take(event)
            event = next(coming, None)
        seen.append(reference.view(since, ts))
        since = ts
    return seen


class Trades:
    """Trades; a number that is left out is a trade that was lost."""

    def __init__(self) -> None:
        self._trades: list[Trade] = []
        self._losses: list[Nanos] = []

    def take(self, trade: Trade, /) -> None:
        if self._trades and trade.trade_id and trade.trade_id > self._trades[-1].trade_id + 1:
            self._losses.append(trade.ts_known)
        self._trades.append(trade)

    def view(self, since: Nanos, ts: Nanos, /) -> TradesView | None:
        if not self._trades:
            return None
        last = self._trades[-1]
        is_whole = not any(since < loss <= ts for loss in self._losses)
        return TradesView(
            ts, since, TradeBlock.of(last.symbol, _after(since, self._trades)), last, is_whole=is_whole
        )


class Quotes:
    """Best prices: those in force stay so until others come; not good while crossed or one-sided."""

    def __init__(self) -> None:
        self._quotes: list[Quote] = []

    def take(self, quote: Quote, /) -> None:
        self._quotes.append(quote)

    def view(self, since: Nanos, ts: Nanos, /) -> QuotesView | None:
        if not self._quotes:
            return None
        last = self._quotes[-1]
        if not last.bid_size or not last.ask_size or last.bid >= last.ask:
            return None
        new = _after(since, self._quotes)
        before = self._quotes[-len(new) - 1] if len(new) < len(self._quotes) else None
        return QuotesView(ts, since, QuoteBlock.of(last.symbol, new), before, last, is_whole=True)


class OrderBook:
    """Sizes by price of both sides, from a snapshot to a gap; not good while crossed or one-sided."""

    def __init__(self) -> None:
        self._bids: dict[Price, Quantity] = {}
        self._asks: dict[Price, Quantity] = {}
        self._is_good = False
        self._last: BookEvent | None = None

    def take(self, event: BookEvent, /) -> None:
        self._last = event
        if isinstance(event, BookGap):
            self._is_good = False
            return
        if isinstance(event, BookSnapshot):
            self._bids.clear()
            self._asks.clear()
            self._is_good = True
        for held, levels in ((self._bids, event.bids), (self._asks, event.asks)):
            for price, size in levels:
                held[price] = size
                if not size:
                    del held[price]

    def view(self, _since: Nanos, ts: Nanos, /) -> Book | None:
        if not self._is_good or not self._bids or not self._asks or max(self._bids) >= min(self._asks):
            return None
        assert isinstance(self._last, BookSnapshot | BookDelta)
        return Book(
            ts,
            self._last.ts_known,
            self._last.symbol,
            self._last.sequence,
            *_columns(sorted(self._bids.items(), reverse=True)),
            *_columns(sorted(self._asks.items())),
        )


class Chain:
    """The last quote of every option; at its expiry an option is no longer there."""

    def __init__(self) -> None:
        self._quotes: dict[tuple[Nanos, Price, int], OptionQuote] = {}

    def take(self, quote: OptionQuote, /) -> None:
        self._quotes[quote.expiry, quote.strike, quote.right] = quote

    def view(self, _since: Nanos, ts: Nanos, /) -> OptionChain | None:
        alive = [quote for _, quote in sorted(self._quotes.items(), key=itemgetter(0)) if quote.expiry > ts]
        if not alive:
            return None
        by_expiry = groupby(alive, key=attrgetter("expiry"))
        chains = tuple(ExpiryChain(expiry, tuple(quotes)) for expiry, quotes in by_expiry)
        return OptionChain(ts, alive[0].symbol, alive[0].premium, chains)


class Surfaces:
    """The last surface; one without a slice says that there is none."""

    def __init__(self) -> None:
        self._last: Surface | None = None

    def take(self, surface: Surface, /) -> None:
        self._last = surface

    def view(self, _since: Nanos, _ts: Nanos, /) -> Surface | None:
        return self._last if self._last is not None and self._last.slices else None


class Documents:
    """Every version of every text, in the order in which they became known."""

    def __init__(self) -> None:
        self._documents: list[Document] = []

    def take(self, document: Document, /) -> None:
        self._documents.append(document)

    def view(self, since: Nanos, ts: Nanos, /) -> DocumentsView | None:
        return DocumentsView(ts, since, tuple(_after(since, self._documents))) if self._documents else None


REFERENCES: Final[Mapping[Domain, Callable[[], Reference]]] = MappingProxyType(
    {
        "orderbook": OrderBook,
        "quotes": Quotes,
        "trades": Trades,
        "options": Chain,
        "surface": Surfaces,
        "sentiment": Documents,
    }
)


def _after(since: Nanos, events: Sequence[E]) -> list[E]:
    """The events known after `since`, in order."""
    return [*takewhile(lambda event: event.ts_known > since, reversed(events))][::-1]


def _columns(levels: Sequence[tuple[Price, Quantity]]) -> tuple[Column, Column]:
    prices, sizes = zip(*levels, strict=True)
    return np.array(prices), np.array(sizes)
