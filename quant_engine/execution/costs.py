"""What a trade costs beside the shown price: the venue's fee, and slippage put on the tick grid."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

from quant_contracts.errors import ContractBroken
from quant_contracts.instrument import CASH_UNIT
from quant_contracts.units import ExactPrice, ExactQuantity, Fraction, Money, Side

EXACT: Final = Context(prec=60)
"""Wide enough that a product of price, size and rate is never rounded before it is meant to be."""

ONE: Final = Decimal(1)


def fee(rate: Decimal, price: ExactPrice, quantity: ExactQuantity) -> Money:
    """The venue's share of a trade's value, in quote currency; negative is a rebate.

    Rounded once, half to even, to the unit of the books.

    >>> fee(Decimal("0.001"), Decimal(64_000), Decimal("0.5"))
    Decimal('32.00000000')
    """
    value = EXACT.multiply(price, quantity)
    return EXACT.quantize(EXACT.multiply(value, rate), CASH_UNIT)


def slipped(shown: ExactPrice, side: Side, fraction: Fraction, tick: Decimal) -> ExactPrice:
    """`shown` worsened by `fraction` of itself, on the next tick that is no better, never below one tick.

    >>> slipped(Decimal("100.00"), 1, 0.00031, Decimal("0.01"))
    Decimal('100.04')
    >>> slipped(Decimal("100.00"), -1, 0.00031, Decimal("0.01"))
    Decimal('99.96')
    """
    if not 0 <= fraction < math.inf:
        raise ContractBroken(f"slippage must be a fraction of 0 or more, not {fraction}: it never helps")
    if not fraction and shown >= tick and not EXACT.remainder(shown, tick):
        return EXACT.quantize(shown, tick)
    factor = EXACT.add(ONE, Decimal(repr(float(fraction * side))))
    ticks = EXACT.divide(EXACT.multiply(shown, factor), tick)
    whole = ticks.to_integral_value(ROUND_CEILING if side > 0 else ROUND_FLOOR, EXACT)
    return EXACT.multiply(max(int(whole), 1), tick)
