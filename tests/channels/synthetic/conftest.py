"""One day of a synthetic market in every domain."""

from __future__ import annotations

import pytest

from quant_channels.feeds.synthetic import SyntheticFeed
from quant_channels.synthetic.feed import SyntheticStreamFeed


def make(domain="trades", symbol="BTCUSDT", **settings):
    usual = {"seed": 7, "days": 1, "trades_per_minute": 10, "book_levels": 5}
    return SyntheticStreamFeed(domain, symbol, **{**usual, **settings})


@pytest.fixture
def feed():
    """A function from a domain and settings to a feed of seed 7."""
    return make


@pytest.fixture
def rows():
    """A function from the same to all rows as events, perhaps of a range."""

    def read(domain, start=None, end=None, size=16_384, **settings):
        blocks = make(domain, **settings).blocks(start, end, size)
        return [event for block in blocks for event in block.events()]

    return read


@pytest.fixture
def bars():
    """A function from settings to the bars of seed 7."""

    def read(symbol="BTCUSDT", **settings):
        feed = SyntheticFeed(symbol, **{"seed": 7, "days": 1, **settings})
        return [bar for block in feed.blocks(None, None, 16_384) for bar in block.events()]

    return read
