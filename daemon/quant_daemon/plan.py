"""What a configuration will do, worked out before anything is opened."""

from __future__ import annotations

from typing import Any

import msgspec

from quant_contracts.blocks import BLOCK_ROWS
from quant_contracts.strategy import AccountSpec, RunSpec
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


class StagePlan(msgspec.Struct, frozen=True):
    """One part in its place."""

    role: str
    part: str
    params: dict[str, Any]


class SymbolPlan(msgspec.Struct, frozen=True):
    """Everything that trades one symbol, in the order a bar meets it."""

    symbol: str
    source: dict[str, Any]
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
    # Per stream its window, a block being read and one being run; per feature its column and three more
    # while it is made.
    streams = len(strategy.data) * (1000 * WINDOW_ROW_BYTES + 2 * BLOCK_ROWS * WINDOW_ROW_BYTES)
    features = sum(len(plan.features) for plan in symbols) * 4 * BLOCK_ROWS * 8
    return Plan(
        symbols,
        tuple(symbol for symbol in strategy.data if symbol not in strategy.strategies),
        strategy.account,
        parts["matching"],
        strategy.run,
        streams + features,
    )


def _symbol(session: Session, symbol: str, parts: dict[str, StagePlan]) -> SymbolPlan:
    lane = next(lane for lane in session.engine.lanes if lane.symbol == symbol)
    features = tuple(
        FeaturePlan(
            type(channel).__name__,
            msgspec.to_builtins(channel),
            channel.outputs,
            channel.warmup,
            " ".join((type(channel).__doc__ or "").partition("\n\n")[0].split()),
        )
        for channel in lane.parts.extractor.channels
    )
    roles = ("model", "decision", "risk.", "execution", "router", "slippage")
    stages = tuple(
        plan for role in roles for name, plan in parts.items() if name.startswith(f"{symbol}.{role}")
    )
    source = msgspec.to_builtins(session.strategy.data[symbol])
    return SymbolPlan(symbol, source, features, stages, lane.parts.extractor.warmup)
