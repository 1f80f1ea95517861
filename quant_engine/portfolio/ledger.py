"""The books: cash, positions and profit, an exact fold over fills.

    cash       -= side x price x quantity + fee
    position   += side x quantity
    realised   += closed x (exit - entry) for a long, entry - exit for a short; oldest lot first

At any marks, with `==` and no tolerance:

    equity - initial cash  ==  realised + unrealised - fees

Cash, positions, fees and equity are sums: they come out the same in whatever order fills are booked.
First in, first out means first booked, so the split between realised and unrealised follows the order
of booking; their sum does not.
"""

from __future__ import annotations

import math
from collections import deque
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final, TypeAlias

import msgspec

from quant_contracts.errors import ContractBroken
from quant_contracts.events import Fill, PortfolioSnapshot
from quant_contracts.instrument import ZERO
from quant_contracts.units import ExactPrice, ExactQuantity, Money, Nanos, Price

BOOKS: Final = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Arithmetic that raises where it would have to round.

The 28 digits of the ambient context are too few: a price of 14 digits times a size of 17 has 31, and
whoever embeds the engine may have set fewer still.
"""

Lot: TypeAlias = tuple[ExactQuantity, ExactPrice]
"""How much was opened, always above zero, and at what price."""


class Ledger(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Keeps one account in one currency; long and short net into one position per symbol.

    >>> def fill(trade_id, side, quantity, price):
    ...     size, paid, fee = Decimal(quantity), Decimal(price), Decimal("0.25")
    ...     names = "BTCUSDT", "o1", trade_id
    ...     return Fill(0, *names, side, paid, size, fee, "taker", paid, "open", size, ZERO)
    >>> ledger = Ledger(cash=Decimal(10_000))
    >>> ledger.apply(fill("t1", 1, "2", "100")), ledger.apply(fill("t2", -1, "3", "110"))
    (True, True)
    >>> ledger.apply(fill("t2", -1, "3", "110"))
    False
    >>> ledger.balance, ledger.position("BTCUSDT"), ledger.realised, ledger.fees
    (Decimal('10129.50'), Decimal('-1'), Decimal('20'), Decimal('0.50'))
    >>> ledger.mark("BTCUSDT", 108.5)
    >>> ledger.exact_equity(), ledger.unrealised()
    (Decimal('10021.00'), Decimal('1.5'))
    """

    cash: Money
    """What the account starts with, 0 or more."""
    currency: str = "USDT"
    """What cash, fees and profit are counted in."""

    def __post_init__(self) -> None:
        if not self.cash.is_finite() or self.cash < 0:
            raise ValueError(f"cash must be 0 or more, not {self.cash}")
        self._balance = self.cash
        self._realised = ZERO
        self._fees = ZERO
        self._positions: dict[str, ExactQuantity] = {}
        self._lots: dict[str, deque[Lot]] = {}
        # Every trade id for ever, some 150 bytes each: a venue may repeat itself at any time.
        self._booked: set[tuple[str, str]] = set()
        # What each step reads, as floats. Sizes are sorted by symbol, so that the bits of a sum do not
        # depend on what was traded first.
        self._money = float(self.cash)
        self._sizes: dict[str, float] = {}
        self._marks: dict[str, Price] = {}

    def apply(self, fill: Fill, /) -> bool:
        """Book a fill, once. Where its symbol has no mark yet, its price is the first."""
        key = fill.symbol, fill.trade_id
        if key in self._booked:
            return False
        if not fill.quantity > 0:
            raise ContractBroken(f"fill {fill.trade_id} is of {fill.quantity}; a quantity is above 0")
        try:
            self._book(fill)
        except Inexact:
            raise ContractBroken(
                f"fill {fill.trade_id} cannot be booked exactly within {BOOKS.prec} digits: "
                f"{fill.quantity} at {fill.price}, fee {fill.fee}"
            ) from None
        self._booked.add(key)
        return True

    def _book(self, fill: Fill) -> None:
        symbol, quantity, price = fill.symbol, fill.quantity, fill.price
        value = BOOKS.multiply(price, quantity)
        if fill.side > 0:
            position = BOOKS.add(self.position(symbol), quantity)
            balance = BOOKS.subtract(self._balance, value)
        else:
            position = BOOKS.subtract(self.position(symbol), quantity)
            balance = BOOKS.add(self._balance, value)
        self._match_lots(fill)
        self._balance = BOOKS.subtract(balance, fill.fee)
        self._fees = BOOKS.add(self._fees, fill.fee)
        # A new dict, because the snapshots taken so far share the old one.
        self._positions = {**self._positions, symbol: position}
        self._money = float(self._balance)
        if symbol not in self._sizes:
            self._sizes = dict(sorted({**self._sizes, symbol: 0.0}.items()))
            self._marks.setdefault(symbol, float(price))
        self._sizes[symbol] = float(position)

    def _match_lots(self, fill: Fill) -> None:
        """Close what the fill closes, oldest first, and open the rest."""
        lots = self._lots.setdefault(fill.symbol, deque())
        price, left = fill.price, fill.quantity
        held = self.position(fill.symbol)
        if held and (held > 0) != (fill.side > 0):
            while lots and left:
                size, entry = lots[0]
                closed = min(size, left)
                gain = BOOKS.multiply(closed, BOOKS.subtract(price, entry))
                # A sale closes a long, which gained where the price rose; a purchase closes a short.
                self._realised = BOOKS.subtract(self._realised, BOOKS.multiply(gain, fill.side))
                left = BOOKS.subtract(left, closed)
                if closed == size:
                    lots.popleft()
                else:
                    lots[0] = BOOKS.subtract(size, closed), entry
        elif lots and lots[-1][1] == price:
            # Pieces at one price are one lot: partial fills leave the books as one merged fill would.
            size, _ = lots.pop()
            left = BOOKS.add(size, left)
        if left:
            lots.append((left, price))

    def mark(self, symbol: str, price: Price, /) -> None:
        if not math.isfinite(price):
            raise ContractBroken(f"the mark of {symbol} must be a finite number, not {price}")
        self._marks[symbol] = price

    def position(self, symbol: str, /) -> ExactQuantity:
        return self._positions.get(symbol, ZERO)

    @property
    def equity(self) -> float:
        net, marks = 0.0, self._marks
        for symbol, size in self._sizes.items():
            net += size * marks[symbol]
        return self._money + net

    def exposure_beside(self, symbol: str, /) -> tuple[float, float]:
        net = gross = 0.0
        for other, size in self._sizes.items():
            if other != symbol:
                value = size * self._marks[other]
                net += value
                gross += abs(value)
        return net, gross

    def snapshot(self, ts: Nanos, /) -> PortfolioSnapshot:
        net = gross = 0.0
        marks = self._marks.copy()
        for symbol, size in self._sizes.items():
            value = size * marks[symbol]
            net += value
            gross += abs(value)
        return PortfolioSnapshot(
            ts,
            self._balance,
            self._positions,
            marks,
            self._money + net,
            net,
            gross,
            self._realised,
            self._fees,
        )

    @property
    def balance(self) -> Money:
        """Cash now."""
        return self._balance

    @property
    def realised(self) -> Money:
        """Profit of closed quantity before fees, first in first out."""
        return self._realised

    @property
    def fees(self) -> Money:
        """Fees paid, less rebates received."""
        return self._fees

    def exact_equity(self) -> Money:
        """Cash plus positions at their marks, every mark taken as the decimal number it is written as."""
        total = self._balance
        for symbol, position in self._positions.items():
            total = BOOKS.add(total, BOOKS.multiply(position, self._exact_mark(symbol)))
        return total

    def unrealised(self) -> Money:
        """Profit of the open lots at their marks, before fees."""
        total = ZERO
        for symbol, lots in self._lots.items():
            mark = self._exact_mark(symbol)
            sign = 1 if self.position(symbol) > 0 else -1
            for size, entry in lots:
                gain = BOOKS.multiply(size, BOOKS.subtract(mark, entry))
                total = BOOKS.add(total, BOOKS.multiply(gain, sign))
        return total

    def _exact_mark(self, symbol: str) -> Decimal:
        return Decimal(repr(self._marks[symbol]))
