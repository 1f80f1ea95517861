"""Sensitivities of a book of options on one underlying, added up.

Everything is in quote currency and per holding: quantity times multiplier times that of one option, by
Black-76 on the forward of its expiry. An inverse position (premium and payoff in coin) is worth its coins
times the forward, so value, gamma, vega and theta are added alike; what differs is the delta that makes its
value in coin stand still, which is beside the plain one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from quant_channels.options.coin import coin_delta, coin_premium
from quant_channels.options.greeks import black76_greeks
from quant_contracts.units import Fraction, Price

BUCKETS: Final = (7.0, 30.0, 90.0, 180.0, 365.0)
"""Upper ends of the buckets of vega, in days; what is later is in one more."""


class OptionPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of one kind held (quantity above 0) or owed (below 0)."""

    right: Literal["C", "P"]
    strike: Price
    years: float
    quantity: float
    vol: Fraction
    forward: Price
    rate: Fraction = 0.0
    multiplier: float = 1.0
    """Units of the underlying in one contract: 1 BTC at Deribit, 100 shares in the US."""
    is_inverse: bool = False
    """True if premium and payoff are in coin."""


class VegaBucket(msgspec.Struct, frozen=True):
    """Vega per volatility point of the expiries up to `days`; infinity in the last one."""

    days: float
    vega_per_point: float


class PortfolioGreeks(msgspec.Struct, frozen=True):
    """Sums over a book, in quote currency but for the deltas."""

    value: Price
    delta: float
    """Units of the underlying: change of value per 1.00 of the forward."""
    settled_delta: float
    """Units of the underlying to sell so that each value stands still in the currency it settles in: as
    `delta`, less the premium of inverse positions."""
    delta_notional: Price
    """Each delta times its forward."""
    gamma: float
    """Change of `delta` per 1.00 of the forward."""
    gamma_per_percent: Price
    """Change of `delta_notional`, forwards held, if each forward moves by 1%: gamma F**2 / 100."""
    vega_per_point: Price
    theta_per_day: Price
    vega_by_expiry: tuple[VegaBucket, ...]


def portfolio_greeks(
    positions: Iterable[OptionPosition], buckets: Sequence[float] = BUCKETS
) -> PortfolioGreeks:
    """The sums over `positions`; each is exact but for one rounding, so their order does not matter.

    >>> straddle = [OptionPosition(right, 100.0, 0.25, 2.0, 0.5, 100.0) for right in ("C", "P")]
    >>> book = portfolio_greeks(straddle)
    >>> round(book.delta, 6), round(book.vega_per_point, 6), book.vega_by_expiry[2].days
    (0.198953, 0.791675, 90.0)
    """
    if list(buckets) != sorted(set(buckets)):
        raise ValueError(f"buckets must rise, not {list(buckets)}")
    ends = (*buckets, math.inf)
    terms: list[list[float]] = [[] for _ in range(8)]
    vegas: list[list[float]] = [[] for _ in ends]
    for one in positions:
        greeks = black76_greeks(one.right == "C", one.forward, one.strike, one.years, one.vol, one.rate)
        size, forward = one.quantity * one.multiplier, one.forward
        settled = greeks.delta
        if one.is_inverse:
            settled = coin_delta(greeks.delta, coin_premium(greeks.price, forward))
        row = (
            greeks.price,
            greeks.delta,
            settled,
            greeks.delta * forward,
            greeks.gamma,
            greeks.gamma * forward * forward / 100.0,
            greeks.vega_per_point,
            greeks.theta_per_day,
        )
        for column, term in zip(terms, row, strict=True):
            column.append(size * term)
        bucket = next(place for place, end in enumerate(ends) if one.years * 365.0 <= end)
        vegas[bucket].append(size * greeks.vega_per_point)
    by_expiry = tuple(VegaBucket(end, math.fsum(column)) for end, column in zip(ends, vegas, strict=True))
    value, delta, settled, notional, gamma, gamma_percent, vega, theta = map(math.fsum, terms)
    return PortfolioGreeks(value, delta, settled, notional, gamma, gamma_percent, vega, theta, by_expiry)
