"""What the runtime says of itself."""

from __future__ import annotations

from typing import Literal, TypeAlias

from quant_contracts.events.account import PortfolioSnapshot
from quant_contracts.events.base import Event
from quant_contracts.events.order import Fill
from quant_contracts.events.signal import Target
from quant_contracts.units import Nanos

Freshness: TypeAlias = Literal["fresh", "stale", "missing"]


class StepSnapshot(Event, frozen=True, gc=False):
    """Everything one step saw and did, keyed by symbol. A symbol that was not ready is absent."""

    timestamp: Nanos
    features: dict[str, dict[str, float]]
    scores: dict[str, float]
    target: dict[str, Target]
    fills: tuple[Fill, ...]
    portfolio: PortfolioSnapshot
    readiness: dict[str, dict[str, Freshness]] | None = None
    """By symbol and stream beside the bars; None where none is read."""


class Readiness(Event, frozen=True, gc=False):
    """A data domain of a symbol changed between fresh, stale and missing."""

    ts: Nanos
    symbol: str
    domain: str
    state: Freshness
    reason: str


class DataGap(Event, frozen=True, gc=False):
    """Something the stream should have carried never came."""

    ts: Nanos
    symbol: str
    domain: str
    missing_from: Nanos
    missing_to: Nanos
    reason: str


class Halted(Event, frozen=True, gc=False):
    """The run stopped trading."""

    ts: Nanos
    reason: str
