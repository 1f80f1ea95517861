"""How sources are doing: what came of each look, and the state of every source, kept beside the documents."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from quant_contracts.errors import DataError, StorageError
from quant_contracts.units import Nanos

HEALTH: Final = "health.json"

State: TypeAlias = Literal["waiting", "ok", "failing", "disabled"]


class Look(msgspec.Struct, frozen=True):
    """What came of one look at one source."""

    source: str
    ts: Nanos
    state: State
    items: int = 0
    """Items seen, again and again."""
    new: int = 0
    edits: int = 0
    deletions: int = 0
    duplicates: int = 0
    """Versions that repeat another document; not among the new and the edits."""
    refused: int = 0
    """Rows that were no items."""
    is_unchanged: bool = False
    """True where the server said that nothing is new."""
    error: str = ""
    """The kind of the failure, such as `timeout`; `disabled` where no later look would fare better."""
    text: str = ""
    """What failed, why it is disabled, or what was odd."""

    @property
    def versions(self) -> int:
        """What was stored."""
        return self.new + self.edits + self.deletions + self.duplicates


class SourceHealth(msgspec.Struct):
    """How one source is doing. Counts go on after a restart."""

    source: str
    state: State = "waiting"
    """Before the first look; after a good one; after a failed one; not looked at at all."""
    last_ok: Nanos | None = None
    last_error: str = ""
    """The kind of the last failure, such as `timeout`; kept after the next good look."""
    last_error_text: str = ""
    last_error_ts: Nanos | None = None
    polls: int = 0
    failures: int = 0
    failures_in_row: int = 0
    unchanged: int = 0
    """Looks at which the server said that nothing is new."""
    items: int = 0
    """Items seen, again and again."""
    versions: int = 0
    """Of them new, edited or deleted."""
    duplicates: int = 0
    """Of these repetitions of another document."""
    refused: int = 0
    """Rows that were no items."""
    note: str = ""
    """What was odd at the last good look."""

    def take(self, look: Look) -> None:
        """Count one look."""
        self.state = look.state
        self.polls += look.state != "disabled"
        if look.error:
            self.failures += 1
            self.failures_in_row += 1
            self.last_error, self.last_error_text, self.last_error_ts = look.error, look.text, look.ts
            return
        self.last_ok = look.ts
        self.failures_in_row = 0
        self.unchanged += look.is_unchanged
        self.items += look.items
        self.versions += look.versions
        self.duplicates += look.duplicates
        self.refused += look.refused
        self.note = look.text


def read_health(folder: Path) -> tuple[SourceHealth, ...]:
    """The last state of every source that was ever fetched into a store; empty where none was."""
    path = folder / HEALTH
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[SourceHealth, ...])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: damaged ({error}); take it away, the documents do not need it") from None


def write_health(folder: Path, rows: Sequence[SourceHealth]) -> None:
    """Put `rows` in the place of those before, whole or not at all."""
    path = folder / HEALTH
    fresh = folder / f"{HEALTH}.part"
    try:
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(rows))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from None
