"""Puts the body of an answer together and stops before it fills the memory."""

from __future__ import annotations

import zlib

from quant_channels.sentiment.fetching import FetchFailed

PLAIN = frozenset({"", "identity"})
PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class Unpacker:
    """Takes chunks as they are sent, plain or packed by gzip or deflate, and gives at most `most` bytes.

    >>> unpacker = Unpacker("", 5, "https://example.org/feed")
    >>> unpacker.add(b"hell")
    >>> unpacker.end()
    b'hell'
    """

    def __init__(self, encoding: str, most: int, shown: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in PLAIN | PACKED:
            raise FetchFailed("encoding", f"{shown} packs its answer in a way that was not asked for")
        self._most = most
        self._shown = shown
        self._received = 0
        self._size = 0
        self._parts: list[bytes] = []
        # 32 lets zlib tell gzip from deflate by the first bytes.
        self._zlib = zlib.decompressobj(32 + zlib.MAX_WBITS) if encoding in PACKED else None

    def add(self, chunk: bytes) -> None:
        """Take the next chunk; raises FetchFailed for one too much, or one that cannot be unpacked."""
        self._received += len(chunk)
        if self._zlib is not None:
            try:
                # One byte more than is allowed tells that there is more.
                chunk = self._zlib.decompress(chunk, self._most - self._size + 1)
            except zlib.error:
                raise FetchFailed("encoding", f"{self._shown} sends what cannot be unpacked") from None
        self._size += len(chunk)
        if max(self._size, self._received) > self._most:
            raise FetchFailed("too_large", f"{self._shown} sends more than {self._most:,} bytes")
        self._parts.append(chunk)

    def end(self) -> bytes:
        """The whole body; raises FetchFailed where a packed one was cut off."""
        if self._zlib is not None and not self._zlib.eof and self._received:
            raise FetchFailed("truncated", f"{self._shown} cut its answer off", again=True)
        return b"".join(self._parts)
