"""The few lines a researcher writes: parts in, a backtest run, a report out.

`StrategyEngine` is a thin face over the static strategy, the loader and the driver; it holds no rule
of trading and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from quant_contracts.errors import ConfigError, nearest
from quant_contracts.events import Event
from quant_contracts.protocols import (
    AnyChannel,
    DecisionProto,
    ExecutionPolicy,
    ModelProto,
    RiskProto,
    Router,
    SlippageModel,
)
from quant_contracts.strategy import (
    AccountSpec,
    DataSpec,
    PartSpec,
    RunSpec,
    Strategy,
    SymbolSpec,
    TraceLevel,
)
from quant_contracts.units import Nanos
from quant_daemon.loader import Loader
from quant_daemon.registry import KINDS, Registry, installed
from quant_engine.execution.router import MarketRouter
from quant_engine.execution.slippage import LinearSlippage
from quant_engine.report import Report, build_report
from quant_engine.sources import feed_of

Source: TypeAlias = str | Path | DataSpec | None
"""Where bars are: a file, a journal's directory, a full description, or None for the catalog."""


class StrategyEngine:
    """A strategy for one symbol, put together from parts, that can be backtested.

    `risk` is one rule or several that apply in order. What is left out takes the documented defaults,
    which are pessimistic.
    """

    def __init__(
        self,
        *,
        model: ModelProto,
        decision: DecisionProto,
        risk: RiskProto | Sequence[RiskProto],
        execution: ExecutionPolicy,
        router: Router | None = None,
        slippage: SlippageModel | None = None,
        features: Sequence[AnyChannel] = (),
        matching: PartSpec | None = None,
        account: AccountSpec | None = None,
    ) -> None:
        self._local: dict[str, dict[str, type[Any]]] = {}
        rules = list(risk) if isinstance(risk, Sequence) else [risk]
        self._spec = SymbolSpec(
            model=self._part("models", model),
            decision=self._part("decisions", decision),
            risk=[self._part("risk", rule) for rule in rules],
            execution=self._part("policies", execution),
            router=self._part("routers", router or MarketRouter()),
            slippage=self._part("slippage", slippage or LinearSlippage()),
            features=[self._part("features", channel) for channel in features],
        )
        self._matching = matching or PartSpec("BarMatchingEngine")
        self._account = account or AccountSpec()
        self._report: Report | None = None

    def strategy(
        self,
        symbol: str,
        start: str | None = None,
        end: str | None = None,
        *,
        data: Source | Mapping[str, Source] = None,
        seed: int = 0,
        trace: TraceLevel = "decisions",
    ) -> Strategy:
        """The static description of trading `symbol` with these parts; see `backtest` for the arguments."""
        declared = {
            name: source if isinstance(source, DataSpec) else _data(source)
            for name, source in (data if isinstance(data, Mapping) else {symbol: data}).items()
        }
        if symbol not in declared:
            raise ConfigError(f"{symbol} is not declared in data; {nearest(symbol, declared)}")
        return Strategy(
            strategies={symbol: self._spec},
            data=declared,
            account=self._account,
            matching=self._matching,
            run=RunSpec(start, end, seed, trace),
        )

    def backtest(
        self,
        symbol: str,
        start: str | None = None,
        end: str | None = None,
        *,
        data: Source | Mapping[str, Source] = None,
        seed: int = 0,
        trace: TraceLevel = "decisions",
        batch: bool = True,
        observers: Sequence[tuple[type[Event], Callable[[Any], object]]] = (),
        progress: Callable[[Nanos, Nanos, Nanos], None] | None = None,
    ) -> Report:
        """Run over the recorded bars of `symbol` from `start` to `end` and return the report.

        `data` is a Parquet or CSV file, the directory of a journal, a `DataSpec`, or None for the catalog
        in the current directory; or several of these by symbol, as a pair needs. `observers` are called
        with every event of their type.
        """
        strategy = self.strategy(symbol, start, end, data=data, seed=seed, trace=trace)
        session = Loader.from_config(strategy, registry=Registry(self._local), observers=observers)
        self._report = build_report(session.backtest(batch=batch, progress=progress))
        return self._report

    @property
    def report(self) -> Report:
        """The report of the last backtest."""
        if self._report is None:
            raise ConfigError("there is no report yet; call backtest() first")
        return self._report

    def _part(self, group: str, part: object) -> PartSpec:
        """The part as a static description; its type is handed to the loader where it is not installed."""
        kind = type(part)
        name = kind.__name__
        point = installed(group).get(name)
        is_installed = point is not None and point.value == f"{kind.__module__}:{kind.__qualname__}"
        if not is_installed and self._local.setdefault(group, {}).setdefault(name, kind) is not kind:
            raise ConfigError(f"two {KINDS[group]}s of this strategy are called {name!r}; rename one")
        try:
            return PartSpec(name, msgspec.to_builtins(part))
        except TypeError as error:
            raise ConfigError(
                f"{name} cannot be written down as settings: {error}; make it a msgspec.Struct whose fields "
                "are numbers, text, or lists and mappings of them"
            ) from None


def _data(source: str | Path | None) -> DataSpec:
    return DataSpec() if source is None else DataSpec(source=feed_of(source))
