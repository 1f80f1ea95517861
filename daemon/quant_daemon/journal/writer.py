"""Appends to a journal, in large writes, and never says that something is on the disk when it is not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from quant_contracts.errors import ConfigError, LifecycleError, StorageError
from quant_contracts.events import Event
from quant_contracts.protocols import RecordKind
from quant_daemon.journal.codec import encode_event
from quant_daemon.journal.files import lock_directory, segment_name, segment_paths, set_aside, write_all
from quant_daemon.journal.frames import (
    CHAIN,
    CHAIN_EVERY,
    CODES,
    END,
    FRAME_BYTES,
    encode_frame,
    whole_frames,
)
from quant_daemon.journal.header import DIGEST_BYTES, RunIdentity, SegmentHeader, encode_header
from quant_daemon.journal.reader import NO_CHAIN, JournalReader, Tail, TornTail

SEGMENT_BYTES: Final = 64 * 1024 * 1024
WRITE_BYTES: Final = 1024 * 1024
"""Bytes held in memory at most before they are written, give or take a record."""


class JournalWriter:
    """Appends to the journal in the directory `path`, which it makes, or continues if it is of the same run.

    What was appended is in memory until a digest is due, `flush` or `close`. On opening, a torn tail is
    moved to a file beside its segment; `torn` tells of it. `fresh` refuses to continue anything, for runs
    that start from the beginning each time.

    A second writer on the directory, or a journal of another run, raises `ConfigError`; damage raises
    `DataError`; a disk that refuses raises `StorageError`, after which this writer takes nothing more:
    a second sync of the same file may claim what is not true.
    """

    def __init__(
        self, path: Path, run: RunIdentity, *, segment_bytes: int = SEGMENT_BYTES, fresh: bool = False
    ) -> None:
        if segment_bytes < 1:
            raise ValueError(f"segment_bytes must be at least 1, not {segment_bytes}")
        self.path = path
        self.run = run
        self.torn: TornTail | None = None
        """The tail that was set aside on opening, None when there was none."""
        self._segment_bytes = segment_bytes
        self._tag = run.tag
        self._records: list[tuple[int, bytes]] = []
        self._failure = ""
        self._closed = False
        # Reaching this size sends `append` to `_make_room`; 0 makes every append go there, and be refused.
        self._mark = 0
        self._directory = self._descriptor = -1
        # Of the segment being written: bytes in the file, bytes with those in memory, records until the
        # next digest, and the digest.
        self._written = self._size = self._room = 0
        self._digest = blake2b(digest_size=DIGEST_BYTES)
        try:
            with self._disk():
                self._directory = lock_directory(path)
                self._resume(fresh=fresh)
        except BaseException:
            self._release()
            raise

    def append(self, kind: RecordKind, event: Event, /) -> None:
        """Add a record."""
        self.append_encoded(kind, encode_event(event))

    def append_encoded(self, kind: RecordKind, payload: bytes) -> None:
        """Add a record whose event is encoded already."""
        records = self._records
        if len(records) >= self._room or self._size >= self._mark:
            self._make_room()
        self._size += FRAME_BYTES + len(payload)
        # Last, so that an interrupt leaves either the whole record or none.
        records.append((CODES[kind], payload))

    def flush(self, *, durable: bool = False) -> None:
        """Hand what is in memory to the system; with `durable`, return once it would survive a power cut."""
        with self._disk():
            self._write()
            if durable:
                os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Write what is still in memory, end the journal durably and let go of it."""
        if self._closed:
            return
        try:
            if not self._failure:
                with self._disk():
                    if self._records or self._next_seq != self._ended_at:
                        self._write(END)
                    os.fdatasync(self._descriptor)
        finally:
            self._closed = True
            self._mark = 0
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """Work that must finish: whatever ends it early leaves a writer that takes nothing more."""
        if self._closed:
            raise LifecycleError(f"{self.path}: the journal is closed; only close is legal now")
        if self._failure:
            raise StorageError(f"{self.path}: the journal takes nothing more: {self._failure}")
        self._failure = "writing was interrupted"
        self._mark = 0
        try:
            yield
        except OSError as error:
            self._failure = f"cannot be written: {error.strerror or error}"
            raise StorageError(
                f"{self.path}: {self._failure}; mend the disk, then start again from what was written"
            ) from None
        self._failure = ""
        self._mark = min(self._segment_bytes, self._size + WRITE_BYTES)

    def _make_room(self) -> None:
        with self._disk():
            if self._size >= self._segment_bytes:
                self._write(CHAIN)
                # A segment is complete on the disk before the next one exists: only the last can be torn.
                os.fdatasync(self._descriptor)
                self._create(self._segment + 1)
            else:
                self._write(CHAIN if len(self._records) >= self._room else None)

    def _write(self, digest: int | None = None) -> None:
        """Write what is in memory, followed by a digest of the kind given."""
        frames = [
            encode_frame(code, seq, self._tag, payload)
            for seq, (code, payload) in enumerate(self._records, self._next_seq)
        ]
        block = b"".join(frames)
        self._digest.update(block)
        self._next_seq += len(self._records)
        self._room -= len(self._records)
        self._records.clear()
        if digest is not None:
            self._chain = self._digest.digest()
            frame = encode_frame(digest, self._next_seq, self._tag, self._chain)
            self._digest.update(frame)
            self._room = CHAIN_EVERY
            block += frame
        try:
            write_all(self._descriptor, block)
        except OSError:
            # A failure here changes nothing: the next opening sets the torn frame aside.
            with contextlib.suppress(OSError):
                self._cut_back(block)
            raise
        self._written += len(block)
        self._size = self._written

    def _cut_back(self, block: bytes) -> None:
        """After a write that failed: cut the file behind the last whole frame."""
        done = os.lseek(self._descriptor, 0, os.SEEK_CUR) - self._written
        os.ftruncate(self._descriptor, self._written + whole_frames(block[:done]))

    def _resume(self, *, fresh: bool) -> None:
        """Go on behind the last good record of the journal that is there, or begin one."""
        found = segment_paths(self.path)
        if found and fresh:
            raise ConfigError(f"{self.path}: holds a journal already; give a directory that holds none")
        tail = self._verify() if found else None
        if tail is None:
            self._next_seq, self._chain, self._ended_at = 1, NO_CHAIN, 0
            self._create(1)
            return
        self._descriptor = os.open(tail.path, os.O_WRONLY)
        self._written = self._size = os.lseek(self._descriptor, 0, os.SEEK_END)
        self._segment, self._chain, self._digest = tail.header.segment, tail.chain, tail.digest
        self._room = CHAIN_EVERY - tail.since

    def _verify(self) -> Tail | None:
        reader = JournalReader(self.path)
        for _ in reader.frames():
            pass
        if reader.header is not None and reader.header.run != self.run:
            raise ConfigError(
                f"{self.path}: holds the journal of another run, {reader.header.run.run_id!r}, "
                f"not of {self.run.run_id!r}; give this run a directory of its own"
            )
        if reader.torn is not None:
            self.torn = reader.torn
            set_aside(self._directory, reader.torn.path, reader.torn.offset)
        self._next_seq = reader.next_seq
        self._ended_at = reader.next_seq if reader.tail is not None and reader.tail.ended else 0
        return reader.tail

    def _create(self, segment: int) -> None:
        """Begin a segment file, in the directory for good before anything is appended to it."""
        header = encode_header(SegmentHeader(self.run, self._tag, segment, self._next_seq, self._chain))
        path = self.path / segment_name(segment)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        previous, self._descriptor = self._descriptor, os.open(path, flags, 0o644)
        if previous >= 0:
            os.close(previous)
        write_all(self._descriptor, header)
        os.fsync(self._descriptor)
        os.fsync(self._directory)
        self._segment = segment
        self._digest = blake2b(header, digest_size=DIGEST_BYTES)
        self._written = self._size = len(header)
        self._room = CHAIN_EVERY

    def _release(self) -> None:
        for descriptor in (self._descriptor, self._directory):
            if descriptor >= 0:
                # What had to be on the disk was synced before; an error here could change nothing.
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._descriptor = self._directory = -1
