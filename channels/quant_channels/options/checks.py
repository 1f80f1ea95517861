"""Butterfly and calendar arbitrage of fitted expiries, on a grid of k.

The grid of an expiry reaches over the strikes its quotes came from and three standard deviations to either
side of the forward; further out nobody has quoted anything, and every smile but an SSVI one can be faulted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from quant_channels.options.smile import has_butterfly_arbitrage
from quant_channels.options.surface import Flag, Model, SliceFit, smile_of
from quant_contracts.blocks import Column

POINTS: Final = 201
DEVIATIONS: Final = 3.0
ROUNDING: Final = 1e-9


def check_grid(one: SliceFit) -> Column:
    """The k at which an expiry is checked."""
    reach = DEVIATIONS * one.atm_vol * math.sqrt(one.years)
    return np.linspace(min(one.lowest_k, -reach), max(one.highest_k, reach), POINTS)


def arbitrage_flags(model: Model, slices: Sequence[SliceFit]) -> list[tuple[Flag, ...]]:
    """What each of the expiries, in order, is flagged with: `butterfly`, `calendar`.

    A calendar is looked for between an expiry and the one before it, at the same k: total variance must not
    fall (Gatheral and Jacquier, arXiv 1204.0646, lemma 2.1). It is the later one that is flagged.
    """
    flags: list[tuple[Flag, ...]] = []
    for place, one in enumerate(slices):
        found: list[Flag] = []
        smile = smile_of(model, one)
        if has_butterfly_arbitrage(smile, check_grid(one)):
            found.append("butterfly")
        if place:
            k = check_grid(slices[place - 1])
            before = smile_of(model, slices[place - 1]).total_variance(k)
            if not bool((smile.total_variance(k) >= before * (1.0 - ROUNDING)).all()):
                found.append("calendar")
        flags.append(tuple(found))
    return flags
