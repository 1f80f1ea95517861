"""Lines of JSON that are only ever added to, in files of bounded size, and survive a cut at any byte.

    documents/000001.jsonl   full
    documents/000002.jsonl   the one written to
    documents/torn.jsonl     what was cut off, set aside when the store is opened the next time

A line counts once its line end is on the disk. Lines are added in batches, each by one write and one
sync; of a batch that was cut off the whole lines count, and what stands behind the last line end never
does.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from quant_contracts.errors import StorageError

NAME: Final = re.compile(r"\d{6}\.jsonl")
TORN: Final = "torn.jsonl"


def segments_of(folder: Path) -> list[Path]:
    """The files of a store in their order."""
    try:
        return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read: {error.strerror}") from None


def read_lines(path: Path) -> Iterator[bytes]:
    """The whole lines of one file, without their ends; what was cut off at its end is not among them."""
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield line[:-1]
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from None


class Segments:
    """The one writer of a folder of lines. Another process that tries to write is refused."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.torn = 0
        """Lines that were set aside when it was opened, 0 or 1."""
        self._most = most_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._open_last()
            except OSError:
                os.close(self._lock)
                raise
        except BlockingIOError:
            raise StorageError(f"{folder}: another process is writing to it; wait for it to end") from None
        except OSError as error:
            raise StorageError(f"{folder}: cannot be written: {error.strerror}") from None

    def _open_last(self) -> None:
        last = max(segments_of(self.folder), default=self.folder / "000001.jsonl")
        self._begin(last)
        content = last.read_bytes()
        self._size = content.rfind(b"\n") + 1
        if self._size < len(content):
            with (self.folder / TORN).open("ab") as aside:
                aside.write(content[self._size :] + b"\n")
                os.fsync(aside.fileno())
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
            self.torn = 1

    def _begin(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = 0
        self._number = int(path.stem)
        # The name of a new file is on the disk only when its folder is.
        os.fsync(self._lock)

    def add(self, lines: Sequence[bytes]) -> None:
        """Add lines, none of which holds a line end; they are on the disk when this returns."""
        batch = b"".join(line + b"\n" for line in lines)
        if not batch:
            return
        try:
            if self._size >= self._most:
                os.close(self._file)
                self._begin(self.folder / f"{self._number + 1:06}.jsonl")
            self._write(batch)
        except OSError as error:
            raise StorageError(
                f"{self.folder}: cannot be written: {error.strerror}; see to it and start again"
            ) from None

    def _write(self, batch: bytes) -> None:
        left = memoryview(batch)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError:
            # Of a batch that does not fit nothing stays, so that the next one begins a line.
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(batch)

    def close(self) -> None:
        """Let another process write. Closing twice does nothing."""
        if self._lock >= 0:
            os.close(self._file)
            os.close(self._lock)
            self._lock = -1
