"""Decimal arithmetic that never rounds by accident."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from typing import Final

from quant_contracts.instrument import CASH_UNIT, ZERO
from quant_contracts.units import Money, Price

EXACT: Final = Context(prec=500, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Keeps every digit of sums and products; a result that would lose one is an error."""
_ROUNDING: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)

TO_BPS: Final = Decimal(10_000)


def exactly() -> AbstractContextManager[Context]:
    """A context in which sums and products keep every digit, and a result that cannot is an error.

    >>> from decimal import Decimal
    >>> with exactly():
    ...     Decimal("1e20") + Decimal("1e-20") - Decimal("1e20")
    Decimal('1E-20')
    """
    return localcontext(EXACT)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, with every digit."""
    with exactly():
        return sum(amounts, ZERO)


def mark_price(mark: Price) -> Decimal:
    """An observed price as the shortest decimal that names the float."""
    return Decimal(str(mark))


def share(amount: Money, part: Decimal, whole: Decimal) -> Money:
    """The piece of `amount` that belongs to `part` of `whole`, in whole cash units.

    A part equal to the whole takes all that is left, so pieces taken one after the other from what
    remains add up to the amount exactly.
    """
    if part == whole:
        return amount
    return _ROUNDING.quantize(_ROUNDING.divide(_ROUNDING.multiply(amount, part), whole), CASH_UNIT)


def quotient(numerator: Decimal, denominator: Decimal) -> float | None:
    """A ratio of two exact amounts as a float, None when the denominator is 0."""
    return float(_ROUNDING.divide(numerator, denominator)) if denominator else None


def bps(cost: Money, notional: Money) -> float | None:
    """`cost` in basis points of `notional`, None when nothing was traded.

    >>> bps(Decimal("3.5"), Decimal(10_000))
    3.5
    """
    return quotient(_ROUNDING.multiply(cost, TO_BPS), notional)
