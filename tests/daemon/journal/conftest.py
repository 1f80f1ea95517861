"""A run to write for, a mixture of small records, and short ways to write and read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quant_contracts.events import Intent, Score, Target
from quant_contracts.testing.samples import random_bars
from quant_daemon.journal.header import RunIdentity
from quant_daemon.journal.reader import JournalReader
from quant_daemon.journal.writer import JournalWriter


@pytest.fixture
def run() -> RunIdentity:
    return RunIdentity("run-1", "config", "0.1.0", seed=7)


@pytest.fixture
def records():
    """A function from a count to as many records of every kind, the same ones each time."""

    def make(count: int):
        made = []
        for bar in random_bars(count // 4 + 1):
            ts = bar.ts_event
            made.append(("input", bar))
            made.append(("stage", Score(ts, bar.symbol, bar.close / 1e5)))
            made.append(("decision", Intent(ts, bar.symbol, 1, 0.0, "")))
            made.append(("decision", Target(ts, bar.symbol, Decimal("0.010"), None, None, "", ("lot",))))
        return made[:count]

    return make


@pytest.fixture
def write(run):
    """A function that writes records to a journal, closes it unless told not to, and returns its path."""

    def write(path, made, *, run=run, segment_bytes=4096, close=True):
        writer = JournalWriter(path, run, segment_bytes=segment_bytes)
        for kind, event in made:
            writer.append(kind, event)
        if close:
            writer.close()
        else:
            writer.flush()
            writer._release()
        return path

    return write


@pytest.fixture
def read():
    """A function from a path to every record in it as kind and event, and the reader."""

    def read(path):
        reader = JournalReader(path)
        return [(kind, event) for _, kind, event in reader], reader

    return read


@pytest.fixture
def no_sync(monkeypatch):
    """Spare the disk: for tests that open thousands of journals and cut no power."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr("os.fdatasync", lambda _: None)
