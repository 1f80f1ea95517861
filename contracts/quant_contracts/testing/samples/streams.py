"""Every domain beside the bars by name: its tempers, its rows as events and as blocks, and a feed of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from quant_contracts.blocks import Block, BookBlock, block_of
from quant_contracts.events import Bar, StreamEvent
from quant_contracts.protocols import Domain, QualityRow, SourceInfo
from quant_contracts.testing.samples.book import BOOK_TEMPERS, sample_book, sample_grid
from quant_contracts.testing.samples.documents import DOCUMENT_TEMPERS, sample_documents
from quant_contracts.testing.samples.options import (
    CHAIN_TEMPERS,
    SURFACE_TEMPERS,
    sample_chain,
    sample_surfaces,
)
from quant_contracts.testing.samples.ticks import QUOTE_TEMPERS, TRADE_TEMPERS, sample_quotes, sample_trades
from quant_contracts.units import Nanos

CALM: Final = "calm"
"""The temper in which nothing is ever missing: something new within every bar."""

TEMPERS: Final[Mapping[Domain, tuple[str, ...]]] = MappingProxyType(
    {
        "orderbook": BOOK_TEMPERS,
        "quotes": QUOTE_TEMPERS,
        "trades": TRADE_TEMPERS,
        "options": CHAIN_TEMPERS,
        "surface": SURFACE_TEMPERS,
        "sentiment": DOCUMENT_TEMPERS,
    }
)
"""What streams of a domain can be like; each begins with `CALM`."""

MAKERS: Final[Mapping[Domain, Callable[[Sequence[Bar], str, int], tuple[StreamEvent, ...]]]] = (
    MappingProxyType(
        {
            "orderbook": sample_book,
            "quotes": sample_quotes,
            "trades": sample_trades,
            "options": sample_chain,
            "surface": sample_surfaces,
            "sentiment": sample_documents,
        }
    )
)


def sample_events(
    domain: Domain, bars: Sequence[Bar], temper: str = CALM, seed: int = 0
) -> tuple[StreamEvent, ...]:
    """What became known of a domain while `bars` went by, in order; a pure function of bars up to then.

    >>> from quant_contracts.testing.samples import random_bars
    >>> {domain: len(sample_events(domain, random_bars(10))) > 9 for domain in TEMPERS}["orderbook"]
    True
    """
    return MAKERS[domain](bars, temper, seed)


class SampleStream:
    """Delivers the rows of one stream that are at hand.

    >>> from quant_contracts.testing.samples import random_bars
    >>> feed = SampleStream.of("trades", random_bars(10))
    >>> [len(block) for block in feed.blocks(None, None, 20)]
    [20, 15]
    """

    def __init__(self, domain: Domain, block: Block) -> None:
        self._domain = domain
        self._block = block

    @classmethod
    def of(cls, domain: Domain, bars: Sequence[Bar], temper: str = CALM, seed: int = 0) -> SampleStream:
        """The stream that goes with `bars`."""
        grid = sample_grid(bars[0].close, temper)
        events = sample_events(domain, bars, temper, seed)
        return cls(domain, block_of(domain, bars[0].symbol, events, grid))

    @property
    def domain(self) -> Domain:
        return self._domain

    @property
    def symbol(self) -> str:
        return self._block.symbol

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        known = self._block.ts_known
        # What makes a book or a chain whole lies somewhere before: all of it comes first.
        is_state = self._domain in {"orderbook", "options"}
        first = 0 if start is None or is_state else int(known.searchsorted(start))
        last = len(known) if end is None else int(known.searchsorted(end, side="right"))
        while first < last:
            stop = min(self._edge(first + rows), last)
            yield self._block.slice(first, stop)
            first = stop

    def info(self) -> SourceInfo:
        rows = [*self._block.events()]
        return SourceInfo(f"sample {self._domain}", hashlib.sha256(msgspec.msgpack.encode(rows)).hexdigest())

    def quality(self) -> tuple[QualityRow, ...]:
        return ()

    def _edge(self, row: int) -> int:
        """The first row from `row` on before which a block may end: a frame of a book is never divided."""
        if not isinstance(self._block, BookBlock):
            return row
        starts = self._block.frame_starts()
        place = int(starts.searchsorted(row))
        return int(starts[place]) if place < len(starts) else len(self._block)
