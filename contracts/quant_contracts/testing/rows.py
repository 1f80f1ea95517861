"""Features to hand to a model, a decision or a risk rule: invented by name, or said by real channels.

The kit does not know which names a part will read. So a part first reads from a `FeatureSpy`, which
answers with plausible numbers and remembers the names; then it is handed plain dicts of exactly those.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Final, Protocol, TypeAlias, runtime_checkable

import msgspec

from quant_contracts.blocks import Column
from quant_contracts.protocols import AnyChannel, FeatureSpec
from quant_contracts.testing.promise import BrokenPromise
from quant_contracts.testing.samples import markets
from quant_contracts.testing.tape import play, tapes

Range: TypeAlias = tuple[float, float]

PRICE: Final = 100.0
"""The price that invented features go with."""

RANGES: Final[Mapping[str, Range]] = {
    "": (-3.0, 3.0),
    "adx": (0.0, 100.0),
    "atr": (0.05, 5.0),
    "bb_": (80.0, 120.0),
    "close": (80.0, 120.0),
    "corr": (-1.0, 1.0),
    "daily_volume": (1.0, 1e6),
    "di_": (0.0, 100.0),
    "ema": (80.0, 120.0),
    "iv": (0.01, 3.0),
    "price": (80.0, 120.0),
    "prob": (0.0, 1.0),
    "return": (-0.2, 0.2),
    "rsi": (0.0, 100.0),
    "sentiment": (-1.0, 1.0),
    "sma": (80.0, 120.0),
    "stoch": (0.0, 100.0),
    "vol": (1e-4, 0.3),
    "zscore": (-4.0, 4.0),
}
"""Where a feature's values lie, by how its name begins; the longest beginning that fits counts."""


class Row(msgspec.Struct, frozen=True):
    """One step, before anybody has read it: the price, and the value of a feature by its name."""

    price: float
    value: Callable[[str], float]
    """Raises KeyError where there is no such feature."""
    absent: frozenset[str] = frozenset()
    """Features that are optional and missing at this step."""


class Step(msgspec.Struct, frozen=True):
    """One step as a part is shown it."""

    price: float
    features: Mapping[str, float]


@runtime_checkable
class Needing(Protocol):
    """Any part that asks for features."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        """As in the contracts of those parts."""
        ...


class FeatureSpy(MutableMapping[str, float]):
    """Answers by name and remembers the names, and those for which there never is an answer.

    What is `absent` this time is not remembered. It takes writes and forgets them: that they are wrong shows
    where a part is handed a plain dict.

    >>> spy = FeatureSpy({"rsi_14": 31.5}.__getitem__)
    >>> spy["rsi_14"], spy.get("rsi_15", 0.0), list(spy), spy.missing
    (31.5, 0.0, ['rsi_14'], ['rsi_15'])
    """

    def __init__(self, value: Callable[[str], float], absent: frozenset[str] = frozenset()) -> None:
        self.missing: list[str] = []
        self._absent = absent
        self._value = value
        self._read: dict[str, float] = {}

    def __getitem__(self, name: str) -> float:
        if name in self._absent:
            raise KeyError(name)
        try:
            value = self._read[name] = self._value(name)
        except KeyError:
            self.missing.append(name)
            raise
        return value

    def __setitem__(self, name: str, value: float) -> None:
        pass

    def __delitem__(self, name: str) -> None:
        pass

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def invented_rows(count: int = 40, ranges: Mapping[str, Range] | None = None) -> list[Row]:
    """Rows that answer any name with a seeded number that is plausible for how the name begins.

    The first three have every feature at the low end, the high end and the middle of its range: the
    mistakes are at the edges. `ranges` adds to `RANGES` or overrides it.

    >>> [row.value("rsi_14") for row in invented_rows(3)]
    [0.0, 100.0, 50.0]
    """
    return [Row(PRICE, partial(_invented, seed, {**RANGES, **(ranges or {})})) for seed in range(count)]


def _invented(seed: int, ranges: Mapping[str, Range], name: str) -> float:
    low, high = ranges[max((known for known in ranges if name.startswith(known)), key=len)]
    if seed < 3:
        return (low, high, (low + high) / 2)[seed]
    return random.Random(f"{seed} {name}").uniform(low, high)  # noqa: S311 - repeatable, not secret


def channel_rows(needs: Sequence[FeatureSpec], build: Callable[[FeatureSpec], AnyChannel]) -> list[Row]:
    """Rows of what the channels that `build` makes say in every market of the samples.

    They hold nothing but the outputs of those channels, so that whoever reads another name is found out.
    What is optional is there in some rows and absent in others.
    """
    count = 256 * math.ceil((max((build(spec).warmup for spec in needs), default=1) + 100) / 256)
    required = {name for spec in needs if not spec.optional for name in build(spec).outputs}
    rows: list[Row] = []
    for market, bars in markets(count).items():
        said: dict[str, Column] = {}
        for spec in needs:
            channel = build(spec)
            tape = next(tape for tape in tapes(channel, count) if tape.name == market)
            said.update(zip(channel.outputs, play(channel, tape).T, strict=True))
        optional = frozenset(said) - required
        warm = [row for row in range(count) if all(math.isfinite(said[name][row]) for name in required)]
        for row in warm[:: len(warm) // 3 + 1]:
            values = {name: float(column[row]) for name, column in said.items()}
            absent = frozenset(name for name in optional if not math.isfinite(values[name]))
            rows += [
                Row(bars[row].close, values.__getitem__, which) for which in {absent: None, optional: None}
            ]
    if not rows:
        raise ValueError(f"the channels of {needs} never had values together, so there is nothing to show")
    return rows


def read_steps(part: Needing, rows: Sequence[Row] | None, ask: Callable[[Step], object]) -> list[Step]:
    """Each row as a plain dict of the names that `part` reads in any of them; `ask` makes it read one.

    None stands for `invented_rows()`.
    """
    rows = invented_rows() if rows is None else rows
    read: dict[str, None] = {}
    for row in rows:
        spy = FeatureSpy(row.value, row.absent)
        try:
            ask(Step(row.price, spy))
        except KeyError as error:
            # Only a name that has no answer is our finding; any other KeyError is the part's own.
            if not spy.missing and error.args[0] not in row.absent:
                raise
            if not spy.missing:
                raise BrokenPromise(
                    part,
                    "it does without the features that it says are optional",
                    given=f"needs = {part.needs}, and none of {sorted(row.absent)}",
                    expected="an answer",
                    came=f"a read of {error}, which was not there",
                ) from None
        if spy.missing:
            raise BrokenPromise(
                part,
                "it reads only what the channels in its `needs` say",
                given=f"needs = {part.needs}",
                expected="no other names read, not even with a default: a missing feature is never a number",
                came=f"a read of {spy.missing[0]!r}",
            )
        read.update(dict.fromkeys(spy))
    return [
        Step(row.price, {name: row.value(name) for name in read if name not in row.absent}) for row in rows
    ]


def whole_steps(steps: Sequence[Step]) -> list[Step]:
    """Those in which no feature is missing: what a block form is handed."""
    most = max(len(step.features) for step in steps)
    return [step for step in steps if len(step.features) == most]


def check_needs(factory: Callable[[], Needing]) -> None:
    """`needs` is a constant tuple of `FeatureSpec`s whose settings could stand in a file."""
    part = factory()
    needs = part.needs
    if type(needs) is not tuple or not all(isinstance(spec, FeatureSpec) for spec in needs):
        raise BrokenPromise(
            part,
            "needs is a tuple of FeatureSpec",
            given="the part as it was made",
            expected='such as (FeatureSpec("RSI", {"window": 14}),)',
            came=needs,
        )
    written = msgspec.json.decode(msgspec.json.encode(needs), type=tuple[FeatureSpec, ...])
    for again, when in ((written, "written to JSON and read"), (factory().needs, "asked of a fresh part")):
        if again != needs:
            raise BrokenPromise(
                part, "needs is constant and plain", given=f"needs, {when}", expected=needs, came=again
            )
