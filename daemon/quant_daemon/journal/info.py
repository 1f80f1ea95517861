"""What a journal holds, in a few numbers: one pass in bounded memory."""

from __future__ import annotations

from pathlib import Path

import msgspec

from quant_contracts.events import AnyEvent, MarketEvent, StepSnapshot
from quant_contracts.protocols import RecordKind
from quant_contracts.units import Nanos
from quant_daemon.journal.codec import decode_event
from quant_daemon.journal.decisions import DecisionHash
from quant_daemon.journal.header import SegmentHeader
from quant_daemon.journal.reader import Ending, JournalReader, TornTail


class JournalInfo(msgspec.Struct, frozen=True):
    """A journal from a distance."""

    header: SegmentHeader | None
    """Of the first segment; None when the journal was cut before its header was whole."""
    segments: int
    counts: dict[RecordKind, int]
    """Records of each kind."""
    first_ts: Nanos | None
    """When the first recorded event could be known; None without records."""
    last_ts: Nanos | None
    decision_hash: str
    """Digest over every decision, as the run's manifest has it."""
    ending: Ending
    torn: TornTail | None


def journal_info(path: Path) -> JournalInfo:
    """The numbers of the journal at `path`; raises what reading it raises."""
    reader = JournalReader(path)
    decisions = DecisionHash()
    counts: dict[RecordKind, int] = {"input": 0, "stage": 0, "decision": 0}
    first: bytes | None = None
    last: bytes | None = None
    for _, kind, payload, _ in reader.frames():
        counts[kind] += 1
        if kind == "decision":
            decisions.add_encoded(payload)
        first, last = first or payload, payload
    assert reader.ending is not None
    return JournalInfo(
        reader.header,
        len(reader.segments),
        counts,
        None if first is None else known_at(decode_event(first)),
        None if last is None else known_at(decode_event(last)),
        decisions.hexdigest(),
        reader.ending,
        reader.torn,
    )


def known_at(event: AnyEvent) -> Nanos:
    """The moment from which on the runtime could know `event`."""
    if isinstance(event, MarketEvent):
        return event.ts_known
    return event.timestamp if isinstance(event, StepSnapshot) else event.ts
