"""Small, seeded market data for tests of every domain, and feeds that deliver it.

bars        bars of every temper, and a feed of them
ticks       trades and best prices within bars
book        an order book that follows bars
options     option chains and surfaces that follow bars
documents   what people wrote while the bars went by
streams     all of these by name, in blocks, and a feed of them
memory      feed types that a configuration can name, over rows at hand
"""

from quant_contracts.testing.samples.bars import (
    FIRST_OPEN,
    SampleFeed,
    bars_from_closes,
    delayed,
    markets,
    random_bars,
    scaled,
)
from quant_contracts.testing.samples.book import sample_book, sample_grid
from quant_contracts.testing.samples.documents import sample_documents
from quant_contracts.testing.samples.memory import memory_feed, memory_stream
from quant_contracts.testing.samples.options import sample_chain, sample_surfaces
from quant_contracts.testing.samples.streams import CALM, TEMPERS, SampleStream, sample_events
from quant_contracts.testing.samples.ticks import sample_quotes, sample_trades

__all__ = [
    "CALM",
    "FIRST_OPEN",
    "TEMPERS",
    "SampleFeed",
    "SampleStream",
    "bars_from_closes",
    "delayed",
    "markets",
    "memory_feed",
    "memory_stream",
    "random_bars",
    "sample_book",
    "sample_chain",
    "sample_documents",
    "sample_events",
    "sample_grid",
    "sample_quotes",
    "sample_surfaces",
    "sample_trades",
    "scaled",
]
