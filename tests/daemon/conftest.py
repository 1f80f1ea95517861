"""Sessions on bars that a test holds in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec
import pytest

from quant_contracts.blocks import BarBlock, Block
from quant_contracts.events import Bar
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.testing.samples import SampleStream
from quant_contracts.units import Nanos
from quant_daemon.loader import Loader
from quant_daemon.registry import Registry
from quant_daemon.session import Session

W1 = {
    "model": {"class": "RSIModel", "params": {"window": 14}},
    "decision": {
        "class": "ThresholdDecision",
        "params": {"threshold": 0.2, "exit": -0.2, "allow_short": False},
    },
    "risk": {"class": "ATRSizer", "params": {"atr_window": 14, "risk_fraction": 0.02}},
    "execution": {"class": "ImmediatePolicy"},
    "slippage": {"class": "LinearSlippage", "params": {"window": 30}},
}


def memory_feed(bars: Mapping[str, Sequence[Bar]]) -> type:
    """A feed type over bars by symbol; it counts how often it was opened."""
    blocks_of = {symbol: BarBlock.of(list(rows)) for symbol, rows in bars.items()}

    class MemoryFeed(msgspec.Struct, forbid_unknown_fields=True):
        symbol: str
        interval: str | None = None
        repair: list[str] = []
        venue: str = ""
        tick: Decimal | None = None

        def __post_init__(self) -> None:
            self.interval = blocks_of[self.symbol].interval  # type: ignore[assignment]

        def blocks(self, start: Nanos | None, end: Nanos | None, rows: int) -> Iterator[BarBlock]:
            MemoryFeed.opened += 1
            block = blocks_of[self.symbol]
            first = 0 if start is None else int((block.ts - block.interval).searchsorted(start))
            last = len(block) if end is None else int(block.ts.searchsorted(end, side="right"))
            for row in range(first, last, rows):
                yield block.slice(row, min(last, row + rows))

        def last_close(self) -> Nanos | None:
            return int(blocks_of[self.symbol].ts[-1])

        def info(self) -> SourceInfo:
            return SourceInfo("memory", "0" * 64)

        def quality(self) -> tuple[QualityRow, ...]:
            return ()

    MemoryFeed.opened = 0
    return MemoryFeed


def memory_stream(feeds: Mapping[tuple[str, str], SampleStream]) -> type:
    """A stream feed type over rows at hand, by symbol and domain."""

    class MemoryStream(msgspec.Struct, forbid_unknown_fields=True):
        domain: str
        symbol: str
        venue: str = ""
        tick: str = ""
        lot: str = ""

        def blocks(self, start: Nanos | None, end: Nanos | None, rows: int) -> Iterator[Block]:
            return feeds[self.symbol, self.domain].blocks(start, end, rows)

        def info(self) -> SourceInfo:
            return SourceInfo("memory", "0" * 64)

        def quality(self) -> tuple[QualityRow, ...]:
            return ()

    return MemoryStream


@pytest.fixture
def session_of():
    """A function from a configuration and bars by symbol to an assembled session."""

    def make(
        config, bars: Mapping[str, Sequence[Bar]], overrides=None, local=None, streams=None, **options
    ) -> Session:
        feed = memory_feed(bars)
        at_hand = {"feeds": {"memory": feed}, "streams": {"memory": memory_stream(streams or {})}}
        registry = Registry({**at_hand, **(local or {})})
        declared = config.get("data", {})
        plain = {
            **config,
            "data": {symbol: {"source": {"class": "memory"}, **declared.get(symbol, {})} for symbol in bars},
        }
        for symbol, domain in streams or {}:
            stream = plain["data"][symbol].setdefault(domain, {})
            plain["data"][symbol][domain] = {"source": {"class": "memory"}, **stream}
        session = Loader.from_config(plain, overrides=overrides, registry=registry, **options)
        session.feed_type = feed
        return session

    return make


@pytest.fixture
def w1():
    """One symbol, mean reversion on the RSI, long or flat."""
    return {"BTCUSDT": {"strategy": W1}}
