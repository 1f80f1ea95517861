"""The surface of implied volatilities in numbers, with how good and how old it is."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from quant_channels.klines.features.settings import written
from quant_channels.options.measures import SurfaceMeasures, surface_measures
from quant_channels.options.surface_event import surface_fit
from quant_contracts.events import Bar, Surface
from quant_contracts.protocols import Stream
from quant_contracts.units import SECOND, Nanos

SURFACES_TO_WARM: Final = 3
"""Three surfaces make two changes, the fewest with a deviation."""


class IVSurfaceFeature(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """What the last surface says at a constant maturity. Volatilities are fractions: 0.65 is 65% a year.

        atm         sqrt(w(0) / T)
        skew        volatility of the 25-delta put less that of the 25-delta call
        smile       mean of those two less atm
        term_slope  slope of atm on the root of the years to expiry, over all expiries
        vol_of_vol  exponentially weighted standard deviation of the changes of atm, surface to surface
        roll_down   atm less atm one day nearer
        fit_error   median absolute difference of the fit to its quotes
        coverage    quotes used as a share of those on offer
        age_s       seconds since the moment of the surface

    All are there, or the channel is missing: without a surface, with fewer than two expiries, where the
    maturity is not between two of them (unless `extrapolate`), where there is no strike of 25 delta, and
    until three surfaces have been seen. Deltas are undiscounted and not adjusted for the premium.

    The weight of a change halves with every `half_life` surfaces that come after it; mean and deviation
    have the same weights. A surface that is missing leaves no trace.
    """

    maturity_days: float = 30.0
    """The constant maturity, more than 1 day."""
    half_life: float = 24.0
    """Surfaces after which a change of atm weighs half as much in vol_of_vol, above 0."""
    extrapolate: bool = False
    """True takes the volatility of the nearest expiry where the maturity is beyond all of them."""

    def __post_init__(self) -> None:
        check_maturity(self.maturity_days)
        if not 0.0 < self.half_life < math.inf:
            raise ValueError(f"half_life must be above 0 surfaces, not {self.half_life}")
        self._changes = WeightedDeviation(self.half_life)
        self._atm: float | None = None
        self._known: Nanos | None = None
        self._values: tuple[float, ...] | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        end = settings_name(self.maturity_days, extrapolate=self.extrapolate)
        end += f"_{written(self.half_life)}"
        return tuple(
            f"iv_{name}_{end}"
            for name in (
                "atm",
                "skew",
                "smile",
                "term_slope",
                "vol_of_vol",
                "roll_down",
                "fit_error",
                "coverage",
                "age_s",
            )
        )

    @property
    def warmup(self) -> int:
        return SURFACES_TO_WARM

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("surface"),)

    def update(self, bar: Bar, surface: Surface | None = None, /) -> tuple[float, ...] | None:
        if surface is None:
            return None
        if surface.ts_known != self._known:
            self._known = surface.ts_known
            self._values = self._read(surface)
        if self._values is None:
            return None
        return (*self._values, (bar.ts_known - surface.ts_event) / SECOND)

    def _read(self, surface: Surface) -> tuple[float, ...] | None:
        """Everything but the age, once a surface."""
        found = measured(surface, self.maturity_days, extrapolate=self.extrapolate)
        if found is None or found.skew is None or found.smile is None:
            return None
        if found.term_slope is None or found.roll_down is None:
            return None
        last, self._atm = self._atm, found.atm
        if last is not None:
            self._changes.push(found.atm - last)
        if self._changes.count < SURFACES_TO_WARM - 1:
            return None
        return (
            found.atm,
            found.skew,
            found.smile,
            found.term_slope,
            self._changes.value,
            found.roll_down,
            surface.median_error,
            surface.coverage,
        )


class WeightedDeviation:
    """Standard deviation of a stream in which the weight of a value halves every `half_life` values.

    The mean has the same weights; nothing is corrected for the number of values. West's update (1979).

    >>> deviation = WeightedDeviation(half_life=1.0)
    >>> for value in (4.0, 1.0):
    ...     deviation.push(value)
    >>> round(deviation.value**2, 12)  # weights 1/3 and 2/3 around a mean of 2
    2.0
    """

    __slots__ = ("_keep", "_mean", "_squares", "_weight", "count")

    def __init__(self, half_life: float) -> None:
        self._keep = 0.5 ** (1.0 / half_life)
        self._weight = self._mean = self._squares = 0.0
        self.count = 0

    def push(self, value: float) -> None:
        """One value more, of weight 1."""
        self.count += 1
        self._weight = self._keep * self._weight + 1.0
        away = value - self._mean
        self._mean += away / self._weight
        self._squares = self._keep * self._squares + away * (value - self._mean)

    @property
    def value(self) -> float:
        """The deviation of what was pushed, at least one value."""
        return math.sqrt(max(0.0, self._squares / self._weight))


def measured(surface: Surface, maturity_days: float, *, extrapolate: bool) -> SurfaceMeasures | None:
    """The numbers of a surface; None where the maturity is beyond its expiries and must not be."""
    found = surface_measures(surface_fit(surface), maturity_days / 365.0)
    return None if found is None or (found.is_extrapolated and not extrapolate) else found


def check_maturity(days: float) -> None:
    """Raise ValueError unless `days` is a maturity that has a day before it."""
    if not 1.0 < days <= 3650.0:
        raise ValueError(f"maturity_days must be above 1 and at most 3650, not {days}")


def settings_name(maturity_days: float, *, extrapolate: bool) -> str:
    """How the names of outputs end.

    >>> settings_name(30.0, extrapolate=False), settings_name(7.5, extrapolate=True)
    ('30d', '7.5d_flat')
    """
    return f"{written(maturity_days)}d" + ("_flat" if extrapolate else "")
