"""From texts to numbers: cleaned, read by every model, kept under the names and digests of the models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import msgspec

from quant_channels.sentiment.text.cleaning import clean
from quant_channels.sentiment.text.finbert import FinBERT
from quant_channels.sentiment.text.vader import Vader
from quant_channels.sentiment.versions import Output


class SentimentPipeline(msgspec.Struct, frozen=True, dict=True, forbid_unknown_fields=True):
    """Cleans texts and scores them with VADER, and with FinBERT where its folder is given.

    Models load with the first text. What the scores of many texts come to over time is in `features`.

    >>> [
    ...     [output.values for output in outputs]
    ...     for outputs in SentimentPipeline("plain").score(["Exchange hacked"])
    ... ]
    [[(-0.4019,)]]
    """

    lexicon: Literal["crypto", "plain"] = "crypto"
    finbert: str = ""
    """Folder of the model; empty does without."""

    @cached_property
    def _vader(self) -> Vader:
        return Vader(self.lexicon)

    @cached_property
    def _finbert(self) -> FinBERT | None:
        return FinBERT(self.finbert) if self.finbert else None

    def score(self, texts: Sequence[str]) -> list[tuple[Output, ...]]:
        """The outputs of every model for each text, in their order."""
        cleaned = [clean(text) for text in texts]
        vader = self._vader
        scored = [(Output("vader", vader.model_id, (vader.score(text),)),) for text in cleaned]
        if self._finbert is None or not texts:
            return list(scored)
        name = self._finbert.model_id
        return [
            (*outputs, Output("finbert", name, (made.positive, made.negative, made.neutral)))
            for outputs, made in zip(scored, self._finbert.score(cleaned), strict=True)
        ]

    @property
    def folder_models(self) -> tuple[str, ...]:
        """Names of the models that are no part of the program; loads them."""
        return () if self._finbert is None else (self._finbert.model_id,)
