"""The as-of view of the best prices: those in force, and how they moved to get there."""

from __future__ import annotations

from collections.abc import Iterator

from quant_channels.streams.cursor import Cursor
from quant_channels.streams.recent import Recent
from quant_channels.streams.trust import by_age, refuse_out_of_turn
from quant_contracts.blocks import QuoteBlock
from quant_contracts.errors import ConfigError
from quant_contracts.events import DataGap, Freshness, Quote, StreamEvent
from quant_contracts.protocols import QualityRow, StreamFeed
from quant_contracts.units import Nanos
from quant_contracts.views import QuotesView

DOMAIN = "quotes"


class QuotesHandler:
    """Holds the last `keep` changes of the best prices of its feed's symbol.

    Nothing is shown while the quote in force has an empty side or is crossed. Those in front of it are
    shown as they came.
    """

    def __init__(self, feed: StreamFeed, keep: int = 200_000) -> None:
        if type(keep) is not int or keep < 1:
            raise ConfigError(f"{feed.symbol} quotes: keep must be at least 1 quote, not {keep!r}")
        self.keep = keep
        self._symbol = feed.symbol
        self._cursor = Cursor(feed)
        self._recent = Recent(QuoteBlock, feed.symbol, keep)
        self._add = self._recent.push
        self._known: Nanos = 0

    @property
    def domain(self) -> str:
        return DOMAIN

    @property
    def symbol(self) -> str:
        return self._symbol

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        self._cursor.load(start, end, rows)

    def advance(self, ts: Nanos, /) -> None:
        for block in self._cursor.take(ts):
            assert isinstance(block, QuoteBlock)
            refuse_out_of_turn(DOMAIN, self._symbol, self._known, block.symbol, block.known.item(0))
            self._known = block.known.item(-1)
            self._recent.extend(block)

    def read(self, ts: Nanos, /) -> Iterator[StreamEvent]:
        for block in self._cursor.take(ts):
            assert isinstance(block, QuoteBlock)
            yield from block.events()

    def push(self, event: StreamEvent, /) -> None:
        assert isinstance(event, Quote)
        known = event.ts_known
        if known < self._known or event.symbol != self._symbol:
            refuse_out_of_turn(DOMAIN, self._symbol, self._known, event.symbol, known)
        self._known = known
        self._add(event)

    def observe(self, since: Nanos, ts: Nanos, /) -> QuotesView | None:
        last = self._in_force()
        if last is None or _unsound(last):
            return None
        quotes, is_whole = self._recent.since(since)
        before = self._recent.before(since)
        return QuotesView(
            ts, since, quotes, None if before is None else next(before.events()), last, is_whole
        )

    def freshness(self, ts: Nanos, max_age: Nanos | None, /) -> tuple[Freshness, str]:
        last = self._in_force()
        reason = "no quote yet" if last is None else _unsound(last)
        return ("missing", reason) if reason else by_age(self._known, ts, max_age)

    def _in_force(self) -> Quote | None:
        last = self._recent.last()
        return None if last is None else next(last.events())

    def gaps(self) -> tuple[DataGap, ...]:
        return ()

    def quality(self) -> tuple[QualityRow, ...]:
        return ()

    @property
    def last_known(self) -> Nanos | None:
        return self._known or None

    @property
    def most_bytes(self) -> int:
        return self._recent.most_bytes


def _unsound(quote: Quote) -> str:
    """What is wrong with a quote, nothing where it can be used."""
    if not quote.bid_size > 0.0:
        return "no bids"
    if not quote.ask_size > 0.0:
        return "no asks"
    return "" if quote.bid < quote.ask else "crossed"
