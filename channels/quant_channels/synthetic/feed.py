"""Generated streams of a synthetic market: every domain of one seed belongs to the bars of that seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from quant_channels.klines.market_path import MarketPath
from quant_channels.streams.cutting import between, cut, no_rows
from quant_channels.synthetic.book import book_of, quotes_of
from quant_channels.synthetic.chain import Listing, chain_of
from quant_channels.synthetic.headlines import headlines_of
from quant_channels.synthetic.market import MarketDay, SyntheticMarket
from quant_channels.synthetic.tape import record_hour, trades_of
from quant_contracts.blocks import RESET, Block, BookBlock, ChainBlock
from quant_contracts.duration import Length, parse_interval, parse_time, time_name
from quant_contracts.events import Premium
from quant_contracts.instrument import Grid
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import DAY, HOUR, MINUTE, Fraction, Nanos, Price

VERSION: Final = 1
"""Goes into the digest: the same settings give the same rows under the same version only."""

Generated: TypeAlias = Literal["orderbook", "quotes", "trades", "options", "sentiment"]
GENERATED: Final = get_args(Generated)
HOURS: Final = 24


class SyntheticStreamFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """One stream beside the bars of `SyntheticFeed`: with the same seed, start, days, price, volatility and
    tick it is another view of the same market.

    What agrees between trades, books, quotes and bars is said in `tape`; chains and headlines look at the
    same path. The same settings give the same rows on any machine.

    >>> feed = SyntheticStreamFeed("trades", "BTCUSDT", seed=7, days=1)
    >>> next(feed.blocks(None, None, 1_000)).trade_id[:3]
    array([1, 2, 3])
    """

    domain: Generated
    symbol: str
    venue: str = ""
    """Not used: the market is nowhere."""
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")
    seed: int = 0
    start: str = "2022-01-01"
    """First day, UTC."""
    days: int = 90
    price: Price | None = None
    """Where the path starts; None takes a price that suits the symbol, as does the next."""
    volatility: Fraction | None = None
    """Yearly: 0.6 is 60 %."""
    trades_per_minute: int = 60
    """On average; each has two quotes and four frames of the book."""
    book_levels: int = 20
    """Of each side."""
    gaps_per_day: float = 0.0
    """Minutes a day that the book loses, on average; a gap at their beginning, a whole book at their end."""
    chain_interval: Length = "5m"
    """Time between two quotes of the whole chain."""
    expiries: int = 6
    strikes: int = 25
    """Of each expiry around the forward when a day begins; none is taken off before its expiry."""
    premium: Premium = "inverse"
    headlines_per_hour: float = 6.0

    def __post_init__(self) -> None:
        if self.domain not in GENERATED:
            raise ValueError(
                f"domain must be one of {', '.join(GENERATED)}, not {self.domain!r}; "
                "a surface is fitted to a chain"
            )
        _check("trades_per_minute", self.trades_per_minute, 8, 1_200)
        _check("book_levels", self.book_levels, 2, 1_000)
        _check("gaps_per_day", self.gaps_per_day, 0, 500)
        _check("expiries", self.expiries, 1, 12)
        _check("strikes", self.strikes, 1, 200)
        _check("headlines_per_hour", self.headlines_per_hour, 0.01, 1_000)
        self._every = parse_interval(self.chain_interval)
        if self._every % MINUTE or DAY % self._every:
            raise ValueError(
                f"chain_interval must be whole minutes that fill a day, such as 5m, not {self.chain_interval}"
            )
        path = MarketPath(
            self.symbol, self.seed, parse_time(self.start), self.days, self.price, self.volatility
        )
        self._market = SyntheticMarket(path, Grid(self.tick, self.lot), self.trades_per_minute)

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        """Rows known from `start` to `end`; a book, as a chain, begins with the last whole one."""
        market = self._market
        first = market.path.start if start is None else start
        last = market.end if end is None else end
        if first > market.end or last < market.path.start:
            covers = f"{time_name(market.path.start)} to {time_name(market.end)}"
            raise no_rows(self.info().name, start, end, covers)
        # What is whole at `first` became so at most this much earlier.
        ahead = {"orderbook": HOUR, "options": HOUR + self._every}.get(self.domain, 0)
        head: Block | None = None
        for block in self._chunks(first - ahead, last):
            if ahead and block.ts_known.item(0) <= first:
                head = self._since_whole(block if head is None else self._joined(head, block), first)
                continue
            if head is not None:
                yield from cut(between(head, 0, last), rows)
                head = None
            yield from cut(between(block, 0 if ahead else first, last), rows)
        if head is not None:
            yield from cut(between(head, 0, last), rows)

    def info(self) -> SourceInfo:
        """The stream in words and a digest of everything that shapes it."""
        path = self._market.path
        text = (
            f"synthetic {self.symbol} {self.domain}, seed {path.seed}, "
            f"{path.days} days from {time_name(path.start)[:10]}"
        )
        settings = msgspec.json.encode([VERSION, msgspec.to_builtins(self)])
        return SourceInfo(text, hashlib.sha256(settings).hexdigest())

    def quality(self) -> tuple[QualityRow, ...]:
        """Nothing: what is wrong with the stream was asked for."""
        return ()

    def _chunks(self, first: Nanos, last: Nanos) -> Iterator[Block]:
        """Rows by the hour, or by the day where that is little; no block is empty."""
        market = self._market
        listing = Listing(self.expiries, self.strikes, market.path.traits.volatility)
        for day in market.days():
            if day.midnight > last:
                break
            if self.domain == "options":
                listing.list_day(day.midnight, day.path.before)
            if day.midnight + DAY <= first:
                continue
            if self.domain == "sentiment":
                chunks: Iterator[Block] = iter([headlines_of(market, day, self.headlines_per_hour)])
            else:
                begin = max(0, (first - day.midnight) // HOUR)
                end = min(HOURS - 1, (last - day.midnight) // HOUR)
                chunks = (self._hour(day, hour, listing) for hour in range(begin, end + 1))
            yield from (chunk for chunk in chunks if len(chunk))

    def _hour(self, day: MarketDay, hour: int, listing: Listing) -> Block:
        market = self._market
        if self.domain == "options":
            return chain_of(market, day, hour, listing, self.premium, self._every)
        tape = record_hour(market, day, hour)
        if self.domain == "trades":
            return trades_of(market, tape)
        if self.domain == "quotes":
            return quotes_of(market, tape)
        return book_of(market, day, hour, tape, self.book_levels, self.gaps_per_day)

    def _joined(self, one: Block, other: Block) -> Block:
        if isinstance(one, BookBlock) and isinstance(other, BookBlock):
            return BookBlock.join(self.symbol, one.grid, [one, other])
        assert isinstance(one, ChainBlock)
        assert isinstance(other, ChainBlock)
        return ChainBlock.join(self.symbol, [one, other])

    def _since_whole(self, block: Block, first: Nanos) -> Block:
        """From the last row at which everything known at `first` begins."""
        known = block.ts_known
        begins = known.searchsorted(known, side="left")
        if isinstance(block, BookBlock):
            begins = begins[block.action == RESET]
        begins = begins[known[begins] <= first]
        return block.slice(begins.item(-1) if len(begins) else 0, len(block))


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least:,} to {most:,}, not {value}")
