"""Streams in memory as feeds, and a catalog to take them in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from quant_channels.catalog.streams import StreamCatalog
from quant_contracts.blocks import block_of
from quant_contracts.instrument import Grid
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.testing.samples import random_bars, sample_events, sample_grid
from quant_contracts.units import HOUR, MINUTE

GRID = Grid(Decimal("0.01"), Decimal("0.00001"))


class Tape:
    """A feed over events in memory, which can break after some blocks."""

    def __init__(self, domain, events, name="tape", grid=GRID, breaks_after=None):
        self.domain, self.events, self.name, self.grid = domain, tuple(events), name, grid
        self.symbol = self.events[0].symbol if events else "BTCUSDT"
        self.breaks_after = breaks_after

    def blocks(self, start, end, rows):
        whole = block_of(self.domain, self.symbol, self.events, self.grid)
        known = whole.ts_known
        first = 0
        for place in range(10**9):
            if first == len(whole):
                return
            if place == self.breaks_after:
                raise KeyboardInterrupt
            stop = min(first + 40, len(whole))
            while stop < len(whole) and known[stop] == known[stop - 1]:
                stop += 1
            yield whole.slice(first, stop)
            first = stop

    def info(self):
        return SourceInfo(self.name, f"digest of {self.name}")

    def quality(self):
        return (QualityRow(self.symbol, "refused", 3, "-"),) if self.name == "dirty" else ()


@pytest.fixture
def catalog(tmp_path):
    return StreamCatalog(tmp_path / "catalog")


@pytest.fixture
def tape():
    """A feed over events."""
    return Tape


@pytest.fixture
def sample():
    """A function from domain and seed to a feed over sample events of three files at least."""

    def make(domain, seed=0, **settings):
        bars = random_bars(72, seed, interval=3 * MINUTE if domain == "orderbook" else HOUR)
        grid = sample_grid(bars[0].close, "calm")
        return Tape(domain, sample_events(domain, bars, "calm", seed), grid=grid, **settings)

    return make


@pytest.fixture
def stored():
    """A function from a catalog and a domain to the stored events, perhaps of a range."""

    def read(catalog, domain, start=None, end=None, rows=4096):
        stream = catalog.find("binance", "BTCUSDT", domain)
        return tuple(event for block in stream.blocks(start, end, rows) for event in block.events())

    return read


@pytest.fixture
def bytes_of():
    """A function from a catalog to the bytes of every file in it."""

    def read(catalog):
        root: Path = catalog.root
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    return read
