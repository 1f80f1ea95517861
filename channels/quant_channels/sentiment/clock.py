"""Time for what waits: the one place beside sockets where the wall clock is read."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from quant_contracts.units import SECOND, Nanos


class AsyncClock(Protocol):
    """Time, and waiting for it. Tests hand in one whose time passes when they say so."""

    @property
    def now(self) -> Nanos:
        """The present."""
        ...

    async def sleep(self, duration: Nanos, /) -> None:
        """Come back when `duration` has passed; at once where it is 0 or less."""
        ...


class WallClock:
    """The time of this machine. Where that is set back it stands still until it is caught up with."""

    def __init__(self) -> None:
        self._last: Nanos = 0

    @property
    def now(self) -> Nanos:
        self._last = max(self._last, time.time_ns())
        return self._last

    async def sleep(self, duration: Nanos, /) -> None:
        await asyncio.sleep(max(0, duration) / SECOND)
