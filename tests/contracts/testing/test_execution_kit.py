"""The checks of policies, routers and slippage models pass good ones and catch bad ones."""

from __future__ import annotations

import itertools
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
import numpy as np
import pytest

from quant_contracts.protocols import FeatureSpec, Route, Slice
from quant_contracts.testing import execution
from quant_contracts.units import MINUTE

FRESH = itertools.count()


class Thirds(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Three slices a minute apart, by cumulative rounding, empty ones left out."""

    pieces: int = 3

    def __post_init__(self):
        self._late = next(FRESH) % 2

    def slices(self, parent, /):
        lots, made, sent = parent.instrument.lots(parent.quantity), [], 0
        for index in range(self.pieces):
            due = int(Decimal(lots * (index + 1)) / self.pieces)
            if due != sent:
                made.append(self.piece(parent, index, due - sent))
            sent = due
        return tuple(made)

    def piece(self, parent, index, lots):
        return Slice(index * MINUTE, lots * parent.instrument.lot)


class AddsFloats(Thirds):
    def piece(self, parent, index, lots):
        share = Decimal(repr(float(parent.quantity) / self.pieces))
        return Slice(index * MINUTE, share.quantize(Decimal("1e-8"), ROUND_HALF_EVEN))


class KeepsEmptySlices(Thirds):
    def slices(self, parent, /):
        return (*super().slices(parent), Slice(self.pieces * MINUTE, Decimal(0)))


class Overshoots(Thirds):
    def slices(self, parent, /):
        lot = parent.instrument.lot * (1 if parent.quantity > 0 else -1)
        return (*super().slices(parent), Slice(9 * MINUTE, lot), Slice(9 * MINUTE, -lot))


class ReturnsAList(Thirds):
    def slices(self, parent, /):
        return list(super().slices(parent))


class LastFirst(Thirds):
    def slices(self, parent, /):
        return tuple(reversed(super().slices(parent)))


class BeforeItsTime(Thirds):
    def piece(self, parent, index, lots):
        return Slice((index - 1) * MINUTE, lots * parent.instrument.lot)


class Moody(Thirds):
    def piece(self, parent, index, lots):
        return Slice(index * MINUTE + self._late, lots * parent.instrument.lot)


class AtTheTouch(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """A limit order at the mark, on the worse tick."""

    def __post_init__(self):
        self._wait = next(FRESH) % 2

    def route(self, parent, quantity, market, /):
        side = 1 if quantity > 0 else -1
        return Route("limit", parent.instrument.price(market.price, side), "gtc")


class MarketWithAPrice(AtTheTouch):
    def route(self, parent, quantity, market, /):
        return Route("market", super().route(parent, quantity, market).price, "ioc")


class LimitWithoutAPrice(AtTheTouch):
    def route(self, parent, quantity, market, /):
        return Route("limit", None, "gtc")


class OffTheTick(AtTheTouch):
    def route(self, parent, quantity, market, /):
        return Route("limit", Decimal(repr(market.price)) + parent.instrument.tick / 3, "gtc")


class RoutesAStop(AtTheTouch):
    def route(self, parent, quantity, market, /):
        return Route("stop", super().route(parent, quantity, market).price, "gtc")


class InventsAKind(AtTheTouch):
    def route(self, parent, quantity, market, /):
        return Route("iceberg", None, "gtc")


class Hesitates(AtTheTouch):
    def route(self, parent, quantity, market, /):
        return Route("market", None, "ioc" if self._wait else "gtc")


class Linear(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """A cost in proportion to the share of the day's volume."""

    eta: float = 0.1

    def __post_init__(self):
        self._extra = next(FRESH) % 2 / 1000

    @property
    def needs(self):
        return (FeatureSpec("DailyVolume"),)

    def fraction(self, quantity, done, volatility, daily_volume, /):
        return min(1.0, self.eta * volatility * (2 * done + quantity) / max(daily_volume, 1e-9))


class Free(Linear):
    def fraction(self, quantity, done, volatility, daily_volume, /):
        return 0.0


class NeedsNames(Linear):
    @property
    def needs(self):
        return ("DailyVolume",)


class HelpsSmallOrders(Linear):
    def fraction(self, quantity, done, volatility, daily_volume, /):
        return super().fraction(quantity, done, volatility, daily_volume) - 1e-4


class SaysNumpy(Linear):
    def fraction(self, quantity, done, volatility, daily_volume, /):
        return np.float64(super().fraction(quantity, done, volatility, daily_volume))


class DividesByVolume(Linear):
    def fraction(self, quantity, done, volatility, daily_volume, /):
        return self.eta * volatility * quantity / daily_volume


class SlicesAreFree(Linear):
    def fraction(self, quantity, done, volatility, daily_volume, /):
        return super().fraction(quantity, 0.0, volatility, daily_volume) / (1 + done)


class ChangesItsMind(Linear):
    def fraction(self, quantity, done, volatility, daily_volume, /):
        return super().fraction(quantity, done, volatility, daily_volume) + self._extra


BAD = {
    AddsFloats: ("policies", {"slices_add_up"}),
    KeepsEmptySlices: ("policies", {"slices_add_up"}),
    Overshoots: ("policies", {"slices_add_up"}),
    ReturnsAList: ("policies", {"slices_add_up"}),
    LastFirst: ("policies", {"slices_are_in_order"}),
    BeforeItsTime: ("policies", {"slices_are_in_order"}),
    Moody: ("policies", {"slicing_is_pure"}),
    MarketWithAPrice: ("routers", {"route_is_lawful"}),
    LimitWithoutAPrice: ("routers", {"route_is_lawful"}),
    OffTheTick: ("routers", {"route_is_lawful"}),
    RoutesAStop: ("routers", {"route_is_lawful"}),
    InventsAKind: ("routers", {"route_is_lawful"}),
    Hesitates: ("routers", {"routing_is_pure"}),
    NeedsNames: ("slippage", {"needs"}),
    HelpsSmallOrders: ("slippage", {"slippage_never_helps"}),
    SaysNumpy: ("slippage", {"slippage_never_helps"}),
    SlicesAreFree: ("slippage", {"slippage_grows_with_size"}),
    ChangesItsMind: ("slippage", {"slippage_is_pure"}),
}


@pytest.mark.parametrize(
    ("kind", "factory"),
    [
        ("policies", Thirds),
        ("policies", lambda: Thirds(pieces=1)),
        ("routers", AtTheTouch),
        ("slippage", Linear),
        ("slippage", Free),
    ],
)
def test_a_good_part_keeps_every_promise(broken, kind, factory):
    assert broken(kind, factory) == {}


@pytest.mark.parametrize("part", BAD)
def test_a_bad_part_breaks_just_its_promise(broken, part):
    kind, promises = BAD[part]
    assert broken(kind, part).keys() == promises


@pytest.mark.parametrize(
    ("kind", "checks"),
    [
        ("policies", execution.POLICY_CHECKS),
        ("routers", execution.ROUTER_CHECKS),
        ("slippage", execution.SLIPPAGE_CHECKS),
    ],
)
def test_every_check_can_fail(kind, checks):
    failed = {name for of, names in BAD.values() if of == kind for name in names}
    assert {function.__name__ for function in checks} == {f"check_{name}" for name in failed}


def test_a_dead_market_may_not_break_a_model(broken):
    assert "raised ZeroDivisionError" in broken("slippage", DividesByVolume)["slippage_never_helps"]
