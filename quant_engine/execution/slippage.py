"""What a trade costs beyond the shown price: half the spread, and an impact that grows with its size."""

from __future__ import annotations

import math

import msgspec

from quant_contracts.protocols import FeatureSpec
from quant_contracts.units import Fraction


class NoSlippage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trades at the shown price. For tests and for comparison: no market is like this."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return ()

    def fraction(
        self, _quantity: float, _done: float, _volatility: Fraction, _daily_volume: float, /
    ) -> Fraction:
        return 0.0


class LinearSlippage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Half the spread, plus an impact in proportion to volatility and to the share of the day's volume.

    An order of size Q that fills in one piece costs half_spread + eta x sigma x Q / V as a share of the
    price, with sigma the daily volatility and V the daily volume, both known at the decision. Kyle's
    lambda (Continuous auctions and insider trading, Econometrica 53, 1985) is the same straight line.

    Slicing alone saves nothing. In price times quantity an order's impact is eta x sigma x Q^2 / V, and
    a piece q that follows `done` is charged what it adds to that:

        ((done + q)^2 - done^2) x eta x sigma / V  =  q x [ eta x sigma x (2 done + q) / V ]

    The bracket is the piece's fraction. The pieces add up to the whole however an order is cut.

    The fraction never exceeds `max_fraction`: the straight line is a law of small orders and would
    otherwise end with a sale below zero. Where the daily volume is 0 or unknown any order is large and
    costs `max_fraction`; a market that did not move (volatility 0) costs half the spread.

    `needs` lists the volatility channel first and the volume channel second. The engine reads the first
    output of each and hands them on as `volatility` and `daily_volume`.

    >>> model = LinearSlippage(half_spread_bps=0.0, eta=0.1)
    >>> whole = 50 * model.fraction(50.0, 0.0, 0.03, 20_000.0)
    >>> parts = 20 * model.fraction(20.0, 0.0, 0.03, 20_000.0) + 30 * model.fraction(
    ...     30.0, 20.0, 0.03, 20_000.0
    ... )
    >>> f"{whole / 50 * 10_000:.3f} bps whole, {parts / 50 * 10_000:.3f} bps in parts"
    '0.075 bps whole, 0.075 bps in parts'
    """

    half_spread_bps: float = 1.0
    """Half the spread between bid and ask, in basis points of the price."""
    eta: float = 0.1
    """Impact coefficient: share of a day's volatility that trading a whole day's volume would cost."""
    window: int = 96
    """Bars that volatility and volume look back on, at least 2."""
    max_fraction: Fraction = 0.05
    """The most a trade can cost as a share of the price, below 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.eta < math.inf:
            raise ValueError(f"eta must be 0 or more, such as 0.1, not {self.eta}")
        if self.window < 2:
            raise ValueError(f"window must be at least 2, not {self.window}")
        if not 0 <= self.max_fraction < 1:
            raise ValueError(
                f"max_fraction is a share of the price, from 0 up to but not including 1 "
                f"(0.05 is five percent), not {self.max_fraction}"
            )
        if not 0 <= self.half_spread_bps <= self.max_fraction * 10_000:
            raise ValueError(
                f"half_spread_bps must be from 0 to max_fraction ({self.max_fraction * 10_000:g} bps), "
                f"not {self.half_spread_bps}"
            )

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return (
            FeatureSpec("CloseToClose", {"window": self.window}),
            FeatureSpec("DailyVolume", {"window": self.window}),
        )

    def fraction(
        self, quantity: float, done: float, volatility: Fraction, daily_volume: float, /
    ) -> Fraction:
        if daily_volume <= 0:
            return self.max_fraction
        impact = self.eta * volatility * ((2 * done + quantity) / daily_volume)
        return min(self.max_fraction, self.half_spread_bps / 10_000 + impact)
