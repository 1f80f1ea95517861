"""Every check by kind of part: what to run over a part, and what came of it."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final, Literal

import msgspec

from quant_contracts.errors import nearest
from quant_contracts.protocols import (
    BlockChannel,
    BlockDecision,
    BlockModel,
    ContinuousRisk,
    DataHandler,
    DecisionProto,
    DerivedFeed,
    ExecutionEngine,
    ExecutionPolicy,
    FeatureChannel,
    Feed,
    MatchingEngine,
    ModelProto,
    Portfolio,
    ReadingChannel,
    RiskProto,
    Router,
    SlippageModel,
    StreamFeed,
    StreamHandler,
)
from quant_contracts.testing import (
    decisions,
    desks,
    execution,
    features,
    feeds,
    handlers,
    matching,
    models,
    parts,
    portfolios,
    risk,
    stream_handlers,
    streams,
)
from quant_contracts.testing.promise import BrokenPromise, NotChecked, name_of
from quant_contracts.testing.rows import Row
from quant_contracts.testing.samples import SampleFeed, SampleStream, random_bars
from quant_contracts.testing.stage import Stage

Verdict = Literal["kept", "broken", "not offered", "not checked"]
Function = Callable[..., None]


class Check(msgspec.Struct, frozen=True):
    """One promise and the function that finds out whether a part keeps it.

    Call it with a factory of fresh parts: it returns None or raises `BrokenPromise`.
    """

    name: str
    promise: str
    function: Function
    offered_by: type | None = None
    """The shape of the parts that make this promise, None where all of the kind do."""

    def __call__(self, factory: Callable[..., object], rows: Sequence[Row] | None = None) -> None:
        """Check the parts that `factory` makes; `rows` replaces the invented features, where any are read."""
        if "rows" in inspect.signature(self.function).parameters:
            self.function(factory, rows=rows)
        else:
            self.function(factory)

    def __str__(self) -> str:
        return self.name


class CheckResult(msgspec.Struct, frozen=True):
    """What came of one check."""

    name: str
    promise: str
    verdict: Verdict
    detail: str = ""
    """What was given, expected and came, where the promise was broken; why it was not checked, where it
    rests on another that was."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of part: its contract, the checks there are for it, and how one is made for a look."""

    contract: type
    checks: tuple[Check, ...]
    fresh: Callable[[Callable[..., Any]], object]
    """Calls a factory with what the loader would hand over, which is mostly nothing."""


def checks_for(kind: str) -> tuple[Check, ...]:
    """Every check there is for a kind of part; kinds are named like the entry point groups.

    >>> [check.name for check in checks_for("routers")][:2]
    ['shape', 'route_is_lawful']
    """
    return _known(kind).checks


def run_checks(
    kind: str, factory: Callable[..., object], rows: Sequence[Row] | None = None
) -> tuple[CheckResult, ...]:
    """What came of every check of `kind` over the parts that `factory` makes; none stops the others.

    `rows` are the features to show to models, decisions and risk rules, made by `channel_rows` or
    `invented_rows`; None invents them. A part that cannot be made raises what its making raises.
    """
    part = made(kind, factory)
    return tuple(_run(check, part, factory, rows) for check in KINDS[kind].checks)


def made(kind: str, factory: Callable[..., object]) -> object:
    """One part of `kind`, made by `factory` from what the loader would hand over."""
    return _known(kind).fresh(factory)


def kind_of(part: object) -> str:
    """The kind of part that has the shape of `part`, a part or its class; ValueError where none has.

    A part that lacks a member of its contract is of the kind it resembles most, so that the check of
    its shape can say what is missing.
    """
    likeness = {
        name: sum(hasattr(part, member) for member in members) / len(members)
        for name, members in ((name, parts.members(kind.contract)) for name, kind in KINDS.items())
    }
    best = max(likeness.values())
    alike = [name for name, share in likeness.items() if share == best]
    if best < 0.5 or len(alike) > 1:
        name = part.__name__ if isinstance(part, type) else type(part).__name__
        raise ValueError(f"{name} has the shape of no kind of part; the kinds are: {', '.join(KINDS)}")
    return alike[0]


def _known(kind: str) -> Kind:
    if kind not in KINDS:
        raise ValueError(f"no kind of part is called {kind!r}; {nearest(kind, KINDS)}")
    return KINDS[kind]


def _run(
    check: Check, part: object, factory: Callable[..., object], rows: Sequence[Row] | None
) -> CheckResult:
    if check.offered_by is not None and not isinstance(part, check.offered_by):
        return CheckResult(check.name, check.promise, "not offered")
    try:
        check(factory, rows)
    except BrokenPromise as broken:
        return CheckResult(check.name, check.promise, "broken", str(broken))
    except NotChecked as why:
        return CheckResult(check.name, check.promise, "not checked", str(why))
    except Exception as error:  # noqa: BLE001 - whatever a stranger's part raises is what was to be found out
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{PurePath(last.filename).name}, line {last.lineno}, in {last.name}"
        return CheckResult(
            check.name,
            check.promise,
            "broken",
            f"{name_of(part)} raised {type(error).__name__}: {error}\n  at {where}",
        )
    return CheckResult(check.name, check.promise, "kept")


def _alone(factory: Callable[..., object]) -> object:
    return factory()


def _on_a_feed(factory: Callable[..., object]) -> object:
    return factory(SampleFeed(random_bars(10)))


def _on_a_stream(factory: Callable[..., Any]) -> object:
    return factory(SampleStream.of(stream_handlers.domain_of(factory), random_bars(2)))


def _on_a_stage(factory: Callable[..., Any]) -> object:
    return Stage(factory).engine


def _kind(
    contract: type,
    own: Sequence[Function],
    offered: Mapping[type, Sequence[Function]] | None = None,
    fresh: Callable[[Callable[..., Any]], object] = _alone,
    first: Mapping[type, Sequence[Function]] | None = None,
) -> Kind:
    """A kind with the check of its shape, its own checks, and those of what a part may offer.

    `first` are those of what a part may offer that all others rest on.
    """

    def check_shape(factory: Callable[..., object]) -> None:
        part = fresh(factory)
        is_reading = contract is FeatureChannel and hasattr(part, "reads")
        parts.check_shape(part, ReadingChannel if is_reading else contract)

    check_shape.__doc__ = parts.check_shape.__doc__
    before: Mapping[type, Sequence[Function]] = first or {}
    after = {**(offered or {}), msgspec.Struct: parts.CHECKS}
    checks = [
        _check(check_shape),
        *(_check(function, shape) for shape, functions in before.items() for function in functions),
        *(_check(function) for function in own),
        *(_check(function, shape) for shape, functions in after.items() for function in functions),
    ]
    return Kind(contract, tuple(checks), fresh)


def _check(function: Function, offered_by: type | None = None) -> Check:
    promise = (function.__doc__ or "").strip().partition("\n")[0]
    return Check(function.__name__.removeprefix("check_"), promise, function, offered_by)


KINDS: Final[Mapping[str, Kind]] = {
    "features": _kind(
        FeatureChannel,
        features.CHECKS,
        {BlockChannel: features.BLOCK_CHECKS, ReadingChannel: features.READING_CHECKS},
        first={ReadingChannel: features.FIRST_CHECKS},
    ),
    "models": _kind(ModelProto, models.CHECKS, {BlockModel: models.BLOCK_CHECKS}),
    "decisions": _kind(DecisionProto, decisions.CHECKS, {BlockDecision: decisions.BLOCK_CHECKS}),
    "risk": _kind(RiskProto, risk.CHECKS, {ContinuousRisk: risk.CONTINUOUS_CHECKS}),
    "policies": _kind(ExecutionPolicy, execution.POLICY_CHECKS),
    "routers": _kind(Router, execution.ROUTER_CHECKS),
    "slippage": _kind(SlippageModel, execution.SLIPPAGE_CHECKS),
    "matching": _kind(MatchingEngine, matching.CHECKS),
    "execution": _kind(ExecutionEngine, desks.CHECKS, fresh=_on_a_stage),
    "portfolios": _kind(Portfolio, portfolios.CHECKS),
    "handlers": _kind(DataHandler, handlers.CHECKS, fresh=_on_a_feed),
    "feeds": _kind(Feed, feeds.CHECKS),
    "stream_handlers": _kind(StreamHandler, stream_handlers.CHECKS, fresh=_on_a_stream),
    "streams": _kind(StreamFeed, streams.CHECKS, {DerivedFeed: streams.DERIVED_CHECKS}),
}
"""Kinds of parts by the name of their entry point group."""
