"""The runtime: who may call what when, and what one step is.

    ASSEMBLED --load_history--> LOADED --warmup--> WARM --step--> RUNNING --stop--> STOPPED

A step at `ts` sees what is known at `ts` and nothing later:

    1. timers due before `ts` fire, each at its own time
    2. bars known at `ts` enter the windows; then the venue matches the orders that were working on them
    3. timers due at `ts` fire
    4. symbol by symbol, in the order of the configuration: features (streams beside the bars are looked
       at as of `ts`), model, decision, risk, execution
    5. the snapshot says what happened

Events of streams are published before the step only where somebody subscribed to them, each at its own
time; what the steps see of the streams is the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any, Final, get_args

from quant_contracts.blocks import BLOCK_ROWS, BarBlock
from quant_contracts.errors import LifecycleError, LookAhead
from quant_contracts.events import (
    Bar,
    DataGap,
    Event,
    Features,
    Fill,
    Freshness,
    Readiness,
    StepSnapshot,
    StreamEvent,
    Target,
)
from quant_contracts.protocols import DataHandler, Journal, Portfolio
from quant_contracts.units import Nanos
from quant_daemon.as_of import as_of
from quant_daemon.bus import Bus
from quant_daemon.clock import VirtualClock
from quant_daemon.lane import Lane
from quant_daemon.look_ahead import look_ahead
from quant_daemon.sampler import EquitySampler
from quant_daemon.streams import DeclaredStream, Delivery


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
        streams: Sequence[DeclaredStream] = (),
        delivery: Delivery | None = None,
    ) -> None:
        self.handlers = handlers
        self.streams = tuple(streams)
        """Streams beside the bars, in the order in which one moment's events come."""
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
        self._delivery = delivery
        self._watches = [lane.watch for lane in lanes if lane.watch is not None]
        self._told_gaps: dict[int, int] = {}
        self._told_changes: dict[str, int] = {}
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
        kinds = (*get_args(StreamEvent), DataGap, Readiness)
        told_of = [stream.handler.symbol for stream in self.streams]
        told_of += [watch.symbol for watch in self._watches]
        self._publish: dict[str, dict[type[Event], Callable[[Any], None]]] = {
            symbol: {kind: self.bus.publisher(kind, symbol) for kind in kinds}
            for symbol in dict.fromkeys(told_of)
        }

    @property
    def warmup_steps(self) -> int:
        """Bars needed before the first step of every lane."""
        return max(lane.parts.extractor.warmup for lane in self.lanes)

    def load_history(
        self,
        start: Nanos | None,
        end: Nanos | None,
        rows: int = BLOCK_ROWS,
    ) -> None:
        """Make what was recorded in [start, end] ready, `rows` at a time. Opens the sources.

        A stream beside the bars begins earlier by the lookback it was declared with.
        """
        self._require("load_history")
        for handler in self.handlers.values():
            handler.load_history(start, end, rows)
        for stream in self.streams:
            first = None if start is None else start - stream.lookback
            stream.handler.load_history(first, end, rows)
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
        lanes = [lane for lane in self.lanes if lane.symbol in taken]
        beside = {
            lane.symbol: {
                symbol: as_of(taken[lane.symbol], None, taken.get(symbol))
                for symbol in lane.parts.extractor.others
            }
            for lane in lanes
        }
        absorb = None if self._delivery is None else partial(self._delivery.absorb, self.journal)
        look_ahead(lanes, taken, beside, absorb)
        if absorb is not None:
            absorb(anchor)
        for lane in lanes:
            lane.parts.extractor.update_many(taken[lane.symbol], beside[lane.symbol])
            lane.mark(taken[lane.symbol].close.item(-1))
        for stream in self.streams:
            last = stream.handler.last_known
            if last is not None:
                self.cursors[stream.key] = last
        self.clock.advance(anchor)
        self.start = anchor
        self.state = State.WARM

    def step(self, ts: Nanos, bars: Sequence[Bar] = ()) -> StepSnapshot:
        """Do everything that is to be done at `ts`, at which `bars` became known, in the order given."""
        if not self._is_running:
            self._run()
        if self._delivery is not None:
            self._deliver(ts, self._delivery)
        clock, sampler = self.clock, self.sampler
        while sampler.next < ts:
            sampler.take()
        # Timers that were due before these bars must not see them; mostly none is, and time just moves.
        if clock.due < ts or ts < clock.now:
            clock.advance_before(ts)
        else:
            clock.now = ts
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
                if lane.watch is None:
                    lane.publish_features(Features(ts, symbol, values))
                else:
                    lane.publish_features(Features(ts, symbol, values, lane.parts.extractor.missing))
                features[symbol] = values
                scores[symbol] = lane.score
                targets[symbol] = lane.target
            elif lane.watch is not None and lane.watch.outcome == "flatten":
                lane.flatten(ts, lane.watch.why)
        fills: tuple[Fill, ...] = ()
        if self._fills:
            fills = tuple(self._fills)
            self._fills.clear()
        readiness: dict[str, dict[str, Freshness]] | None = None
        if self._watches:
            self._tell()
            readiness = {watch.symbol: dict(watch.state) for watch in self._watches}
        snapshot = StepSnapshot(ts, features, scores, targets, fills, self._snapshot(ts), readiness)
        self._publish_step(snapshot)
        return snapshot

    def _deliver(self, ts: Nanos, delivery: Delivery) -> None:
        """Publish what became known of the streams, each event at its own time among timers and samples."""
        clock, sampler, publish = self.clock, self.sampler, self._publish
        quiet = clock.now
        for event in delivery.events(ts):
            moment = event.ts_known
            if moment > quiet:
                while sampler.next < moment:
                    sampler.take()
                clock.advance_before(moment)
                # Up to there no timer is due and no sample: time moves without a call.
                quiet = min(clock.due, sampler.next)
            else:
                clock.now = moment
            publish[event.symbol][event.__class__](event)

    def _tell(self) -> None:
        """Publish the holes that were found and what changed in the state of the streams."""
        for place, stream in enumerate(self.streams):
            gaps = stream.handler.gaps()
            for gap in gaps[self._told_gaps.get(place, 0) :]:
                self._publish[gap.symbol][DataGap](gap)
            self._told_gaps[place] = len(gaps)
        for watch in self._watches:
            for change in watch.changes[self._told_changes.get(watch.symbol, 0) :]:
                self._publish[change.symbol][Readiness](change)
            self._told_changes[watch.symbol] = len(watch.changes)

    def stop(self) -> None:
        """End the run at the present moment: the last sample is taken and the journal closed."""
        self._require("stop")
        self.sampler.stop(self.clock.now)
        self.journal.close()
        self.state, self._is_running = State.STOPPED, False

    def begin(self, end: Nanos | None) -> None:
        """Start sampling the account for a run that will end at `end`, None where nobody knows."""
        self._require("step")
        shortest = min(handler.interval for handler in self.handlers.values())
        self.sampler.start(self.start, end, shortest)
        self.state, self._is_running = State.RUNNING, True

    def _run(self) -> None:
        self.begin(None)

    def _require(self, call: str) -> None:
        legal = LEGAL[self.state]
        if call not in legal:
            allowed = " or ".join(f"{name}()" for name in legal) or "nothing"
            raise LifecycleError(f"{call}() is not legal while {self.state.value}; legal now: {allowed}")
