"""Turns a static strategy into an assembled session: builds every part by name and wires the bus.

Nothing is opened here: no file, no socket. The mode decides feed, clock and venue, and nothing after
this asks for it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from quant_contracts.config import build_strategy, naming, override
from quant_contracts.duration import parse_time
from quant_contracts.errors import ConfigError, nearest
from quant_contracts.instrument import Instrument
from quant_contracts.protocols import (
    AnyChannel,
    DataHandler,
    ExecutionEngine,
    ExecutionPolicy,
    ExecutionTools,
    FeatureSpec,
    Feed,
    MatchingEngine,
    Portfolio,
    ReadingChannel,
    Router,
    SlippageModel,
    StreamFeed,
)
from quant_contracts.record import PartRecord
from quant_contracts.strategy import DataSpec, PartSpec, RunSpec, Strategy, SymbolSpec
from quant_contracts.units import Nanos
from quant_daemon.bus import Bus
from quant_daemon.clock import VirtualClock
from quant_daemon.engine import Engine
from quant_daemon.extractor import FeatureExtractor, stream_keys
from quant_daemon.journal.trace import Trace
from quant_daemon.lane import Lane, LaneParts
from quant_daemon.manifest import part_record
from quant_daemon.recorder import RunRecorder
from quant_daemon.registry import Registry
from quant_daemon.session import Session, Span
from quant_daemon.stream_loader import StreamLoader
from quant_daemon.streams import Delivery
from quant_daemon.wiring import EVERY_STEP, STREAM_EVENTS, Observer, wire

MODES: Final = ("backtest",)
"""Modes whose feed, clock and venue are there. Mock and live need a live feed and the wall clock."""


class Loader:
    """Builds sessions from strategies with the parts a registry finds."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry or Registry()
        self._records: list[PartRecord] = []

    @classmethod
    def from_config(
        cls,
        strategy: Strategy | Mapping[str, Any],
        mode: str = "backtest",
        overrides: Mapping[str, Any] | None = None,
        *,
        registry: Registry | None = None,
        observers: Sequence[Observer] = (),
    ) -> Session:
        """An assembled session of `strategy` in `mode`.

        `overrides` replace values at dotted paths (`account.cash`) before anything is built, and stand in
        the manifest. `observers` are called with every event of their type; one that wants the events of
        every step makes a backtest go bar by bar.
        """
        if mode not in MODES:
            raise ConfigError(f"mode {mode!r} cannot run here; {nearest(mode, MODES)}")
        changes = dict(overrides or {})
        if changes and isinstance(strategy, Strategy):
            strategy = plain_strategy(strategy)
        if not isinstance(strategy, Strategy):
            strategy = build_strategy(override(strategy, changes))
        return cls(registry).assemble(strategy, mode, changes, observers)

    def assemble(
        self,
        strategy: Strategy,
        mode: str,
        overrides: Mapping[str, Any],
        observers: Sequence[Observer],
    ) -> Session:
        """Build every part, then wire them to one another."""
        span = run_span(strategy.run)
        for symbol in strategy.strategies:
            if symbol not in strategy.data:
                raise ConfigError(f"$.{symbol}: not declared in $.data; {nearest(symbol, strategy.data)}")
        instruments = {symbol: _instrument(symbol, spec) for symbol, spec in strategy.data.items()}
        feeds = {symbol: self._feed(symbol, spec) for symbol, spec in strategy.data.items()}
        handlers = {symbol: self._handler(symbol, feed) for symbol, feed in feeds.items()}
        account = msgspec.to_builtins(strategy.account)
        portfolio: Portfolio = self._registry.build("portfolios", "Ledger", account, "$.account")
        venue: MatchingEngine = self._part("matching", strategy.matching, "$.matching", "matching")
        traded = {symbol: instruments[symbol] for symbol in strategy.strategies}
        slippage: dict[str, SlippageModel] = {}
        policies: dict[str, ExecutionPolicy] = {}
        routers: dict[str, Router] = {}
        declared = StreamLoader(self._registry, strategy.data)
        parts: list[LaneParts] = []
        for symbol, spec in strategy.strategies.items():
            path = f"$.{symbol}.strategy"
            slippage[symbol] = self._part("slippage", spec.slippage, f"{path}.slippage", f"{symbol}.slippage")
            policies[symbol] = self._part(
                "policies", spec.execution, f"{path}.execution", f"{symbol}.execution"
            )
            routers[symbol] = self._part("routers", spec.router, f"{path}.router", f"{symbol}.router")
            parts.append(
                self._lane_parts(symbol, spec, instruments[symbol], handlers, slippage[symbol], declared)
            )
        venue.bind(traded, slippage)

        clock, trace = VirtualClock(), Trace(strategy.run.trace)
        lanes: dict[str, Lane] = {}
        tools = ExecutionTools(
            traded, policies, routers, portfolio, clock, lambda symbol: lanes[symbol].price
        )
        execution: ExecutionEngine = self._registry.find("execution", "OrderDesk", "$")(tools)
        lanes.update({part.symbol: Lane(part, portfolio, execution, trace) for part in parts})
        bus, recorder = Bus(), RunRecorder()
        asked = trace.level == "full" or any(kind in STREAM_EVENTS for kind, _ in observers)
        streams = declared.streams(every_declared=asked)
        delivery = Delivery(streams) if asked and streams else None
        engine = Engine(handlers, list(lanes.values()), portfolio, clock, bus, trace, streams, delivery)
        wire(engine, venue, execution, recorder, trace, observers, delivery)
        every_step = asked or any(kind in EVERY_STEP for kind, _ in observers)
        sources: dict[str, Feed | StreamFeed] = {**feeds, **declared.feeds}
        records = tuple(self._records)
        return Session(
            strategy, mode, overrides, span, engine, venue, sources, records, trace, recorder, every_step
        )

    def _lane_parts(
        self,
        symbol: str,
        spec: SymbolSpec,
        instrument: Instrument,
        handlers: Mapping[str, DataHandler],
        slippage: SlippageModel,
        declared: StreamLoader,
    ) -> LaneParts:
        path = f"$.{symbol}.strategy"
        model = self._part("models", spec.model, f"{path}.model", f"{symbol}.model")
        decision = self._part("decisions", spec.decision, f"{path}.decision", f"{symbol}.decision")
        risk = {
            f"risk[{index}]": self._part("risk", rule, f"{path}.risk[{index}]", f"{symbol}.risk.{index}")
            for index, rule in enumerate(spec.risk_stack)
        }
        channels = _Channels(self, symbol, handlers)
        for place, part in {"model": model, "decision": decision, **risk}.items():
            for need in part.needs:
                channels.add(need, f"{path}.{place} ({type(part).__name__})")
        cost = [channels.add(need, f"{path}.slippage ({type(slippage).__name__})") for need in slippage.needs]
        for index, extra in enumerate(spec.features):
            # Run for the record, so that none of them may keep the symbol from its step.
            channels.add(FeatureSpec(extra.name, extra.params, optional=True), f"{path}.features[{index}]")
        for index, channel in enumerate(channels.built.values()):
            self._record("features", f"{symbol}.features.{index}", type(channel).__name__, channel)
        built = list(channels.built.values())
        watch = declared.watch(symbol, built, path)
        extractor = FeatureExtractor(symbol, built, handlers, watch, channels.optional)
        return LaneParts(
            symbol,
            instrument,
            handlers[symbol],
            extractor,
            model,
            decision,
            tuple(risk.values()),
            volatility=cost[0].outputs[0] if cost else None,
            daily_volume=cost[1].outputs[0] if len(cost) > 1 else None,
        )

    def _part(self, group: str, spec: PartSpec, path: str, role: str) -> Any:
        part = self._registry.build(group, spec.name, spec.params, path)
        self._record(group, role, spec.name, part)
        return part

    def _record(self, group: str, role: str, name: str, part: object) -> None:
        self._records.append(part_record(role, name, part, self._registry.version(group, name)))

    def channel(self, spec: FeatureSpec, path: str) -> AnyChannel:
        """A new feature channel."""
        channel: AnyChannel = self._registry.build("features", spec.channel, spec.params, path)
        return channel

    def _feed(self, symbol: str, spec: DataSpec) -> Feed:
        stream = {
            "symbol": symbol,
            "venue": spec.venue,
            "interval": spec.interval,
            "repair": spec.repair,
            "tick": str(spec.tick),
        }
        path = f"$.data.{symbol}.source"
        for name in stream:
            if name in spec.source.params:
                raise ConfigError(f"{path}: {name!r} belongs to $.data.{symbol}, not to its source")
        feed: Feed = self._registry.build("feeds", spec.source.name, {**stream, **spec.source.params}, path)
        return feed

    def _handler(self, symbol: str, feed: Feed) -> DataHandler:
        handler: DataHandler = self._registry.find("handlers", "klines", f"$.data.{symbol}")(feed)
        return handler


def run_span(run: RunSpec) -> Span:
    """The moments that `run` names, None where it leaves them to the data."""
    span = _moment("start", run.start), _moment("end", run.end)
    if span[0] is not None and span[1] is not None and span[1] <= span[0]:
        raise ConfigError(f"$.run: the end {run.end} is not after the start {run.start}; turn them round")
    return span


def _moment(name: str, text: str | None) -> Nanos | None:
    with naming(f"$.run.{name}"):
        return None if text is None else parse_time(text)


class _Channels:
    """The distinct channels of one symbol: the same need twice is built once."""

    def __init__(self, loader: Loader, symbol: str, handlers: Mapping[str, DataHandler]) -> None:
        self.built: dict[bytes, AnyChannel] = {}
        self._needed: set[bytes] = set()
        self._loader = loader
        self._symbol = symbol
        self._handlers = handlers

    def add(self, spec: FeatureSpec, path: str) -> AnyChannel:
        channel = self._loader.channel(spec, path)
        for name in spec.outputs:
            if name not in channel.outputs:
                raise ConfigError(
                    f"{path}: {spec.channel} says no {name!r}; {nearest(name, channel.outputs)}"
                )
        if isinstance(channel, ReadingChannel):
            for other in [stream.symbol for stream in channel.reads if stream.domain == "klines"]:
                if other not in self._handlers:
                    raise ConfigError(
                        f"{path}: {spec.channel} reads {other}, which is not declared in $.data; "
                        f"{nearest(other, self._handlers)}"
                    )
        key = msgspec.json.encode([spec.channel, msgspec.to_builtins(channel)], order="sorted")
        # One that anybody cannot do without is not optional.
        if not (spec.optional and stream_keys(self._symbol, channel)):
            self._needed.add(key)
        return self.built.setdefault(key, channel)

    @property
    def optional(self) -> tuple[AnyChannel, ...]:
        """The channels that may be missing at a step."""
        return tuple(channel for key, channel in self.built.items() if key not in self._needed)


def _instrument(symbol: str, spec: DataSpec) -> Instrument:
    try:
        return Instrument(symbol, spec.tick, spec.lot, spec.min_notional)
    except ValueError as error:
        raise ConfigError(f"$.data.{symbol}: {error}") from None


def plain_strategy(strategy: Strategy) -> dict[str, Any]:
    """A strategy as it would stand in a file."""
    plain = msgspec.to_builtins(strategy)
    symbols = plain.pop("strategies")
    return {**{symbol: {"strategy": spec} for symbol, spec in symbols.items()}, **plain}
