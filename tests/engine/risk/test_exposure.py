"""ExposureLimit: each bound alone, all together, and what no bound may do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.protocols import Proposal, RiskProto
from quant_engine.risk import ExposureLimit

SYMBOL = ExposureLimit(max_symbol=0.5)
GROSS = ExposureLimit(max_gross=1.0)
NET = ExposureLimit(max_net=1.0)
ALL = ExposureLimit(max_symbol=0.5, max_gross=1.0, max_net=0.25)


@pytest.mark.parametrize(
    ("rule", "wished", "other_net", "other_gross", "allowed", "limits"),
    [
        pytest.param(SYMBOL, 40.0, 0.0, 0.0, 40.0, (), id="symbol: room enough"),
        pytest.param(SYMBOL, 50.0, 0.0, 0.0, 50.0, (), id="symbol: just enough"),
        pytest.param(SYMBOL, 60.0, 0.0, 0.0, 50.0, ("max_symbol",), id="symbol: cut"),
        pytest.param(SYMBOL, -60.0, 0.0, 0.0, -50.0, ("max_symbol",), id="symbol: short cut"),
        pytest.param(SYMBOL, 40.0, 9e9, 9e9, 40.0, (), id="symbol: others do not matter"),
        pytest.param(GROSS, 60.0, 0.0, 7_000.0, 30.0, ("max_gross",), id="gross: cut"),
        pytest.param(GROSS, -60.0, 0.0, 7_000.0, -30.0, ("max_gross",), id="gross: short cut"),
        pytest.param(GROSS, 60.0, 0.0, 12_000.0, 0.0, ("max_gross",), id="gross: no room"),
        pytest.param(NET, 60.0, 7_000.0, 7_000.0, 30.0, ("max_net",), id="net: cut"),
        pytest.param(NET, -60.0, 7_000.0, 7_000.0, -60.0, (), id="net: the other way is free"),
        pytest.param(
            NET, -180.0, 7_000.0, 7_000.0, -170.0, ("max_net",), id="net: through to the other side"
        ),
        pytest.param(NET, 60.0, 12_000.0, 12_000.0, 0.0, ("max_net",), id="net: no room"),
        pytest.param(NET, -5.0, 12_000.0, 12_000.0, -5.0, (), id="net: a hedge is not enlarged"),
        pytest.param(ALL, 60.0, 0.0, 6_000.0, 25.0, ("max_symbol", "max_gross", "max_net"), id="all bind"),
        pytest.param(ALL, 45.0, -4_000.0, 6_000.0, 40.0, ("max_gross",), id="one of three binds"),
        pytest.param(ALL, 0.0, 9e9, 9e9, 0.0, (), id="nothing wished, nothing cut"),
        pytest.param(ExposureLimit(max_net=0.0), 5.0, 0.0, 0.0, 0.0, ("max_net",), id="market neutral"),
    ],
)
def test_cuts_to_the_room_there_is(intent, context, rule, wished, other_net, other_gross, allowed, limits):
    at = context(other_net=other_net, other_gross=other_gross, proposal=Proposal(wished))
    got = rule.adjust(intent(1), at)
    assert got == Proposal(allowed, limits=limits)
    assert math.copysign(1, got.quantity) == (1 if allowed >= 0 else -1)


def test_names_come_after_those_of_earlier_rules_and_protection_stays(intent, context) -> None:
    at = context(proposal=Proposal(80.0, 95.0, 110.0, ("max_leverage",)))
    assert SYMBOL.adjust(intent(1), at) == Proposal(50.0, 95.0, 110.0, ("max_leverage", "max_symbol"))


@pytest.mark.parametrize("equity", [0.0, -1.0])
@pytest.mark.parametrize("rule", [SYMBOL, GROSS, NET])
def test_without_equity_nothing_may_be_held(intent, context, rule, equity: float) -> None:
    got = rule.adjust(intent(1), context(equity=equity, other_net=-5_000.0, other_gross=5_000.0))
    assert got == Proposal(0.0, limits=("no_equity",))


BOUND = st.none() | st.floats(0, 10)


@given(
    bounds=st.tuples(BOUND, BOUND, BOUND).filter(any),
    wished=st.floats(-1e6, 1e6),
    price=st.floats(1e-3, 1e6),
    # Far below a cent numbers have no digits left to be relative to.
    equity=st.floats(-1e3, 0.0) | st.floats(1e-9, 1e9),
    other_gross=st.floats(0, 1e9),
    share=st.floats(-1, 1),
)
def test_stays_within_every_bound_it_names_and_never_enlarges_or_turns(
    intent, context, bounds, wished, price, equity, other_gross, share
) -> None:
    rule = ExposureLimit(*bounds)
    other_net = share * other_gross
    at = {"price": price, "equity": equity, "other_gross": other_gross}
    up = rule.adjust(intent(1), context(**at, other_net=other_net, proposal=Proposal(wished)))
    down = rule.adjust(intent(-1), context(**at, other_net=-other_net, proposal=Proposal(-wished)))
    assert up.quantity == -down.quantity
    assert up.limits == down.limits
    assert abs(up.quantity) <= abs(wished)
    assert up.quantity * wished >= 0
    assert bool(up.limits) == (up.quantity != wished)
    if not up.quantity:
        return
    value, slack = up.quantity * price, 1e-9 * (equity + other_gross)
    max_symbol, max_gross, max_net = bounds
    assert max_symbol is None or abs(value) <= max_symbol * equity + slack
    assert max_gross is None or abs(value) + other_gross <= max_gross * equity + slack
    if max_net is not None:
        # Either the whole is within the bound, or this position only makes it smaller.
        within = abs(value + other_net) <= max_net * equity + slack
        assert within or abs(value + other_net) <= abs(other_net)


def test_keeps_the_shape_of_the_promise() -> None:
    assert isinstance(ALL, RiskProto)
    assert ALL.needs == ()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "give at least one of max_symbol, max_gross and max_net"),
        ({"max_gross": -1.0}, "max_gross is a multiple of equity, 0 or more such as 1.0, not -1.0"),
        ({"max_net": float("nan")}, "nan is not a usable number"),
        ({"max_symbol": "1"}, "got 'str'"),
        ({"max_grss": 1.0}, "did you mean 'max_gross'?"),
    ],
)
def test_bad_settings_are_refused_with_what_would_be_right(settings, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(settings, ExposureLimit, "BTCUSDT.risk[2].params")
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["max_symbol", "max_gross", "max_net"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused_in_code_too(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        ExposureLimit(**{name: value})
