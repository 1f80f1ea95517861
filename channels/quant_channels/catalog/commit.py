"""Changes to a folder that happen whole or not at all.

    .new/2022.parquet      1. the files that change are written beside the others and synced
    .new/catalog.json      2. the index is put there last: from here on the change is made
    2022.parquet           3. files and index are moved into place

A process that dies before step 2 leaves the old state; one that dies after it leaves the new one, and
whoever opens the folder next finishes the moving.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Final

from quant_contracts.errors import StorageError

INDEX: Final = "catalog.json"
STAGE: Final = ".new"


@contextmanager
def changing(folder: Path) -> Iterator[Path]:
    """A stage to write to, for one process at a time; what was not committed is gone at the end.

    So are the folders that had to be made for it.
    """
    missing = list(takewhile(lambda place: not place.exists(), (folder, *folder.parents)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, wait=False):
            _publish(folder)
            stage = folder / STAGE
            shutil.rmtree(stage, ignore_errors=True)
            stage.mkdir()
            try:
                yield stage
            finally:
                if not (stage / INDEX).exists():
                    shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written: {error.strerror}; see to it and run again"
        ) from None
    finally:
        for place in missing:
            # Those that hold something, as all do behind a commit, stay.
            with suppress(OSError):
                place.rmdir()


def commit(folder: Path, index: bytes) -> None:
    """Make the change on the stage of `folder`, whose files are written and synced."""
    stage = folder / STAGE
    part = stage / "index.part"
    with part.open("wb") as file:
        file.write(index)
        file.flush()
        os.fsync(file.fileno())
    part.replace(stage / INDEX)
    _sync(stage)
    _publish(folder)


def finish(folder: Path) -> None:
    """Move the files of a change that was made but whose process died before they were all in place."""
    if (folder / STAGE / INDEX).exists():
        try:
            with _locked(folder, wait=True):
                _publish(folder)
        except OSError as error:
            raise StorageError(
                f"{folder}: an ingestion was cut off and cannot be finished: {error}"
            ) from None


def _publish(folder: Path) -> None:
    stage = folder / STAGE
    if not (stage / INDEX).exists():
        return
    for path in sorted(stage.glob("*.parquet")):
        path.replace(folder / path.name)
    (stage / INDEX).replace(folder / INDEX)
    _sync(folder)
    stage.rmdir()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(folder: Path, *, wait: bool) -> Iterator[None]:
    """Hold the folder against other writers; the system lets go of it when the process dies."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"{folder}: another process is writing to it; wait for it to end") from None
        yield
    finally:
        os.close(handle)
