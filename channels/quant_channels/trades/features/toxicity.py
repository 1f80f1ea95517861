"""How one-sided trading is: the volume-synchronised probability that somebody knows more."""

from __future__ import annotations

from collections import deque
from math import fsum

import msgspec
import numpy as np

from quant_channels.klines.features.settings import check_window
from quant_channels.trades.features.flow import TRADES, signed
from quant_channels.trades.features.steps import whole
from quant_contracts.blocks import Column
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.views import TradesView


class VPIN(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Mean of |bought - sold| over buckets of equal volume, as a share of that volume, from 0 to 1.

    After Easley, López de Prado and O'Hara (Flow toxicity and liquidity in a high-frequency world, Review of
    Financial Studies 25, 2012). They fill buckets of a fixed volume, a fiftieth of an average day, and guess
    the aggressor from price changes. Here the volume of the last `window` steps is cut into `buckets`
    equal parts, so that the buckets grow with the market's pace, and the aggressor is known. A trade that
    reaches over an edge counts in both buckets by its parts. Missing while trades are, for `window` steps
    after some were missed, and where nothing was traded. The first look at a stream covers more than a
    step and does not count.

    >>> from quant_contracts.blocks import TradeBlock
    >>> from quant_contracts.events import Trade
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> trades = [Trade(5, 5, "BTCUSDT", 100.0, 3.0, 1), Trade(6, 6, "BTCUSDT", 99.0, 1.0, -1)]
    >>> seen = TradesView(10, 1, TradeBlock.of("BTCUSDT", trades), trades[-1], True)
    >>> VPIN(window=1, buckets=2).update(bars_from_closes(100)[0], seen)
    (0.5,)
    """

    window: int = 50
    """Number of steps, at least 1."""
    buckets: int = 50
    """Number of equal parts of their volume, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        check_window(self.buckets, 1, "buckets", of="")
        self._steps: deque[Column] = deque(maxlen=self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vpin_{self.window}_{self.buckets}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES

    def update(self, _bar: Bar, seen: TradesView | None, /) -> tuple[float, ...] | None:
        view = whole(seen)
        if view is None:
            self._steps.clear()
            return None
        self._steps.append(signed(view.trades))
        return self._share() if len(self._steps) == self.window else None

    def _share(self) -> tuple[float, ...] | None:
        flow = np.concatenate(list(self._steps))
        if not len(flow):
            return None
        volume = np.add.accumulate(np.abs(flow))
        total = volume.item(-1)
        edges = np.arange(self.buckets + 1) * (total / self.buckets)
        bought = np.interp(
            edges, np.concatenate([[0.0], volume]), np.concatenate([[0.0], np.add.accumulate(flow)])
        )
        return (min(1.0, fsum(np.abs(np.diff(bought)).tolist()) / total),)
