"""What the engine tells everything to: it digests every decision and keeps as much as was asked for."""

from __future__ import annotations

from typing import Final, get_args

from quant_contracts.errors import ConfigError, LifecycleError, nearest
from quant_contracts.events import Event
from quant_contracts.protocols import RecordKind
from quant_contracts.strategy import TraceLevel
from quant_daemon.journal.codec import encode_event
from quant_daemon.journal.decisions import DecisionHash
from quant_daemon.journal.writer import JournalWriter


class Trace:
    """A journal that may forget. `level` decides what reaches the writer, and never changes the digest.

    `off` keeps nothing, `decisions` the decisions, `full` everything. Without a writer nothing is kept.

    >>> trace = Trace("off")
    >>> trace.decisions, trace.decision_hash
    (0, 'cae66941d9efbd404e4d88758ea67670')
    """

    __slots__ = ("_decisions", "_hash", "_rest", "_writer", "level")

    def __init__(self, level: TraceLevel, writer: JournalWriter | None = None) -> None:
        if level not in get_args(TraceLevel):
            raise ConfigError(f"{level!r} is no trace level; {nearest(level, get_args(TraceLevel))}")
        self.level: Final = level
        self._hash = DecisionHash()
        self._writer: JournalWriter | None = None
        self._decisions: JournalWriter | None = None
        self._rest: JournalWriter | None = None
        if writer is not None:
            self.attach(writer)

    def attach(self, writer: JournalWriter) -> None:
        """Write to `writer` from now on what the level lets through, and close it in the end."""
        if self._writer is not None:
            raise LifecycleError("the trace has a writer already; make a new trace for another journal")
        self._writer = writer
        self._decisions = writer if self.level != "off" else None
        self._rest = writer if self.level == "full" else None

    @property
    def decision_hash(self) -> str:
        """Digest over every decision so far, the same at every level."""
        return self._hash.hexdigest()

    @property
    def decisions(self) -> int:
        """How many decisions there were."""
        return self._hash.count

    def append(self, kind: RecordKind, event: Event, /) -> None:
        """Take note of an event."""
        if kind == "decision":
            payload = encode_event(event)
            self._hash.add_encoded(payload)
            if self._decisions is not None:
                self._decisions.append_encoded(kind, payload)
        elif self._rest is not None:
            self._rest.append(kind, event)

    def close(self) -> None:
        """Close the writer, if there is one."""
        if self._writer is not None:
            self._writer.close()
