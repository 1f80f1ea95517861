"""One assembled run: an engine, what surrounds it, and what is left of it at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import localcontext
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from quant_contracts.blocks import BLOCK_ROWS
from quant_contracts.duration import time_name
from quant_contracts.instrument import WIDE
from quant_contracts.protocols import Feed, MatchingEngine, QualityRow, SourceInfo, StreamFeed
from quant_contracts.record import ENDED_EARLY, MOST_GAPS, Manifest, PartRecord, RunRecord
from quant_contracts.strategy import Strategy
from quant_contracts.units import Nanos
from quant_daemon.driver import BacktestDriver
from quant_daemon.engine import Engine
from quant_daemon.journal.header import RunIdentity
from quant_daemon.journal.trace import Trace
from quant_daemon.journal.writer import JournalWriter
from quant_daemon.manifest import run_manifest
from quant_daemon.recorder import RunRecorder

Span: TypeAlias = tuple[Nanos | None, Nanos | None]
"""First and last moment of a run, None where the data decides."""


class Session:
    """Assembled but not running: `backtest` runs it, once."""

    def __init__(
        self,
        strategy: Strategy,
        mode: str,
        overrides: Mapping[str, Any],
        span: Span,
        engine: Engine,
        venue: MatchingEngine,
        feeds: Mapping[str, Feed | StreamFeed],
        parts: tuple[PartRecord, ...],
        trace: Trace,
        recorder: RunRecorder,
        every_step: bool,
    ) -> None:
        self.strategy = strategy
        self.mode = mode
        self.engine = engine
        self.parts = parts
        self._overrides = overrides
        self._span = span
        self._venue = venue
        self.feeds = feeds
        self._trace = trace
        self._recorder = recorder
        self._every_step = every_step

    def backtest(
        self,
        *,
        rows: int = BLOCK_ROWS,
        batch: bool = True,
        journal: Path | None = None,
        progress: Callable[[Nanos, Nanos, Nanos], None] | None = None,
    ) -> RunRecord:
        """Run over the range of the strategy and return what happened.

        `rows` is the size of the blocks that are read, `batch` whether features are computed over whole
        blocks; neither changes the result. `journal` is the directory to write what the trace level of
        the strategy lets through. `progress` is called with start, present and end.
        """
        start, end = self._span
        needs_every_step = self._every_step or any(lane.is_continuous for lane in self.engine.lanes)
        driver = BacktestDriver(
            self.engine,
            self._venue,
            start=start,
            end=end,
            rows=rows,
            batch=batch and not needs_every_step,
            progress=progress,
        )
        if journal is not None and self.strategy.run.trace != "off":
            went_in = self.manifest()
            identity = RunIdentity(went_in.run_id, went_in.config_hash, went_in.code_version, went_in.seed)
            self._trace.attach(JournalWriter(journal, identity, fresh=True))
        try:
            # Parts may use plain operators: money is never cut to what the host program has set.
            with localcontext(WIDE):
                driver.run()
        finally:
            self._trace.close()
        return self.record()

    @cached_property
    def _inputs(self) -> dict[str, SourceInfo]:
        """Where the bars come from; once, because a digest reads every byte."""
        return {symbol: feed.info() for symbol, feed in self.feeds.items()}

    def manifest(self) -> Manifest:
        """What went into the run so far."""
        return run_manifest(
            self.strategy,
            self.mode,
            self.parts,
            self._inputs,
            self._overrides,
            self.engine.cursors,
            self._trace.decision_hash,
        )

    def record(self) -> RunRecord:
        """What the run left behind."""
        engine = self.engine
        orders, fills = self._recorder.orders(), self._recorder.fills
        counts: dict[str, dict[str, int]] = {}
        for lane in engine.lanes:
            counts[lane.symbol] = {
                "bars": lane.bars,
                "steps": lane.steps,
                "intents": lane.counts["intents"],
                "targets": lane.counts["targets"],
                "orders": sum(order.order.symbol == lane.symbol for order in orders),
                "fills": sum(fill.symbol == lane.symbol for fill in fills),
            }
        return RunRecord(
            self.strategy,
            self.manifest(),
            engine.start,
            engine.clock.now,
            engine.sampler.samples,
            orders,
            fills,
            counts,
            {lane.symbol: dict(sorted(lane.limits.items())) for lane in engine.lanes},
            self._quality() + self._ended_early(),
            {
                lane.symbol: lane.watch.record(engine.clock.now, engine.handlers[lane.symbol].interval)
                for lane in engine.lanes
                if lane.watch is not None
            },
            tuple(gap for stream in engine.streams for gap in stream.handler.gaps()[:MOST_GAPS]),
        )

    def _quality(self) -> tuple[QualityRow, ...]:
        """What feeds found wrong and what views left out."""
        views = [stream.handler for stream in self.engine.streams]
        return tuple(row for found in (*self.feeds.values(), *views) for row in found.quality())

    def _ended_early(self) -> tuple[QualityRow, ...]:
        """Symbols whose bars ran out before the run did."""
        rows: list[QualityRow] = []
        for symbol, handler in self.engine.handlers.items():
            if handler.last is None:
                continue
            last = handler.last.ts_event
            missing = (self.engine.clock.now - handler.last.ts_known) // handler.interval
            if missing:
                rows.append(QualityRow(symbol, ENDED_EARLY, missing, "-", last, time_name(last)))
        return tuple(rows)
