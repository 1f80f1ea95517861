"""One symbol's way from features to orders: the stages, each a subscriber of the one before.

    Features -> model -> Score -> decision -> Intent -> risk -> Target -> execution

A stage knows the next only through the bus. What changes something (an intent, a target) is also
recorded as a decision; a step in which nothing changes leaves no record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isfinite

import msgspec

from quant_contracts.errors import ContractBroken
from quant_contracts.events import Features, Intent, Score, Target
from quant_contracts.instrument import ZERO, Instrument
from quant_contracts.protocols import (
    BlockDecision,
    ContinuousRisk,
    DataHandler,
    DecisionProto,
    ExecutionEngine,
    Journal,
    MarketState,
    ModelProto,
    Portfolio,
    Proposal,
    RiskContext,
    RiskProto,
)
from quant_contracts.units import Nanos, Price
from quant_daemon.bus import Bus
from quant_daemon.extractor import FeatureExtractor


class LaneParts(msgspec.Struct, frozen=True):
    """The parts that trade one symbol."""

    symbol: str
    instrument: Instrument
    handler: DataHandler
    extractor: FeatureExtractor
    model: ModelProto
    decision: DecisionProto
    risk: tuple[RiskProto, ...]
    volatility: str | None
    """Name of the feature that holds daily volatility, where the slippage model asked for it."""
    daily_volume: str | None
    """Name of the feature that holds daily volume, likewise."""


class Lane:
    """The stages of one symbol and the little they must remember: the intent and target in force."""

    __slots__ = (
        "_decide",
        "_execution",
        "_intent_changed",
        "_journal",
        "_portfolio",
        "_predict",
        "_publish_intent",
        "_standing",
        "_target_changed",
        "bars",
        "counts",
        "extract",
        "features",
        "held",
        "is_continuous",
        "limits",
        "next_change",
        "parts",
        "price",
        "publish_features",
        "score",
        "steps",
        "symbol",
        "target",
        "watch",
    )

    def __init__(
        self, parts: LaneParts, portfolio: Portfolio, execution: ExecutionEngine, journal: Journal
    ) -> None:
        self.parts = parts
        self.symbol = parts.symbol
        self.price = 0.0
        self.bars = 0
        self.steps = 0
        self.counts: Counter[str] = Counter()
        self.limits: Counter[str] = Counter()
        self.is_continuous = any(isinstance(rule, ContinuousRisk) and rule.every_step for rule in parts.risk)
        self.held = Intent(0, parts.symbol, 0, 0.0, "start")
        self.target = Target(0, parts.symbol, ZERO, None, None, "start")
        self.features: Mapping[str, float] = {}
        self.score = 0.0
        # The target in force but for its time, to be said again at every step.
        self._standing = msgspec.structs.astuple(self.target)[1:]
        self._intent_changed = False
        self._target_changed = False
        self._portfolio = portfolio
        self._execution = execution
        self._journal = journal
        self.watch = parts.extractor.watch
        self.extract = parts.extractor.update if self.watch is None else parts.extractor.update_with_streams
        self._predict = parts.model.predict
        self._decide = parts.decision.decide
        self.next_change = parts.decision.next_change if isinstance(parts.decision, BlockDecision) else None

    def subscribe(self, bus: Bus) -> None:
        """Ask for what each stage reads."""
        symbol = self.symbol
        bus.stage(Features, self.on_features, f"{symbol}.model", symbol)
        bus.stage(Score, self.on_score, f"{symbol}.decision", symbol)
        bus.stage(Intent, self.on_intent, f"{symbol}.risk", symbol)
        bus.stage(Target, self.on_target, f"{symbol}.execution", symbol)

    def connect(self, bus: Bus) -> None:
        """Get the call that starts a step. Wiring has ended."""
        self.publish_features = bus.publisher(Features, self.symbol)
        self._publish_intent = bus.publisher(Intent, self.symbol)

    def on_features(self, event: Features) -> Score:
        """Model: features in, score out. This is where a step begins."""
        self.steps += 1
        self.features = event.values
        self.score = score = self._predict(event.values)
        # Also false for NaN, which fits no range.
        if not -1.0 <= score <= 1.0:
            raise ContractBroken(
                f"{self.parts.model!r} scored {score} on {event.values}; a score is from -1 to 1"
            )
        return Score(event.ts, self.symbol, score)

    def on_score(self, event: Score) -> Intent:
        """Decision: score in, intent out."""
        intent = self._decide(event, self.features, self.held)
        held = self.held
        if intent.direction != held.direction or intent.strength != held.strength:
            self._hold(intent)
        return intent

    def _hold(self, intent: Intent) -> None:
        self._intent_changed = True
        self.held = intent
        self.counts["intents"] += 1
        self._journal.append("decision", intent)

    def flatten(self, ts: Nanos, reason: str) -> None:
        """Want nothing any more, because a stream cannot be trusted; without a step of model and decision."""
        if self.held.direction:
            intent = Intent(ts, self.symbol, 0, 0.0, reason)
            self._hold(intent)
            self._publish_intent(intent)

    def on_intent(self, event: Intent) -> Target:
        """Risk: intent in, approved target out. The target in force holds until something changes."""
        if self._intent_changed or (self.is_continuous and not self._execution.stopped(self.symbol)):
            self._reconsider(event.ts)
        return Target(event.ts, *self._standing)

    def _reconsider(self, ts: Nanos) -> None:
        """Ask the rules again; take note of a target that differs from the one in force."""
        target = self._approve(self.held, ts)
        standing = msgspec.structs.astuple(target)[1:]
        if self._intent_changed or standing[1:4] != self._standing[1:4]:
            self._target_changed = True
            self.target, self._standing = target, standing
            self.counts["targets"] += 1
            for limit in target.limits:
                self.limits[limit] += 1
            self._journal.append("decision", target)
        self._intent_changed = False

    def on_target(self, event: Target) -> None:
        """Execution: work towards a target that is new."""
        if self._target_changed:
            self._target_changed = False
            self._execution.execute(event, self.market(event.ts))

    def mark(self, price: Price) -> None:
        """Take note of the last known price."""
        self.price = price
        self._portfolio.mark(self.symbol, price)

    def market(self, ts: Nanos) -> MarketState:
        """The market as execution may see it now."""
        parts, features = self.parts, self.features
        return MarketState(
            ts,
            self.symbol,
            self.price,
            parts.handler.interval,
            features[parts.volatility] if parts.volatility else 0.0,
            features[parts.daily_volume] if parts.daily_volume else 0.0,
        )

    def _approve(self, intent: Intent, ts: Nanos) -> Target:
        """Run the stack of rules and turn what is left into whole lots."""
        equity, price, symbol = self._portfolio.equity, self.price, self.symbol
        wish = intent.direction * intent.strength * max(equity, 0.0) / price if price > 0 else 0.0
        proposal = Proposal(wish)
        net, gross = self._portfolio.exposure_beside(symbol)
        position = float(self._portfolio.position(symbol))
        for rule in self.parts.risk:
            context = RiskContext(
                ts, symbol, price, self.features, equity, position, net, gross, proposal, self.target
            )
            proposal = rule.adjust(intent, context)
            _refuse_unlawful(rule, proposal, intent)
        instrument = self.parts.instrument
        quantity = instrument.size(proposal.quantity)
        stop, profit = proposal.stop, proposal.take_profit
        return Target(
            ts,
            symbol,
            quantity,
            # Nothing is left to protect once the position is cut to no lots.
            instrument.observed(stop) if quantity and stop is not None else None,
            instrument.observed(profit) if quantity and profit is not None else None,
            intent.reason,
            proposal.limits,
        )


def _refuse_unlawful(rule: RiskProto, proposal: Proposal, intent: Intent) -> None:
    for value in (proposal.quantity, proposal.stop, proposal.take_profit):
        if value is not None and not isfinite(value):
            raise ContractBroken(
                f"{rule!r} proposed {proposal} of {intent.symbol}; every number must be finite"
            )
    quantity, direction = proposal.quantity, intent.direction
    if quantity * direction < 0.0 or (direction == 0 and quantity != 0.0):
        raise ContractBroken(
            f"{rule!r} proposed {quantity} of {intent.symbol} for an intent of {direction}; "
            "a rule may make a position smaller but never turn its sign"
        )
