"""Sums over a book of options."""

from __future__ import annotations

import math

import pytest

from quant_channels.options.greeks import black76_greeks
from quant_channels.options.portfolio import OptionPosition, portfolio_greeks

CALL = OptionPosition("C", 100_000.0, 30 / 365, 3.0, 0.5, 95_000.0, is_inverse=True)
PUT = OptionPosition("P", 740.0, 100 / 365, -2.0, 0.25, 750.0, rate=0.01, multiplier=100.0)


def test_a_book_is_the_sum_of_its_positions():
    call = black76_greeks(True, 95_000.0, 100_000.0, 30 / 365, 0.5)
    put = black76_greeks(False, 750.0, 740.0, 100 / 365, 0.25, 0.01)
    book = portfolio_greeks([CALL, PUT])
    assert book.value == pytest.approx(3 * call.price - 200 * put.price)
    assert book.delta == pytest.approx(3 * call.delta - 200 * put.delta)
    assert book.settled_delta == pytest.approx(3 * (call.delta - call.price / 95_000.0) - 200 * put.delta)
    assert book.delta_notional == pytest.approx(3 * call.delta * 95_000.0 - 200 * put.delta * 750.0)
    assert book.gamma == pytest.approx(3 * call.gamma - 200 * put.gamma)
    assert book.gamma_per_percent == pytest.approx(
        (3 * call.gamma * 95_000.0**2 - 200 * put.gamma * 750.0**2) / 100
    )
    assert book.vega_per_point == pytest.approx(3 * call.vega_per_point - 200 * put.vega_per_point)
    assert book.theta_per_day == pytest.approx(3 * call.theta_per_day - 200 * put.theta_per_day)
    vegas = {one.days: one.vega_per_point for one in book.vega_by_expiry}
    assert list(vegas) == [7.0, 30.0, 90.0, 180.0, 365.0, math.inf]
    assert vegas[30.0] == pytest.approx(3 * call.vega_per_point)
    assert vegas[180.0] == pytest.approx(-200 * put.vega_per_point)
    assert portfolio_greeks([PUT, CALL]) == book


def test_an_empty_book_moves_with_nothing():
    book = portfolio_greeks([], buckets=(30.0,))
    assert (book.value, book.delta, book.vega_per_point) == (0.0, 0.0, 0.0)
    assert [one.days for one in book.vega_by_expiry] == [30.0, math.inf]


def test_a_call_held_and_a_put_owed_are_the_forward():
    put = OptionPosition("P", 100_000.0, 30 / 365, -3.0, 0.5, 95_000.0, is_inverse=True)
    book = portfolio_greeks([CALL, put])
    assert book.delta == pytest.approx(3.0)
    assert book.value == pytest.approx(3.0 * (95_000.0 - 100_000.0))
    assert book.gamma == pytest.approx(0.0, abs=1e-15)
    # In coin the payoff 3 (1 - K/F) is that of 3 K / F coins sold forward.
    assert book.settled_delta == pytest.approx(3.0 * 100_000.0 / 95_000.0)


def test_buckets_must_rise():
    with pytest.raises(ValueError, match="buckets must rise"):
        portfolio_greeks([CALL], buckets=(30.0, 7.0))
