"""Slippage: the specified cost, worse for both sides, growing with size, and not saved by slicing."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.protocols import FeatureSpec, SlippageModel
from quant_engine.execution.slippage import LinearSlippage, NoSlippage

SIZE = st.floats(1e-6, 1e6)
DONE = st.floats(0, 1e6)
SIGMA = st.floats(0, 1)
VOLUME = st.floats(0, 1e9)
BARE = LinearSlippage(half_spread_bps=0.0, eta=0.1)


def test_50_of_20_000_at_3_percent_costs_0_075_basis_points() -> None:
    assert BARE.fraction(50.0, 0.0, 0.03, 20_000.0) * 10_000 == pytest.approx(0.075, rel=1e-12)


def test_the_half_spread_comes_on_top() -> None:
    whole = LinearSlippage(half_spread_bps=1.0, eta=0.1).fraction(50.0, 0.0, 0.03, 20_000.0)
    assert whole * 10_000 == pytest.approx(1.075, rel=1e-12)


@pytest.mark.parametrize(
    ("volatility", "daily_volume", "bps"),
    [
        pytest.param(0.0, 20_000.0, 1.0, id="a market that did not move costs half the spread"),
        pytest.param(0.03, 0.0, 500.0, id="no volume costs the most there is"),
        pytest.param(0.0, 0.0, 500.0, id="nothing known costs the most there is"),
        pytest.param(0.03, 1e-9, 500.0, id="hardly any volume costs no more"),
    ],
)
def test_at_the_edges(volatility: float, daily_volume: float, bps: float) -> None:
    cost = LinearSlippage().fraction(50.0, 0.0, volatility, daily_volume)
    assert cost * 10_000 == pytest.approx(bps, rel=1e-12)


@given(size=SIZE, done=DONE, sigma=SIGMA, volume=VOLUME)
def test_is_worse_for_buyer_and_seller_alike(size, done, sigma, volume) -> None:
    """An earlier depth model added the same amount to the price for both sides, which paid the seller."""
    cost = LinearSlippage().fraction(size, done, sigma, volume)
    bought, sold = (64_000.0 * (1 + side * cost) for side in (1, -1))
    assert 0 < sold < 64_000.0 < bought
    assert bought - 64_000.0 == pytest.approx(64_000.0 - sold, rel=1e-6)
    assert 0.0001 <= cost <= 0.05


@given(size=SIZE, more=DONE, done=DONE, before=DONE, sigma=SIGMA, volume=VOLUME)
def test_never_falls_as_the_order_grows(size, more, done, before, sigma, volume) -> None:
    cost = LinearSlippage().fraction
    assert cost(size + more, done, sigma, volume) >= cost(size, done, sigma, volume)
    assert cost(size, done + before, sigma, volume) >= cost(size, done, sigma, volume)


@given(pieces=st.lists(st.floats(0.01, 100), min_size=1, max_size=20), sigma=st.floats(0.001, 0.2))
def test_slicing_alone_saves_nothing(pieces: list[float], sigma: float) -> None:
    model = LinearSlippage(half_spread_bps=1.0, eta=0.1)
    done = [0.0, *itertools.accumulate(pieces)]
    paid = math.fsum(
        size * model.fraction(size, before, sigma, 20_000.0)
        for size, before in zip(pieces, done[:-1], strict=True)
    )
    whole = done[-1] * model.fraction(done[-1], 0.0, sigma, 20_000.0)
    assert paid == pytest.approx(whole, rel=1e-9)


def test_no_slippage_is_none() -> None:
    assert NoSlippage().fraction(50.0, 10.0, 0.03, 0.0) == 0.0
    assert NoSlippage().needs == ()


def test_needs_volatility_first_and_volume_second() -> None:
    assert LinearSlippage(window=48).needs == (
        FeatureSpec("CloseToClose", {"window": 48}),
        FeatureSpec("DailyVolume", {"window": 48}),
    )


@pytest.mark.parametrize("model", [NoSlippage(), LinearSlippage()])
def test_keeps_the_shape_of_the_promise(model) -> None:
    assert isinstance(model, SlippageModel)


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        (
            LinearSlippage,
            {"half_spread_bps": -1.0},
            "half_spread_bps must be from 0 to max_fraction (500 bps)",
        ),
        (
            LinearSlippage,
            {"half_spread_bps": 600},
            "half_spread_bps must be from 0 to max_fraction (500 bps)",
        ),
        (LinearSlippage, {"eta": -0.1}, "eta must be 0 or more, such as 0.1, not -0.1"),
        (LinearSlippage, {"eta": float("nan")}, "nan is not a usable number"),
        (LinearSlippage, {"window": 1}, "window must be at least 2, not 1"),
        (LinearSlippage, {"max_fraction": 1.0}, "from 0 up to but not including 1"),
        (LinearSlippage, {"half_spread": 1.0}, "did you mean 'half_spread_bps'?"),
        (LinearSlippage, {"eta": "0.1"}, "Expected 'float', got 'str'"),
        (NoSlippage, {"eta": 0.1}, "unknown key 'eta'"),
    ],
)
def test_bad_settings_are_refused_with_what_would_be_right(kind, settings, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(settings, kind, "BTCUSDT.slippage.params")
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["half_spread_bps", "eta", "max_fraction"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused_in_code_too(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        LinearSlippage(**{name: value})
