"""The as-of view of the options on one underlying: the last quote of each, and nothing later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from quant_channels.options.latest import last_of_each
from quant_channels.streams.cursor import Cursor
from quant_channels.streams.trust import by_age, refuse_out_of_turn
from quant_contracts.blocks import ChainBlock
from quant_contracts.duration import Length, parse_interval
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import DataGap, Freshness, OptionQuote, Premium, StreamEvent
from quant_contracts.protocols import QualityRow, StreamFeed
from quant_contracts.units import Nanos
from quant_contracts.views import ExpiryChain, OptionChain

NEVER: Final[Nanos] = np.iinfo(np.int64).max

QUOTE_BYTES: Final = 1_200
"""What one option takes at most: its quote, its places in the dictionaries and in the view."""


class OptionChainDataHandler:
    """Holds the last quote of every option that has not expired, by expiry and rising strike.

    Of more than `max_contracts` options those whose last quote is the oldest are dropped, and counted in
    `dropped`. The view leaves out quotes that became known more than `max_quote_age` ago (`5m`; None keeps
    them). What was built for an expiry is kept until something in it changes.

    >>> from quant_channels.options.chain_file import OptionsFileFeed
    >>> feed = OptionsFileFeed("options", "BTC", "chain.parquet", "deribit_chain")
    >>> handler = OptionChainDataHandler(feed, max_contracts=2)
    >>> for strike in (100.0, 90.0, 100.0, 80.0):
    ...     handler.push(OptionQuote(1, 1, "BTC", "inverse", expiry=9, strike=strike, right=1))
    >>> [quote.strike for quote in handler.chain(9).quotes], handler.dropped
    ([80.0, 100.0], 1)
    """

    domain: Final = "options"

    def __init__(
        self, feed: StreamFeed, max_contracts: int = 20_000, max_quote_age: Length | None = None
    ) -> None:
        if not 1 <= max_contracts <= 1_000_000:
            raise ConfigError(
                f"{feed.symbol} options: max_contracts must be from 1 to 1,000,000, not {max_contracts}"
            )
        self.symbol = feed.symbol
        self.max_contracts = max_contracts
        self.max_quote_age = max_quote_age
        self.dropped = 0
        """Options that had to go because there were too many."""
        self._max_age = None if max_quote_age is None else parse_interval(max_quote_age)
        self._cursor = Cursor(feed)
        self._known: Nanos | None = None
        self._premium: Premium | None = None
        # Every option held, the one whose last quote is the oldest first.
        self._quotes: dict[tuple[Nanos, float, int], OptionQuote] = {}
        self._series: dict[Nanos, dict[tuple[float, int], OptionQuote]] = {}
        self._next_expiry = NEVER
        # What the view is made of: of each expiry, and until when it holds.
        self._built: dict[Nanos, tuple[ExpiryChain, Nanos]] = {}
        self._expiries: tuple[ExpiryChain, ...] | None = None
        self._until: Nanos = 0

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        self._cursor.load(start, end, rows)

    def advance(self, ts: Nanos, /) -> None:
        for block in self._cursor.take(ts):
            # A feed of this domain delivers no other blocks; the cursor does not know which it reads.
            assert isinstance(block, ChainBlock)
            self.absorb(block)
        if ts >= self._next_expiry:
            self._expire(ts)

    def read(self, ts: Nanos, /) -> Iterator[StreamEvent]:
        for block in self._cursor.take(ts):
            assert isinstance(block, ChainBlock)
            yield from block.events()

    def push(self, event: StreamEvent, /) -> None:
        if not isinstance(event, OptionQuote):
            raise DataError(f"{self.symbol} options: an event of type {type(event).__name__} came")
        self._admit(event.symbol, event.premium, event.ts_known)
        self._take(event)
        self._known = event.ts_known

    def absorb(self, block: ChainBlock) -> None:
        """Take in every row of a block, as if one by one."""
        if not len(block):
            return
        self._admit(block.symbol, block.premium, block.known.item(0))
        if bool((np.diff(block.known) < 0).any()):
            raise DataError(f"{self.symbol} options: a block whose rows are not in the order they were known")
        known = block.known.item(-1)
        if len(block) > len(self._quotes):
            # Some options may come more than once. While nothing has to be dropped only the last row counts.
            rows = last_of_each(block)
            if len(rows) + len(self._quotes) <= self.max_contracts:
                block = block.take(rows)
        for quote in block.events():
            self._take(quote)
        self._known = known

    def _admit(self, symbol: str, premium: Premium, known: Nanos) -> None:
        last = known if self._known is None else self._known
        refuse_out_of_turn(self.domain, self.symbol, last, symbol, known)
        if premium != self._premium:
            if self._premium is not None:
                raise DataError(
                    f"{self.symbol} options: {self._premium} and {premium} premiums in one chain; "
                    "declare them under two symbols"
                )
            self._premium = premium

    def _take(self, quote: OptionQuote) -> None:
        if quote.ts_known >= self._next_expiry:
            self._expire(quote.ts_known)
        expiry = quote.expiry
        if expiry <= quote.ts_known:
            return
        option = (quote.strike, quote.right)
        # Out and in again: the order of the dictionary is that of the last quotes.
        if self._quotes.pop((expiry, *option), None) is None and len(self._quotes) >= self.max_contracts:
            self._drop_oldest()
        self._quotes[expiry, *option] = quote
        series = self._series.get(expiry)
        if series is None:
            series = self._series[expiry] = {}
            self._next_expiry = min(self._next_expiry, expiry)
        series[option] = quote
        self._built.pop(expiry, None)
        self._expiries = None

    def _drop_oldest(self) -> None:
        expiry, strike, right = next(iter(self._quotes))
        del self._quotes[expiry, strike, right]
        del self._series[expiry][strike, right]
        if not self._series[expiry]:
            del self._series[expiry]
        self._built.pop(expiry, None)
        self.dropped += 1

    def _expire(self, ts: Nanos) -> None:
        for expiry in [expiry for expiry in self._series if expiry <= ts]:
            for strike, right in self._series.pop(expiry):
                del self._quotes[expiry, strike, right]
            self._built.pop(expiry, None)
            self._expiries = None
        self._next_expiry = min(self._series, default=NEVER)

    def observe(self, since: Nanos, ts: Nanos, /) -> OptionChain | None:  # noqa: ARG002 - all that is in force
        expiries = self._view(ts)
        if not expiries or self._premium is None:
            return None
        return OptionChain(ts, self.symbol, self._premium, expiries)

    def chain(self, expiry: Nanos, /) -> ExpiryChain | None:
        """The quotes of `expiry` by rising strike, as of the last that came; None where there are none."""
        return next((each for each in self._view(self._known or 0) if each.expiry == expiry), None)

    def _view(self, ts: Nanos) -> tuple[ExpiryChain, ...]:
        if self._expiries is not None and ts < self._until:
            return self._expiries
        found: list[ExpiryChain] = []
        until = NEVER
        for expiry in sorted(self._series):
            if expiry <= ts:
                continue
            built, good_until = self._built.get(expiry, (None, 0))
            if built is None or ts >= good_until:
                built, good_until = self._build(expiry, ts)
                self._built[expiry] = built, good_until
            until = min(until, expiry, good_until)
            if built.quotes:
                found.append(built)
        self._expiries, self._until = tuple(found), until
        return self._expiries

    def _build(self, expiry: Nanos, ts: Nanos) -> tuple[ExpiryChain, Nanos]:
        """The quotes of an expiry that are young enough, and when the first of them will be too old."""
        quotes = tuple(quote for _, quote in sorted(self._series[expiry].items()))
        if self._max_age is None:
            return ExpiryChain(expiry, quotes), NEVER
        quotes = tuple(quote for quote in quotes if ts - quote.ts_known <= self._max_age)
        oldest = min((quote.ts_known for quote in quotes), default=None)
        return ExpiryChain(expiry, quotes), NEVER if oldest is None else oldest + self._max_age + 1

    def freshness(self, ts: Nanos, max_age: Nanos | None, /) -> tuple[Freshness, str]:
        if self._known is None:
            return "missing", "no quote yet"
        if not self._view(ts):
            return "missing", "every option has expired" if not self._alive(ts) else "every quote is too old"
        return by_age(self._known, ts, max_age)

    def _alive(self, ts: Nanos) -> bool:
        return any(expiry > ts for expiry in self._series)

    def gaps(self) -> tuple[DataGap, ...]:
        """None: quotes replace one another, and their age says what is missing."""
        return ()

    def quality(self) -> tuple[QualityRow, ...]:
        if not self.dropped:
            return ()
        return (QualityRow(self.symbol, "too_many_options", self.dropped, "oldest_left_out"),)

    @property
    def last_known(self) -> Nanos | None:
        return self._known

    @property
    def most_bytes(self) -> int:
        return self.max_contracts * QUOTE_BYTES
