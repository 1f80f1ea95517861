"""The three numbers in which a desk quotes a smile."""

from __future__ import annotations

import msgspec

from quant_channels.options.features.iv_surface import check_maturity, measured, settings_name
from quant_contracts.events import Bar, Surface
from quant_contracts.protocols import Stream
from quant_contracts.units import Nanos


class IVFactors(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """At-the-money volatility, risk reversal and butterfly at 25 delta, as fractions, at a constant maturity.

        rr25   volatility of the 25-delta call less that of the 25-delta put
        bf25   mean of those two less the volatility at the money

    There with the first surface. Missing without a surface, where the maturity is not between
    two expiries (unless `extrapolate`), and where there is no strike of 25 delta.
    """

    maturity_days: float = 30.0
    """The constant maturity, more than 1 day."""
    extrapolate: bool = False
    """True takes the volatility of the nearest expiry where the maturity is beyond all of them."""

    def __post_init__(self) -> None:
        check_maturity(self.maturity_days)
        # Surfaces come less often than bars.
        self._known: Nanos | None = None
        self._values: tuple[float, ...] | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        end = settings_name(self.maturity_days, extrapolate=self.extrapolate)
        return (f"iv_atm_{end}", f"iv_rr25_{end}", f"iv_bf25_{end}")

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("surface"),)

    def update(self, bar: Bar, surface: Surface | None = None, /) -> tuple[float, ...] | None:  # noqa: ARG002 - nothing of the bar
        if surface is None:
            return None
        if surface.ts_known != self._known:
            self._known = surface.ts_known
            self._values = self._read(surface)
        return self._values

    def _read(self, surface: Surface) -> tuple[float, ...] | None:
        found = measured(surface, self.maturity_days, extrapolate=self.extrapolate)
        if found is None or found.skew is None or found.smile is None:
            return None
        return found.atm, -found.skew, found.smile
