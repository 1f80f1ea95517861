"""The decision digest: the same at every trace level, in every process, and from the journal itself."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import blake2b

import msgspec
import pytest

from quant_contracts.errors import ConfigError, LifecycleError
from quant_contracts.events import Intent
from quant_contracts.protocols import Journal
from quant_daemon.journal.codec import decode_event
from quant_daemon.journal.decisions import DecisionHash
from quant_daemon.journal.info import journal_info
from quant_daemon.journal.trace import Trace
from quant_daemon.journal.writer import JournalWriter


class Kept:
    """A journal that is a list."""

    def __init__(self):
        self.records = []
        self.closed = 0

    def append(self, kind, event):
        self.records.append((kind, event))

    def append_encoded(self, kind, payload):
        self.append(kind, decode_event(payload))

    def close(self):
        self.closed += 1


def traced(level, made, writer=None):
    trace = Trace(level, writer)
    for kind, event in made:
        trace.append(kind, event)
    trace.close()
    return trace


@pytest.mark.parametrize(
    ("level", "kinds"),
    [("off", set()), ("decisions", {"decision"}), ("full", {"input", "stage", "decision"})],
)
def test_the_level_decides_what_is_kept_and_never_the_digest(records, level, kinds):
    made = records(5_000)
    kept = Kept()
    trace = traced(level, made, kept)
    assert kept.records == [(kind, event) for kind, event in made if kind in kinds]
    assert kept.closed == 1
    assert trace.decision_hash == traced("off", made).decision_hash
    assert trace.decisions == sum(kind == "decision" for kind, _ in made)


def test_the_digest_is_over_the_bytes_of_the_decisions_in_order(records):
    made = records(9_000)
    payloads = [msgspec.msgpack.encode(event) for kind, event in made if kind == "decision"]
    assert sum(map(len, payloads)) > 64 * 1024, "more than is held at once"
    expected = blake2b(b"".join(payloads), digest_size=16).hexdigest()
    assert traced("off", made).decision_hash == expected
    encoded = DecisionHash()
    for payload in payloads:
        encoded.add_encoded(payload)
    assert (encoded.hexdigest(), encoded.count) == (expected, len(payloads))


def test_asking_for_the_digest_on_the_way_does_not_change_it(records):
    asked, quiet = Trace("off"), Trace("off")
    for kind, event in records(100):
        asked.append(kind, event)
        quiet.append(kind, event)
        assert len(asked.decision_hash) == 32
    assert asked.decision_hash == quiet.decision_hash


def test_any_difference_in_a_decision_shows():
    first, second = Intent(1, "A", 1, 0.5, ""), Intent(2, "A", 1, 0.5, "")
    sequences = [[], [first], [second], [first, second], [second, first], [first, first]]
    digests = {traced("off", [("decision", event) for event in events]).decision_hash for events in sequences}
    assert len(digests) == len(sequences)


@pytest.mark.parametrize("level", ["decisions", "full"])
def test_the_journal_gives_the_digest_of_its_run(tmp_path, run, records, level):
    trace = traced(level, records(400), JournalWriter(tmp_path, run, segment_bytes=4096))
    assert journal_info(tmp_path).decision_hash == trace.decision_hash


def test_the_digest_is_the_same_in_another_process():
    program = (
        "from quant_contracts.events import Features\n"
        "from quant_daemon.journal.trace import Trace\n"
        "trace = Trace('off')\n"
        "for ts in range(100): trace.append('decision', Features(ts, 'A', {'b': 1.0, 'a': ts / 3}))\n"
        "print(trace.decision_hash)\n"
    )
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        digests.add(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    assert len(digests) == 1


def test_a_trace_is_a_journal_and_needs_no_writer():
    trace = Trace("full")
    assert isinstance(trace, Journal)
    trace.append("input", Intent(1, "A", 1, 0.5, ""))
    trace.close()
    trace.close()
    assert (trace.decisions, trace.decision_hash) == (0, blake2b(digest_size=16).hexdigest())


def test_a_writer_may_come_later_and_only_once(records):
    made = records(8)
    kept, trace = Kept(), Trace("decisions")
    for kind, event in made[:4]:
        trace.append(kind, event)
    trace.attach(kept)
    for kind, event in made[4:]:
        trace.append(kind, event)
    assert kept.records == [(kind, event) for kind, event in made[4:] if kind == "decision"]
    assert trace.decision_hash == traced("off", made).decision_hash
    assert trace.level == "decisions"
    with pytest.raises(LifecycleError, match="has a writer already"):
        trace.attach(Kept())


def test_an_unknown_level_is_refused():
    with pytest.raises(
        ConfigError, match="'everything' is no trace level; valid names: decisions, full, off"
    ):
        Trace("everything")
