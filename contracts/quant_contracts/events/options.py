"""What option markets said, and the surface that was fitted to it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from quant_contracts.events.base import Event
from quant_contracts.units import Fraction, Nanos, Price, Quantity

Right: TypeAlias = Literal[1, -1]
"""+1 for a call, -1 for a put."""

Premium: TypeAlias = Literal["linear", "inverse"]
"""`linear`: prices in quote currency. `inverse`: in the base coin, as at Deribit: value over forward."""

Origin: TypeAlias = Literal["fitted", "stored"]


class OptionQuote(Event, frozen=True, gc=False):
    """What a venue said of one option, raw. None stands for what it did not say."""

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    """The symbol under which the chain is declared, not the name of the option."""
    premium: Premium
    expiry: Nanos
    strike: Price
    right: Right
    bid: float | None = None
    """In the unit of `premium`, as are ask and mark."""
    bid_size: Quantity | None = None
    ask: float | None = None
    ask_size: Quantity | None = None
    mark: float | None = None
    mark_iv: Fraction | None = None
    """The venue's own implied volatility: 0.65 is 65 percent a year."""
    forward: Price | None = None
    """Price of the underlying for this expiry, as the venue sees it."""
    open_interest: Quantity | None = None
    is_american: bool = False


class SurfaceSlice(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One expiry of a surface."""

    expiry: Nanos
    years: float
    """Time to expiry in years of 365 days, at the moment of the surface."""
    forward: Price
    parameters: tuple[float, ...]
    """Those of the model, in the order the model names them."""
    quotes: int
    """How many quotes were used."""
    offered: int
    """How many there were."""
    median_error: Fraction
    """Median absolute difference to the quotes' volatility: 0.002 is 0.2 points."""
    flags: tuple[str, ...] = ()
    """What is wrong with this slice, such as butterfly, calendar, poor_fit; a refused one says why."""
    lowest_k: float = 0.0
    """The quotes used were from this ln(strike / forward) ..."""
    highest_k: float = 0.0
    """... to this one: beyond them the model is on its own."""
    rms_error: Fraction = 0.0
    """Root of the mean squared difference to the quotes' volatility."""
    within_spread: Fraction = 0.0
    """Share of the quotes used that the model is not further from than half their spread."""


class Surface(Event, frozen=True, gc=False):
    """Implied volatility over strike and time, as a model sees the chain at one moment."""

    ts_event: Nanos
    """The moment of the chain it was fitted to."""
    ts_known: Nanos
    symbol: str
    model: str
    """Name of the model: ssvi, sabr, svi."""
    parameters: tuple[float, ...]
    """Those that all slices share, in the order the model names them."""
    slices: tuple[SurfaceSlice, ...]
    """By rising expiry; only those that may be used."""
    refused: tuple[SurfaceSlice, ...] = ()
    """Expiries that could not be fitted, with the reason in `flags`."""
    median_error: Fraction = 0.0
    coverage: Fraction = 0.0
    """Quotes used over quotes offered."""
    origin: Origin = "fitted"
    """`stored` where a surface of another time or program was read instead of fitted."""
