"""Pushes time. A driver knows nothing of strategies: it calls the engine in the lawful order.

`BacktestDriver` goes through recorded bars as fast as it can. The driver of live and mock runs will
wait for the wall clock and call the same `step`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from quant_contracts.blocks import BLOCK_ROWS
from quant_contracts.errors import DataError
from quant_contracts.protocols import MatchingEngine
from quant_contracts.units import DAY, Nanos
from quant_daemon.blockwise import BlockRunner
from quant_daemon.engine import Engine
from quant_daemon.merge import moments, stretches

UNKNOWN_LENGTH: Final[Nanos] = 365 * DAY
"""How long a run whose end nobody knows is taken to be when progress is shown."""


class Driver(Protocol):
    """Owns time for one run."""

    def run(self) -> None:
        """Push time from the beginning of the run to its end."""
        ...


class BacktestDriver:
    """Drives an engine over recorded bars under its virtual clock.

    `batch` computes features ahead over blocks and visits only steps that can change something; without
    it every stage event of every bar is built and dispatched. The result is the same, to the bit.
    """

    def __init__(
        self,
        engine: Engine,
        venue: MatchingEngine,
        *,
        start: Nanos | None = None,
        end: Nanos | None = None,
        rows: int = BLOCK_ROWS,
        batch: bool = True,
        progress: Callable[[Nanos, Nanos, Nanos], None] | None = None,
    ) -> None:
        self._engine = engine
        self._venue = venue
        self._start = start
        self._end = end
        self._rows = rows
        self._batch = batch
        self._progress = progress

    def run(self) -> None:
        """Load, warm up, step to the end, stop."""
        anchor, end = self._warm()
        engine = self._engine
        engine.begin(end)
        runner = BlockRunner(engine, self._venue) if self._batch else None
        for last, epoch in stretches(engine.handlers):
            if runner is not None:
                runner.run(epoch, last)
            else:
                for ts, bars in moments(epoch):
                    engine.step(ts, bars)
            if self._progress is not None:
                self._progress(anchor, last, anchor + UNKNOWN_LENGTH if end is None else end)
        engine.stop()

    def _warm(self) -> tuple[Nanos, Nanos | None]:
        """Load the history and warm up; return when trading may begin and when the run will end, if known."""
        engine = self._engine
        steps = engine.warmup_steps
        longest = max(handler.interval for handler in engine.handlers.values())
        before = steps * longest
        engine.load_history(None if self._start is None else self._start - before, self._end, self._rows)
        firsts = {symbol: handler.first_close() for symbol, handler in engine.handlers.items()}
        for symbol, first in firsts.items():
            if first is None:
                raise DataError(f"no bars of {symbol} in the range asked for")
        anchor = max(
            (first or 0) + (steps - 1) * engine.handlers[symbol].interval for symbol, first in firsts.items()
        )
        if self._start is not None:
            anchor = max(anchor, self._start)
        engine.warmup(anchor, steps)
        traded = [lane.symbol for lane in engine.lanes]
        if all(engine.handlers[symbol].first_close() is None for symbol in traded):
            raise DataError(
                f"no bar of {' and '.join(traded)} is left to trade on: the parts warm up on {steps:,} bars, "
                "and the range has no more; give a longer one or shorter windows"
            )
        lasts = [handler.last_close() for handler in engine.handlers.values()]
        known = [last for last in lasts if last is not None]
        if len(known) < len(lasts):
            return anchor, self._end
        return anchor, max(known) if self._end is None else min(max(known), self._end)
