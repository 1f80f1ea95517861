"""Sentiment over time: how good the news is, how divided, where it turns, and how much of it there is.

Every value is a function of the documents known and of the moment of the step. Memory changes when a
document comes and never because somebody looked, so any partition into steps gives the same bits. All of
them are None until the first scored document is known: no news is not the same as neutral news.

    v_i  fused score of document i, w_i = weight of its source x relevance, k_i = when it became known
    S_h  = sum of w_i 2^-((K-k_i)/h) v_i  /  sum of w_i 2^-((K-k_i)/h),  K = the last k_i
    S_h(t) = S_h 2^-((t-K)/h)            without documents it halves every h on its way to 0
"""

from __future__ import annotations

from collections import OrderedDict
from math import log, sqrt
from typing import Final

import msgspec

from quant_channels.klines.features.settings import written
from quant_channels.sentiment.standing import Standing
from quant_channels.sentiment.text.fusion import Fusion
from quant_contracts.duration import Length, parse_setting
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.units import HOUR, Nanos
from quant_contracts.views import DocumentsView

INSTANT: Final = 1e-4
"""Share of a half-life within which both rates see the same, and their difference is rounding."""
REMEMBERED: Final = 10_000
"""Documents whose later versions are known for no new arrivals."""


class SentimentScore(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The mean score of the documents, the newer the heavier, and the hours since the last of them.

    The score lies from -1 to 1. It halves every `half_life` without documents.
    """

    half_life: Length = "6h"
    vader_weight: float = 1.0
    """As in `Fusion`."""
    finbert_weight: float = 1.0
    symbol: str = ""
    """Whose documents; empty for those of the channel's own symbol."""

    def __post_init__(self) -> None:
        self._standing = Standing(
            Fusion(self.vader_weight, self.finbert_weight), [parse_setting("half_life", self.half_life)]
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = _named(self.half_life, fusion=(self.vader_weight, self.finbert_weight), symbol=self.symbol)
        return (f"sentiment_{settings}", f"sentiment_hours_{settings}")

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("sentiment", self.symbol),)

    def update(self, bar: Bar, seen: DocumentsView | None = None, /) -> tuple[float, ...] | None:
        self._standing.take(() if seen is None else seen.documents)
        last = self._standing.last
        if last is None:
            return None
        return (self._standing.averages[0].faded(bar.ts_known), (bar.ts_known - last) / HOUR)


class SentimentVolatility(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """How far documents lie from their mean score: 0 where all agree, 1 where half say +1, half -1.

    The deviation of the fused scores, weights halved every `spread_half_life`, around the mean of
    `half_life` before it fades. It does not fade itself: no news is no agreement.
    """

    half_life: Length = "6h"
    spread_half_life: Length = "1d"
    vader_weight: float = 1.0
    """As in `Fusion`."""
    finbert_weight: float = 1.0
    symbol: str = ""
    """Whose documents; empty for those of the channel's own symbol."""

    def __post_init__(self) -> None:
        self._standing = Standing(
            Fusion(self.vader_weight, self.finbert_weight),
            [
                parse_setting("half_life", self.half_life),
                parse_setting("spread_half_life", self.spread_half_life),
            ],
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = _named(
            self.half_life,
            self.spread_half_life,
            fusion=(self.vader_weight, self.finbert_weight),
            symbol=self.symbol,
        )
        return (f"sentiment_volatility_{settings}",)

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("sentiment", self.symbol),)

    def update(self, bar: Bar, seen: DocumentsView | None = None, /) -> tuple[float, ...] | None:  # noqa: ARG002 - does not fade
        self._standing.take(() if seen is None else seen.documents)
        if self._standing.last is None:
            return None
        score, wide = self._standing.averages
        return (sqrt(wide.spread + (wide.mean - score.mean) ** 2),)


class SentimentVelocity(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """How fast the score rises, per hour: what a quick mean is ahead of a slow one, over their lag.

    A mean of half-life h lies h / ln 2 behind a steady rise, so that (S_fast - S_slow) over
    (slow - fast) / ln 2 in hours is the rise of an hour.
    """

    fast: Length = "1h"
    slow: Length = "6h"
    """Longer than `fast`."""
    vader_weight: float = 1.0
    """As in `Fusion`."""
    finbert_weight: float = 1.0
    symbol: str = ""
    """Whose documents; empty for those of the channel's own symbol."""

    def __post_init__(self) -> None:
        fast, slow = _two_lengths(self.fast, self.slow)
        self._lag_hours = (slow - fast) / HOUR / log(2)
        self._standing = Standing(Fusion(self.vader_weight, self.finbert_weight), [fast, slow])

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = _named(
            self.fast, self.slow, fusion=(self.vader_weight, self.finbert_weight), symbol=self.symbol
        )
        return (f"sentiment_velocity_{settings}",)

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("sentiment", self.symbol),)

    def update(self, bar: Bar, seen: DocumentsView | None = None, /) -> tuple[float, ...] | None:
        self._standing.take(() if seen is None else seen.documents)
        if self._standing.last is None:
            return None
        fast, slow = (average.faded(bar.ts_known) for average in self._standing.averages)
        return ((fast - slow) / self._lag_hours,)


class SentimentVolume(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """How unusual the number of new documents is, in deviations of what chance alone would give.

    With k = ln 2 / h the rate of arrivals is r_h = k * sum of 2^-((t-k_i)/h) / (1 - q_h), where
    q_h = 2^-(e/h) and e is the time since the first document, which starts the clock and is not counted.
    Were arrivals a Poisson process of rate r_slow, r_fast - r_slow would have the variance (Campbell)

        r_slow * (k_f (1+q_f) / 2(1-q_f) + k_s (1+q_s) / 2(1-q_s)
                  - 2 k_f k_s (1 - q_f q_s) / ((k_f+k_s) (1-q_f) (1-q_s)))

    and the value is the difference over its deviation; 0 where nothing came since the first. Every
    document about the symbol counts once, whatever its weight; edits and deletions do not. It means
    little before one `slow` half-life has passed since the first document: use a lookback.
    """

    fast: Length = "1h"
    slow: Length = "1d"
    """Longer than `fast`."""
    symbol: str = ""
    """Whose documents; empty for those of the channel's own symbol."""

    def __post_init__(self) -> None:
        self._lengths = _two_lengths(self.fast, self.slow)
        self._sums = [0.0, 0.0]
        self._first: Nanos | None = None
        self._last: Nanos = 0
        self._counted: OrderedDict[str, None] = OrderedDict()

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"sentiment_volume_{_named(self.fast, self.slow, symbol=self.symbol)}",)

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("sentiment", self.symbol),)

    def update(self, bar: Bar, seen: DocumentsView | None = None, /) -> tuple[float, ...] | None:
        for document in () if seen is None else seen.documents:
            if document.relevance > 0 and document.doc_id not in self._counted:
                self._arrived(document.ts_known)
                self._counted[document.doc_id] = None
                if len(self._counted) > REMEMBERED:
                    self._counted.popitem(last=False)
        return self._value(bar.ts_known)

    def _arrived(self, ts: Nanos) -> None:
        if self._first is None:
            self._first = self._last = ts
            return
        self._sums = [1.0 + value for value in self._decayed(ts)]
        self._last = ts

    def _decayed(self, ts: Nanos) -> list[float]:
        return [
            value * 2.0 ** ((self._last - ts) / length)
            for value, length in zip(self._sums, self._lengths, strict=True)
        ]

    def _value(self, ts: Nanos) -> tuple[float, ...] | None:
        if self._first is None:
            return None
        elapsed = ts - self._first
        # Per hour, so that the numbers are of the size of one.
        k_fast, k_slow = (log(2) * HOUR / length for length in self._lengths)
        if k_fast * elapsed < INSTANT * HOUR:
            return (0.0,)
        q_fast, q_slow = (2.0 ** (-elapsed / length) for length in self._lengths)
        sum_fast, sum_slow = self._decayed(ts)
        fast, slow = k_fast * sum_fast / (1 - q_fast), k_slow * sum_slow / (1 - q_slow)
        own = k_fast * (1 + q_fast) / (1 - q_fast) + k_slow * (1 + q_slow) / (1 - q_slow)
        shared = 2 * k_fast * k_slow * (1 - q_fast * q_slow)
        shared /= (k_fast + k_slow) * (1 - q_fast) * (1 - q_slow)
        deviation = sqrt(slow * (own / 2 - shared))
        return ((fast - slow) / deviation if deviation else 0.0,)


def _two_lengths(fast: str, slow: str) -> tuple[Nanos, Nanos]:
    lengths = parse_setting("fast", fast), parse_setting("slow", slow)
    if lengths[0] >= lengths[1]:
        raise ValueError(f"fast must be shorter than slow, not {fast} and {slow}")
    return lengths


def _named(*lengths: str, fusion: tuple[float, float] = (1.0, 1.0), symbol: str = "") -> str:
    """Settings as they stand in the names of outputs."""
    name = "_".join(lengths)
    if fusion != (1.0, 1.0):
        name += f"_v{written(fusion[0])}_b{written(fusion[1])}"
    return f"{name}_{symbol}" if symbol else name
