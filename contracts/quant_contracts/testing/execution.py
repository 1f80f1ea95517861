"""The promises between target and venue: slices add up, routes hold, slippage never helps."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from quant_contracts.instrument import ZERO, Instrument
from quant_contracts.protocols import (
    ExecutionPolicy,
    MarketState,
    ParentOrder,
    Route,
    Router,
    Slice,
    SlippageModel,
)
from quant_contracts.testing.promise import BrokenPromise, check_answers_are_pure, check_is_lawful
from quant_contracts.testing.rows import check_needs
from quant_contracts.testing.samples import FIRST_OPEN
from quant_contracts.units import DAY, HOUR, MINUTE

PolicyFactory = Callable[[], ExecutionPolicy]
RouterFactory = Callable[[], Router]
SlippageFactory = Callable[[], SlippageModel]

INSTRUMENTS: Final = (
    Instrument("BTCUSDT", tick=Decimal("0.01"), lot=Decimal("0.00001"), min_notional=Decimal(5)),
    Instrument("DOGEUSDT", tick=Decimal("0.00001"), lot=Decimal(1)),
    Instrument("ODDUSDT", tick=Decimal("0.25"), lot=Decimal("0.3")),
)

LOTS: Final = (1, 2, 3, 5, 7, 10, 97, 1_003, 123_456_789)
"""Sizes of a parent order: fewer lots than there may be slices, primes, and very many."""


def check_slices_add_up(factory: PolicyFactory) -> None:
    """The slices add up to the parent's quantity exactly; each is whole lots of its sign, and none is 0."""
    policy = factory()
    for parent in parents():
        slices = policy.slices(parent)
        if type(slices) is not tuple:
            raise BrokenPromise(
                policy, "slices is a tuple", given=parent, expected="a tuple of Slice", came=slices
            )
        for piece in slices:
            check_is_lawful(policy, "slices", parent, piece, Slice)
            if piece.quantity % parent.instrument.lot or not piece.quantity * parent.quantity > 0:
                raise BrokenPromise(
                    policy,
                    "a slice is one lot or more, in whole lots, signed like its parent",
                    given=parent,
                    expected=f"multiples of {parent.instrument.lot} with the sign of {parent.quantity}",
                    came=slices,
                )
        total = sum((piece.quantity for piece in slices), ZERO)
        if total != parent.quantity:
            raise BrokenPromise(
                policy,
                "the slices add up to the parent's quantity",
                given=parent,
                expected=parent.quantity,
                came=f"{total} from {slices}",
            )


def check_slices_are_in_order(factory: PolicyFactory) -> None:
    """Slices come earliest first, and none is due before its parent."""
    policy = factory()
    for parent in parents():
        delays = [piece.after for piece in policy.slices(parent)]
        if delays != sorted(delays) or any(type(delay) is not int or delay < 0 for delay in delays):
            raise BrokenPromise(
                policy,
                "slices are earliest first, from the parent's time on",
                given=parent,
                expected="delays of whole nanoseconds, 0 or more, that do not fall",
                came=delays,
            )


def check_slicing_is_pure(factory: PolicyFactory) -> None:
    """The same parent order gives the same slices, whatever was sliced in between."""
    check_answers_are_pure(factory, lambda policy, parent: policy.slices(parent), parents(), "slices")


def check_route_is_lawful(factory: RouterFactory) -> None:
    """A slice is routed as a market order without a price, or as a limit order at a price on the tick."""
    router = factory()
    for parent, quantity, market in _slices():
        route = router.route(parent, quantity, market)
        check_is_lawful(router, "route", (parent, quantity, market), route, Route)
        if route.kind == "market":
            lawful = route.price is None
        else:
            on_tick = route.price is not None and route.price > 0 and not route.price % parent.instrument.tick
            lawful = route.kind == "limit" and on_tick
        if not lawful:
            raise BrokenPromise(
                router,
                "a route is a market order without a price or a limit order at a price on the tick",
                given=(parent, quantity, market),
                expected=f"price None for market, a multiple of {parent.instrument.tick} for limit; "
                "stops and take-profits are not routed",
                came=route,
            )


def check_routing_is_pure(factory: RouterFactory) -> None:
    """The same slice in the same market takes the same route, whatever was routed in between."""
    check_answers_are_pure(factory, lambda router, asked: router.route(*asked), _slices(), "route")


def check_slippage_never_helps(factory: SlippageFactory) -> None:
    """The cost is a finite fraction of 0 or more, also in a market that is dead or does not move."""
    model = factory()
    for asked in _trades():
        came = model.fraction(*asked)
        if type(came) is not float or not 0 <= came < math.inf:
            raise BrokenPromise(
                model,
                "slippage is a finite float of 0 or more",
                given=_named(asked),
                expected="a float, 0.0 or more",
                came=f"{came!r}, a {type(came).__name__}",
            )


def check_slippage_grows_with_size(factory: SlippageFactory) -> None:
    """A larger trade, or one after more has been done, never costs a smaller fraction."""
    model = factory()
    for quantity, done, volatility, volume in _trades():
        cost = model.fraction(quantity, done, volatility, volume)
        for more in ((quantity * 1.7, done), (quantity, done + quantity), (quantity * 3, done * 2)):
            came = model.fraction(*more, volatility, volume)
            if not came >= cost:
                raise BrokenPromise(
                    model,
                    "slippage never falls as quantity or done grows",
                    given=f"{_named((*more, volatility, volume))}, after quantity={quantity}, done={done}",
                    expected=f"{cost} or more",
                    came=came,
                )


def check_slippage_is_pure(factory: SlippageFactory) -> None:
    """The same trade costs the same fraction, whatever was asked in between."""
    check_answers_are_pure(factory, lambda model, asked: model.fraction(*asked), _trades(), "fraction")


def parents() -> list[ParentOrder]:
    """Parent orders of both signs, of one lot and of millions, that open and that reduce."""
    made = []
    for index, (instrument, lots, sign, reduces) in enumerate(
        itertools.product(INSTRUMENTS, LOTS, (1, -1), (False, True))
    ):
        market = _market(instrument, (MINUTE, 15 * MINUTE, HOUR, DAY)[index % 4])
        quantity = sign * lots * instrument.lot
        made.append(
            ParentOrder(market.ts, f"{instrument.symbol}-{index}", instrument, quantity, reduces, market)
        )
    return made


def _market(instrument: Instrument, interval: int) -> MarketState:
    price = float(instrument.tick) * 6_400_000
    return MarketState(FIRST_OPEN, instrument.symbol, price, interval, 0.03, 20_000.0)


def _slices() -> list[tuple[ParentOrder, Decimal, MarketState]]:
    """A first and a later slice of every parent, the market having moved in between."""
    asked = []
    for parent in parents():
        asked.append((parent, parent.quantity, parent.market))
        later = MarketState(
            parent.ts + HOUR,
            parent.market.symbol,
            parent.market.price * 1.0137,
            parent.market.interval,
            0.0,
            0.0,
        )
        sign = 1 if parent.quantity > 0 else -1
        asked.append((parent, sign * parent.instrument.lot, later))
    return asked


def _trades() -> list[tuple[float, float, float, float]]:
    """Quantity, done, volatility and daily volume: the fixed corners, then seeded ones."""
    source = random.Random(11)  # noqa: S311 - repeatable, not secret
    corners = itertools.product(
        (1e-5, 1.0, 50.0, 1e6), (0.0, 20.0, 1e6), (0.0, 0.03, 2.0), (0.0, 1e-9, 20_000.0, 1e9)
    )
    seeded = [
        (
            source.lognormvariate(0, 3),
            source.choice((0.0, source.lognormvariate(0, 3))),
            source.uniform(0, 0.2),
            source.lognormvariate(8, 3),
        )
        for _ in range(200)
    ]
    return [*corners, *seeded]


def _named(asked: tuple[float, float, float, float]) -> str:
    names = ("quantity", "done", "volatility", "daily_volume")
    return ", ".join(f"{name}={value}" for name, value in zip(names, asked, strict=True))


POLICY_CHECKS: Final = (check_slices_add_up, check_slices_are_in_order, check_slicing_is_pure)
ROUTER_CHECKS: Final = (check_route_is_lawful, check_routing_is_pure)
SLIPPAGE_CHECKS: Final = (
    check_needs,
    check_slippage_never_helps,
    check_slippage_grows_with_size,
    check_slippage_is_pure,
)
