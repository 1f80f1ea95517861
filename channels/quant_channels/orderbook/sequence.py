"""By what rule the frames of each venue follow one another, and where a book begins.

    venue        begins with        a change follows the book at n when           is old when
    binance      snapshot, by REST  U <= n + 1 (spot); pu == n (USD-M, but        u <= n
                                    pu <= n for the first after the snapshot)
    deribit      snapshot in line   prev_change_id == n                           change_id <= n
    okx          snapshot in line   prevSeqId == n; without numbers as coinbase   seqId <= n
    bybit        snapshot in line   u == n + 1                                    u <= n
    coinbase     snapshot in line   its time is not before that of the last       never
    hyperliquid  each is whole      -                                             -

Sources: Binance "How to manage a local order book correctly" (spot and USD-M), Deribit "book.{instrument}.
{interval}", OKX "Order book channel", Bybit "Orderbook", Coinbase "Level2 channel".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from quant_channels.frames.said import Depth
from quant_contracts.errors import ConfigError, nearest

Verdict: TypeAlias = Literal["next", "old", "gap"]
"""What a change is to a book: it follows, it is in it already, or something between them is missing."""


class Rule(msgspec.Struct, frozen=True):
    """How the frames of one venue follow one another."""

    follows: Callable[[Depth, int, bool], Verdict]
    """Of a change, the number the book stands at, and whether it stands there by a snapshot alone."""
    is_fetched: bool = False
    """True where the snapshot is asked for beside the stream, so that changes wait for it."""
    shows_loss: bool = True
    """False where a lost frame may leave no trace in those after it."""
    dates_snapshots: bool = True
    """False where an old snapshot looks like a new one, so that only a book that has none takes it."""
    restarts_at: int | None = None
    """A snapshot of this number may come at any time: the venue began to count anew."""


def rule_of(venue: str) -> Rule:
    """The rule of a venue by its name."""
    if venue not in RULES:
        raise ConfigError(f"no rule for the books of venue {venue!r}; {nearest(venue, RULES)}")
    return RULES[venue]


def binance(change: Depth, at: int, is_first: bool) -> Verdict:
    if change.last <= at:
        return "old"
    if change.previous is None:
        return "next" if change.first <= at + 1 else "gap"
    return "next" if change.previous == at or (is_first and change.previous <= at) else "gap"


def deribit(change: Depth, at: int, is_first: bool) -> Verdict:
    del is_first
    if change.last <= at:
        return "old"
    return "next" if change.previous == at else "gap"


def okx(change: Depth, at: int, is_first: bool) -> Verdict:
    if change.previous is None:
        return by_time(change, at, is_first)
    if change.previous == at:
        # Also where the venue begins to count anew, with a number below the previous one.
        return "next"
    return "old" if change.last <= at else "gap"


def bybit(change: Depth, at: int, is_first: bool) -> Verdict:
    del is_first
    if change.last <= at:
        return "old"
    return "next" if change.last == at + 1 else "gap"


def by_time(change: Depth, at: int, is_first: bool) -> Verdict:
    del is_first
    return "next" if change.last >= at else "gap"


def never(change: Depth, at: int, is_first: bool) -> Verdict:
    del change, at, is_first
    return "gap"


BINANCE: Final = Rule(binance, is_fetched=True)

RULES: Final[dict[str, Rule]] = {
    "binance": BINANCE,
    "binance_spot": BINANCE,
    "binance_usdm": BINANCE,
    "deribit": Rule(deribit),
    "okx": Rule(okx, shows_loss=False),
    "bybit": Rule(bybit, restarts_at=1),
    "coinbase": Rule(by_time, shows_loss=False, dates_snapshots=False),
    "hyperliquid": Rule(never),
}
