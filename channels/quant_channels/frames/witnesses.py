"""Frames that say when they were sent, as witnesses for a stream of the same recording that never says."""

from __future__ import annotations

from typing import Final

import msgspec

from quant_channels.frames.binance_messages import read_sent
from quant_channels.frames.exact import EARLIEST_MS, LATEST_MS
from quant_channels.frames.recorded import Line, frame_of
from quant_contracts.units import MILLISECOND, Nanos

TOLERANCE: Final[Nanos] = 50 * MILLISECOND
"""How far frames may lead the receiving clock before it counts as one that runs behind."""


class Witnesses:
    """Tells whether the receiving clock ran behind, where the wanted stream has no time that would show it.

    Of the messages that are read only Binance's best prices and best few levels of spot have none. Then
    what else came over their connections, or is about their instrument, is looked at for when the venue
    sent it (`E`): it cannot have come before. What replies to requests is left aside.
    """

    __slots__ = ("_conns", "_instrument", "_is_timed", "_offset", "lead")

    def __init__(self, instrument: str, offset: Nanos) -> None:
        self._instrument = instrument
        self._offset = offset
        self._conns: set[str] = set()
        self._is_timed = False
        self.lead: Nanos = 0
        """How far a witness was ahead of the receiving clock, its offset added, at most."""

    def own(self, line: Line, *, is_timed: bool) -> None:
        """A frame of the wanted stream came. One that says its time makes witnesses needless."""
        self._is_timed |= is_timed
        self._conns.add(line.conn)

    def hear(self, line: Line) -> None:
        """Another frame came."""
        if self._is_timed or not self._conns or line.kind != "recv" or line.recv_ns is None:
            return
        try:
            said = read_sent(frame_of(line))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return
        sent = said.data or said
        is_near = line.conn in self._conns or sent.symbol == self._instrument
        if is_near and EARLIEST_MS <= sent.event_ms <= LATEST_MS:
            self.lead = max(self.lead, sent.event_ms * MILLISECOND - line.recv_ns - self._offset)

    @property
    def contradict(self) -> bool:
        """True when the wanted stream would be known before it happened."""
        return self.lead > TOLERANCE
