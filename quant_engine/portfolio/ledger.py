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


class _Account:
    """What there is now. A slotted object, because every step reads it and a Struct's memory is slow."""

    __slots__ = ("balance", "fees", "marks", "money", "positions", "realised", "sizes")

    def __init__(self, cash: Money) -> None:
        self.balance = cash
        self.realised = ZERO
        self.fees = ZERO
        self.positions: dict[str, ExactQuantity] = {}
        # The same as floats. Sizes are sorted by symbol, so that the bits of a sum do not depend on what
        # was traded first.
        self.money = float(cash)
        self.sizes: dict[str, float] = {}
        self.marks: dict[str, Price] = {}


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
        self._now = _Account(self.cash)
        self._lots: dict[str, deque[Lot]] = {}
        # Every trade id for ever, some 150 bytes each: a venue may repeat itself at any time.
        self._booked: set[tuple[str, str]] = set()

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
        now, symbol, quantity, price = self._now, fill.symbol, fill.quantity, fill.price
        value = BOOKS.multiply(price, quantity)
        if fill.side > 0:
            position = BOOKS.add(self.position(symbol), quantity)
            balance = BOOKS.subtract(now.balance, value)
        else:
            position = BOOKS.subtract(self.position(symbol), quantity)
            balance = BOOKS.add(now.balance, value)
        self._match_lots(fill)
        now.balance = BOOKS.subtract(balance, fill.fee)
        now.fees = BOOKS.add(now.fees, fill.fee)
        # A new dict, because the snapshots taken so far share the old one.
        now.positions = {**now.positions, symbol: position}
        now.money = float(now.balance)
        if symbol not in now.sizes:
            now.sizes = dict(sorted({**now.sizes, symbol: 0.0}.items()))
            now.marks.setdefault(symbol, float(price))
        now.sizes[symbol] = float(position)

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
                self._now.realised = BOOKS.subtract(self._now.realised, BOOKS.multiply(gain, fill.side))
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
        # NaN and infinity are the floats that do not cancel themselves.
        if price - price != 0.0:
            raise ContractBroken(f"the mark of {symbol} must be a finite number, not {price}")
        self._now.marks[symbol] = price

    def position(self, symbol: str, /) -> ExactQuantity:
        return self._now.positions.get(symbol, ZERO)

    @property
    def equity(self) -> float:
        now, net = self._now, 0.0
        for symbol, size in now.sizes.items():
            net += size * now.marks[symbol]
        return now.money + net

    def exposure_beside(self, symbol: str, /) -> tuple[float, float]:
        net = gross = 0.0
        for other, size in self._now.sizes.items():
            if other != symbol:
                value = size * self._now.marks[other]
                net += value
                gross += abs(value)
        return net, gross

    def snapshot(self, ts: Nanos, /) -> PortfolioSnapshot:
        now, net, gross = self._now, 0.0, 0.0
        marks = now.marks.copy()
        for symbol, size in now.sizes.items():
            value = size * marks[symbol]
            net += value
            gross += abs(value)
        money = now.money
        return PortfolioSnapshot(
            ts, now.balance, now.positions, marks, money + net, net, gross, now.realised, now.fees
        )

    @property
    def balance(self) -> Money:
        """Cash now."""
        return self._now.balance

    @property
    def realised(self) -> Money:
        """Profit of closed quantity before fees, first in first out."""
        return self._now.realised

    @property
    def fees(self) -> Money:
        """Fees paid, less rebates received."""
        return self._now.fees

    def exact_equity(self) -> Money:
        """Cash plus positions at their marks, every mark taken as the decimal number it is written as."""
        total = self._now.balance
        for symbol, position in self._now.positions.items():
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
        return Decimal(repr(self._now.marks[symbol]))
