"""What trading does to the price: the slope of price changes on signed volume."""

from __future__ import annotations

from collections import deque
from math import fsum

import msgspec

from quant_channels.klines.features.settings import check_window
from quant_channels.trades.features.flow import TRADES, net_volume
from quant_channels.trades.features.steps import whole
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.units import Price
from quant_contracts.views import TradesView


class KyleLambda(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """How far the price moves with each unit that is bought on balance, in quote currency per base unit.

    The slope of an ordinary regression, with a constant, of each step's price change on its signed volume
    over the last `window` steps: cov(dp, x) / var(x). The price of a step is that of its last trade. A
    proxy of lambda in Kyle (Continuous auctions and insider trading, Econometrica 53, 1985). Missing
    while trades are, for `window` steps after some were missed, and where the signed volume never varied.
    The first look at a stream gives a price to start from and no volume.

    >>> from quant_contracts.blocks import TradeBlock
    >>> from quant_contracts.events import Trade
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> impact, [bar] = KyleLambda(window=2), bars_from_closes(100)
    >>> for since, price, quantity in ((0, 100.0, 1.0), (1, 102.0, 1.0), (2, 106.0, 2.0)):
    ...     trade = Trade(since + 1, since + 1, "BTCUSDT", price, quantity, 1)
    ...     value = impact.update(bar, TradesView(9, since, TradeBlock.of("BTCUSDT", [trade]), trade, True))
    >>> value
    (2.0,)
    """

    window: int = 96
    """Number of steps, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._price: Price | None = None
        self._steps: deque[tuple[float, float]] = deque(maxlen=self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"kyle_lambda_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES

    def update(self, _bar: Bar, seen: TradesView | None, /) -> tuple[float, ...] | None:
        before = self._price
        self._price = None if seen is None or seen.last is None else seen.last.price
        view = whole(seen)
        if view is None or before is None or self._price is None:
            self._steps.clear()
            return None
        self._steps.append((net_volume(view.trades), self._price - before))
        return self._slope() if len(self._steps) == self.window else None

    def _slope(self) -> tuple[float, ...] | None:
        # Distances from one of the values: equal volumes then vary by exactly nothing.
        pivot = self._steps[0][0]
        flows = [flow - pivot for flow, _ in self._steps]
        mean = fsum(flows) / self.window
        flows = [flow - mean for flow in flows]
        variance = fsum(flow * flow for flow in flows)
        if not variance:
            return None
        changes = [change for _, change in self._steps]
        return (fsum(flow * change for flow, change in zip(flows, changes, strict=True)) / variance,)
