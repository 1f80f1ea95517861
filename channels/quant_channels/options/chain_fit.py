"""From the chain as of a moment to the surface that is fitted to it.

The forward of an expiry is the one its quotes name last, or the one that calls and puts agree on where they
name none. A quote that was made at another forward keeps its ln(strike / forward): volatilities are those it
had when it was made.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from quant_channels.options.calibrate import fit_surface
from quant_channels.options.parity import parity_forward
from quant_channels.options.pricing import YEAR
from quant_channels.options.quotes import ExpiryQuotes, SmileQuotes, Source, smile_quotes
from quant_channels.options.surface import Model
from quant_channels.options.surface_event import refused_slice, surface_event
from quant_contracts.blocks import Column
from quant_contracts.events import OptionQuote, Premium, Surface, SurfaceSlice
from quant_contracts.units import Fraction, Nanos
from quant_contracts.views import ExpiryChain, OptionChain


def fit_chain(
    chain: OptionChain,
    model: Model = "ssvi",
    *,
    source: Source = "quotes",
    rate: Fraction = 0.0,
    min_quotes: int = 5,
    poor_fit: float = 2.0,
    beta: Fraction = 1.0,
) -> Surface:
    """The surface of `model` nearest to the chain, known at the moment of the chain.

    `rate` discounts premiums, continuously compounded; the rest is as in `fit_surface` and `smile_quotes`. An
    expiry whose forward nobody tells is refused as `no_forward`. Raises ConfigError where scipy is not
    installed.
    """
    smiles: list[SmileQuotes] = []
    expiries: dict[float, Nanos] = {}
    refused: list[SurfaceSlice] = []
    for each in chain.expiries:
        years = (each.expiry - chain.ts) / YEAR
        quotes = expiry_quotes(each, years, chain.premium, source, rate)
        if quotes is None:
            offered = len({quote.strike for quote in each.quotes})
            refused.append(refused_slice(each.expiry, years, 0.0, 0, offered, "no_forward"))
            continue
        expiries[years] = each.expiry
        smiles.append(smile_quotes(quotes, source))
    fit = fit_surface(smiles, model, min_quotes=min_quotes, poor_fit=poor_fit, beta=beta)
    surface = surface_event(fit, expiries, chain.ts, chain.symbol)
    if not refused:
        return surface
    refused = sorted([*surface.refused, *refused], key=_expiry)
    used, offered = 0, 0
    for one in (*surface.slices, *refused):
        offered += one.offered
    for one in surface.slices:
        used += one.quotes
    return msgspec.structs.replace(surface, refused=tuple(refused), coverage=used / offered)


def expiry_quotes(
    chain: ExpiryChain, years: float, premium: Premium, source: Source = "quotes", rate: Fraction = 0.0
) -> ExpiryQuotes | None:
    """The quotes of an expiry as columns in the currency of its forward; None where nobody tells that."""
    quotes = chain.quotes
    strikes = np.array([quote.strike for quote in quotes])
    is_call = np.array([quote.right > 0 for quote in quotes])
    bid, ask, mark = _column(quotes, "bid"), _column(quotes, "ask"), _column(quotes, "mark")
    discount = math.exp(-rate * years)
    forward = chain.forward
    if forward is None and premium == "linear":
        middle = mark if source == "mark" else np.where(bid <= ask, 0.5 * (bid + ask), np.nan)
        forward = parity_forward(strikes, is_call, middle, discount)
    if forward is None or not 0.0 < forward < math.inf:
        return None
    own = _column(quotes, "forward")
    moved = forward / np.where(np.isnan(own), forward, own)
    # A coin premium is a share of the forward, whichever that is.
    unit = forward if premium == "inverse" else moved
    return ExpiryQuotes(
        years,
        forward,
        strikes * moved,
        is_call,
        bid * unit,
        ask * unit,
        mark * unit,
        discount,
        any(quote.is_american for quote in quotes),
    )


def _column(quotes: tuple[OptionQuote, ...], name: str) -> Column:
    # None becomes NaN.
    return np.array([getattr(quote, name) for quote in quotes], dtype=np.float64)


def _expiry(one: SurfaceSlice) -> Nanos:
    return one.expiry
