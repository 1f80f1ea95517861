"""Reads a journal back and trusts nothing it has not checked: order, run, checksums and digests.

a cut at the end        the records before it, and `torn` says where
zeros at the end        the same: a file system may leave them after a power failure
anything else amiss     `DataError` that names the file, the byte and the record
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

import msgspec

from quant_contracts.errors import DataError, StorageError
from quant_contracts.events import AnyEvent
from quant_contracts.protocols import RecordKind
from quant_daemon.journal.codec import decode_event
from quant_daemon.journal.files import segment_name, segment_paths
from quant_daemon.journal.frames import CHAIN, CHAIN_EVERY, END, KINDS, Damaged, decode_frame
from quant_daemon.journal.header import DIGEST_BYTES, SCHEMA_VERSION, SegmentHeader, decode_header

Ending: TypeAlias = Literal["closed", "open", "torn"]
"""Closed in order; without an end, as while it is written or after a kill; or cut inside a record."""

RawRecord: TypeAlias = tuple[int, RecordKind, bytes, int]
"""Seq, kind, the event's MessagePack, and the offset of its frame in the segment."""

READ_BYTES: Final = 256 * 1024
NO_CHAIN: Final = bytes(DIGEST_BYTES)
"""What the first segment chains to."""
_ZEROS: Final = 4
"""Zeros needed at the end of a file to tell a hole from a chance: a checksum is as long."""


class TornTail(msgspec.Struct, frozen=True):
    """What stands behind the last whole record."""

    path: Path
    offset: int
    size: int
    """Bytes that are no record, 0 only for a segment file that is still empty."""


class Tail(msgspec.Struct):
    """Where the last good segment stops: all that a writer needs to go on."""

    path: Path
    header: SegmentHeader
    digest: blake2b
    """The running digest of the segment."""
    chain: bytes
    """The last digest that was written, or that the header names."""
    since: int = 0
    """Records since the last digest."""
    ended: bool = False
    """True when nothing follows the end record."""


class JournalReader:
    """The records of the journal at `path`, a directory of segments or one segment file, in order.

    Memory is bounded by the largest record. Iterating again reads again. After a full pass `ending`,
    `torn` and `tail` say how it ended; before that they are None.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.segments = segment_paths(path)
        if not self.segments:
            raise DataError(f"{path}: no journal here; its files would be {segment_name(1)} and on")
        self._begin()

    def _begin(self) -> None:
        self.header: SegmentHeader | None = None
        """Of the first segment; None until reading starts, and where not even that was whole."""
        self.next_seq = 1
        """Number of the record after the last one read."""
        self.ending: Ending | None = None
        self.torn: TornTail | None = None
        self.tail: Tail | None = None
        """The last segment that could be read; None when there is none."""

    def __iter__(self) -> Iterator[tuple[int, RecordKind, AnyEvent]]:
        """Every record: number, kind and event."""
        for seq, kind, payload, offset in self.frames():
            try:
                event = decode_event(payload)
            except DataError as error:
                assert self.tail is not None
                schema = self.tail.header.run.schema_version
                raise DataError(
                    f"{self.tail.path}: byte {offset:,}, record {seq:,}: {error}; "
                    f"it was written with schema {schema} and is read with {SCHEMA_VERSION}"
                ) from None
            yield seq, kind, event

    def frames(self) -> Iterator[RawRecord]:
        """Every record with its event still encoded. Digests are checked and not delivered."""
        self._begin()
        try:
            for path in self.segments:
                yield from self._segment(path, is_last=path is self.segments[-1])
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be read: {error.strerror}") from None
        if self.torn is not None:
            self.ending = "torn"
        else:
            self.ending = "closed" if self.tail is not None and self.tail.ended else "open"

    def _segment(self, path: Path, *, is_last: bool) -> Iterator[RawRecord]:
        with path.open("rb") as file:
            data = file.read(READ_BYTES)
            # Offset of `data[0]` in the file, of the next frame in `data`, and of what the digest lacks.
            base = 0
            begun = self._begin_segment(file, path, data, is_last=is_last)
            if begun is None:
                return
            tail, offset = begun
            hashed = offset
            run, kinds, seq = tail.header.tag, KINDS, self.next_seq
            kind = since = 0
            while True:
                try:
                    frame = decode_frame(data, offset)
                except Damaged as damage:
                    if _is_hole(file, base + offset, base + damage.end):
                        break
                    raise _located(path, base + offset, seq, str(damage)) from None
                if frame is None:
                    more = file.read(READ_BYTES)
                    if not more:
                        break
                    tail.digest.update(data[hashed:offset])
                    data, base, offset, hashed = data[offset:] + more, base + offset, 0, 0
                    continue
                kind, number, tag, payload, end = frame
                if tag != run:
                    raise _located(path, base + offset, seq, "the record is from another run")
                if number != seq:
                    raise _located(path, base + offset, seq, f"record {number} stands in its place")
                if kind in kinds:
                    if since == CHAIN_EVERY:
                        raise _located(path, base + offset, seq, "the digest before the record is missing")
                    since += 1
                    self.next_seq = seq = seq + 1
                    yield number, kinds[kind], payload, base + offset
                elif kind in (CHAIN, END):
                    tail.digest.update(data[hashed:offset])
                    hashed = offset
                    if tail.digest.digest() != payload:
                        raise _located(
                            path, base + offset, seq, "the chain is broken: records before it differ"
                        )
                    tail.chain, since = payload, 0
                else:
                    raise _located(path, base + offset, seq, f"kind {kind} is not known to this version")
                offset = end
            tail.digest.update(data[hashed:offset])
            tail.since, tail.ended = since, kind == END
            self._end_segment(file, path, base + offset, is_last=is_last)

    def _begin_segment(
        self, file: BinaryIO, path: Path, data: bytes, *, is_last: bool
    ) -> tuple[Tail, int] | None:
        """Check the header against the segment before; None when it was cut, which only the last may be."""
        before = self.tail
        try:
            decoded = decode_header(data)
        except Damaged as damage:
            if not _is_hole(file, 0, damage.end):
                raise _located(path, 0, self.next_seq, str(damage)) from None
            decoded = None
        except DataError as error:
            raise DataError(f"{path}: byte 0, record {self.next_seq:,}: {error}") from None
        if decoded is None:
            self._end_segment(file, path, 0, is_last=is_last)
            return None
        header, end = decoded
        if before is not None:
            expected = (before.header.run, before.header.tag, before.header.segment + 1, self.next_seq)
            if (header.run, header.tag, header.segment, header.first_seq) != expected:
                raise _located(path, 0, self.next_seq, f"the segment does not follow {before.path.name}")
            if header.chain != before.chain:
                raise _located(path, 0, self.next_seq, f"the chain is broken: {before.path.name} differs")
        elif path != self.path and (header.segment, header.first_seq) != (1, 1):
            raise _located(path, 0, self.next_seq, f"the file is segment {header.segment} and not the first")
        else:
            self.header, self.next_seq = header, header.first_seq
        self.tail = Tail(path, header, blake2b(data[:end], digest_size=DIGEST_BYTES), header.chain)
        return self.tail, end

    def _end_segment(self, file: BinaryIO, path: Path, good: int, *, is_last: bool) -> None:
        """Note what stands behind the last whole record, which only the last segment may have."""
        left = file.seek(0, 2) - good
        if is_last:
            if left or not good:
                self.torn = TornTail(path, good, left)
        elif left or not good:
            raise _located(path, good, self.next_seq, "the segment breaks off, yet another one follows")


def read_journal(path: Path) -> Iterator[tuple[int, RecordKind, AnyEvent]]:
    """Every record of the journal at `path`. Use a `JournalReader` to learn how it ended."""
    return iter(JournalReader(path))


def _is_hole(file: BinaryIO, start: int, end: int) -> bool:
    """True when zeros that begin before `end` fill the file from there: space that was never written.

    Only bytes from `start` on are looked at; the file's position is lost.
    """
    position = file.seek(start)
    zeros_from = start
    while chunk := file.read(READ_BYTES):
        written = len(chunk.rstrip(b"\0"))
        if written:
            zeros_from = position + written
            if zeros_from >= end:
                return False
        position += len(chunk)
    return position - zeros_from >= _ZEROS


def _located(path: Path, offset: int, seq: int, reason: str) -> DataError:
    return DataError(
        f"{path}: byte {offset:,}, record {seq:,}: {reason}; "
        "nothing from there on is trusted; restore the file from a copy"
    )
