"""What a configuration will do, worked out before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from quant_contracts.blocks import BLOCK_ROWS
from quant_contracts.protocols import DerivedFeed
from quant_contracts.strategy import DOMAINS, AccountSpec, RunSpec
from quant_daemon.about import stream_name, summary_of
from quant_daemon.extractor import reads
from quant_daemon.loader import Loader
from quant_daemon.session import Session

WINDOW_ROW_BYTES = 56
"""One bar in a handler's window: a time and six floats."""


class FeaturePlan(msgspec.Struct, frozen=True):
    """One channel: what it says and how long it takes to say it."""

    channel: str
    params: dict[str, Any]
    outputs: tuple[str, ...]
    warmup_bars: int
    unit: str
    reads: tuple[str, ...] = ()
    """The streams it reads beside its bars."""


class StreamPlan(msgspec.Struct, frozen=True):
    """One stream beside the bars: where it comes from, who reads it, and what happens without it."""

    domain: str
    source: dict[str, Any]
    max_age: str | None
    when_stale: str
    lookback: str | None
    read_by: tuple[str, ...]
    """The channels of the symbol that read it, and the streams that are made from it; none where it is only
    declared."""
    view_bytes: int
    """Upper bound of what its as-of view holds; 0 where nobody reads it."""


class StagePlan(msgspec.Struct, frozen=True):
    """One part in its place."""

    role: str
    part: str
    params: dict[str, Any]


class SymbolPlan(msgspec.Struct, frozen=True):
    """Everything that trades one symbol, in the order a bar meets it."""

    symbol: str
    source: dict[str, Any]
    streams: tuple[StreamPlan, ...]
    features: tuple[FeaturePlan, ...]
    stages: tuple[StagePlan, ...]
    warmup_bars: int


class Plan(msgspec.Struct, frozen=True):
    """The whole configuration, defaults included."""

    symbols: tuple[SymbolPlan, ...]
    data_only: tuple[str, ...]
    """Symbols that are declared and read but not traded."""
    account: AccountSpec
    matching: StagePlan
    run: RunSpec
    memory_bytes: int
    """Upper bound of what windows and blocks hold, for any length of history."""


def make_plan(config: Any, overrides: dict[str, Any]) -> Plan:
    """Assemble the configuration as a backtest would and describe it. Opens no data."""
    session = Loader.from_config(config, overrides=overrides)
    strategy = session.strategy
    parts = {record.role: StagePlan(record.role, record.name, record.params) for record in session.parts}
    symbols = tuple(_symbol(session, symbol, parts) for symbol in strategy.strategies)
    # Per symbol its window, at most twice the bars it shows, a block being read and one being run; per
    # feature its column and three more while it is made.
    streams = len(strategy.data) * 2 * (1000 + BLOCK_ROWS) * WINDOW_ROW_BYTES
    features = sum(len(plan.features) for plan in symbols) * 4 * BLOCK_ROWS * 8
    views = sum(stream.handler.most_bytes for stream in session.engine.streams)
    return Plan(
        symbols,
        tuple(symbol for symbol in strategy.data if symbol not in strategy.strategies),
        strategy.account,
        parts["matching"],
        strategy.run,
        streams + features + views,
    )


def _symbol(session: Session, symbol: str, parts: dict[str, StagePlan]) -> SymbolPlan:
    lane = next(lane for lane in session.engine.lanes if lane.symbol == symbol)
    features = tuple(
        FeaturePlan(
            type(channel).__name__,
            msgspec.to_builtins(channel),
            channel.outputs,
            channel.warmup,
            summary_of(type(channel)),
            tuple(stream_name(stream) for stream in reads(channel)),
        )
        for channel in lane.parts.extractor.channels
    )
    roles = ("model", "decision", "risk.", "execution", "router", "slippage")
    stages = tuple(
        plan for role in roles for name, plan in parts.items() if name.startswith(f"{symbol}.{role}")
    )
    declared = session.strategy.data[symbol]
    source = msgspec.to_builtins(declared)
    for domain in DOMAINS:
        del source[domain]
    streams = tuple(
        StreamPlan(
            domain,
            msgspec.to_builtins(spec.source),
            spec.max_age,
            spec.when_stale,
            spec.lookback,
            _readers(session, symbol, domain, features),
            sum(
                stream.handler.most_bytes
                for stream in session.engine.streams
                if (stream.handler.domain, stream.handler.symbol) == (domain, symbol)
            ),
        )
        for domain, spec in declared.streams.items()
    )
    return SymbolPlan(symbol, source, streams, features, stages, lane.parts.extractor.warmup)


def _readers(session: Session, symbol: str, domain: str, features: Sequence[FeaturePlan]) -> tuple[str, ...]:
    """Channels first, then the streams that are read themselves and made from this one."""
    channels = [feature.channel for feature in features if domain in feature.reads]
    derived = [
        name.removeprefix(f"{symbol}.")
        for name, feed in session.feeds.items()
        if isinstance(feed, DerivedFeed) and feed.symbol == symbol and feed.derives_from == domain
    ]
    return (*channels, *derived)
