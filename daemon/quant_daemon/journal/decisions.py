"""A digest over every decision of a run, in order: two runs that decide alike have the same."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from quant_contracts.events import Event

DIGEST_BYTES: Final = 16
_CHUNK: Final = 64 * 1024


class DecisionHash:
    """BLAKE2b of 128 bits over the MessagePack of the events, one after another.

    >>> from quant_contracts.events import Intent
    >>> decisions = DecisionHash()
    >>> decisions.add(Intent(0, "BTCUSDT", 1, 0.5, "score above threshold"))
    >>> decisions.hexdigest(), decisions.count
    ('e75c3680a1c2390284cd3d8e0aae9fa9', 1)
    """

    __slots__ = ("_buffer", "_digest", "_encode_into", "count")

    def __init__(self) -> None:
        self.count = 0
        """How many events were added."""
        self._digest = blake2b(digest_size=DIGEST_BYTES)
        self._buffer = bytearray()
        self._encode_into = msgspec.msgpack.Encoder().encode_into

    def add(self, event: Event) -> None:
        """Take in one decision."""
        buffer = self._buffer
        self._encode_into(event, buffer, -1)
        self.count += 1
        if len(buffer) >= _CHUNK:
            self._drain()

    def add_encoded(self, payload: bytes) -> None:
        """Take in one decision as it stands in a journal."""
        self._buffer += payload
        self.count += 1
        if len(self._buffer) >= _CHUNK:
            self._drain()

    def hexdigest(self) -> str:
        """The digest of what was added so far, as 32 hexadecimal digits; more may be added afterwards."""
        self._drain()
        return self._digest.hexdigest()

    def _drain(self) -> None:
        self._digest.update(self._buffer)
        self._buffer.clear()
