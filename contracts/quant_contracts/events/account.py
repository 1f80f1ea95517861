"""What the account looks like."""

from __future__ import annotations

from quant_contracts.events.base import Event
from quant_contracts.units import ExactQuantity, Money, Nanos, Price


class PortfolioSnapshot(Event, frozen=True, gc=False):
    """The account at one moment. Amounts in the books are exact, values at the mark are floats."""

    ts: Nanos
    cash: Money
    positions: dict[str, ExactQuantity]
    """Signed size of every symbol ever held; 0 once it is closed."""
    marks: dict[str, Price]
    """Last known price of every symbol."""
    equity: float
    """Cash plus positions at their marks."""
    net: float
    """Signed value of all positions."""
    gross: float
    """Sum of the absolute values of all positions."""
    realised: Money
    """Profit of closed quantity before fees, first in first out."""
    fees: Money

    @property
    def leverage(self) -> float:
        """Gross value over equity; infinite when equity is gone."""
        return self.gross / self.equity if self.equity > 0 else float("inf") if self.gross else 0.0
