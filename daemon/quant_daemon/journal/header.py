"""The start of a segment file: which run it belongs to, and where in the run it begins.

magic     8 bytes   89 51 45 4A 0D 0A 1A 0A: "QEJ" guarded against text-mode copies, as PNG does it
version   u16       of the format; this prefix keeps its shape in every version
length    u32       bytes of the header
check     u32       CRC-32 of the 14 bytes above
header              MessagePack of `SegmentHeader`
check     u32       CRC-32 of the 14 bytes and the header
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import Annotated, Final
from zlib import crc32

import msgspec

from quant_contracts.errors import DataError
from quant_daemon.journal.frames import Damaged

FORMAT_VERSION: Final = 1
"""Of the layout of the files. A reader refuses files of a newer one."""

SCHEMA_VERSION: Final = 1
"""Of the events. Rises with every appended field; older and newer ones are read alike."""

DIGEST_BYTES: Final = 32
MAX_HEADER: Final = 64 * 1024

_MAGIC: Final = b"\x89QEJ\r\n\x1a\n"
_FIELDS: Final = Struct("<8sHI")
_CHECK: Final = Struct("<I")
_PREFIX_BYTES: Final = _FIELDS.size + _CHECK.size

Count = Annotated[int, msgspec.Meta(ge=1)]
Digest = Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]


class RunIdentity(msgspec.Struct, frozen=True, array_like=True):
    """What makes a journal that of one run; every segment repeats it."""

    run_id: str
    config_hash: str
    code_version: str
    seed: int
    schema_version: int = SCHEMA_VERSION

    @property
    def tag(self) -> int:
        """The run in four bytes, as every frame carries it."""
        return int.from_bytes(blake2b(msgspec.msgpack.encode(self), digest_size=4).digest(), "little")


class SegmentHeader(msgspec.Struct, frozen=True, array_like=True):
    """What a segment file says of itself. Fields are only ever appended, each with a default."""

    run: RunIdentity
    tag: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    """Stored and not worked out again: a newer identity may have fields that this version skips."""
    segment: Count
    """1 for the first file of a journal."""
    first_seq: Count
    """Number of the first record of this file."""
    chain: Digest
    """The last digest of the segment before, zeros in the first."""


def encode_header(header: SegmentHeader) -> bytes:
    """The bytes that start a segment file."""
    payload = msgspec.msgpack.encode(header)
    if len(payload) > MAX_HEADER:
        raise ValueError(
            f"a header takes {MAX_HEADER:,} bytes, not {len(payload):,}; shorten the run's names"
        )
    fields = _FIELDS.pack(_MAGIC, FORMAT_VERSION, len(payload))
    check = crc32(fields)
    return fields + _CHECK.pack(check) + payload + _CHECK.pack(crc32(payload, check))


def decode_header(data: bytes) -> tuple[SegmentHeader, int] | None:
    """The header at the start of `data` and the offset behind it, None when `data` ends before it does.

    Raises `Damaged`, or `DataError` for what is no journal or that of a newer version.
    """
    magic = data[: len(_MAGIC)]
    if not _MAGIC.startswith(magic):
        raise Damaged("this is not a journal: its first bytes are others", len(magic))
    if len(data) < _PREFIX_BYTES:
        return None
    _, version, length = _FIELDS.unpack_from(data)
    (check,) = _CHECK.unpack_from(data, _FIELDS.size)
    if crc32(data[: _FIELDS.size]) != check:
        raise Damaged("the start of the file does not match its checksum", _PREFIX_BYTES)
    if version > FORMAT_VERSION:
        raise DataError(
            f"the file has format version {version}, this program reads up to {FORMAT_VERSION}; "
            "use the version of quant-engine that wrote it, or a later one"
        )
    if length > MAX_HEADER:
        raise Damaged(f"a header of {length:,} bytes is not possible", _PREFIX_BYTES)
    end = _PREFIX_BYTES + length + _CHECK.size
    if len(data) < end:
        return None
    payload = data[_PREFIX_BYTES : end - _CHECK.size]
    if crc32(payload, check) != _CHECK.unpack_from(data, end - _CHECK.size)[0]:
        raise Damaged("the header of the file does not match its checksum", end)
    try:
        return msgspec.msgpack.decode(payload, type=SegmentHeader), end
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"the header of the file cannot be understood: {error}") from None
