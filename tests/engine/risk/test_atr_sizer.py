"""ATRSizer: the specified size, the cap, and no dependence on the scale of the price."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.protocols import FeatureSpec, Proposal, RiskProto
from quant_engine.risk import ATRSizer

EQUITY = st.floats(1, 1e9)
PRICE = st.floats(1e-4, 1e6)
ATR = st.floats(0, 1e5)


def test_2_percent_of_10_000_at_two_ranges_of_150_is_two_thirds_of_a_unit(intent, context) -> None:
    sizer = ATRSizer(risk_fraction=0.02, stop_multiple=2.0)
    at = context(price=12_000.0, features={"atr_14": 150.0})
    assert sizer.adjust(intent(1), at).quantity == pytest.approx(0.666667, abs=5e-7)
    assert sizer.adjust(intent(1), at).limits == ()


@pytest.mark.parametrize(
    ("direction", "strength", "atr", "leverage", "quantity", "limits"),
    [
        pytest.param(1, 1.0, 2.0, 1.0, 50.0, (), id="by risk"),
        pytest.param(-1, 1.0, 2.0, 1.0, -50.0, (), id="by risk, short"),
        pytest.param(1, 0.5, 2.0, 1.0, 25.0, (), id="half as strong"),
        pytest.param(1, 1.0, 2.0, 0.25, 25.0, ("max_leverage",), id="by leverage"),
        pytest.param(-1, 1.0, 2.0, 0.25, -25.0, ("max_leverage",), id="by leverage, short"),
        pytest.param(1, 1.0, 0.0, 3.0, 300.0, ("max_leverage",), id="nothing moves"),
        pytest.param(-1, 1.0, 5e-324, 3.0, -300.0, ("max_leverage",), id="hardly anything moves"),
        pytest.param(1, 1.0, 1.0, 1.0, 100.0, (), id="both at once binds nothing"),
        pytest.param(0, 0.0, 2.0, 1.0, 0.0, (), id="flat"),
    ],
)
def test_sizes(intent, context, direction, strength, atr, leverage, quantity, limits) -> None:
    sizer = ATRSizer(risk_fraction=0.02, stop_multiple=2.0, max_leverage=leverage)
    got = sizer.adjust(intent(direction, strength), context(features={"atr_14": atr}))
    assert got == Proposal(quantity, limits=limits)
    assert math.copysign(1, got.quantity) == (direction or 1)


@pytest.mark.parametrize("equity", [0.0, -5.0])
def test_without_equity_nothing_is_taken(intent, context, equity: float) -> None:
    got = ATRSizer().adjust(intent(1), context(equity=equity, features={"atr_14": 2.0}))
    assert got == Proposal(0.0, limits=("no_equity",))


@given(equity=EQUITY, price=PRICE, atr=ATR, power=st.integers(-40, 40))
def test_another_price_scale_buys_the_same_value(intent, context, equity, price, atr, power) -> None:
    scale = 2.0**power
    here, there = (
        ATRSizer()
        .adjust(intent(1), context(equity=equity, price=by * price, features={"atr_14": by * atr}))
        .quantity
        for by in (1.0, scale)
    )
    # A power of two costs no rounding, and nothing here comes near the ends of the number line.
    assert there * scale == pytest.approx(here, rel=1e-12)


def test_size_in_cents_is_a_hundred_times_the_size_in_dollars(intent, context) -> None:
    dollars = ATRSizer().adjust(intent(1), context(price=640.0, features={"atr_14": 8.0}))
    cents = ATRSizer().adjust(
        intent(1), context(price=64_000.0, equity=1_000_000.0, features={"atr_14": 800.0})
    )
    assert cents.quantity == pytest.approx(dollars.quantity)


@given(equity=EQUITY, price=PRICE, atr=ATR, strength=st.floats(0.001, 1), leverage=st.floats(0.1, 10))
def test_long_and_short_are_the_same_size_within_both_bounds(
    intent, context, equity, price, atr, strength, leverage
) -> None:
    sizer = ATRSizer(max_leverage=leverage)
    at = context(equity=equity, price=price, features={"atr_14": atr})
    long, short = (sizer.adjust(intent(side, strength), at) for side in (1, -1))
    assert long.quantity == -short.quantity > 0
    assert long.limits == short.limits
    assert math.isfinite(long.quantity)
    assert long.quantity * price <= leverage * equity * (1 + 1e-12)
    assert long.quantity * 2 * atr <= 0.02 * equity * (1 + 1e-12)


@given(one=ATR, other=ATR)
def test_the_wilder_the_market_the_smaller_the_position(intent, context, one, other) -> None:
    calm, wild = (
        ATRSizer().adjust(intent(1), context(features={"atr_14": atr})).quantity
        for atr in sorted((one, other))
    )
    assert calm >= wild


def test_leaves_the_stop_to_others_unless_asked(intent, context) -> None:
    at = context(features={"atr_14": 2.0}, proposal=Proposal(1.0, stop=90.0, limits=("earlier",)))
    assert ATRSizer().adjust(intent(1), at) == Proposal(50.0, stop=90.0, limits=("earlier",))


@pytest.mark.parametrize(
    ("direction", "atr", "stop"),
    [
        pytest.param(1, 2.0, 96.0, id="long"),
        pytest.param(-1, 2.0, 104.0, id="short"),
        pytest.param(1, 0.0, None, id="nothing moves, so a stop would sit at the price itself"),
        pytest.param(1, 50.0, None, id="no price falls below zero"),
        pytest.param(0, 2.0, None, id="flat"),
    ],
)
def test_places_the_stop_where_the_risk_is_used_up(intent, context, direction, atr, stop) -> None:
    sizer = ATRSizer(stop_multiple=2.0, place_stop=True)
    assert sizer.adjust(intent(direction), context(features={"atr_14": atr})).stop == stop


def test_a_missing_range_is_an_error_and_never_a_zero(intent, context) -> None:
    with pytest.raises(KeyError):
        ATRSizer().adjust(intent(1), context(features={}))


def test_keeps_the_shape_of_the_promise() -> None:
    assert isinstance(ATRSizer(), RiskProto)
    assert ATRSizer(atr_window=20).needs == (FeatureSpec("ATR", {"window": 20}),)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"atr_window": 0}, "atr_window must be at least 1, not 0"),
        ({"atr_window": 14.0001}, "Expected 'int', got 'float'"),
        ({"risk_fraction": 2}, "0.02 is two percent"),
        ({"risk_fraction": 0}, "above 0 and at most 1"),
        ({"risk_fraction": "2%"}, "Expected 'float', got 'str'"),
        ({"risk_fraction": float("nan")}, "nan is not a usable number"),
        ({"stop_multiple": 0.0}, "stop_multiple must be above 0, such as 2.0, not 0.0"),
        ({"max_leverage": -1}, "max_leverage must be above 0, such as 1.0, not -1"),
        ({"risk": 0.02}, "unknown key 'risk'"),
    ],
)
def test_bad_settings_are_refused_with_what_would_be_right(settings, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(settings, ATRSizer, "BTCUSDT.risk.params")
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["risk_fraction", "stop_multiple", "max_leverage"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused_in_code_too(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        ATRSizer(**{name: value})
