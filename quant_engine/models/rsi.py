"""Mean reversion, or momentum, on the relative strength index."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from quant_contracts.blocks import Column
from quant_contracts.protocols import FeatureSpec


class RSIModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expects an oversold market to rise and an overbought one to fall; `follow` expects the opposite.

    The index runs from 0 to 100, the score from -1 to +1 around RSI 50, so that a threshold of 0 on the
    score is the middle of the scale and not its end. RSI 30 is a score of exactly 0.4.

    >>> model = RSIModel(window=14)
    >>> [model.predict({"rsi_14": rsi}) for rsi in (0.0, 30.0, 50.0, 70.0, 100.0)]
    [1.0, 0.4, 0.0, -0.4, -1.0]
    >>> RSIModel(follow=True).predict({"rsi_14": 70.0})
    0.4
    """

    window: int = 14
    """Price changes in the index, at least 2."""
    follow: bool = False
    """True to go with a strong market instead of against it."""

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"window must be at least 2, not {self.window}")

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (FeatureSpec("RSI", {"window": self.window}),)

    def predict(self, features: Mapping[str, float], /) -> float:
        rsi = features[f"rsi_{self.window}"]
        return (rsi - 50.0) / 50.0 if self.follow else (50.0 - rsi) / 50.0

    def predict_many(self, columns: Mapping[str, Column], /) -> Column:
        rsi = columns[f"rsi_{self.window}"]
        return (rsi - 50.0) / 50.0 if self.follow else (50.0 - rsi) / 50.0
