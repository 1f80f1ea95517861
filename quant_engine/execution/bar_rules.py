"""What one bar proves about one order: whether it trades, when, and at what shown price.

A bar tells four prices and not their order. What it leaves open is decided against us:

    at the open     market orders, and stops that the open has jumped over, trade at the open;
                    a limit that is marketable when it first works trades at the open as a taker;
                    a resting limit that the open has jumped over trades at its own price, no better
    inside the bar  a stop that was touched trades at its trigger;
                    a limit trades at its own price, and only when the market went through it by a
                    tick: a mere touch proves nothing, others were in the queue before us

The open comes before the inside, because it does. Inside, every stop comes before every limit: where
both lie within one bar we lose. So a path through the bar (open, high, low, close, say) is never assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quant_contracts.blocks import BarBlock
from quant_contracts.events import Bar, Liquidity, OrderIntent, OrderKind
from quant_contracts.instrument import Instrument
from quant_contracts.units import ExactPrice, Nanos, Price
from quant_engine.execution.costs import EXACT

RANK: Final[dict[OrderKind, int]] = {"stop": 0, "take_profit": 1, "market": 2, "limit": 2}
"""Who is served first at one moment: what protects, the stop before the target, then as submitted."""


class Working(msgspec.Struct, eq=False, gc=False):
    """An order the venue works, in whole lots."""

    order: OrderIntent
    kind: OrderKind
    """The order's kind, until a stop has triggered: it works as a market order from then on."""
    lots: int
    """The whole order."""
    left: int
    """How much may still fill; 0 once the order is done."""
    below: Price
    """It acts where the market is here or lower; -inf for never."""
    above: Price
    """It acts where the market is here or higher; +inf for never."""
    fresh: bool
    """A limit that no bar's open has tried yet."""
    filled: int = 0

    @property
    def rank(self) -> int:
        """Its place among the orders of a moment, lower first; a stop that triggered keeps its own."""
        return RANK[self.order.kind]

    def trigger(self) -> None:
        """Turn a stop into the market order it leaves as."""
        self.kind, self.below, self.above = "market", math.inf, math.inf


class Terms(msgspec.Struct, frozen=True, gc=False):
    """The shown price an order trades at, before slippage, and the rule that says so."""

    price: ExactPrice
    rule: str
    liquidity: Liquidity


def working(order: OrderIntent, lots: int, tick: Decimal) -> Working:
    """A newly accepted order, with the prices from which it acts."""
    kind, price = order.kind, order.price
    if price is None:
        return Working(order, kind, lots, lots, math.inf, math.inf, fresh=False)
    if kind == "stop":
        acts_below, trigger = order.side < 0, float(price)
        fresh = False
    else:
        # One tick through. On the tick grid the nearest floats compare as the exact prices do.
        acts_below, trigger = order.side > 0, float(EXACT.subtract(price, EXACT.multiply(tick, order.side)))
        fresh = True
    below, above = (trigger, math.inf) if acts_below else (-math.inf, trigger)
    return Working(order, kind, lots, lots, below, above, fresh)


def terms(work: Working, bar: Bar, instrument: Instrument, *, at_open: bool) -> Terms | None:
    """On what terms `work` trades at the open of `bar`, or later inside it; None when it does not."""
    order, kind = work.order, work.kind
    price, side = order.price, order.side
    if kind == "market" or price is None:
        return Terms(instrument.price(bar.open, side), "open", "taker")
    jumped = bar.open <= work.below or bar.open >= work.above
    inside = not at_open and (bar.low <= work.below or bar.high >= work.above)
    if kind == "stop":
        if jumped:
            return Terms(instrument.price(bar.open, side), "stop_gap", "taker")
        return Terms(price, "stop", "taker") if inside else None
    if at_open and work.fresh and kind == "limit" and side * (bar.open - float(price)) <= 0:
        return Terms(instrument.price(bar.open, side), "limit_open", "taker")
    if jumped or inside:
        return Terms(price, kind, "taker" if work.fresh else "maker")
    return None


def first_act(orders: Sequence[Working], bars: BarBlock, start: int) -> int:
    """The first row from `start` on where one of `orders` may act; `len(bars)` when none may.

    Once some resting order works, every one of them is looked for: a row too early does no harm.
    """
    sure = resting = len(bars)
    below, above = -math.inf, math.inf
    for work in orders:
        row = _first_open(bars, start, work.order.ts)
        if work.fresh or work.kind == "market":
            sure = min(sure, row)
            if sure == start:
                return start
        else:
            resting = min(resting, row)
            below, above = max(below, work.below), min(above, work.above)
    return min(sure, _first_reach(bars, resting, below, above))


def _first_open(bars: BarBlock, start: int, ts: Nanos) -> int:
    """The first row from `start` on that opens at or after `ts`."""
    close = ts + bars.interval
    return start if bars.ts[start] >= close else int(bars.ts.searchsorted(close))


def _first_reach(bars: BarBlock, start: int, below: Price, above: Price) -> int:
    """The first row from `start` on that trades at `below` or lower, or at `above` or higher.

    Looks in growing windows, so that it costs what lies between and not the length of the block.
    """
    width = 64
    while start < len(bars):
        stop = start + width
        hits = (bars.low[start:stop] <= below) | (bars.high[start:stop] >= above)
        first = int(hits.argmax())
        if hits[first]:
            return start + first
        start, width = stop, width * 4
    return len(bars)
