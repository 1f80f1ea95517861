"""Momentum: what has risen by more than its usual movement goes on rising."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from quant_contracts.blocks import Column
from quant_contracts.protocols import FeatureSpec


class MomentumModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The return over `window` bars, measured in daily volatilities; full at `full_at` of them.

    Score = return / (full_at x daily volatility), cut to [-1, +1]. Dividing by volatility makes the
    score mean the same in a calm market as in a wild one (Moskowitz, Ooi and Pedersen, Time series
    momentum, Journal of Financial Economics 104, 2012). A return over h hours is typically
    sqrt(h / 24) daily volatilities large: lower `full_at` for a window much shorter than a day.

    Where volatility is 0 any return is beyond all bounds and scores +1 or -1; none at all scores 0.

    >>> model = MomentumModel(window=96, full_at=2.0)
    >>> [model.predict({"return_96": move, "vol_cc_96": 0.02}) for move in (-0.1, 0.0, 0.01, 0.04)]
    [-1.0, 0.0, 0.25, 1.0]
    """

    window: int = 96
    """Bars that return and volatility look back on, at least 2; 96 bars of 15m are one day."""
    full_at: float = 2.0
    """Daily volatilities that the return must reach for a score of 1."""

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"window must be at least 2, not {self.window}")
        if not 0 < self.full_at < math.inf:
            raise ValueError(f"full_at must be above 0, such as 2.0, not {self.full_at}")

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (
            FeatureSpec("Return", {"window": self.window}),
            FeatureSpec("CloseToClose", {"window": self.window}),
        )

    def predict(self, features: Mapping[str, float], /) -> float:
        move = features[f"return_{self.window}"]
        full = self.full_at * features[f"vol_cc_{self.window}"]
        if move > full:
            return 1.0
        if move < -full:
            return -1.0
        return move / full if full > 0 else 0.0

    def predict_many(self, columns: Mapping[str, Column], /) -> Column:
        move = columns[f"return_{self.window}"]
        full = self.full_at * columns[f"vol_cc_{self.window}"]
        score = np.zeros_like(move)
        np.divide(move, full, out=score, where=(np.abs(move) <= full) & (full > 0))
        score[move > full] = 1.0
        score[move < -full] = -1.0
        return score
