"""When the pieces of an order leave: all at once, or evenly over time."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec

from quant_contracts.duration import Length, parse_interval
from quant_contracts.errors import ConfigError
from quant_contracts.protocols import ParentOrder, Slice


class ImmediatePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the whole order at once."""

    def slices(self, parent: ParentOrder, /) -> tuple[Slice, ...]:
        return (Slice(0, parent.quantity),)


class TWAPPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the order in `segments` equal pieces, evenly spaced, the first at once.

    Piece i is round((i + 1) x Q / n) - round(i x Q / n) whole lots of the order's Q, halves to even, so
    that the pieces differ by one lot at most and add up exactly. An order of fewer lots than segments
    leaves the slots with nothing to send empty.

    A small order is cut into fewer pieces, each worth at least twice the least that the venue takes: a
    smaller one would be refused once the price has moved against its value.

    An order that only reduces is sliced like any other: leaving moves the market as much as entering.
    Stops and take-profits are no such orders; they never pass through a policy.

    >>> from decimal import Decimal
    >>> from quant_contracts.instrument import Instrument
    >>> from quant_contracts.protocols import MarketState
    >>> from quant_contracts.units import MINUTE
    >>> btc = Instrument("BTCUSDT", lot=Decimal("0.001"))
    >>> market = MarketState(0, "BTCUSDT", 64_000.0, 15 * MINUTE, 0.0, 0.0)
    >>> parent = ParentOrder(0, "p1", btc, Decimal("1.003"), False, market)
    >>> for piece in TWAPPolicy(segments=5).slices(parent):
    ...     print(piece.after // MINUTE, piece.quantity)
    0 0.201
    15 0.200
    30 0.201
    45 0.200
    60 0.201
    """

    segments: int = 5
    """How many pieces, from 1 to 10,000."""
    interval: Length | None = None
    """Time between two pieces, such as 15m; None means one bar of the market that drives the steps."""

    def __post_init__(self) -> None:
        if self.segments < 1:
            raise ValueError(f"segments must be at least 1, not {self.segments}")
        if self.segments > 10_000:
            raise ValueError(f"segments must be at most 10,000, not {self.segments:,}")
        if self.interval is not None:
            try:
                parse_interval(self.interval)
            except ConfigError as error:
                # A ValueError is what msgspec gives a path to.
                raise ValueError(f"interval: {error}") from None

    def slices(self, parent: ParentOrder, /) -> tuple[Slice, ...]:
        spacing = parent.market.interval if self.interval is None else parse_interval(self.interval)
        lots = parent.instrument.lots(parent.quantity)
        pieces = self._pieces(parent)
        made: list[Slice] = []
        sent = 0
        for index in range(pieces):
            due = round(Fraction((index + 1) * lots, pieces))
            if due != sent:
                made.append(Slice(index * spacing, (due - sent) * parent.instrument.lot))
            sent = due
        return tuple(made)

    def _pieces(self, parent: ParentOrder) -> int:
        least = 2 * parent.instrument.min_notional
        if not least:
            return self.segments
        worth = abs(parent.quantity) * Decimal(repr(parent.market.price))
        return max(1, min(self.segments, int(worth / least)))
