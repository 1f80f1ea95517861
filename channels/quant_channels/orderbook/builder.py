"""The book builder: frames of one venue in, a proven book out, or the honest word that there is none.

    EMPTY      nothing yet, or the connection was made anew
    BUFFERING  changes wait for the snapshot that was asked for         (venues whose snapshot is fetched)
    VALID      the book is the venue's, as of the number it stands at
    INVALID    something was lost or contradicts the book; a snapshot was asked for

        EMPTY ── change ──► BUFFERING ── snapshot that the changes follow ──► VALID
        EMPTY ── snapshot in the stream ────────────────────────────────────► VALID
        VALID ── gap, crossed, checksum, unreadable frame ──► INVALID ── snapshot ──► VALID
        any state ── `restart`, when a connection was made ──► EMPTY

It does no I/O and reads no clock: what it wants done it returns, as a `Resync`, and the time it is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from quant_channels.frames.said import Depth, Lost
from quant_channels.orderbook.checksum import Written
from quant_channels.orderbook.ladder import ASK, BID, Ladder
from quant_channels.orderbook.reach import Reach, differs, is_near_edge, reach_of
from quant_channels.orderbook.rows import Change
from quant_channels.orderbook.sequence import Rule
from quant_contracts.blocks import GAP, RESET, SET
from quant_contracts.units import SECOND, Nanos

State: TypeAlias = Literal["empty", "buffering", "valid", "invalid"]

MOST_WAITING: Final = 2_000
"""Changes that wait for a snapshot, some minutes' worth and 20 MB at most; the oldest go first."""
FIRST_WAIT: Final[Nanos] = 2 * SECOND
LAST_WAIT: Final[Nanos] = 64 * SECOND


class Resync(msgspec.Struct, frozen=True):
    """Please get a snapshot: by REST, or by subscribing anew. A later request replaces an earlier one."""

    symbol: str
    reason: str
    not_before: Nanos
    """At most one request in 2 s, and longer apart the more of them lead to nothing, up to 64 s."""


Outcome: TypeAlias = Sequence[Change | Resync]


class BookBuilder:
    """Keeps one symbol's book by its venue's rule of sequence.

    While `state` is "valid", `ladder` is the venue's book at the number `at`; in any other state it is
    nothing. Each outcome of `take` holds the rows to hand on, and what is to be done.

    A fetched snapshot has `limit` levels a side. What lies beyond the last of them is unknown, not empty:
    only levels that changed since are there. When fewer than 20 levels of a side are left within it,
    another snapshot is asked for (reason near_edge), and the book stays valid until it comes.

    >>> from quant_channels.orderbook.sequence import rule_of
    >>> builder = BookBuilder("BTCUSDT", rule_of("bybit"))
    >>> snapshot = Depth(1, 1, True, 7, 7, [(100, 5)], [(101, 2)])
    >>> [change.action for change in builder.take(snapshot, 1)], builder.state, builder.at
    ([1], 'valid', 7)
    >>> builder.take(Depth(2, 2, False, 9, 9, [(100, 6)], []), 2)[1], builder.state, builder.reason
    (Resync(symbol='BTCUSDT', reason='gap', not_before=2), 'invalid', 'gap')
    """

    __slots__ = (
        "_asked",
        "_highest",
        "_is_first",
        "_is_refreshing",
        "_limit",
        "_reach",
        "_rule",
        "_sequence",
        "_symbol",
        "_ts",
        "_wait",
        "_waiting",
        "_written",
        "at",
        "counts",
        "known",
        "ladder",
        "reason",
        "state",
    )

    def __init__(self, symbol: str, rule: Rule, limit: int = 1_000) -> None:
        self._symbol = symbol
        self._rule = rule
        self._limit = limit
        self.ladder: Ladder[int] = Ladder()
        """The book in whole ticks and lots, to be looked at only while `state` is "valid"."""
        self.state: State = "empty"
        self.reason = "no snapshot yet"
        """Why it is not valid; empty while it is."""
        self.at = 0
        """The venue's number that the book stands at."""
        self.known: Nanos = 0
        """When its last change became known."""
        self.counts: dict[str, int] = {}
        """What was found, by name: old, waiting, gap, crossed, checksum, stale_snapshot, drifted, ..."""
        self._written = Written()
        self._waiting: deque[Depth] = deque(maxlen=MOST_WAITING)
        self._is_first = True
        self._is_refreshing = False
        self._highest = -1
        self._sequence = 0
        self._ts: Nanos = 0
        self._reach: Reach = {}
        self._asked: Nanos | None = None
        self._wait = FIRST_WAIT

    def take(self, said: Depth | Lost, now: Nanos) -> Outcome:
        """A frame became known at `now`, which never falls."""
        if isinstance(said, Lost):
            return self._lost(now)
        if said.is_snapshot:
            return self._snapshot(said, now)
        self._highest = max(self._highest, said.last)
        if self.state == "valid":
            return self._change(said, now)
        if not self._rule.is_fetched:
            self._count("before_snapshot")
            return () if self.state == "invalid" else self._invalidate("no snapshot yet", now)
        self._count("waiting")
        self._waiting.append(said)
        if self.state != "empty":
            return ()
        self.state = "buffering"
        return (self._ask("no snapshot yet", now),)

    def restart(self, now: Nanos) -> Outcome:
        """A connection was made or the stream subscribed anew: nothing of before counts any longer."""
        was_valid = self.state == "valid"
        self._forget()
        self.state, self.reason = "empty", "no snapshot yet"
        self._highest = -1
        self._waiting.clear()
        return (self._gap(now),) if was_valid else ()

    def refresh(self, now: Nanos, reason: str = "refresh") -> Outcome:
        """Ask for a fresh snapshot without giving the book up; what differs then is counted as drifted."""
        if self.state != "valid" or self._is_refreshing or not self._rule.is_fetched:
            return ()
        self._is_refreshing = True
        self._waiting.clear()
        return (self._ask(reason, now),)

    def whole(self) -> Change | None:
        """The book as it stands as one whole; None while it is not valid."""
        if self.state != "valid":
            return None
        bids, asks = (sorted(self.ladder.sides[side].items(), reverse=side > 0) for side in (BID, ASK))
        return Change(RESET, self._ts, self.known, self._sequence, bids, asks)

    def _change(self, change: Depth, now: Nanos) -> Outcome:
        verdict = self._rule.follows(change, self.at, self._is_first)
        if verdict == "old":
            self._count("old")
            return ()
        if verdict == "gap":
            return self._invalidate("gap", now, change)
        self._put(change)
        if fault := self._fault(change):
            return self._invalidate(fault, now, change)
        if self._is_refreshing:
            self._waiting.append(change)
        applied = self._applied(SET, change, now)
        if self._is_refreshing or not is_near_edge(self.ladder, self._reach):
            return (applied,)
        self._count("near_edge")
        return (applied, *self.refresh(now, "near_edge"))

    def _snapshot(self, snapshot: Depth, now: Nanos) -> Outcome:
        if self._rule.is_fetched:
            return self._fetched(snapshot, now)
        if not self._rule.dates_snapshots:
            if self.state == "valid":
                # Nobody asked for it, so which of both books is the venue's cannot be known.
                return self._invalidate("second snapshot", now)
            if self.state == "invalid":
                self._count("stale_snapshot")
                return ()
        elif snapshot.last != self._rule.restarts_at:
            if self.state == "valid" and snapshot.last <= self._highest:
                self._count("old")
                return ()
            if snapshot.last < self._highest:
                return self._refuse("stale_snapshot", now)
        self._highest = snapshot.last
        return self._begin(snapshot, [], now)

    def _fetched(self, snapshot: Depth, now: Nanos) -> Outcome:
        """A snapshot from beside the stream: the changes that wait must follow it."""
        if self.state == "valid" and not self._is_refreshing:
            self._count("old")
            return ()
        if not snapshot.bids or not snapshot.asks:
            return self._refuse("empty_snapshot", now)
        at, is_first = snapshot.last, True
        follow: list[Depth] = []
        for place, change in enumerate(self._waiting):
            verdict = self._rule.follows(change, at, is_first)
            if verdict == "gap":
                # What waits behind the hole may follow the next snapshot.
                for _ in range(place if follow else 0):
                    self._waiting.popleft()
                return self._refuse("gap" if follow else "stale_snapshot", now)
            if verdict == "next":
                follow.append(change)
                at, is_first = change.last, False
        if self.state == "valid":
            if at < self.at:
                return self._refuse("stale_snapshot", now)
            fresh = reach_of(snapshot, self._limit)
            if at == self.at and differs(self.ladder, self._reach, (snapshot, *follow), fresh):
                self._count("drifted")
        return self._begin(snapshot, follow, now)

    def _begin(self, snapshot: Depth, follow: list[Depth], now: Nanos) -> Outcome:
        was_valid = self.state == "valid"
        last = follow[-1] if follow else snapshot
        self._forget()
        for depth in (snapshot, *follow):
            self._put(depth)
        if fault := self._fault(last):
            self._count(fault)
            self._forget()
            self.state, self.reason = "invalid", fault
            asked = self._ask(fault, now)
            return (self._gap(now), asked) if was_valid else (asked,)
        self.state, self.reason = "valid", ""
        self._is_first = not follow
        self._wait = FIRST_WAIT
        self._waiting.clear()
        self._sequence = snapshot.last - 1
        if self._rule.is_fetched:
            self._reach = reach_of(snapshot, self._limit)
        changes = [self._applied(RESET, snapshot, now)]
        changes += [self._applied(SET, change, now) for change in follow]
        return changes

    def _lost(self, now: Nanos) -> Outcome:
        if self.state == "valid" and not self._rule.shows_loss:
            return self._invalidate("unreadable frame", now)
        self._count("unreadable frame")
        # It may have been the snapshot that is waited for.
        return (self._ask("unreadable frame", now),) if self.state in {"buffering", "invalid"} else ()

    def _put(self, depth: Depth) -> None:
        if depth.is_snapshot:
            self.ladder.clear()
        self.ladder.put_levels(BID, depth.bids)
        self.ladder.put_levels(ASK, depth.asks)
        if depth.checksum is not None:
            self._written.take(depth)
        self.at = depth.last

    def _fault(self, depth: Depth) -> str:
        """What contradicts the book after `depth`, empty where nothing does."""
        if self.ladder.is_crossed:
            return "crossed"
        if depth.checksum is not None and self._written.checksum(self.ladder) != depth.checksum:
            return "checksum"
        return ""

    def _applied(self, action: int, depth: Depth, now: Nanos) -> Change:
        self._sequence = max(depth.last, self._sequence + 1)
        if action == SET:
            self._is_first = False
        self.known = now
        self._ts = depth.ts or now
        return Change(action, self._ts, now, self._sequence, depth.bids, depth.asks)

    def _invalidate(self, reason: str, now: Nanos, change: Depth | None = None) -> Outcome:
        """Give the book up; `change` may follow the snapshot that is asked for."""
        was_valid = self.state == "valid"
        self._count(reason)
        self._forget()
        self.state, self.reason = "invalid", reason
        self._waiting.clear()
        if change is not None and self._rule.is_fetched:
            self._waiting.append(change)
        asked = self._ask(reason, now)
        return (self._gap(now), asked) if was_valid else (asked,)

    def _refuse(self, reason: str, now: Nanos) -> Outcome:
        """A snapshot is of no use: the state stays, and another is asked for."""
        self._count(reason)
        return (self._ask(reason, now),)

    def _forget(self) -> None:
        self.ladder.clear()
        self._reach = {}
        self._is_refreshing = False
        self._is_first = True

    def _gap(self, now: Nanos) -> Change:
        return Change(GAP, now, now, self._sequence, [], [])

    def _ask(self, reason: str, now: Nanos) -> Resync:
        due = now if self._asked is None else max(now, self._asked + self._wait)
        if self._asked is not None:
            self._wait = min(2 * self._wait, LAST_WAIT)
        self._asked = due
        return Resync(self._symbol, reason, due)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
