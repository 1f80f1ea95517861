"""Relative strength index."""

from __future__ import annotations

from math import isnan, nan

import msgspec
import numpy as np

from quant_channels.klines.features.columns import earlier, ratio
from quant_channels.klines.features.settings import check_window
from quant_channels.klines.features.smoothing import Decay, Smoother, mean_of
from quant_contracts.blocks import BarBlock, Column
from quant_contracts.events import Bar


class _Memory:
    __slots__ = ("close", "gain", "loss")

    def __init__(self, window: int) -> None:
        self.close = nan
        decay, seed = Decay.wilder(window), mean_of(window, skip=1)
        self.gain = Smoother(decay, seed)
        self.loss = Smoother(decay, seed)


class RSI(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Relative strength index: the share of gains in all movement, 0 to 100.

    Gains and losses from close to close are smoothed as by Wilder (New Concepts in Technical Trading
    Systems, 1978): a plain mean of the first `window` changes, from then on the newest change weighs
    1 / window. Without any movement it is 50.

    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> rsi = RSI(window=2)
    >>> [rsi.update(bar) for bar in bars_from_closes(10, 13, 12, 15)]
    [None, None, (75.0,), (90.0,)]
    """

    window: int = 14
    """Number of changes that are averaged, at least 2."""

    def __post_init__(self) -> None:
        check_window(self.window, 2)
        self._memory = _Memory(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"rsi_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    def update(self, bar: Bar, /) -> tuple[float, ...] | None:
        memory = self._memory
        gain = memory.gain
        loss = memory.loss
        close = bar.close
        change = close - memory.close
        memory.close = close
        # What follows is `push` of both smoothers, written out: one of them gets 0, which adds nothing.
        k = gain.position
        if k == gain.length:
            gain.begin_row(0.0)
            loss.begin_row(0.0)
            k = 0
        if change > 0.0:
            gain.sum += change * gain.grow[k]
        elif change < 0.0:
            loss.sum -= change * gain.grow[k]
        gain.position = loss.position = k + 1
        shrink = gain.shrink[k]
        gained = shrink * (gain.base + gain.sum)
        moved = gained + shrink * (loss.base + loss.sum)
        if moved > 0.0:
            # The share first: 100 * gained / moved can round to just above 100.
            return (100.0 * (gained / moved),)
        return (50.0,) if moved == 0.0 else None

    def update_many(self, bars: BarBlock, /) -> list[Column]:
        memory = self._memory
        close = bars.close
        if not len(close):
            return [close]
        change = close - earlier(memory.close, close)
        if isnan(memory.close):
            change[0] = 0.0
        memory.close = float(close[-1])
        gained = memory.gain.push_many(np.maximum(change, 0.0))
        moved = gained + memory.loss.push_many(np.maximum(-change, 0.0))
        return [100.0 * ratio(gained, moved, 0.5)]
