"""Pairs trading: two prices that move together, of which one has strayed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from quant_contracts.blocks import Column
from quant_contracts.protocols import FeatureSpec
from quant_engine.models.zscore import reversion, reversion_many


class PairsModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expects the spread between this symbol and `other` to return to its average.

    It speaks for this symbol's leg: long when the symbol is cheap against the other, short when it is
    dear. Whoever wants both legs gives `other` a PairsModel that names this symbol. The rule, entry at
    two standard deviations of the spread, is that of Gatev, Goetzmann and Rouwenhorst (Pairs trading,
    Review of Financial Studies 19, 2006).

    >>> model = PairsModel(other="ETHUSDT", window=96, full_at=2.0)
    >>> [model.predict({"spread_z_ETHUSDT_96": z}) for z in (-2.5, -1.0, 0.0, 1.0)]
    [1.0, 0.5, 0.0, -0.5]
    """

    other: str
    """The symbol on the other side of the spread; it must be declared in `data`."""
    window: int = 96
    """Bars in the spread's average, at least 2."""
    full_at: float = 2.0
    """Standard deviations from the average at which the score is full."""

    def __post_init__(self) -> None:
        if not self.other:
            raise ValueError("other must name the symbol to compare with, such as ETHUSDT")
        if self.window < 2:
            raise ValueError(f"window must be at least 2, not {self.window}")
        if not 0 < self.full_at < math.inf:
            raise ValueError(f"full_at must be above 0, such as 2.0, not {self.full_at}")

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec("Spread", {"other": self.other, "window": self.window}),)

    def predict(self, features: Mapping[str, float], /) -> float:
        return reversion(features[f"spread_z_{self.other}_{self.window}"], self.full_at)

    def predict_many(self, columns: Mapping[str, Column], /) -> Column:
        return reversion_many(columns[f"spread_z_{self.other}_{self.window}"], self.full_at)
