"""The as-of view of one stream of bars: what is known by now, and nothing later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np

from quant_contracts.blocks import BarBlock
from quant_contracts.duration import interval_name, time_name
from quant_contracts.errors import ConfigError, DataError, LifecycleError
from quant_contracts.events import Bar
from quant_contracts.protocols import Feed
from quant_contracts.units import Nanos

NOTHING_YET: Final[Nanos] = np.iinfo(np.int64).max
"""Stands for the last close before there is one, so that the first bar takes the careful path."""


class KlineHandler:
    """Holds the last `keep` bars of its feed's symbol and reads recorded ones from the feed.

    Made as a shell: the feed is asked for nothing until `load_history` or the first bar. A plain class,
    because `push` is called for every bar of every mode and a Struct's attributes take twice as long.

    >>> from quant_channels.feeds.synthetic import SyntheticFeed
    >>> handler = KlineHandler(SyntheticFeed("BTCUSDT", seed=7, days=2), keep=100)
    >>> handler.load_history(None, None, 4096)
    >>> len(handler.warmup_to(handler.first_close()))
    1
    >>> handler.last == handler.window(100).bar(0)
    True
    """

    def __init__(self, feed: Feed, keep: int = 1_000) -> None:
        if keep < 1:
            raise ConfigError(f"{feed.symbol}: keep must be at least 1 bar, not {keep}")
        self.feed = feed
        self.keep = keep
        self._symbol = feed.symbol
        self._interval: Nanos = 0
        self._last_ts = NOTHING_YET
        # The window: blocks first, then the single bars that came after them.
        self._blocks: deque[BarBlock] = deque()
        self._held = 0
        self._bars: deque[Bar] = deque(maxlen=keep)
        self._append = self._bars.append
        self._history: Iterator[BarBlock] | None = None
        self._next: BarBlock | None = None

    @property
    def symbol(self) -> str:
        return self._symbol

    @property
    def interval(self) -> Nanos:
        return self.feed.interval

    @property
    def last(self) -> Bar | None:
        if self._bars:
            return self._bars[-1]
        return self._blocks[-1].bar(-1) if self._blocks else None

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        if self._history is not None:
            raise LifecycleError(
                f"{self.symbol}: history is loaded already; make a new handler to load it anew"
            )
        self._history = self.feed.blocks(start, end, rows)
        self._next = next(self._history, None)

    def first_close(self) -> Nanos | None:
        return int(self._next.ts[0]) if self._next is not None else None

    def last_close(self) -> Nanos | None:
        return self.feed.last_close()

    def warmup_to(self, anchor: Nanos, /) -> BarBlock | None:
        taken: list[BarBlock] = []
        while self._next is not None:
            count = int(np.searchsorted(self._next.ts_known, anchor, side="right"))
            if count < len(self._next):
                if count:
                    taken.append(self._next.slice(0, count))
                    self._next = self._next.slice(count, len(self._next))
                break
            taken.append(self._next)
            self._advance()
        if not taken:
            return None
        known = BarBlock.join(taken)
        self.push_many(known)
        return known

    def read(self) -> BarBlock | None:
        block = self._next
        if block is not None:
            self._advance()
        return block

    def _advance(self) -> None:
        assert self._history is not None
        self._next = next(self._history, None)

    def push(self, bar: Bar, /) -> None:
        ts = bar.ts_event
        if (
            ts <= self._last_ts
            or bar.symbol != self._symbol
            or bar.interval != self._interval
            or bar.ts_known < ts
        ):
            self._admit(bar.symbol, bar.interval, ts, bar.ts_known)
        self._last_ts = ts
        self._append(bar)

    def push_many(self, bars: BarBlock, /) -> None:
        if not len(bars):
            return
        self._admit(bars.symbol, bars.interval, int(bars.ts[0]), int(bars.ts_known[0]))
        if not bool((np.diff(bars.ts) > 0).all()):
            raise DataError(f"{self.symbol}: a block of bars whose closes do not rise from row to row")
        if self._bars:
            self._keep(BarBlock.of(list(self._bars)))
            self._bars.clear()
        self._keep(bars.slice(max(0, len(bars) - self.keep), len(bars)))
        self._last_ts = int(bars.ts[-1])

    def _keep(self, block: BarBlock) -> None:
        self._blocks.append(block)
        self._held += len(block)
        while self._held - len(self._blocks[0]) >= self.keep:
            self._held -= len(self._blocks.popleft())

    def window(self, count: int, /) -> BarBlock | None:
        if not 1 <= count <= self.keep:
            raise ConfigError(
                f"{self.symbol}: a window of {count} bars was asked for; "
                f"this handler keeps {self.keep}: make it with a larger keep"
            )
        parts: list[BarBlock] = []
        if self._bars:
            bars = list(self._bars)[-count:]
            parts.append(BarBlock.of(bars))
            count -= len(bars)
        for block in reversed(self._blocks):
            if count <= 0:
                break
            parts.append(block.slice(max(0, len(block) - count), len(block)))
            count -= len(block)
        return BarBlock.join(parts[::-1]) if parts else None

    def _admit(self, symbol: str, interval: Nanos, ts: Nanos, known: Nanos) -> None:
        """Raise DataError unless a bar that closes at `ts` is ours and comes after the last one."""
        if not self._interval:
            self._interval = self.feed.interval
        if symbol != self._symbol or interval != self._interval:
            raise DataError(
                f"a bar of {symbol} of {interval_name(interval)} that closed at {time_name(ts)} came to the "
                f"handler of {self._symbol} bars of {interval_name(self._interval)}"
            )
        if known < ts:
            raise DataError(
                f"{self._symbol}: a bar that closes at {time_name(ts)} claims to be known at "
                f"{time_name(known)}, before its close; stamp bars with their closing time"
            )
        if self._last_ts != NOTHING_YET and ts <= self._last_ts:
            raise DataError(
                f"{self._symbol}: a bar that closed at {time_name(ts)} came after the one that closed at "
                f"{time_name(self._last_ts)}; bars must come in the order of their closes, each once"
            )
