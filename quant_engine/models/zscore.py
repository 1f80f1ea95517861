"""Mean reversion: what stands far from its own average comes back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.protocols import FeatureSpec


class ZScoreModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expects the price to return to its average of `window` bars, the surer the further it has gone.

    >>> model = ZScoreModel(window=96, full_at=2.0)
    >>> [model.predict({"zscore_96": z}) for z in (-3.0, -1.0, 0.0, 0.5, 2.0)]
    [1.0, 0.5, 0.0, -0.25, -1.0]
    """

    window: int = 96
    """Bars in the average, at least 2."""
    full_at: float = 2.0
    """Standard deviations from the average at which the score is full."""

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"window must be at least 2, not {self.window}")
        if not 0 < self.full_at < math.inf:
            raise ValueError(f"full_at must be above 0, such as 2.0, not {self.full_at}")

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec("ZScore", {"window": self.window}),)

    def predict(self, features: Mapping[str, float], /) -> float:
        return reversion(features[f"zscore_{self.window}"], self.full_at)

    def predict_many(self, columns: Mapping[str, Column], /) -> Column:
        return reversion_many(columns[f"zscore_{self.window}"], self.full_at)


def reversion(z: float, full_at: float) -> float:
    """Minus `z` over `full_at`, cut to [-1, +1]; cut first, so that nothing can overflow."""
    return min(max(0.0 - z, -full_at), full_at) / full_at


def reversion_many(z: Column, full_at: float) -> Column:
    """`reversion` of every row, to the bit."""
    return np.clip(0.0 - z, -full_at, full_at) / full_at
