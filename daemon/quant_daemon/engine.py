"""The runtime: who may call what when, and what one step is.

    ASSEMBLED --load_history--> LOADED --warmup--> WARM --step--> RUNNING --stop--> STOPPED

A step at `ts` sees what is known at `ts` and nothing later:

    1. timers due before `ts` fire, each at its own time
    2. bars known at `ts` enter the windows; then the venue matches the orders that were working on them
    3. timers due at `ts` fire
    4. symbol by symbol, in the order of the configuration: features, model, decision, risk, execution
    5. the snapshot says what happened
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from quant_contracts.blocks import BLOCK_ROWS, BarBlock
from quant_contracts.errors import LifecycleError, LookAhead
from quant_contracts.events import Bar, Features, Fill, StepSnapshot, Target
from quant_contracts.protocols import DataHandler, Journal, Portfolio
from quant_contracts.units import DAY, Nanos
from quant_daemon.bus import Bus
from quant_daemon.clock import VirtualClock
from quant_daemon.extractor import as_of
from quant_daemon.lane import Lane
from quant_daemon.sampler import EquitySampler


class State(Enum):
    """Where in its life an engine is."""

    ASSEMBLED = "ASSEMBLED"
    LOADED = "LOADED"
    WARM = "WARM"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


LEGAL: Final[Mapping[State, tuple[str, ...]]] = {
    State.ASSEMBLED: ("load_history",),
    State.LOADED: ("warmup",),
    State.WARM: ("step", "stop"),
    State.RUNNING: ("step", "stop"),
    State.STOPPED: (),
}
"""What may be called in each state."""

UNKNOWN_LENGTH: Final[Nanos] = 365 * DAY
"""How long a run whose end nobody knows is taken to be when the account's samples are spaced."""


class Engine:
    """Runs the lanes of every traded symbol over whatever bars the driver hands it."""

    def __init__(
        self,
        handlers: Mapping[str, DataHandler],
        lanes: Sequence[Lane],
        portfolio: Portfolio,
        clock: VirtualClock,
        bus: Bus,
        journal: Journal,
    ) -> None:
        self.handlers = handlers
        self.lanes = tuple(lanes)
        self.portfolio = portfolio
        self.clock = clock
        self.bus = bus
        self.journal = journal
        self.sampler = EquitySampler(portfolio)
        self.state = State.ASSEMBLED
        # What `state` says, for every step to ask at no cost.
        self._is_running = False
        self.start: Nanos = 0
        self.cursors: dict[str, Nanos] = {}
        self._snapshot = portfolio.snapshot
        self._fills: list[Fill] = []
        bus.subscribe(Fill, self._fills.append, "step")

    def connect(self) -> None:
        """Get the calls that publish. Wiring has ended."""
        self.publish_bar = {symbol: self.bus.publisher(Bar, symbol) for symbol in self.handlers}
        lanes = {lane.symbol: lane for lane in self.lanes}
        # Where a bar of a symbol goes; a symbol that is only read has no lane.
        self._streams = {
            symbol: (handler.push, lanes.get(symbol), self.publish_bar[symbol])
            for symbol, handler in self.handlers.items()
        }
        self._publish_step = self.bus.publisher(StepSnapshot, "")

    @property
    def warmup_steps(self) -> int:
        """Bars needed before the first step of every lane."""
        return max(lane.parts.extractor.warmup for lane in self.lanes)

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int = BLOCK_ROWS) -> None:
        """Make recorded bars of [start, end] ready, `rows` at a time. Opens the sources."""
        self._require("load_history")
        for handler in self.handlers.values():
            handler.load_history(start, end, rows)
        self.state = State.LOADED

    def warmup(self, anchor: Nanos, steps: int) -> None:
        """Let the last `steps` bars known at `anchor` warm the features; trading can begin after it."""
        self._require("warmup")
        taken: dict[str, BarBlock] = {}
        for symbol, handler in self.handlers.items():
            block = handler.warmup_to(anchor)
            if block is not None:
                taken[symbol] = block.slice(max(0, len(block) - steps), len(block))
                for bar in taken[symbol].events():
                    self.journal.append("input", bar)
            if handler.last is not None:
                self.cursors[symbol] = handler.last.ts_known
        for lane in self.lanes:
            own = taken.get(lane.symbol)
            if own is not None:
                extractor = lane.parts.extractor
                others = {symbol: as_of(own, None, taken.get(symbol)) for symbol in extractor.others}
                extractor.update_many(own, others)
                lane.mark(own.close.item(-1))
        self.clock.advance(anchor)
        self.start = anchor
        self.state = State.WARM

    def step(self, ts: Nanos, bars: Sequence[Bar] = ()) -> StepSnapshot:
        """Do everything that is to be done at `ts`, at which `bars` became known, in the order given."""
        if not self._is_running:
            self._run()
        clock, sampler = self.clock, self.sampler
        while sampler.next < ts:
            sampler.take()
        # Timers that were due before these bars must not see them.
        clock.advance_before(ts)
        streams = self._streams
        for bar in bars:
            if bar.ts_known > ts:
                raise LookAhead(f"a bar of {bar.symbol} known at {bar.ts_known} came in at {ts}")
            push, lane, _ = streams[bar.symbol]
            push(bar)
            if lane is not None:
                lane.mark(bar.close)
        for bar in bars:
            streams[bar.symbol][2](bar)
        if clock.due <= ts:
            clock.advance(ts)
        features: dict[str, dict[str, float]] = {}
        scores: dict[str, float] = {}
        targets: dict[str, Target] = {}
        for bar in bars:
            symbol = bar.symbol
            lane = streams[symbol][1]
            if lane is None:
                continue
            lane.bars += 1
            values = lane.extract(bar)
            if values is not None:
                lane.publish_features(Features(ts, symbol, values))
                features[symbol] = values
                scores[symbol] = lane.score
                targets[symbol] = lane.target
        fills: tuple[Fill, ...] = ()
        if self._fills:
            fills = tuple(self._fills)
            self._fills.clear()
        snapshot = StepSnapshot(ts, features, scores, targets, fills, self._snapshot(ts))
        self._publish_step(snapshot)
        return snapshot

    def stop(self) -> None:
        """End the run at the present moment: the last sample is taken and the journal closed."""
        self._require("stop")
        self.sampler.stop(self.clock.now)
        self.journal.close()
        self.state, self._is_running = State.STOPPED, False

    def begin(self, end: Nanos) -> None:
        """Start sampling the account for a run that will end at `end`."""
        self._require("step")
        self.sampler.start(self.start, end)
        self.state, self._is_running = State.RUNNING, True

    def _run(self) -> None:
        self.begin(self.start + UNKNOWN_LENGTH)

    def _require(self, call: str) -> None:
        legal = LEGAL[self.state]
        if call not in legal:
            allowed = " or ".join(f"{name}()" for name in legal) or "nothing"
            raise LifecycleError(f"{call}() is not legal while {self.state.value}; legal now: {allowed}")
