"""What a finished run leaves behind: the raw material of every report."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from quant_contracts.events import DataGap, Fill, OrderIntent, PortfolioSnapshot, Readiness
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.strategy import Strategy
from quant_contracts.units import Nanos

ENDED_EARLY = "ended_early"
"""The check that found a symbol without bars up to the end of the run."""


MOST_CHANGES: Final = 10_000
MOST_GAPS: Final = 1_000


class PartRecord(msgspec.Struct, frozen=True):
    """One part of the run as the manifest names it."""

    role: str
    """Where it sits: `BTCUSDT.model`, `BTCUSDT.risk.0`, `matching`."""
    name: str
    params: dict[str, Any]
    """Every setting, defaults included."""
    version: str
    """Version of the distribution that the part comes from."""
    hash: str
    """Digest of role, name, params and version: swapping a part changes its own hash and no other."""


class Manifest(msgspec.Struct, frozen=True):
    """What went in and how it was made: two runs with equal manifests have equal results."""

    run_id: str
    """A digest of everything below except the decision hash: the same run has the same id."""
    mode: str
    config_hash: str
    code_version: str
    seed: int
    parts: tuple[PartRecord, ...]
    inputs: dict[str, SourceInfo]
    """Per symbol, the source that was read."""
    overrides: dict[str, Any]
    cursors: dict[str, Nanos]
    """Per symbol, the last bar that was visible when warm-up ended."""
    decision_hash: str
    """Digest over every intent, target, order and fill that changed something, in order."""


class OrderRecord(msgspec.Struct, frozen=True):
    """One order and what became of it."""

    order: OrderIntent
    state: str
    """`filled`, `canceled`, `rejected`, `expired`, `working` (at the end of the run), `unknown`."""
    reason: str
    """Why it ended, empty when it filled."""
    closed_ts: Nanos | None


class LastRow(msgspec.Struct, frozen=True):
    """The last row of a stream that the run met."""

    known: Nanos
    """When it became known."""
    bars: int
    """How many bars of the symbol that reads it fit between that and the end of the run."""


class ReadinessRecord(msgspec.Struct, frozen=True):
    """What one symbol's steps met in the streams it reads."""

    states: dict[str, dict[str, int]]
    """Per stream, how many looks found it fresh, stale and missing."""
    outcomes: dict[str, int]
    """How many looks ended in each of `go`, `hold` and `flatten`."""
    missing: dict[str, int]
    """Per feature made of streams, how many looks found it missing, those of the warm-up among them."""
    changes: tuple[Readiness, ...]
    """Every change of a stream between fresh, stale and missing, at most `MOST_CHANGES` of them."""
    dropped: int = 0
    """Changes beyond that."""
    last_rows: dict[str, LastRow] = {}
    """Per stream that had any row."""


class RunRecord(msgspec.Struct, frozen=True):
    """Everything a report is made from. Lists are in the order things happened."""

    strategy: Strategy
    manifest: Manifest
    start: Nanos
    """The moment trading could begin: the end of warm-up."""
    end: Nanos
    """The last bar's close."""
    equity: list[PortfolioSnapshot]
    """Samples at equal spacing, 00:00 UTC of every day among them; the first is at `start` with the
    initial cash, the last at `end`."""
    orders: list[OrderRecord]
    fills: list[Fill]
    counts: dict[str, dict[str, int]]
    """Per symbol, how often each stage acted: bars, steps, intents, targets, orders, fills, ..."""
    limits: dict[str, dict[str, int]]
    """Per symbol, how often each limit bound a target."""
    quality: tuple[QualityRow, ...]
    readiness: dict[str, ReadinessRecord] = {}
    """Per symbol that reads streams beside the bars, how far they could be trusted."""
    gaps: tuple[DataGap, ...] = ()
    """Holes found in the streams, stream by stream, at most `MOST_GAPS` of each."""
