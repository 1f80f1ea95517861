"""Policies: the pieces add up exactly, and a TWAP is spread over time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError
from quant_contracts.instrument import Instrument
from quant_contracts.protocols import ExecutionPolicy, MarketState, ParentOrder, Router, Slice
from quant_contracts.units import HOUR, MINUTE
from quant_engine.execution.policy import ImmediatePolicy, TWAPPolicy
from quant_engine.execution.router import MarketRouter

LOT = Decimal("0.00001")
MARKET = MarketState(0, "BTCUSDT", 64_000.0, 15 * MINUTE, 0.03, 20_000.0)


def parent(lots: int, lot: Decimal = LOT, *, reduce_only: bool = False) -> ParentOrder:
    return ParentOrder(0, "p1", Instrument("BTCUSDT", lot=lot), lots * lot, reduce_only, MARKET)


def test_immediate_sends_everything_at_once() -> None:
    assert ImmediatePolicy().slices(parent(-1003)) == (Slice(0, Decimal("-0.01003")),)


@pytest.mark.parametrize(
    ("lots", "segments", "pieces"),
    [
        pytest.param(1003, 5, [201, 200, 201, 200, 201], id="the specified case"),
        pytest.param(-1003, 5, [-201, -200, -201, -200, -201], id="selling"),
        pytest.param(1000, 5, [200] * 5, id="even"),
        pytest.param(3, 2, [2, 1], id="a half goes to the even side, up"),
        pytest.param(5, 2, [2, 3], id="a half goes to the even side, down"),
        pytest.param(7, 1, [7], id="one segment"),
    ],
)
def test_twap_cuts_by_cumulative_rounding(lots: int, segments: int, pieces: list[int]) -> None:
    made = TWAPPolicy(segments=segments).slices(parent(lots))
    assert [piece.quantity / LOT for piece in made] == pieces


def test_twap_leaves_empty_slots_empty() -> None:
    made = TWAPPolicy(segments=5).slices(parent(2))
    assert [(piece.after // (15 * MINUTE), piece.quantity / LOT) for piece in made] == [(1, 1), (3, 1)]


def test_twap_never_sends_everything_at_once() -> None:
    made = TWAPPolicy(segments=5).slices(parent(1003))
    assert [piece.after for piece in made] == [0, 15 * MINUTE, 30 * MINUTE, 45 * MINUTE, 60 * MINUTE]


@pytest.mark.parametrize(
    ("worth", "pieces"),
    [
        pytest.param(60, 5, id="enough for all"),
        pytest.param(35, 3, id="three of at least 10"),
        pytest.param(12, 1, id="one of at least 10"),
        pytest.param(6, 1, id="what the venue just takes"),
    ],
)
def test_twap_cuts_a_small_order_into_pieces_the_venue_takes(worth: int, pieces: int) -> None:
    """A piece worth less than the venue's least order would be refused, and the target never reached."""
    btc = Instrument("BTCUSDT", min_notional=Decimal(5))
    quantity = btc.size(worth / MARKET.price)
    made = TWAPPolicy(segments=5).slices(ParentOrder(0, "p1", btc, quantity, False, MARKET))
    assert len(made) == pieces
    assert sum((piece.quantity for piece in made), Decimal(0)) == quantity


def test_twap_keeps_its_own_interval_where_it_has_one() -> None:
    made = TWAPPolicy(segments=3, interval="1h").slices(parent(3))
    assert [piece.after for piece in made] == [0, HOUR, 2 * HOUR]


def test_twap_slices_the_way_out_like_the_way_in() -> None:
    policy = TWAPPolicy(segments=5)
    assert policy.slices(parent(-1003, reduce_only=True)) == policy.slices(parent(-1003))


@given(
    lots=st.integers(-(10**15), 10**15).filter(bool),
    segments=st.integers(1, 60),
    lot=st.sampled_from([Decimal("0.00001"), Decimal("0.001"), Decimal(1), Decimal("2.5")]),
)
def test_pieces_add_up_exactly_and_are_equal_to_one_lot(lots: int, segments: int, lot: Decimal) -> None:
    order = parent(lots, lot)
    made = TWAPPolicy(segments=segments).slices(order)
    assert sum(piece.quantity for piece in made) == order.quantity
    sizes = [piece.quantity / lot for piece in made]
    assert all(size == int(size) != 0 and (size > 0) == (lots > 0) for size in sizes)
    assert all(abs(size - Decimal(lots) / segments) <= 1 for size in sizes)
    times = [piece.after for piece in made]
    assert times == sorted(set(times))
    assert all(0 <= time <= (segments - 1) * MARKET.interval for time in times)
    mirrored = TWAPPolicy(segments=segments).slices(parent(-lots, lot))
    assert mirrored == tuple(Slice(piece.after, -piece.quantity) for piece in made)


def test_the_router_sends_market_orders_that_carry_over() -> None:
    route = MarketRouter().route(parent(5), 2 * LOT, MARKET)
    assert (route.kind, route.price, route.time_in_force) == ("market", None, "gtc")


@pytest.mark.parametrize("policy", [ImmediatePolicy(), TWAPPolicy()])
def test_keeps_the_shape_of_the_promise(policy) -> None:
    assert isinstance(policy, ExecutionPolicy)
    assert isinstance(MarketRouter(), Router)


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        (TWAPPolicy, {"segments": 0}, "segments must be at least 1, not 0"),
        (TWAPPolicy, {"segments": -5}, "segments must be at least 1, not -5"),
        (TWAPPolicy, {"segments": 2.5}, "Expected 'int', got 'float'"),
        (TWAPPolicy, {"segment": 5}, "did you mean 'segments'?"),
        (TWAPPolicy, {"interval": "15 min"}, "interval: '15 min' is not an interval"),
        (TWAPPolicy, {"interval": 900}, "900 is no length of time; write text such as"),
        (ImmediatePolicy, {"segments": 5}, "unknown key 'segments'"),
        (MarketRouter, {"price": 1}, "unknown key 'price'"),
    ],
)
def test_bad_settings_are_refused_with_what_would_be_right(kind, settings, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(settings, kind, "BTCUSDT.execution.params")
    assert says in str(refused.value)
    assert str(refused.value).startswith("BTCUSDT.execution.params")
