"""Every real chain is fitted by every model, and docs/options.md states what came of it."""

from __future__ import annotations

import re
import timeit
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from quant_channels.options.calibrate import fit_surface
from quant_channels.options.checks import check_grid
from quant_channels.options.implied import REASONS
from quant_channels.options.measures import surface_measures
from quant_channels.options.smile import has_butterfly_arbitrage
from quant_channels.options.surface import Flag, Model, Refusal, SurfaceFit

PAGE = Path(__file__).resolve().parents[3] / "docs" / "options.md"
MODELS = get_args(Model)


def stated(heading: str) -> dict[tuple[str, str], list[str]]:
    """Rows of the table below a heading by their first two cells."""
    below = PAGE.read_text().partition(f"\n{heading}\n")[2]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)[0].strip().split("\n")[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {(name, source): rest for name, source, *rest in rows}


CHAINS = stated("## Real chains")


def test_the_documentation_names_every_reason_model_and_flag():
    text = PAGE.read_text()
    # The page goes on to settings and sources, which have tables of their own.
    rows = re.findall(r"^\| `(\w+)` \|", text.partition("\n## The chain\n")[0], re.MULTILINE)
    assert rows == [*REASONS, *get_args(Model)]
    for name in (*get_args(Flag), *get_args(Refusal)):
        assert f"`{name}`" in text, name


def told(fits: list[SurfaceFit]) -> list[str]:
    """The cells of a chain: expiries fitted, coverage, median errors, and what was refused and flagged."""
    first = fits[0]
    errors = ["none" if fit.median_error is None else f"{fit.median_error:.2f}" for fit in fits]
    offered = len(first.slices) + len(first.refused)
    return [f"{len(first.slices)} of {offered}", f"{first.coverage:.0%}", *errors, *notes(fits)]


def notes(fits: list[SurfaceFit]) -> tuple[str, str]:
    """Refusals and flags of every model, counted."""
    refused, flagged = [], []
    for fit in fits:
        reasons = [one.reason for one in fit.refused]
        flags = [flag for one in fit.slices for flag in one.flags if flag != "american"]
        for names, cells in ((reasons, refused), (flags, flagged)):
            counted = [f"{names.count(name)} `{name}`" for name in sorted(set(names))]
            if counted:
                cells.append(f"{fit.model}: {', '.join(counted)}")
    return "; ".join(refused) or "none", "; ".join(flagged) or "none"


@pytest.mark.parametrize(("name", "source"), CHAINS)
def test_a_real_chain_is_fitted_as_the_documentation_states(chain, name, source):
    smiles = chain(name, source)
    fits = [fit_surface(smiles, model) for model in MODELS]
    assert told(fits) == CHAINS[name, source], " | ".join([name, source, *told(fits)])
    for fit in fits:
        assert len(fit.slices) + len(fit.refused) == len(smiles)
        assert fit == fit_surface(smiles, fit.model)
        assert all(("american" in one.flags) == name.startswith("GOOG") for one in fit.slices)
        if fit.reason is None:
            found = surface_measures(fit)
            assert found.atm > 0.0
            assert not found.is_extrapolated


def test_ssvi_has_no_arbitrage_on_any_real_chain(chain):
    for name, source in CHAINS:
        fit = fit_surface(chain(name, source))
        for one, smile in ((one, fit.smile(place)) for place, one in enumerate(fit.slices)):
            assert not has_butterfly_arbitrage(smile, 3.0 * check_grid(one)), (name, one.years)
        k = np.linspace(-3.0, 3.0, 121)
        levels = [fit.smile(place).total_variance(k) for place in range(len(fit.slices))]
        assert all((after >= before).all() for before, after in pairwise(levels))


def test_the_surface_of_the_venue_and_ours_agree_at_the_money(chain, deribit_rows):
    """The mark volatility of Deribit at the strike next to the forward, an expiry at a time."""
    rows = deribit_rows("Deribit BTC, 2025-12-05")
    fit = fit_surface(chain("Deribit BTC, 2025-12-05", "quotes"), "svi")
    apart = []
    for one in fit.slices:
        near = [row for row in rows if row["t_years"] == one.years]
        row = min(near, key=lambda row: abs(row["strike"] - one.forward))
        found = fit.vol_at_strike(row["strike"], one.years)
        apart.append(abs(100.0 * found - row["mark_iv_pct"]))
    assert np.median(apart) < 0.25


def test_a_chain_of_six_expiries_and_25_strikes_is_fitted_within_20_ms(chain):
    smiles = chain("Deribit BTC, 2025-12-05", "quotes")[-6:]
    assert sum(len(one.strikes) for one in smiles) >= 150
    fit_surface(smiles)
    # The best of a few: other programs may be at work.
    assert min(timeit.repeat(lambda: fit_surface(smiles), number=1, repeat=7)) < 0.02
