"""Trades by the venue's own numbers: the same one twice is dropped, a missing one is counted."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from quant_channels.streams.findings import Findings

REMEMBERED: Final = 10_000
"""Ids by which a trade that comes again is known; a venue repeats tens of them after a reconnection."""


class TradeIds:
    """Follows the ids of one stream of trades, which count up by one. 0 says that a trade has none.

    >>> ids = TradeIds()
    >>> [ids.is_new(trade_id) for trade_id in (7, 8, 8, 11, 9)]
    [True, True, False, True, True]
    >>> ids.duplicates, ids.gaps, ids.missing, ids.out_of_order
    (1, 1, 2, 1)
    """

    __slots__ = ("_highest", "_recent", "duplicates", "gaps", "missing", "out_of_order")

    def __init__(self) -> None:
        self._highest = 0
        self._recent: OrderedDict[int, None] = OrderedDict()
        self.duplicates = 0
        self.gaps = 0
        """Jumps of the id."""
        self.missing = 0
        """Ids that were jumped over; one that comes later stays counted."""
        self.out_of_order = 0
        """Trades that came after one with a higher id."""

    def is_new(self, trade_id: int) -> bool:
        """False for a trade that was here before; every other is taken note of."""
        if not trade_id:
            return True
        if trade_id <= self._highest:
            if trade_id in self._recent:
                self.duplicates += 1
                return False
            self.out_of_order += 1
        else:
            if self._highest and trade_id > self._highest + 1:
                self.gaps += 1
                self.missing += trade_id - self._highest - 1
            self._highest = trade_id
        self._recent[trade_id] = None
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return True

    def report(self, found: Findings) -> None:
        """Add what the ids tell."""
        found.add("duplicate", self.duplicates, "the same trade id again; dropped")
        found.add(
            "out_of_order", self.out_of_order, "a lower trade id than before; kept, in order of arrival"
        )
        found.add("gap", self.missing, f"trade ids missing, in {self.gaps:,} gaps")
