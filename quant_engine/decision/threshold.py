"""Gates a score: in beyond one level, out behind another, and in between whatever is held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import Column
from quant_contracts.events import Intent, Score
from quant_contracts.protocols import FeatureSpec
from quant_contracts.units import Direction

FIRST_LOOK: Final = 256
"""Rows searched at once in the first go. Each go is `WIDER` times the last: a near change is found without
reading the whole block, a far one without many goes."""

WIDER: Final = 16


class ThresholdDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Long above `threshold`, short below `-threshold`; out once the score falls behind `exit`.

        held     score                       becomes    reason
        flat     above  threshold            long       enter_long
        flat     below -threshold            short      enter_short
        long     below  exit                 flat       exit
        long     below  exit and -threshold  short      reverse
        short    above -exit                 flat       exit
        short    above -exit and threshold   long       reverse
        any      otherwise                   the same   hold

    A score exactly on a level changes nothing. With the defaults the direction is the sign of the
    score. A position has strength 1, none has 0. `exit` below `threshold` is hysteresis: with 0.4 and
    0.1 a long is taken above 0.4 and kept down to 0.1; with 0.4 and -0.4 it is kept until the score
    says the opposite as loudly.

    >>> decision = ThresholdDecision(threshold=0.4, exit=0.1)
    >>> held = Intent(0, "BTCUSDT", 0, 0.0, "flat")
    >>> for value in (0.3, 0.5, 0.2, 0.0, -0.5, 0.5):
    ...     held = decision.decide(Score(0, "BTCUSDT", value), {}, held)
    ...     print(value, held.direction, held.reason)
    0.3 0 hold
    0.5 1 enter_long
    0.2 1 hold
    0.0 0 exit
    -0.5 -1 enter_short
    0.5 1 reverse
    """

    threshold: float = 0.0
    """The score beyond which a position is taken, from 0 up to, not including, 1."""
    exit: float | None = None
    """The score behind which a long is given up, a short behind its mirror; None means `threshold`."""
    allow_short: bool = True
    allow_long: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise ValueError(
                f"threshold is on the score's scale, from 0 up to but not including 1, not {self.threshold}"
            )
        if not (self.allow_long or self.allow_short):
            raise ValueError("allow_long and allow_short are both false: allow at least one of them")
        if self.exit is None:
            return
        if not -1 <= self.exit <= self.threshold:
            raise ValueError(
                f"exit must be from -1 to threshold ({self.threshold}), not {self.exit}; "
                "above it a position would be given up as soon as it is taken"
            )
        if self.allow_long and self.allow_short and self.exit < -self.threshold:
            raise ValueError(
                f"exit {self.exit} is never reached: a position turns over at {-self.threshold}; "
                "raise exit, or allow only one side"
            )

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return ()

    def decide(self, score: Score, _features: Mapping[str, float], held: Intent, /) -> Intent:
        value, direction = score.value, held.direction
        given_up = not direction or value * direction < (self.threshold if self.exit is None else self.exit)
        # `exit` is never above `threshold`: a position that is given up can only enter the other side.
        wanted = self._entry(value) if given_up else direction
        if wanted == direction:
            return Intent(score.ts, score.symbol, direction, held.strength, "hold")
        if not wanted:
            return Intent(score.ts, score.symbol, 0, 0.0, "exit")
        reason = "reverse" if direction else "enter_long" if wanted > 0 else "enter_short"
        return Intent(score.ts, score.symbol, wanted, 1.0, reason)

    def next_change(
        self,
        scores: Column,
        _columns: Mapping[str, Column],
        held: Intent,
        start: int,
        /,
    ) -> int:
        rows, look = len(scores), FIRST_LOOK
        while start < rows:
            changes = self._changes(scores[start : start + look], held.direction)
            first = int(changes.argmax())
            if changes[first]:
                return start + first
            start += look
            look *= WIDER
        return rows

    @property
    def _exit(self) -> float:
        return self.threshold if self.exit is None else self.exit

    def _entry(self, value: float) -> Direction:
        """Where this score leads somebody who holds nothing."""
        if self.allow_long and value > self.threshold:
            return 1
        if self.allow_short and value < -self.threshold:
            return -1
        return 0

    def _changes(self, scores: Column, direction: Direction) -> npt.NDArray[np.bool_]:
        """The rows at which somebody with a position in `direction` would change it."""
        if direction > 0:
            return scores < self._exit
        if direction < 0:
            return scores > -self._exit
        if not self.allow_short:
            return scores > self.threshold
        if not self.allow_long:
            return scores < -self.threshold
        return (scores > self.threshold) | (scores < -self.threshold)
