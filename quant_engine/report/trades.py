"""Round trips: which fill closed which, first in first out, to the last unit.

A trade is what one parent order opened and one parent order closed. A parent that was sliced in five
is one decision, so it makes one trade and not twenty-five; a fill without a parent stands for itself
by its order. A fill that crosses zero closes what was open and opens the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec

from quant_contracts.events import Fill
from quant_contracts.instrument import ZERO
from quant_contracts.units import ExactQuantity, Money, Nanos, Price, Side
from quant_engine.report.exact import EXACT, exactly, mark_price, quotient, share


class Trade(msgspec.Struct, gc=False):
    """Bought and sold, or sold and bought back; an open one is valued at the last mark instead.

    `gross - slippage - fees == net`, and each of the four summed over all trades, open ones included,
    is that of the run.
    """

    symbol: str
    side: Side
    """Of the entry: +1 was long."""
    entry_parent: str
    exit_parent: str
    """Empty while it is open."""
    entry_ts: Nanos
    """The first fill that opened it."""
    exit_ts: Nanos | None
    """The last fill that closed it, None while it is open."""
    quantity: ExactQuantity = ZERO
    entry_value: Money = ZERO
    """Price times quantity as paid or received at the entry."""
    exit_value: Money = ZERO
    """The same at the exit, or at the mark while it is open."""
    slippage: Money = ZERO
    fees: Money = ZERO

    @property
    def realised(self) -> Money:
        """Profit at the prices that were paid, before fees."""
        return EXACT.multiply(self.side, EXACT.subtract(self.exit_value, self.entry_value))

    @property
    def gross(self) -> Money:
        """Profit at the prices that were shown: before slippage and fees."""
        return EXACT.add(self.realised, self.slippage)

    @property
    def net(self) -> Money:
        """Profit after slippage and fees."""
        return EXACT.subtract(self.realised, self.fees)

    @property
    def entry_price(self) -> float:
        """Mean price of the entry."""
        return quotient(self.entry_value, self.quantity) or 0.0

    @property
    def exit_price(self) -> float:
        """Mean price of the exit, the mark while it is open."""
        return quotient(self.exit_value, self.quantity) or 0.0

    @property
    def net_return(self) -> float:
        """Net profit over what the entry was worth."""
        return quotient(self.net, self.entry_value) or 0.0


class RoundTrips(msgspec.Struct, frozen=True):
    """Trades in the order they began to close, then those still open in the order they were opened."""

    closed: list[Trade]
    open: list[Trade]


class _Lot(msgspec.Struct, gc=False):
    """What is left of a fill that opened a position, and of its fee."""

    fill: Fill
    parent: str
    quantity: ExactQuantity
    fee: Money


def round_trips(fills: list[Fill], marks: Mapping[str, Price]) -> RoundTrips:
    """Pair the fills, first in first out, and value what stays open at `marks`, one for every symbol."""
    books: dict[str, deque[_Lot]] = {}
    closed: dict[tuple[str, Side, str, str], Trade] = {}
    with exactly():
        for fill in fills:
            lots = books.setdefault(fill.symbol, deque())
            parent = fill.parent_id or fill.order_id
            left, fee = fill.quantity, fill.fee
            while left and lots and lots[0].fill.side != fill.side:
                lot = lots[0]
                quantity = min(left, lot.quantity)
                exit_fee, entry_fee = share(fee, quantity, left), share(lot.fee, quantity, lot.quantity)
                key = (fill.symbol, lot.fill.side, lot.parent, parent)
                trade = closed.get(key)
                if trade is None:
                    trade = closed[key] = Trade(
                        fill.symbol, lot.fill.side, lot.parent, parent, lot.fill.ts, fill.ts
                    )
                _enter(trade, lot.fill, quantity, entry_fee)
                _leave(trade, fill, quantity, exit_fee)
                left -= quantity
                fee -= exit_fee
                lot.quantity -= quantity
                lot.fee -= entry_fee
                if not lot.quantity:
                    lots.popleft()
            if left:
                lots.append(_Lot(fill, parent, left, fee))
        still_open = [trade for lots in books.values() for trade in _open(lots, marks)]
    return RoundTrips(list(closed.values()), still_open)


def _enter(trade: Trade, fill: Fill, quantity: ExactQuantity, fee: Money) -> None:
    trade.quantity += quantity
    trade.entry_value += fill.price * quantity
    trade.slippage += fill.side * (fill.price - fill.reference) * quantity
    trade.fees += fee


def _leave(trade: Trade, fill: Fill, quantity: ExactQuantity, fee: Money) -> None:
    trade.exit_ts = fill.ts
    trade.exit_value += fill.price * quantity
    trade.slippage += fill.side * (fill.price - fill.reference) * quantity
    trade.fees += fee


def _open(lots: deque[_Lot], marks: Mapping[str, Price]) -> list[Trade]:
    """What was never closed, by the parent that opened it."""
    found: dict[str, Trade] = {}
    for lot in lots:
        fill = lot.fill
        if lot.parent not in found:
            found[lot.parent] = Trade(fill.symbol, fill.side, lot.parent, "", fill.ts, None)
        trade = found[lot.parent]
        _enter(trade, fill, lot.quantity, lot.fee)
        trade.exit_value += mark_price(marks[fill.symbol]) * lot.quantity
    return list(found.values())
