"""One score of a text from those of two models."""

from __future__ import annotations

from math import isfinite

import msgspec


class Probabilities(msgspec.Struct, frozen=True):
    """What FinBERT makes of a text; the three add up to 1."""

    positive: float
    negative: float
    neutral: float

    @property
    def balance(self) -> float:
        """From -1 to 1: how much more likely good news is than bad."""
        return self.positive - self.negative


class Fusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weighs VADER against FinBERT, and FinBERT by how sure it is that the text takes a side.

    With v the score of VADER, b = P(positive) - P(negative) and c = 1 - P(neutral) of FinBERT:

        fused = (w_v v + w_b b c) / (w_v + w_b c)

    Without FinBERT c is 0, and the score is VADER's. Nothing but what is stored goes in, so that a fused
    score can be computed again from the stored outputs of the models.

    >>> Fusion().fuse(0.5, None), Fusion().fuse(0.5, Probabilities(0.0, 0.75, 0.25))
    (0.5, -0.03571428571428571)
    """

    vader_weight: float = 1.0
    """w_v, above 0."""
    finbert_weight: float = 1.0
    """w_b, at least 0; equal weights are a declaration, not a measurement."""

    def __post_init__(self) -> None:
        if not (0 < self.vader_weight < 1e6 and 0 <= self.finbert_weight < 1e6):
            raise ValueError(
                "need vader_weight above 0 and finbert_weight at least 0, both below 1,000,000, "
                f"not {self.vader_weight} and {self.finbert_weight}"
            )

    def fuse(self, vader: float, finbert: Probabilities | None) -> float:
        """The fused score, from -1 to 1, never beyond the two it is made of."""
        if not (isfinite(vader) and -1 <= vader <= 1):
            raise ValueError(f"a score of VADER lies from -1 to 1, not at {vader}")
        if finbert is None:
            return vader
        balance, certainty = finbert.balance, 1 - finbert.neutral
        weight = self.finbert_weight * certainty
        fused = (self.vader_weight * vader + weight * balance) / (self.vader_weight + weight)
        # Rounding may carry a mean past its ends.
        return max(min(vader, balance), min(max(vader, balance), fused))
