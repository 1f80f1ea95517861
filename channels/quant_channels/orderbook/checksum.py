"""The checksum by which a venue lets a book be proved: CRC-32 over its best levels as they were written."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from quant_channels.frames.said import Depth
from quant_channels.orderbook.ladder import ASK, BID, Ladder

DEPTH: Final = 25


class Written:
    """The levels of a book as the venue wrote them, `price:size`, beside their whole ticks."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: dict[int, dict[int, str]] = {BID: {}, ASK: {}}

    def take(self, depth: Depth) -> None:
        """Keep the texts of a frame; a snapshot's replace all others."""
        for side, levels, texts in zip((BID, ASK), (depth.bids, depth.asks), depth.texts, strict=True):
            kept = self._texts[side]
            if depth.is_snapshot:
                kept.clear()
            # A frame without a checksum has no texts.
            for (ticks, lots), text in zip(levels, texts, strict=False):
                if lots:
                    kept[ticks] = text
                else:
                    kept.pop(ticks, None)

    def checksum(self, ladder: Ladder[int]) -> int | None:
        """CRC-32 as a signed number of the 25 best levels: bid, ask, next bid, ... until both are out.

        None where the text of one of them is not known.
        """
        bids, asks = ladder.top(BID, DEPTH)[0], ladder.top(ASK, DEPTH)[0]
        parts: list[str] = []
        try:
            for place in range(max(len(bids), len(asks))):
                if place < len(bids):
                    parts.append(self._texts[BID][bids[place]])
                if place < len(asks):
                    parts.append(self._texts[ASK][asks[place]])
        except KeyError:
            return None
        unsigned = crc32(":".join(parts).encode())
        return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned
