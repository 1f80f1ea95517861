"""When a frame became known, by a receiving clock that may run ahead, behind or backwards."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from quant_contracts.units import MICROSECOND, MILLISECOND, SECOND, Nanos

MOST_AHEAD: Final[Nanos] = 2 * SECOND
"""How far the venue's time may lie ahead of the receiving clock; further, one of them is broken."""

OFFSET: Final = re.compile(r"([+-]?)([0-9]{1,9})(?:\.([0-9]{1,9}))?(ns|us|ms|s)")
ASSUMED: Final = re.compile(r"venue(?:\+([0-9].*))?")
UNITS: Final[dict[str, Nanos]] = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND}


def parse_offset(text: str) -> Nanos:
    """A declared offset such as `1.27s` or `-30ms` in nanoseconds.

    >>> parse_offset("1.27s"), parse_offset("-30ms")
    (1270000000, -30000000)
    """
    match = OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(
            f"clock_offset must be a number and one of ns, us, ms, s, such as 1.27s, not {text!r}"
        )
    sign, number, part, unit = match.groups()
    parts: int = 10 ** len(part or "")
    nanos = int(number + (part or "")) * UNITS[unit] // parts
    return -nanos if sign == "-" else nanos


def parse_assumed(text: str) -> Nanos:
    """How long after the venue's own time a frame is taken to have come, by a declared `assume_received`.

    >>> parse_assumed("venue"), parse_assumed("venue+100ms")
    (0, 100000000)
    """
    match = ASSUMED.fullmatch(text)
    if match is None or (match[1] is not None and OFFSET.fullmatch(match[1]) is None):
        raise ValueError(f"assume_received must be venue, or such as venue+100ms, not {text!r}")
    return 0 if match[1] is None else parse_offset(match[1])


def offset_for(offset: Nanos, lead: Nanos) -> str:
    """The `clock_offset` to declare, in whole hundredths, where frames lead by `lead` in spite of `offset`.

    >>> offset_for(0, 1_276_700_000), offset_for(parse_offset("1.27s"), 6_700_000)
    ('1.28s', '1.28s')
    """
    hundredths = -(-(offset + lead) // (10 * MILLISECOND))
    return f"{Decimal(hundredths) / 100:f}s"


class Arrival:
    """Turns receive times into times at which something was known: they never fall, nor precede the event.

    * `offset` is added to every receive time: 1.27 s where the receiving clock runs that much behind.
    * Where the receiving clock goes back, time stands still until it has caught up (`went_back` counts).
    * Where the venue's own time is later still, that is when it is known (`early` counts): nothing is
      known before it happened. More than 2 s later, nobody can say which clock is wrong: None, refuse it.
    * Where nobody recorded when a frame came, it is taken to have come `delay` after the venue's own time
      (`assumed` counts), and never before the frame ahead of it.

    >>> arrival = Arrival(offset=10)
    >>> [arrival.now(recv) for recv in (100, 90, 120)], arrival.went_back
    ([110, 110, 130], 1)
    >>> arrival.known(ts=125, now=130), arrival.known(ts=140, now=130), arrival.early, arrival.lead
    (130, 140, 1, 10)
    """

    __slots__ = ("_delay", "_last", "_offset", "_received", "assumed", "early", "lead", "went_back")

    def __init__(self, offset: Nanos = 0, delay: Nanos = 0) -> None:
        self._offset = offset
        self._delay = delay
        self._received: Nanos = 0
        self._last: Nanos = 0
        self.early = 0
        """Frames whose own time was later than their arrival."""
        self.lead: Nanos = 0
        """How much later at most."""
        self.went_back = 0
        """Frames received, by their clock, before the frame ahead of them."""
        self.assumed = 0
        """Frames whose receive time is an assumption."""

    @property
    def last(self) -> Nanos:
        """The latest time at which something was known, 0 before there was one."""
        return self._last

    def at(self, recv_ns: Nanos) -> Nanos:
        """When a frame received at `recv_ns` would be known at the earliest; time does not move on."""
        return max(self._last, recv_ns + self._offset)

    def now(self, recv_ns: Nanos) -> Nanos:
        """The same, and time moves on to it."""
        if recv_ns < self._received:
            self.went_back += 1
        self._received = recv_ns
        self._last = self.at(recv_ns)
        return self._last

    def known(self, ts: Nanos, now: Nanos) -> Nanos | None:
        """When what happened at `ts` and arrived `now` is known; None where that cannot be."""
        # A frame may hold several events, of which one has moved time on.
        now = max(now, self._last)
        if ts <= now:
            return now
        if ts - now > MOST_AHEAD:
            return None
        self.early += 1
        # By the clock, not by `now`, which the early frame before may have moved on.
        self.lead = max(self.lead, ts - self._received - self._offset)
        self._last = ts
        return ts

    def assume(self, ts: Nanos) -> Nanos | None:
        """When a frame of the venue's time `ts`, 0 for none, is known; None where nothing came before it."""
        if ts:
            self._last = max(self._last, ts + self._delay)
        if not self._last:
            return None
        self.assumed += 1
        return self._last
