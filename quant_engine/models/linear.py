"""A weighted sum of any features: the plainest way to let several sources have a say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.protocols import FeatureSpec


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feature and how much it counts: `weight` times its distance from `centre` in units of `scale`."""

    channel: str
    """The channel that makes it, such as OrderFlowImbalance."""
    output: str
    """Which of the channel's outputs."""
    weight: float
    """What it adds at one `scale` above its centre; it never adds more, in either direction."""
    params: dict[str, Any] = {}
    """Settings of the channel."""
    centre: float = 0.0
    scale: float = 1.0
    optional: bool = False
    """True to go on without it while its source has nothing to say."""

    def __post_init__(self) -> None:
        for name in ("weight", "centre"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} of {self.output} must be a finite number")
        if not 0 < self.scale < math.inf:
            raise ValueError(f"scale of {self.output} must be above 0, not {self.scale}")

    def points(self, value: float) -> float:
        """What the term adds to the score."""
        return self.weight * min(max((value - self.centre) / self.scale, -1.0), 1.0)

    def points_many(self, values: Column) -> Column:
        """`points` of every row, to the bit."""
        return self.weight * np.clip((values - self.centre) / self.scale, -1.0, 1.0)


class LinearModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Adds up what each of `terms` says and cuts the sum to [-1, +1].

    A term that is optional and missing adds nothing; what the others add stays as it is.

    >>> model = LinearModel(
    ...     terms=[
    ...         Term("RSI", "rsi_14", weight=-0.6, centre=50.0, scale=30.0),
    ...         Term("Return", "return_96", weight=0.4, params={"window": 96}, scale=0.02, optional=True),
    ...     ]
    ... )
    >>> model.predict({"rsi_14": 20.0, "return_96": 0.01}), model.predict({"rsi_14": 20.0})
    (0.8, 0.6)
    """

    terms: list[Term]
    """At least one; added in this order."""

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("terms must hold at least one term")

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return tuple(
            FeatureSpec(term.channel, term.params, (term.output,), term.optional) for term in self.terms
        )

    def predict(self, features: Mapping[str, float], /) -> float:
        total = 0.0
        for term in self.terms:
            if term.output in features or not term.optional:
                total += term.points(features[term.output])
        return min(max(total, -1.0), 1.0)

    def predict_many(self, columns: Mapping[str, Column], /) -> Column:
        total = np.zeros(len(next(iter(columns.values()))))
        for term in self.terms:
            total = total + term.points_many(columns[term.output])
        return np.clip(total, -1.0, 1.0)
