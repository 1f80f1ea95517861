"""What is traded: tick, lot and the only places where a float becomes an exact number."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quant_contracts.units import ExactPrice, ExactQuantity, Money, Price, Quantity, Side

Floats: TypeAlias = npt.NDArray[np.float64]
Wholes: TypeAlias = npt.NDArray[np.int64]

ZERO: Final = Decimal(0)

WIDE: Final = Context(prec=60)
"""Digits to spare for any tick and lot, whatever the host program has set as its default."""

CASH_UNIT: Final = Decimal("1e-8")
"""Fees are rounded to this many quote units, half to even; nothing else in the books is ever rounded."""


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tradable pair: BTCUSDT has base BTC, quote USDT, and moves in ticks and lots.

    >>> btc = Instrument("BTCUSDT", tick=Decimal("0.01"), lot=Decimal("0.00001"))
    >>> btc.price(64000.126, side=1), btc.price(64000.126, side=-1)
    (Decimal('64000.13'), Decimal('64000.12'))
    >>> btc.size(-0.123456789)
    Decimal('-0.12345')
    """

    symbol: str
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")
    min_notional: Money = ZERO
    """Smallest order value the venue takes, in quote currency; smaller orders are not sent."""

    def __post_init__(self) -> None:
        for name in ("tick", "lot"):
            step: Decimal = getattr(self, name)
            if not step.is_finite() or step <= 0:
                raise ValueError(f"{name} of {self.symbol} must be above 0, not {step}")
        if not self.min_notional.is_finite() or self.min_notional < 0:
            raise ValueError(f"min_notional of {self.symbol} must be 0 or more, not {self.min_notional}")

    def price(self, value: Price, side: Side) -> ExactPrice:
        """The tick at `value` or the next one that is worse for the trader on `side`."""
        return self.exact_price(value, ROUND_CEILING if side > 0 else ROUND_FLOOR)

    def observed(self, value: Price) -> ExactPrice:
        """An observed price on the nearest tick."""
        return self.exact_price(value, ROUND_HALF_EVEN)

    def exact_price(self, value: Price, rounding: str) -> ExactPrice:
        """`value` as a multiple of the tick. Reads the shortest decimal text that names the float."""
        return _multiple(value, self.tick, rounding)

    def size(self, value: Quantity) -> ExactQuantity:
        """`value` cut towards zero to whole lots: never more than was wanted."""
        return _multiple(value, self.lot, ROUND_DOWN)

    def lots(self, quantity: ExactQuantity) -> int:
        """How many lots `quantity` is; exact quantities are whole lots by construction."""
        return int(WIDE.divide(quantity, self.lot))


def _multiple(value: float, step: Decimal, rounding: str) -> Decimal:
    exact = Decimal(repr(value))
    if _is_decimal_place(step) and -1e30 < value < 1e30:
        # The common case at half the cost: one rounding at a decimal place.
        return exact.quantize(step, rounding, WIDE)
    steps = WIDE.divide(exact, step).to_integral_value(rounding)
    # By way of int the result is always written with the decimals of the step.
    return WIDE.multiply(Decimal(int(steps)), step)


@cache
def _is_decimal_place(step: Decimal) -> bool:
    """True for 1, 0.1, 0.01, ... and 10, 100, ... written with the digit 1 alone."""
    return step.as_tuple().digits == (1,)


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whole ticks and lots for the observed book: many prices and sizes at once, and back without loss.

    The way back divides whole numbers once, so that a float comes out as the shortest text that named it.

    >>> import numpy as np
    >>> grid = Grid(Decimal("0.1"), Decimal("0.001"))
    >>> grid.ticks(np.array([95000.1])), grid.price(np.array([950001]))
    (array([950001]), array([95000.1]))
    """

    tick: Decimal
    lot: Decimal

    def __post_init__(self) -> None:
        for name, step in (("tick", self.tick), ("lot", self.lot)):
            if not step.is_finite() or step <= 0:
                raise ValueError(f"{name} must be above 0, not {step}")

    def ticks(self, prices: Floats) -> Wholes:
        """The nearest whole number of ticks of each price."""
        return _whole(prices, self.tick)

    def lots(self, sizes: Floats) -> Wholes:
        """The nearest whole number of lots of each size."""
        return _whole(sizes, self.lot)

    def exact_ticks(self, prices: Floats) -> Wholes:
        """The number of ticks that each price is; ValueError where one lies between ticks."""
        return _exact("price", "tick", prices, self.tick)

    def exact_lots(self, sizes: Floats) -> Wholes:
        """The number of lots that each size is; ValueError where one lies between lots."""
        return _exact("size", "lot", sizes, self.lot)

    def price(self, ticks: Wholes) -> Floats:
        """The price that each number of ticks is."""
        return _floats(ticks, self.tick)

    def size(self, lots: Wholes) -> Floats:
        """The size that each number of lots is."""
        return _floats(lots, self.lot)


@cache
def _ratio(step: Decimal) -> tuple[int, int]:
    return step.as_integer_ratio()


def _whole(values: Floats, step: Decimal) -> Wholes:
    over, under = _ratio(step)
    scaled = values * under if over == 1 else values * under / over
    return np.rint(scaled).astype(np.int64)


def _exact(what: str, unit: str, values: Floats, step: Decimal) -> Wholes:
    counts = _whole(values, step)
    off = _floats(counts, step) != values
    if off.any():
        raise ValueError(f"a {what} of {values[off].item(0)} is no multiple of the {unit} {step}")
    return counts


def _floats(counts: Wholes, step: Decimal) -> Floats:
    over, under = _ratio(step)
    return counts * over / under
