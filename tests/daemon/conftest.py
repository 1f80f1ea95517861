"""Sessions on bars that a test holds in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from quant_contracts.events import Bar
from quant_contracts.testing.samples import SampleFeed, memory_feed, memory_stream
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


@pytest.fixture
def session_of():
    """A function from a configuration and bars by symbol to an assembled session."""

    def make(
        config, bars: Mapping[str, Sequence[Bar]], overrides=None, local=None, streams=None, **options
    ) -> Session:
        feed = memory_feed({symbol: SampleFeed(rows) for symbol, rows in bars.items()})
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
