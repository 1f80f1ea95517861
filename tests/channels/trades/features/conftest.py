"""Ticks and what they look like at steps, for every channel that reads them."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from quant_channels.feeds.recording import RecordingFeed
from quant_contracts.events import Quote, Trade
from quant_contracts.testing.reference import views
from quant_contracts.testing.samples import bars_from_closes
from quant_contracts.units import MILLISECOND, SECOND

[BAR] = bars_from_closes(100)
STEP = SECOND


@lru_cache
def invented(seed, count=400):
    """Quotes that wander in ticks and trades at or inside them, a few dozen a second; some share a moment."""
    source = np.random.default_rng(seed)
    ts, bid, quotes, trades = 10 * SECOND, 10_000, [], []
    for number in range(1, count + 1):
        ts += int(source.integers(0, 60)) * MILLISECOND
        if source.random() < 0.5:
            bid += int(source.integers(-2, 3))
            wide = int(source.integers(1, 4))
            sizes = source.integers(1, 5000, 2) / 1000
            quotes.append(
                Quote(ts, ts, "BTCUSDT", bid / 100, float(sizes[0]), (bid + wide) / 100, float(sizes[1]))
            )
        else:
            side = 1 if source.random() < 0.6 else -1
            price = (bid + int(source.integers(0, 3))) / 100
            trades.append(Trade(ts, ts, "BTCUSDT", price, int(source.integers(1, 9000)) / 1000, side, number))
    trades = [
        Trade(each.ts_event, each.ts_known, "BTCUSDT", each.price, each.quantity, each.side, row)
        for row, each in enumerate(trades, start=1)
    ]
    return tuple(trades), tuple(quotes)


@lru_cache
def recorded(path, seconds=60):
    """The trades and quotes of a recording's first seconds."""
    told = []
    for domain in ("trades", "quotes"):
        feed = RecordingFeed(
            domain, "BTCUSDT", path, "binance_usdm", Decimal("0.1"), Decimal("0.001"), clock_offset="1.27s"
        )
        end = (1_723_161_256 + seconds) * SECOND
        told.append(tuple(event for block in feed.blocks(None, end, 16_384) for event in block.events()))
    return tuple(told)


@pytest.fixture(params=["invented 1", "invented 2", "recorded"])
def ticks(request, shared_data):
    """Trades and quotes of three markets."""
    if request.param == "recorded":
        return recorded(str(shared_data("l2/binance_usdm_BTCUSDT_frames_20240808T2354.jsonl.gz")))
    return invented(int(request.param[-1]))


@pytest.fixture
def steps(ticks):
    """Moments at which a symbol steps, one a second; the first has seen some of both streams."""
    trades, quotes = ticks
    first = max(trades[0].ts_known, quotes[0].ts_known) // STEP * STEP + STEP
    last = min(trades[-1].ts_known, quotes[-1].ts_known)
    return list(range(first, last, STEP))


@pytest.fixture
def play(ticks, steps):
    """A function from a channel to its answer at every step."""
    trades, quotes = ticks
    seen = {"trades": views("trades", trades, steps), "quotes": views("quotes", quotes, steps)}

    def play(channel):
        columns = [seen[stream.domain] for stream in channel.reads]
        return [channel.update(BAR, *row) for row in zip(*columns, strict=True)]

    return play


@pytest.fixture
def spans(steps):
    """The spans of time between steps: after the first moment, up to the second."""
    return list(pairwise(steps))
