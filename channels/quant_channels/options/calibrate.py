"""Fits a surface to the quotes of a whole chain, and says how well it did and what it left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from quant_channels.options.checks import arbitrage_flags
from quant_channels.options.quotes import SmileQuotes
from quant_channels.options.sabr import fit_sabr
from quant_channels.options.ssvi import fit_ssvi
from quant_channels.options.surface import Flag, Model, Refusal, RefusedSlice, SliceFit, SurfaceFit, smile_of
from quant_channels.options.svi import fit_svi
from quant_contracts.blocks import Column
from quant_contracts.units import Fraction

PARAMETERS: Final[dict[Model, int]] = {"ssvi": 4, "sabr": 3, "svi": 5}
"""What is free in an expiry; each needs at least one quote more."""


def fit_surface(
    smiles: Sequence[SmileQuotes],
    model: Model = "ssvi",
    *,
    min_quotes: int = 5,
    poor_fit: float = 2.0,
    beta: Fraction = 1.0,
) -> SurfaceFit:
    """The surface of `model` nearest to the quotes, each weighing the inverse of its half spread.

    `ssvi` is one surface for all expiries; `sabr` (with `beta` held) and `svi` are fitted expiry by expiry.
    An expiry with fewer than `min_quotes` usable quotes, or fewer than the model needs, is refused; one with
    a median error above `poor_fit` volatility points is flagged. Expiries may come in any order; two of the
    same time are a ValueError. Raises ConfigError where scipy is not installed.
    """
    if model not in PARAMETERS:
        raise ValueError(f"model must be one of {', '.join(PARAMETERS)}, not {model!r}")
    smiles = sorted(smiles, key=lambda one: one.years)
    for before, after in pairwise(smiles):
        if before.years == after.years:
            raise ValueError(f"two expiries in {after.years} years; give the quotes of an expiry together")
    needed = max(min_quotes, PARAMETERS[model] + 1)
    refused: list[RefusedSlice] = []
    fitted: list[SmileQuotes] = []
    for one in smiles:
        if one.years <= 0.0:
            refused.append(_refuse(one, "expired"))
        elif len(one.strikes) < needed:
            refused.append(_refuse(one, "too_few_quotes"))
        else:
            fitted.append(one)
    parameters = _fit(fitted, model, beta)
    slices: list[SliceFit] = []
    errors: list[Column] = []
    for one, values in zip(fitted, parameters, strict=True):
        if values is None:
            refused.append(_refuse(one, "not_converged"))
            continue
        judged = _judge(one, model, values, poor_fit)
        if judged is None:
            refused.append(_refuse(one, "no_variance"))
            continue
        slices.append(judged[0])
        errors.append(judged[1])
    flags = arbitrage_flags(model, slices)
    offered, used = sum(one.offered for one in smiles), sum(fit.used for fit in slices)
    reason: Refusal | None = None
    if not slices:
        reason = refused[-1].reason if refused else "too_few_quotes"
    return SurfaceFit(
        model,
        tuple(
            msgspec.structs.replace(fit, flags=found + fit.flags)
            for fit, found in zip(slices, flags, strict=True)
        ),
        tuple(sorted(refused, key=lambda one: one.years)),
        float(np.median(np.concatenate(errors))) if slices else None,
        used / offered if offered else 0.0,
        reason,
    )


def _refuse(one: SmileQuotes, reason: Refusal) -> RefusedSlice:
    return RefusedSlice(one.years, one.forward, len(one.strikes), one.offered, reason)


def _fit(fitted: list[SmileQuotes], model: Model, beta: Fraction) -> list[tuple[float, ...] | None]:
    """Parameters of each expiry, None where the solver did not arrive."""
    if not fitted:
        return []
    if model == "ssvi":
        surface = fit_ssvi(
            [one.years for one in fitted],
            [one.k for one in fitted],
            [one.vol for one in fitted],
            [1.0 / one.half_spread for one in fitted],
        )
        if surface is None:
            return [None] * len(fitted)
        return [(theta, surface.rho, surface.eta, surface.gamma) for theta in surface.thetas]
    found: list[tuple[float, ...] | None] = []
    for one in fitted:
        if model == "sabr":
            sabr = fit_sabr(one.forward, one.years, one.strikes, one.vol, 1.0 / one.half_spread, beta)
            found.append(None if sabr is None else (sabr.alpha, sabr.beta, sabr.rho, sabr.nu))
        else:
            # A volatility that is off by its half spread puts w off by 2 vol years times as much.
            weight = 1.0 / (2.0 * one.vol * one.years * one.half_spread)
            svi = fit_svi(one.k, one.vol * one.vol * one.years, weight)
            found.append(None if svi is None else (svi.a, svi.b, svi.rho, svi.m, svi.sigma))
    return found


def _judge(
    one: SmileQuotes, model: Model, values: tuple[float, ...], poor_fit: float
) -> tuple[SliceFit, Column] | None:
    """The fit of an expiry beside its quotes, and the absolute errors in volatility points.

    None where the model has no variance.
    """
    k = one.k
    blank = SliceFit(
        one.years, one.forward, values, 0.0, float(k[0]), float(k[-1]), 0.0, 0.0, 0.0, len(k), one.offered, ()
    )
    smile = smile_of(model, blank)
    vol = np.sqrt(smile.total_variance(np.append(k, 0.0)) / one.years)
    if not np.isfinite(vol).all():
        return None
    error = 100.0 * np.abs(vol[:-1] - one.vol)
    median = float(np.median(error))
    flags: tuple[Flag, ...] = ()
    if median > poor_fit:
        flags += ("poor_fit",)
    if one.is_american:
        flags += ("american",)
    fit = msgspec.structs.replace(
        blank,
        atm_vol=vol.item(-1),
        rms_error=math.sqrt(float(np.mean(error * error))),
        median_error=median,
        within_spread=float(np.mean(error <= 100.0 * one.half_spread)),
        flags=flags,
    )
    return fit, error
