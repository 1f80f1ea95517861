"""One record on disk: a checked header, the payload, a checksum. A cut is always told from damage.

    length   u32   bytes of payload, 1 to 16 MiB
    seq      u64   number of the record; a digest carries the number of the record after it
    run      u32   tag of the run, the same in every frame of a journal
    kind     u8    1 input, 2 stage, 3 decision, 4 chain, 5 end
    check    u32   CRC-32 of the 17 bytes above
    payload        MessagePack of an event, or the 32 bytes of a digest
    check    u32   CRC-32 of the 17 bytes and the payload

All numbers are little-endian. Bytes that end before the frame does were cut: nothing says they are
wrong. A whole header or a whole frame that does not match its checksum is damage, because a length is
believed only once its own checksum has been checked.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, TypeAlias
from zlib import crc32

from quant_contracts.errors import DataError
from quant_contracts.protocols import RecordKind
from quant_daemon.journal.codec import MAX_PAYLOAD

CODES: Final[dict[RecordKind, int]] = {"input": 1, "stage": 2, "decision": 3}
KINDS: Final[dict[int, RecordKind]] = {code: kind for kind, code in CODES.items()}
CHAIN: Final = 4
"""Kind of a frame that carries the digest of all bytes of the segment before it."""
END: Final = 5
"""The same, written when the journal was closed in order."""

CHAIN_EVERY: Final = 1_000
"""Records between two digests, at most."""

Frame: TypeAlias = tuple[int, int, int, bytes, int]
"""Kind, seq, run, payload, and the offset just behind the frame."""

_FIELDS: Final = Struct("<IQIB")
_CHECKED: Final = Struct("<IQIBI")
_CHECK: Final = Struct("<I")
_HEADER_BYTES: Final = _CHECKED.size
FRAME_BYTES: Final = _HEADER_BYTES + _CHECK.size
"""What a frame adds to its payload."""
_pack_fields = _FIELDS.pack
_pack_check = _CHECK.pack


class Damaged(DataError):
    """Bytes that are all there and wrong."""

    def __init__(self, reason: str, end: int) -> None:
        super().__init__(reason)
        self.end = end
        """Offset just behind the bytes that were checked."""


def encode_frame(kind: int, seq: int, run: int, payload: bytes) -> bytes:
    """The bytes of one record.

    >>> len(encode_frame(1, 1, 0, b"event"))
    30
    """
    fields = _pack_fields(len(payload), seq, run, kind)
    check = crc32(fields)
    return fields + _pack_check(check) + payload + _pack_check(crc32(payload, check))


def decode_frame(data: bytes, offset: int) -> Frame | None:
    """The frame at `offset`, None when `data` ends before the frame does; raises `Damaged`.

    >>> decode_frame(encode_frame(1, 7, 0, b"event"), 0)
    (1, 7, 0, b'event', 30)
    >>> decode_frame(encode_frame(1, 7, 0, b"event")[:-1], 0) is None
    True
    """
    body = offset + _HEADER_BYTES
    if body > len(data):
        return None
    length, seq, run, kind, check = _CHECKED.unpack_from(data, offset)
    if crc32(data[offset : body - 4]) != check:
        raise Damaged("the header of the record does not match its checksum", body)
    if not 0 < length <= MAX_PAYLOAD:
        raise Damaged(f"a payload of {length:,} bytes is not possible", body)
    end = body + length + 4
    if end > len(data):
        return None
    payload = data[body : end - 4]
    if crc32(payload, check) != _CHECK.unpack_from(data, end - 4)[0]:
        raise Damaged("the record does not match its checksum", end)
    return kind, seq, run, payload, end


def whole_frames(data: bytes) -> int:
    """How many of the bytes of `data`, which starts with a frame, belong to whole frames."""
    offset = 0
    while (frame := decode_frame(data, offset)) is not None:
        offset = frame[-1]
    return offset
