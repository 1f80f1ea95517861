"""The promises of a model: a bounded, pure opinion on exactly the features it asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from quant_contracts.protocols import BlockModel, ModelProto
from quant_contracts.testing.promise import BrokenPromise, check_answers_are_pure, same
from quant_contracts.testing.rows import Row, Step, check_needs, read_steps, whole_steps
from quant_contracts.testing.tape import column_form

ModelFactory = Callable[[], ModelProto]

EXTRA: Final = "a_feature_nobody_asked_for"


def check_score_is_within_bounds(factory: ModelFactory, rows: Sequence[Row] | None = None) -> None:
    """The score is a float from -1 to +1 for any features it may be handed; nothing valid is refused."""
    model = factory()
    for features in _features(model, rows):
        score = model.predict(features)
        if type(score) is not float or not -1 <= score <= 1:
            raise BrokenPromise(
                model,
                "a score is a Python float from -1 to +1",
                given=features,
                expected="a float from -1.0 to 1.0",
                came=f"{score!r}, a {type(score).__name__}",
            )


def check_prediction_is_pure(factory: ModelFactory, rows: Sequence[Row] | None = None) -> None:
    """The same features give the same score, whatever was scored in between."""
    check_answers_are_pure(factory, _predict, _features(factory(), rows), "predict")


def check_reads_only_what_it_needs(factory: ModelFactory, rows: Sequence[Row] | None = None) -> None:
    """The features it reads are all it needs; others beside them change nothing, in whatever order."""
    model = factory()
    for features in _features(model, rows):
        expected = model.predict(features)
        among_others = {EXTRA: 0.5, **dict(reversed([*features.items()])), f"z_{EXTRA}": -1e9}
        came = model.predict(among_others)
        if not same(expected, came):
            raise BrokenPromise(
                model, "other features change nothing", given=among_others, expected=expected, came=came
            )


def check_features_are_left_alone(factory: ModelFactory, rows: Sequence[Row] | None = None) -> None:
    """It never writes to the mapping it is handed."""
    model = factory()
    for features in _features(model, rows):
        handed = dict(features)
        model.predict(handed)
        if handed != features or list(handed) != list(features):
            raise BrokenPromise(
                model,
                "predict leaves the features as they were",
                given=features,
                expected=features,
                came=handed,
            )


def check_blocks_equal_one_by_one(factory: ModelFactory, rows: Sequence[Row] | None = None) -> None:
    """`predict_many` gives the bits of `predict` in every row, and writes to no column."""
    model = factory()
    assert isinstance(model, BlockModel)
    steps = [step.features for step in whole_steps(_steps(model, rows))]
    expected = [model.predict(features) for features in steps]
    for start, stop in ((0, len(steps)), (0, 1), (1, len(steps)), (len(steps) // 2, len(steps))):
        part = steps[start:stop]
        columns = {name: np.array([features[name] for features in part]) for name in steps[0]}
        columns[EXTRA] = np.full(len(part), 0.5)
        handed = {name: column.copy() for name, column in columns.items()}
        scores = model.predict_many(columns)
        if column_form(scores) != ("float64", (len(part),)):
            raise BrokenPromise(
                model,
                "predict_many returns one float64 score per row",
                given=f"columns of {len(part)} rows: {', '.join(columns)}",
                expected=f"a float64 array of shape ({len(part)},)",
                came=scores,
            )
        if list(columns) != list(handed) or not all(map(np.array_equal, columns.values(), handed.values())):
            raise BrokenPromise(
                model,
                "predict_many leaves the columns as they were",
                given=f"columns of {len(part)} rows: {', '.join(handed)}",
                expected="the numbers that were handed over",
                came=f"other numbers in {', '.join(columns)}",
            )
        for features, one, many in zip(part, expected[start:stop], scores.tolist(), strict=True):
            if not same(one, many):
                raise BrokenPromise(
                    model,
                    "predict_many gives the bits of predict",
                    given=f"a row of {stop - start}: {features}",
                    expected=one,
                    came=many,
                )


def _predict(model: ModelProto, features: Mapping[str, float]) -> float:
    return model.predict(features)


def _features(model: ModelProto, rows: Sequence[Row] | None) -> list[Mapping[str, float]]:
    return [step.features for step in _steps(model, rows)]


def _steps(model: ModelProto, rows: Sequence[Row] | None) -> list[Step]:
    return read_steps(model, rows, lambda step: model.predict(step.features))


CHECKS: Final = (
    check_needs,
    check_score_is_within_bounds,
    check_prediction_is_pure,
    check_reads_only_what_it_needs,
    check_features_are_left_alone,
)

BLOCK_CHECKS: Final = (check_blocks_equal_one_by_one,)
