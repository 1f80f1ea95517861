"""Where floats become exact: on the tick, in whole lots, never in the trader's favour."""

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.instrument import Instrument

PRICES = st.floats(1e-6, 1e9, allow_nan=False)
SIZES = st.floats(-1e9, 1e9, allow_nan=False)
STEPS = st.sampled_from([Decimal(text) for text in ("0.01", "0.00001", "1", "0.25", "5", "1e-8", "0.3")])


@given(PRICES, STEPS)
def test_a_price_is_the_next_tick_that_is_worse(value, tick):
    instrument = Instrument("X", tick=tick)
    exact = Decimal(repr(value))
    buy, sell = instrument.price(value, 1), instrument.price(value, -1)
    assert sell <= exact <= buy
    assert buy - exact < tick
    assert exact - sell < tick
    assert not buy % tick
    assert not sell % tick


@given(PRICES, STEPS)
def test_an_observed_price_is_the_nearest_tick(value, tick):
    observed = Instrument("X", tick=tick).observed(value)
    assert not observed % tick
    assert abs(observed - Decimal(repr(value))) <= tick / 2


@given(SIZES, STEPS)
def test_a_size_is_never_more_than_was_wanted(value, lot):
    size = Instrument("X", lot=lot).size(value)
    exact = Decimal(repr(value))
    assert not size % lot
    assert abs(size) <= abs(exact)
    assert abs(exact) - abs(size) < lot
    assert size * exact >= 0


@given(st.integers(-(10**12), 10**12), STEPS)
def test_lots_count_what_size_made(lots, lot):
    assert Instrument("X", lot=lot).lots(lots * lot) == lots


@pytest.mark.parametrize(
    ("value", "side", "expected"),
    [
        pytest.param(100.0, 1, "100.00", id="a price on the tick stays, buying"),
        pytest.param(100.0, -1, "100.00", id="and selling"),
        pytest.param(100.001, 1, "100.01", id="up for a buyer"),
        pytest.param(100.009, -1, "100.00", id="down for a seller"),
        # 0.1 + 0.2 is 0.30000000000000004: the shortest text of the float decides, and it is over.
        pytest.param(0.1 + 0.2, 1, "0.31", id="a sum of floats is what it says it is"),
        pytest.param(64000.126, 1, "64000.13", id="the documented example"),
    ],
)
def test_known_answers(value, side, expected):
    assert Instrument("BTCUSDT", tick=Decimal("0.01")).price(value, side) == Decimal(expected)


def test_halves_go_to_the_even_tick():
    instrument = Instrument("X", tick=Decimal("0.5"))
    assert [instrument.observed(price) for price in (0.25, 0.75, 1.25)] == [
        Decimal(0),
        Decimal(1),
        Decimal(1),
    ]


def test_the_digits_of_the_host_program_do_not_matter():
    instrument = Instrument("X", tick=Decimal("1e-8"), lot=Decimal("1e-8"))
    with decimal.localcontext() as context:
        context.prec = 5
        assert instrument.price(123456.12345678, 1) == Decimal("123456.12345678")
        assert instrument.size(987654.12345678) == Decimal("987654.12345678")
        assert instrument.lots(Decimal("987654.12345678")) == 98_765_412_345_678


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tick": "0"}, "tick of X must be above 0, not 0"),
        ({"lot": "-1"}, "lot of X must be above 0, not -1"),
        ({"min_notional": "-5"}, "min_notional of X must be 0 or more, not -5"),
        ({"tick": "NaN"}, "NaN is not a usable amount"),
        ({"tick": 0.01}, "write 0.01 as a string"),
        ({"ticks": "1"}, "unknown key 'ticks'; did you mean 'tick'?"),
    ],
)
def test_an_unfit_instrument_is_refused(settings, said):
    with pytest.raises(ConfigError) as caught:
        convert({"symbol": "X", **settings}, Instrument, "$")
    assert said in str(caught.value)


def test_an_infinite_tick_is_refused_in_python_too():
    with pytest.raises(ValueError, match="tick of X must be above 0, not Infinity"):
        Instrument("X", tick=Decimal("Infinity"))
