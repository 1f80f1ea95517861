"""Fitted surfaces as events, and back: the one place where the two meet.

    model   shared by all slices   of each slice
    ssvi    rho, eta, gamma        theta
    sabr    beta                   alpha, rho, nu
    svi                            a, b, rho, m, sigma

The event counts errors as fractions, the fit in volatility points. The expiries of a refused chain stand in
`refused`, each with its reason in `flags`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, get_args

import msgspec
import numpy as np

from quant_channels.options.surface import Flag, Model, Refusal, RefusedSlice, SliceFit, SurfaceFit, smile_of
from quant_contracts.errors import DataError, nearest
from quant_contracts.events import Origin, Surface, SurfaceSlice
from quant_contracts.units import Nanos

PARAMETERS: Final[dict[Model, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "ssvi": (("rho", "eta", "gamma"), ("theta",)),
    "sabr": (("beta",), ("alpha", "rho", "nu")),
    "svi": ((), ("a", "b", "rho", "m", "sigma")),
}
"""Names of the parameters that the slices share, and of those of each."""

FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)
REFUSALS: Final[tuple[Refusal, ...]] = get_args(Refusal)

POINT: Final = 0.01
"""A volatility point as a fraction."""


def surface_event(
    fit: SurfaceFit, expiries: Mapping[float, Nanos], ts: Nanos, symbol: str, origin: Origin = "fitted"
) -> Surface:
    """The event of a surface that was fitted to the chain as of `ts`; `expiries` by years from there."""
    shared: tuple[float, ...] = ()
    slices: list[SurfaceSlice] = []
    for one in fit.slices:
        shared, own = _split(fit.model, one.parameters)
        slices.append(
            SurfaceSlice(
                expiries[one.years],
                one.years,
                one.forward,
                own,
                one.used,
                one.offered,
                one.median_error * POINT,
                one.flags,
                one.lowest_k,
                one.highest_k,
                one.rms_error * POINT,
                one.within_spread,
            )
        )
    refused = tuple(
        refused_slice(expiries[one.years], one.years, one.forward, one.used, one.offered, one.reason)
        for one in fit.refused
    )
    return Surface(
        ts,
        ts,
        symbol,
        fit.model,
        shared,
        tuple(slices),
        refused,
        0.0 if fit.median_error is None else fit.median_error * POINT,
        fit.coverage,
        origin,
    )


def surface_fit(surface: Surface) -> SurfaceFit:
    """The fit that an event tells of, to read volatilities from. DataError where it is none of ours."""
    model = next((model for model in PARAMETERS if model == surface.model), None)
    if model is None:
        raise DataError(
            f"{surface.symbol}: a surface of model {surface.model!r}; {nearest(surface.model, PARAMETERS)}"
        )
    return SurfaceFit(
        model,
        tuple(_slice_fit(model, surface, one) for one in surface.slices),
        tuple(
            RefusedSlice(one.years, one.forward, one.quotes, one.offered, _reason(one))
            for one in surface.refused
        ),
        surface.median_error / POINT if surface.slices else None,
        surface.coverage,
        None if surface.slices else "too_few_quotes",
    )


def refused_slice(
    expiry: Nanos, years: float, forward: float, quotes: int, offered: int, reason: str
) -> SurfaceSlice:
    """An expiry without a fit."""
    return SurfaceSlice(expiry, years, forward, (), quotes, offered, 0.0, (reason,))


def _slice_fit(model: Model, surface: Surface, one: SurfaceSlice) -> SliceFit:
    shared, own = PARAMETERS[model]
    if len(surface.parameters) != len(shared) or len(one.parameters) != len(own):
        raise DataError(
            f"{surface.symbol}: a surface of {model} shares {', '.join(shared) or 'no parameters'} and has "
            f"{', '.join(own)} in each slice, not {len(surface.parameters)} and {len(one.parameters)} numbers"
        )
    fit = SliceFit(
        one.years,
        one.forward,
        _joined(model, surface.parameters, one.parameters),
        0.0,
        one.lowest_k,
        one.highest_k,
        one.rms_error / POINT,
        one.median_error / POINT,
        one.within_spread,
        one.quotes,
        one.offered,
        tuple(flag for flag in FLAGS if flag in one.flags),
    )
    if not (0.0 < one.years < math.inf and 0.0 < one.forward < math.inf):
        raise DataError(
            f"{surface.symbol}: a slice needs years and a forward above 0, not {one.years} and {one.forward}"
        )
    try:
        variance = float(smile_of(model, fit).total_variance(np.zeros(1))[0])
    except ValueError as error:
        raise DataError(f"{surface.symbol}: a slice in {one.years} years: {error}") from None
    if not 0.0 < variance < math.inf:
        raise DataError(f"{surface.symbol}: a slice in {one.years} years has no variance at the money")
    return msgspec.structs.replace(fit, atm_vol=math.sqrt(variance / one.years))


def _reason(one: SurfaceSlice) -> Refusal:
    """Of a slice that was refused before there were quotes to fit, such as `no_forward`, that it has none."""
    return next((reason for reason in REFUSALS if reason in one.flags), "too_few_quotes")


def _split(model: Model, parameters: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What all slices share, and what is of this one."""
    match model:
        case "ssvi":
            return parameters[1:], parameters[:1]
        case "sabr":
            return parameters[1:2], (parameters[0], *parameters[2:])
        case "svi":
            return (), parameters


def _joined(model: Model, shared: tuple[float, ...], own: tuple[float, ...]) -> tuple[float, ...]:
    """The other way: parameters in the order of `SliceFit`."""
    match model:
        case "ssvi":
            return (*own, *shared)
        case "sabr":
            return (own[0], *shared, *own[1:])
        case "svi":
            return own
