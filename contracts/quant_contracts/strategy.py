"""The static description of a run: what to trade with which parts. No mode, no time, no side effects.

    Strategy
      data        symbol -> DataSpec        the only place where symbols are declared
      strategies  symbol -> SymbolSpec      model, decision, risk, execution, ...
      account     AccountSpec               what the run starts with
      matching    PartSpec                  the simulated venue, its fees included
      run         RunSpec                   range, seed, trace

In a file the strategies stand at the top level, each under its symbol, as in the overview's example.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from quant_contracts.duration import Length

TraceLevel: TypeAlias = Literal["off", "decisions", "full"]
"""What the journal keeps: nothing, every change of mind, or every event of every stage."""


DOMAINS: Final = ("orderbook", "quotes", "trades", "options", "surface", "sentiment")
"""The streams beside the bars, in the order in which what became known at one moment comes; bars are last."""


class PartSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"name": "class"}):
    """A part by name, with its settings: `{"class": "RSIModel", "params": {"window": 14}}`."""

    name: str
    params: dict[str, Any] = {}


class SymbolSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parts that trade one symbol."""

    model: PartSpec
    decision: PartSpec
    risk: PartSpec | list[PartSpec]
    """One rule, or several that apply in the order given."""
    execution: PartSpec
    router: PartSpec = PartSpec("MarketRouter")
    slippage: PartSpec = PartSpec("LinearSlippage")
    features: list[PartSpec] = []
    """Channels to run beside those the parts need, for the record or for another's eyes."""

    @property
    def risk_stack(self) -> list[PartSpec]:
        """The risk rules in order."""
        return self.risk if isinstance(self.risk, list) else [self.risk]


WhenStale: TypeAlias = Literal["use", "hold", "flatten"]
"""What a symbol does at a step while a stream that it reads is stale or missing: go on with what there is,
keep its intent as it is, or be flat."""


class StreamSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One declared stream beside the bars."""

    source: PartSpec
    max_age: Length | None = None
    """Older than this, such as 5s, it is stale; None says never."""
    when_stale: WhenStale = "hold"
    lookback: Length | None = None
    """How long before the bars the stream is read from, such as 2d, so that slow features start warm."""
    handler: dict[str, Any] = {}
    """Settings of the stream's handler, such as how many levels of a book it seals."""


class DataSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The declared streams of one symbol and the instrument they belong to."""

    source: PartSpec = PartSpec("catalog")
    venue: str = "binance"
    interval: Length | None = None
    """Bars to trade on, such as 15m; finer stored bars are resampled. None takes them as they are."""
    repair: list[str] = []
    """Named repairs allowed on dirty data; an empty list refuses any."""
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")
    min_notional: Decimal = Decimal(5)
    orderbook: StreamSpec | None = None
    quotes: StreamSpec | None = None
    trades: StreamSpec | None = None
    options: StreamSpec | None = None
    surface: StreamSpec | None = None
    sentiment: StreamSpec | None = None

    @property
    def streams(self) -> dict[str, StreamSpec]:
        """The declared streams beside the bars by domain, in the order in which one moment's rows come."""
        declared = {name: getattr(self, name) for name in DOMAINS}
        return {name: spec for name, spec in declared.items() if spec is not None}


class AccountSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the run starts with."""

    cash: Decimal = Decimal(100_000)
    """Above 0, in `currency`."""
    currency: str = "USDT"

    def __post_init__(self) -> None:
        if not self.cash.is_finite() or self.cash <= 0:
            raise ValueError(f"cash must be above 0, not {self.cash}")


class RunSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the data to run over, and what to keep of it."""

    start: str | None = None
    end: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    trace: TraceLevel = "decisions"


class Strategy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a run is, apart from its mode."""

    strategies: dict[str, SymbolSpec]
    data: dict[str, DataSpec]
    account: AccountSpec = AccountSpec()
    matching: PartSpec = PartSpec("BarMatchingEngine")
    run: RunSpec = RunSpec()
