"""From the quotes of one expiry to the volatilities that a model is fitted to.

Of each strike only the option out of the money is read (the call at and above the forward): its premium is
all time value, so its quote says most about the volatility. The half spread in volatility is its
uncertainty: half the distance from the volatility of the bid to that of the ask.
"""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np

from quant_channels.options.implied import REASONS, SOLVED, implied_vols
from quant_channels.options.pricing import Flags
from quant_contracts.blocks import Column
from quant_contracts.units import Fraction, Price

Source: TypeAlias = Literal["quotes", "mark"]

FINEST: Final[Fraction] = 0.001
"""No quote counts as surer than a tenth of a volatility point."""
WIDEST: Final[Fraction] = 0.5
"""No mark counts as less sure than fifty volatility points."""


class ExpiryQuotes(msgspec.Struct, frozen=True, eq=False):
    """Every option of one expiry as it is quoted, a row each, in any order.

    Prices are in the currency of the forward (coin premiums times the forward: `coin.quote_premium`), NaN
    where absent.
    """

    years: float
    forward: Price
    strikes: Column
    is_call: Flags
    bid: Column
    ask: Column
    mark: Column | None = None
    """The venue's own price, for the source `mark`."""
    discount: float = 1.0
    is_american: bool = False


class SmileQuotes(msgspec.Struct, frozen=True, eq=False):
    """The volatilities of one expiry, one a strike."""

    years: float
    forward: Price
    strikes: Column
    """Above 0, strictly rising."""
    vol: Column
    half_spread: Column
    """Uncertainty of each volatility, above 0; its inverse is the weight."""
    offered: int
    """Strikes that were listed, usable or not."""
    left_out: tuple[tuple[str, int], ...] = ()
    """Why strikes were left out, and how many."""
    is_american: bool = False

    def __post_init__(self) -> None:
        if not (0.0 < self.forward < math.inf and math.isfinite(self.years)):
            raise ValueError(f"need a forward above 0 and finite years, not {self.forward} and {self.years}")
        if not len(self.strikes) == len(self.vol) == len(self.half_spread) <= self.offered:
            raise ValueError(
                f"need as many strikes as volatilities and half spreads, and no more than were offered, not "
                f"{len(self.strikes)}, {len(self.vol)}, {len(self.half_spread)} of {self.offered}"
            )
        for name in ("strikes", "vol", "half_spread"):
            column: Column = getattr(self, name)
            if not (np.isfinite(column) & (column > 0.0)).all():
                raise ValueError(f"{name} of the expiry in {self.years} years must be finite and above 0")
        if (np.diff(self.strikes) <= 0.0).any():
            raise ValueError(f"strikes of the expiry in {self.years} years must rise")

    @property
    def k(self) -> Column:
        """ln(strike / forward)."""
        return np.log(self.strikes / self.forward)


def smile_quotes(quotes: ExpiryQuotes, source: Source = "quotes") -> SmileQuotes:
    """The volatilities of the options out of the money.

    From `quotes` the volatility is that of the mid price; a strike counts if it has a bid above 0 and an ask
    that is not below it. From `mark` it is that of the venue's price, with `mark_spread` for its uncertainty.
    Raises ValueError for a forward that is none, or marks that are not there.
    """
    side = quotes.is_call == (quotes.strikes >= quotes.forward)
    order = np.flatnonzero(side)[np.argsort(quotes.strikes[side], kind="stable")]
    strikes, is_call = quotes.strikes[order], quotes.is_call[order]
    if source == "mark":
        if quotes.mark is None:
            raise ValueError("source is 'mark' and the quotes have none; give marks or use source 'quotes'")
        bid = ask = quotes.mark[order]
    else:
        bid, ask = quotes.bid[order], quotes.ask[order]

    # One call for all three prices costs little more than for one.
    prices = np.concatenate([0.5 * (bid + ask), bid, ask])
    found = implied_vols(
        np.tile(is_call, 3), prices, quotes.forward, np.tile(strikes, 3), quotes.years, quotes.discount
    )
    vol, low, high = found.vol.reshape(3, -1)
    code = found.code[: len(order)]
    repeated = np.zeros(len(order), dtype=np.bool_)
    repeated[1:] = strikes[1:] == strikes[:-1]
    with np.errstate(invalid="ignore"):
        left_out = np.select(
            [repeated, ~((bid > 0.0) & (ask > 0.0)), ask < bid, code != SOLVED],
            ["repeated_strike", "one_sided", "crossed", np.array(REASONS)[code]],
            "",
        )
    if source == "mark":
        half = mark_spread(np.log(strikes / quotes.forward), vol, quotes.years)
    else:
        half = np.maximum(0.5 * (high - low), FINEST)
        left_out = np.where((left_out == "") & ~np.isfinite(half), "no_spread", left_out)
    used = left_out == ""
    reasons, counts = np.unique(left_out[~used], return_counts=True)
    return SmileQuotes(
        quotes.years,
        quotes.forward,
        strikes[used],
        vol[used],
        half[used],
        len(order),
        tuple(zip(reasons.tolist(), counts.tolist(), strict=True)),
        quotes.is_american,
    )


def mark_spread(k: Column, vol: Column, years: float) -> Column:
    """Uncertainty of volatilities that come without a spread: as if every price were equally unsure.

    0.1 points at the money, and in inverse proportion to vega beyond: FINEST exp(d1**2 / 2), up to 50 points.
    """
    with np.errstate(all="ignore"):
        deviation = vol * np.sqrt(years)
        first = 0.5 * deviation - k / deviation
        spread: Column = np.minimum(FINEST * np.exp(np.minimum(0.5 * first * first, 20.0)), WIDEST)
    return spread
