"""Order flow at the best prices: what was added and taken away there, counted on each change."""

from __future__ import annotations

from math import fsum

import msgspec
import numpy as np

from quant_channels.klines.features.settings import check_window
from quant_channels.trades.features.steps import StepWindow, in_force, whole
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.views import QuotesView


class OrderFlowImbalance(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """What came to the best bid and left the best ask, less the opposite, in base units.

    By Cont, Kukanov and Stoikov (The price impact of order book events, Journal of Financial
    Econometrics 12, 2014): the sum over all changes of the best quotes in the last `window` steps of

        e = [P_b >= P_b'] q_b  -  [P_b <= P_b'] q_b'  -  [P_a <= P_a'] q_a  +  [P_a >= P_a'] q_a'

    with P and q price and size of bid and ask, and primes for those before the change. 0 where nothing
    changed. Quotes with an empty side or crossed prices are passed over. Missing while quotes are, and for
    `window` steps after some were missed. The first look at a stream covers more than a step and does not
    count.

    >>> from quant_contracts.blocks import QuoteBlock
    >>> from quant_contracts.events import Quote
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> before = Quote(1, 1, "BTCUSDT", 99.0, 5.0, 101.0, 5.0)
    >>> quotes = [
    ...     Quote(5, 5, "BTCUSDT", 99.0, 7.0, 101.0, 5.0),
    ...     Quote(6, 6, "BTCUSDT", 100.0, 2.0, 101.0, 5.0),
    ... ]
    >>> seen = QuotesView(10, 1, QuoteBlock.of("BTCUSDT", quotes), before, quotes[-1], True)
    >>> OrderFlowImbalance(window=1).update(bars_from_closes(100)[0], seen)
    (4.0,)
    """

    window: int = 1
    """Number of steps, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._totals = StepWindow(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"ofi_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("quotes"),)

    def update(self, _bar: Bar, seen: QuotesView | None, /) -> tuple[float, ...] | None:
        view = whole(seen)
        return self._totals.push(None if view is None else (_flow(view),))


def _flow(view: QuotesView) -> float:
    quotes, sound = in_force(view)
    bid, bid_size = quotes.bid[sound], quotes.bid_size[sound]
    ask, ask_size = quotes.ask[sound], quotes.ask_size[sound]
    parts = (
        (bid[1:] >= bid[:-1]) * bid_size[1:],
        (bid[1:] <= bid[:-1]) * -bid_size[:-1],
        (ask[1:] <= ask[:-1]) * -ask_size[1:],
        (ask[1:] >= ask[:-1]) * ask_size[:-1],
    )
    return fsum(np.concatenate(parts).tolist())
