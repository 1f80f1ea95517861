"""Simple return of the close."""

from __future__ import annotations

from collections import deque

import msgspec
import numpy as np

from quant_channels.klines.features.settings import check_window
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


class Return(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Simple return of the close over `window` bars, a fraction: 0.02 is two percent.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> change = Return(window=2)
    >>> [change.update(bar) for bar in bars_from_closes(10, 11, 12)]
    [None, None, (0.19999999999999996,)]
    """

    window: int = 1
    """Bars back to the close it is measured from, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._closes: deque[float] = deque(maxlen=self.window)
        """The last closes, oldest first."""

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"return_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        closes = self._closes
        close = bar.close
        if len(closes) < self.window:
            closes.append(close)
            return None
        before = closes[0]
        closes.append(close)
        return (close / before - 1.0,)

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        cold = self.window - len(self._closes)
        closes = np.concatenate((np.full(cold, np.nan), self._closes, bars.close))
        # deque keeps the last `window` of them.
        self._closes.extend(bars.close[-self.window :].tolist())
        return [bars.close / closes[: len(bars)] - 1.0]
