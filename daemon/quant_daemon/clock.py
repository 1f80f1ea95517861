"""The virtual clock of a backtest: time is where the driver puts it, and timers fire on the way."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from quant_contracts.errors import LookAhead
from quant_contracts.units import Nanos

NEVER: Final[Nanos] = 2**63 - 1
"""Later than every moment that fits the notation."""


class VirtualTimer:
    """A call that waits for its time."""

    __slots__ = ("_call", "due")

    def __init__(self, due: Nanos, call: Callable[[Nanos], None]) -> None:
        self.due = due
        self._call: Callable[[Nanos], None] | None = call

    def cancel(self) -> None:
        """Keep the call from being made."""
        self._call = None

    @property
    def is_live(self) -> bool:
        """False once it fired or was cancelled."""
        return self._call is not None

    def fire(self) -> None:
        """Make the call, once."""
        call, self._call = self._call, None
        if call is not None:
            call(self.due)


class VirtualClock:
    """Moves only forward and only when told. Timers due together fire in the order they were set.

    >>> clock, rung = VirtualClock(), []
    >>> timer = clock.at(5, rung.append)
    >>> clock.advance(9)
    >>> clock.now, rung
    (9, [5])
    """

    __slots__ = ("_heap", "_order", "due", "now")

    def __init__(self, now: Nanos = 0) -> None:
        self.now = now
        self.due = NEVER
        """No timer fires before this moment: the next one's, which may have been cancelled."""
        self._heap: list[tuple[Nanos, int, VirtualTimer]] = []
        self._order = 0

    def at(self, due: Nanos, call: Callable[[Nanos], None], /) -> VirtualTimer:
        """Call `call(due)` when time reaches `due`, which must not be over yet."""
        if due < self.now:
            raise LookAhead(f"a timer was set for {due}, which is {self.now - due} ns ago")
        timer = VirtualTimer(due, call)
        self._order += 1
        heapq.heappush(self._heap, (due, self._order, timer))
        self.due = self._heap[0][0]
        return timer

    @property
    def next_due(self) -> Nanos:
        """When the next live timer fires; `NEVER` when there is none."""
        heap = self._heap
        while heap and not heap[0][2].is_live:
            heapq.heappop(heap)
        self.due = heap[0][0] if heap else NEVER
        return self.due

    def advance(self, ts: Nanos) -> None:
        """Move to `ts`, firing on the way every timer due up to and including it, each at its own time."""
        if ts < self.now:
            raise LookAhead(f"time cannot go back from {self.now} to {ts}")
        heap = self._heap
        while self.due <= ts:
            due, _, timer = heapq.heappop(heap)
            self.due = heap[0][0] if heap else NEVER
            self.now = max(self.now, due)
            timer.fire()
        self.now = ts

    def advance_before(self, ts: Nanos) -> None:
        """Move to `ts`, firing only timers due earlier: what is due at `ts` waits for `ts`'s own inputs."""
        if ts < self.now:
            raise LookAhead(f"time cannot go back from {self.now} to {ts}")
        if self.due < ts:
            self.advance(ts - 1)
        self.now = ts
