"""The promises of a decision: a lawful intent, a pure rule, and no change that its block form misses."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.events import Intent, Score
from quant_contracts.protocols import BlockDecision, DecisionProto
from quant_contracts.testing.promise import BrokenPromise, check_answers_are_pure, check_is_lawful
from quant_contracts.testing.rows import Row, Step, check_needs, read_steps, whole_steps
from quant_contracts.testing.samples import FIRST_OPEN
from quant_contracts.units import MINUTE

DecisionFactory = Callable[[], DecisionProto]
Question = tuple[Score, Mapping[str, float], Intent]

SYMBOL: Final = "BTCUSDT"
FLAT: Final = Intent(FIRST_OPEN, SYMBOL, 0, 0.0, "start")
EXTRA: Final = "a_feature_nobody_asked_for"

LATER: Final = 10_000
"""Minutes by which questions are later than the intents held."""

PATIENCE: Final = 100
"""How often the same score may come before what is held must have settled."""


def check_intent_is_lawful(factory: DecisionFactory, rows: Sequence[Row] | None = None) -> None:
    """An intent has a direction of -1, 0 or 1, a strength from 0 to 1, and a reason."""
    decision = factory()
    for question in _questions(decision, rows):
        intent = decision.decide(*question)
        check_is_lawful(decision, "decide", question, intent, Intent)
        if not 0 <= intent.strength <= 1 or not intent.reason:
            raise BrokenPromise(
                decision,
                "an intent has a strength from 0 to 1 and a reason",
                given=question,
                expected="0 <= strength <= 1 and a reason that is not empty",
                came=intent,
            )


def check_intent_is_stamped_like_the_score(
    factory: DecisionFactory, rows: Sequence[Row] | None = None
) -> None:
    """An intent carries the time and symbol of its score, also when it keeps what is held."""
    decision = factory()
    for question in _questions(decision, rows):
        score, intent = question[0], decision.decide(*question)
        if (intent.ts, intent.symbol) != (score.ts, score.symbol):
            raise BrokenPromise(
                decision,
                "an intent carries the time and symbol of its score",
                given=question,
                expected=f"ts={score.ts}, symbol={score.symbol!r}",
                came=intent,
            )


def check_decision_is_pure(factory: DecisionFactory, rows: Sequence[Row] | None = None) -> None:
    """The same score, features and held intent give the same intent, whatever was asked in between."""
    check_answers_are_pure(
        factory, lambda it, asked: it.decide(*asked), _questions(factory(), rows), "decide"
    )


def check_reads_only_what_it_needs(factory: DecisionFactory, rows: Sequence[Row] | None = None) -> None:
    """The features it reads are all it needs; it ignores others and writes to none."""
    decision = factory()
    for score, features, held in _questions(decision, rows):
        expected = decision.decide(score, features, held)
        among_others = {EXTRA: 0.5, **features}
        handed = dict(among_others)
        came = decision.decide(score, handed, held)
        if came != expected or handed != among_others:
            raise BrokenPromise(
                decision,
                "other features change nothing, and none is written to",
                given=(score, among_others, held),
                expected=f"{expected} and the features as they were",
                came=f"{came} and {handed}",
            )


def check_same_score_settles(factory: DecisionFactory, rows: Sequence[Row] | None = None) -> None:
    """A score that stays the same ends in an intent that stays the same, direction and strength."""
    decision = factory()
    for score, features, start in _questions(decision, rows):
        held = start
        for _ in range(PATIENCE):
            last, held = held, decision.decide(score, features, held)
            if held.same_as(last):
                break
        else:
            raise BrokenPromise(
                decision,
                "a score that stays the same lets the intent settle",
                given=(score, features, start),
                expected=f"the same direction and strength twice in a row within {PATIENCE} steps",
                came=f"{last}, then {held}",
            )


def check_next_change_is_never_late(factory: DecisionFactory, rows: Sequence[Row] | None = None) -> None:
    """`next_change` skips no row at which `decide` would change what is held, whatever the scores."""
    decision = factory()
    assert isinstance(decision, BlockDecision)
    steps = whole_steps(_steps(decision, rows))
    for name, scores in _score_columns(decision):
        shown = [steps[row % len(steps)].features for row in range(len(scores))]
        columns = {feature: np.array([step[feature] for step in shown]) for feature in steps[0].features}
        for held in _held(decision, steps):
            change = np.array(
                [
                    not decision.decide(_score(row, value), shown[row], held).same_as(held)
                    for row, value in enumerate(scores.tolist())
                ]
            )
            for start in sorted(
                {0, 1, len(scores) // 3, len(scores) - 1, len(scores)} & {*range(len(scores) + 1)}
            ):
                ahead = np.flatnonzero(change[start:])
                expected = start + int(ahead[0]) if len(ahead) else len(scores)
                came = decision.next_change(scores, columns, held, start)
                if not start <= came <= expected:
                    raise BrokenPromise(
                        decision,
                        "next_change is never late",
                        given=f"{name} {scores[:8]}..., {len(scores)} rows, from row {start}, {held}",
                        expected=f"a row from {start} to {expected}"
                        + (f", where the score is {scores[expected]}" if len(ahead) else ""),
                        came=came,
                    )


def _score(row: int, value: float) -> Score:
    return Score(FIRST_OPEN + row * MINUTE, SYMBOL, value)


def _levels(decision: DecisionProto) -> list[float]:
    """Scores at which something may happen: round ones, every setting on their scale, and its neighbours."""
    levels = {0.0, 0.1, 0.25, 0.5, 0.75, 0.9}
    if isinstance(decision, msgspec.Struct):
        settings = msgspec.structs.asdict(decision).values()
        levels |= {float(abs(it)) for it in settings if isinstance(it, int | float) and -1 <= it <= 1}
    near = {
        side for level in levels for side in (level, math.nextafter(level, 0.0), math.nextafter(level, 1.0))
    }
    return sorted({sign * level for level in near | {1.0} for sign in (-1.0, 1.0)})


def _held(decision: DecisionProto, steps: Sequence[Step]) -> list[Intent]:
    """Flat, and whatever this decision returns when it starts from flat."""
    held = {(FLAT.direction, FLAT.strength): FLAT}
    for row, step in enumerate(steps):
        for value in _levels(decision):
            intent = decision.decide(_score(row, value), step.features, FLAT)
            held.setdefault((intent.direction, intent.strength), intent)
    return list(held.values())[:8]


def _steps(decision: DecisionProto, rows: Sequence[Row] | None) -> list[Step]:
    def ask(step: Step) -> object:
        return [
            decision.decide(_score(0, value), step.features, held)
            for value in (-1.0, -0.3, 0.0, 0.3, 1.0)
            for held in (FLAT, Intent(0, SYMBOL, 1, 1.0, "up"), Intent(0, SYMBOL, -1, 1.0, "down"))
        ]

    steps = read_steps(decision, rows, ask)
    # Where no feature is read one step is like the other.
    return steps if steps[0].features else steps[:1]


def _questions(decision: DecisionProto, rows: Sequence[Row] | None) -> list[Question]:
    steps = _steps(decision, rows)
    levels, held = _levels(decision), _held(decision, steps)
    return [
        # Later than anything held, so that an old stamp shows.
        (_score(row + LATER, value), step.features, intent)
        for row, step in enumerate(steps)
        for value in levels
        for intent in held
    ]


def _score_columns(decision: DecisionProto) -> Iterator[tuple[str, Column]]:
    """Score columns of every temper: constant, alternating, on the levels, and random."""
    source = random.Random(7)  # noqa: S311 - repeatable, not secret
    levels = _levels(decision)
    yield "no scores", np.empty(0)
    for level in levels:
        yield "a constant score", np.full(12, level)
        yield "alternating scores", np.resize([level, source.choice(levels)], 15)
    for level in levels[::4]:
        yield "a late change", np.append(np.full(600, source.choice(levels)), level)
    for _ in range(10):
        yield "scores on the levels", np.array(source.choices(levels, k=80))
        yield "random scores", np.array([source.uniform(-1, 1) for _ in range(80)])
        yield "small scores", np.array([source.gauss(0, 0.05) for _ in range(700)]).clip(-1, 1)


CHECKS: Final = (
    check_needs,
    check_intent_is_lawful,
    check_intent_is_stamped_like_the_score,
    check_decision_is_pure,
    check_reads_only_what_it_needs,
    check_same_score_settles,
)

BLOCK_CHECKS: Final = (check_next_change_is_never_late,)
