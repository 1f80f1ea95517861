"""StopLossTakeProfit: the right side for long and short, at a share of the price and of nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.protocols import Proposal, RiskProto
from quant_engine.risk import StopLossTakeProfit

BOTH = StopLossTakeProfit(stop_loss=0.05, take_profit=0.1)


@pytest.mark.parametrize(
    ("rule", "proposal", "expected"),
    [
        pytest.param(BOTH, Proposal(2.0), Proposal(2.0, 95.0, 110.0), id="long"),
        pytest.param(BOTH, Proposal(-2.0), Proposal(-2.0, 105.0, 90.0), id="short"),
        pytest.param(BOTH, Proposal(0.0), Proposal(0.0), id="nothing to protect"),
        pytest.param(
            StopLossTakeProfit(stop_loss=0.05),
            Proposal(2.0, 97.0, 120.0, ("max_gross",)),
            Proposal(2.0, 95.0, 120.0, ("max_gross",)),
            id="only the stop, the rest stays",
        ),
        pytest.param(
            StopLossTakeProfit(take_profit=0.1),
            Proposal(2.0, 97.0),
            Proposal(2.0, 97.0, 110.0),
            id="only the limit, the rest stays",
        ),
        pytest.param(
            StopLossTakeProfit(take_profit=1.5), Proposal(2.0), Proposal(2.0, None, 250.0), id="far above"
        ),
        pytest.param(
            StopLossTakeProfit(take_profit=1.0), Proposal(-2.0), Proposal(-2.0), id="no price falls to zero"
        ),
    ],
)
def test_places(intent, context, rule, proposal: Proposal, expected: Proposal) -> None:
    assert rule.adjust(intent(1), context(proposal=proposal)) == expected


@given(
    price=st.floats(1e-6, 1e8),
    loss=st.floats(1e-4, 0.99),
    gain=st.floats(1e-4, 0.99),
    size=st.floats(1e-9, 1e9),
)
def test_a_loss_is_on_the_far_side_of_the_price_from_a_gain(intent, context, price, loss, gain, size) -> None:
    rule = StopLossTakeProfit(stop_loss=loss, take_profit=gain)
    long, short = (
        rule.adjust(intent(1), context(price=price, proposal=Proposal(side * size))) for side in (1, -1)
    )
    assert 0 < long.stop < price < long.take_profit
    assert 0 < short.take_profit < price < short.stop
    assert (long.quantity, short.quantity) == (size, -size)


@given(small=st.floats(1e-9, 1), large=st.floats(1e3, 1e9))
def test_the_distance_does_not_depend_on_the_money_at_stake(intent, context, small, large) -> None:
    """A stop loss of 5% once compared profit in currency with -0.05, so a large position shut at once."""
    one, other = (BOTH.adjust(intent(1), context(proposal=Proposal(size))) for size in (small, large))
    assert (one.stop, one.take_profit) == (other.stop, other.take_profit) == (95.0, 110.0)


def test_keeps_the_shape_of_the_promise() -> None:
    assert isinstance(BOTH, RiskProto)
    assert BOTH.needs == ()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "give stop_loss, take_profit or both"),
        ({"stop_loss": 5}, "0.05 is five percent"),
        ({"stop_loss": -0.05}, "above 0 and below 1"),
        ({"stop_loss": 0}, "above 0 and below 1"),
        ({"take_profit": 0.0}, "take_profit is a share of the price, above 0"),
        ({"take_profit": float("inf")}, "inf is not a usable number"),
        ({"stop_loss": "5%"}, "got 'str'"),
        ({"stop": 0.05}, "did you mean 'stop_loss'?"),
    ],
)
def test_bad_settings_are_refused_with_what_would_be_right(settings, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(settings, StopLossTakeProfit, "BTCUSDT.risk[1].params")
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["stop_loss", "take_profit"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused_in_code_too(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        StopLossTakeProfit(**{name: value})
