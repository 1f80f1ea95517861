"""The files of a journal: their names and order, the lock, and moves that survive a crash half-way."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from pathlib import Path
from typing import Final

from quant_contracts.errors import ConfigError, DataError

SUFFIX: Final = ".qej"
TORN: Final = ".torn"
_NAME: Final = re.compile(r"(\d{6,})\.qej")


def segment_name(segment: int) -> str:
    """The file name of the segment with this number.

    >>> segment_name(1)
    '000001.qej'
    """
    return f"{segment:06d}{SUFFIX}"


def segment_paths(path: Path) -> list[Path]:
    """The segment files in the directory `path` in order, or `path` itself where it is one file.

    Raises `DataError` when there is no such path, or when a segment is missing before the last.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such journal; give the directory of a journal, or one {SUFFIX} file")
    numbers = sorted(int(match[1]) for entry in path.iterdir() if (match := _NAME.fullmatch(entry.name)))
    for expected, number in enumerate(numbers, 1):
        if number != expected:
            raise DataError(f"{path}: {segment_name(expected)} is missing before {segment_name(number)}")
    return [path / segment_name(number) for number in numbers]


def lock_directory(path: Path) -> int:
    """A descriptor of the directory `path`, made where it is missing, that keeps every other writer out."""
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path}: is a file; a journal is written to a directory of its own")
    if not path.exists():
        path.mkdir(parents=True)
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(directory)
        raise ConfigError(
            f"{path}: another process is writing this journal (`fuser -v {path}` names it); "
            "stop it, or give this run a directory of its own"
        ) from None
    return directory


def write_all(descriptor: int, block: bytes) -> None:
    """Write every byte of `block`: one call may write only part of it, as on a disk that is nearly full."""
    written = os.write(descriptor, block)
    while written < len(block):
        written += os.write(descriptor, memoryview(block)[written:])


def set_aside(directory: int, path: Path, offset: int) -> Path:
    """Move the bytes of `path` from `offset` on to a new file beside it, which is returned.

    A crash on the way leaves the bytes in at least one of the two files.
    """
    torn = _free_name(path)
    if offset == 0:
        path.rename(torn)
        os.fsync(directory)
        return torn
    with path.open("r+b") as source:
        with torn.open("xb") as target:
            source.seek(offset)
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        os.fsync(directory)
        source.truncate(offset)
        os.fdatasync(source.fileno())
    return torn


def _free_name(path: Path) -> Path:
    """`000001.qej.torn`, or `000001.qej.torn.2` and so on where a torn tail was set aside before."""
    first = path.with_name(path.name + TORN)
    candidate, count = first, 1
    while candidate.exists():
        count += 1
        candidate = first.with_name(f"{first.name}.{count}")
    return candidate
