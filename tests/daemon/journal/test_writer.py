"""What a writer promises: order, one at a time, going on where the last one stopped, and no lies."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys

import pytest

from quant_contracts.errors import ConfigError, ContractBroken, DataError, LifecycleError, StorageError
from quant_contracts.events import Event, Score
from quant_contracts.protocols import Journal
from quant_daemon.journal.header import RunIdentity
from quant_daemon.journal.writer import JournalWriter

RUN = 'RunIdentity("run-1", "config", "0.1.0", seed=7)'


def scores(count: int, first: int = 0):
    return [("stage", Score(ts, "BTCUSDT", ts / 1e6)) for ts in range(first, first + count)]


def test_it_is_a_journal(tmp_path, run):
    with JournalWriter(tmp_path, run) as writer:
        assert isinstance(writer, Journal)


def test_bytes_depend_on_the_records_alone(tmp_path, write, records):
    """Flushing and reopening leave no trace apart from the end records of each closing."""
    made = records(2_400)
    one = write(tmp_path / "one", made, segment_bytes=10**6)
    two = tmp_path / "two"
    for start in range(0, 2_400, 160):
        write(two, made[start : start + 160], segment_bytes=10**6, close=start == 2_240)
    assert (one / "000001.qej").read_bytes() == (two / "000001.qej").read_bytes()


def test_a_closed_journal_can_be_continued(tmp_path, write, read, records):
    made = records(300)
    path = tmp_path / "journal"
    for start in range(0, 300, 50):
        write(path, made[start : start + 50], segment_bytes=2_000)
    found, reader = read(path)
    assert found == made
    assert reader.ending == "closed"


def test_opening_and_closing_changes_no_byte(tmp_path, write, records):
    path = write(tmp_path / "journal", records(40))
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    write(path, [])
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


def test_a_fresh_journal_continues_nothing(tmp_path, run, write, read):
    JournalWriter(tmp_path / "new", run, fresh=True).close()
    path = write(tmp_path / "old", scores(3))
    with pytest.raises(ConfigError, match="holds a journal already; give a directory that holds none"):
        JournalWriter(path, run, fresh=True)
    assert read(path)[0] == scores(3)


def test_a_journal_without_records_is_one(tmp_path, write, read):
    path = write(tmp_path / "journal", [])
    found, reader = read(path)
    assert (found, reader.ending) == ([], "closed")
    write(path, scores(3))
    assert read(path)[0] == scores(3)


def test_a_segment_ends_once_it_has_its_bytes(tmp_path, write):
    path = write(tmp_path / "journal", scores(500), segment_bytes=3_000)
    sizes = [file.stat().st_size for file in sorted(path.iterdir())]
    assert all(3_000 <= size < 3_300 for size in sizes[:-1])


def test_a_segment_holds_at_least_one_record(tmp_path, write, read):
    path = write(tmp_path / "journal", scores(5), segment_bytes=1)
    assert read(path)[0] == scores(5)
    with pytest.raises(ValueError, match="segment_bytes must be at least 1, not 0"):
        write(path, [], segment_bytes=0)


@pytest.mark.slow
def test_after_a_cut_at_any_byte_the_journal_goes_on(tmp_path, write, read, records, no_sync):
    """Every byte of the last two segments; the torn bytes stay in a file of their own."""
    made = records(80)
    source = write(tmp_path / "source", made, segment_bytes=1_500)
    contents = {path.name: path.read_bytes() for path in sorted(source.iterdir())}
    path = tmp_path / "journal"
    path.mkdir()
    names = list(contents)
    for last in range(max(0, len(names) - 2), len(names)):
        for cut in range(len(contents[names[last]])):
            for file in path.iterdir():
                file.unlink()
            for name in names[:last]:
                (path / name).write_bytes(contents[name])
            (path / names[last]).write_bytes(contents[names[last]][:cut])
            _, before = read(path)
            kept = before.next_seq - 1
            write(path, made[kept:], segment_bytes=1_500)
            found, reader = read(path)
            assert found == made
            assert reader.ending == "closed"
            torn = path / f"{names[last]}.torn"
            if before.torn is None:
                assert not torn.exists()
            else:
                assert torn.read_bytes() == contents[names[last]][before.torn.offset : cut]


def test_a_torn_tail_is_kept_beside_an_earlier_one(tmp_path, run, write, records):
    path = tmp_path / "journal"
    write(path, records(10), close=False)
    segment = path / "000001.qej"
    for attempt, name in enumerate(["000001.qej.torn", "000001.qej.torn.2", "000001.qej.torn.3"]):
        tail = bytes([attempt + 1]) * 20
        segment.write_bytes(segment.read_bytes() + tail)
        with JournalWriter(path, run) as writer:
            assert (writer.torn.path, writer.torn.size) == (segment, 20)
        assert (path / name).read_bytes() == tail


def test_damage_is_refused_and_not_touched(tmp_path, run, write, records):
    path = write(tmp_path / "journal", records(20))
    segment = path / "000001.qej"
    content = bytearray(segment.read_bytes())
    content[400] ^= 1
    segment.write_bytes(content)
    with pytest.raises(DataError, match="checksum"):
        JournalWriter(path, run)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == {"000001.qej": bytes(content)}


@pytest.mark.parametrize(
    "other",
    [
        RunIdentity("run-2", "config", "0.1.0", seed=7),
        RunIdentity("run-1", "changed", "0.1.0", seed=7),
        RunIdentity("run-1", "config", "0.2.0", seed=7),
        RunIdentity("run-1", "config", "0.1.0", seed=8),
    ],
)
def test_a_journal_of_another_run_is_not_continued(tmp_path, write, records, other):
    path = write(tmp_path / "journal", records(5), close=False)
    with (path / "000001.qej").open("ab") as file:
        file.write(b"torn")
    before = (path / "000001.qej").read_bytes()
    with pytest.raises(ConfigError, match="holds the journal of another run, 'run-1'"):
        write(path, [], run=other)
    assert [file.name for file in path.iterdir()] == ["000001.qej"]
    assert (path / "000001.qej").read_bytes() == before


def test_a_second_writer_is_refused_and_the_first_unaffected(tmp_path, run, read):
    with JournalWriter(tmp_path, run) as writer:
        with pytest.raises(ConfigError, match=r"another process is writing this journal .*stop it, or give"):
            JournalWriter(tmp_path, run)
        for kind, event in scores(10):
            writer.append(kind, event)
    assert read(tmp_path)[0] == scores(10)
    JournalWriter(tmp_path, run).close()


def test_a_second_process_is_refused_with_code_78(tmp_path, run):
    program = (
        "import sys; from pathlib import Path\n"
        "from quant_contracts.errors import QuantError\n"
        "from quant_daemon.journal.header import RunIdentity\n"
        "from quant_daemon.journal.writer import JournalWriter\n"
        f"try: JournalWriter(Path(sys.argv[1]), {RUN})\n"
        "except QuantError as error: sys.exit(error.exit_code)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with JournalWriter(tmp_path, run):
        assert subprocess.run(command, check=False).returncode == 78
    assert subprocess.run(command, check=False).returncode == 0


def test_a_place_that_cannot_be_a_journal_is_refused(tmp_path, run):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="is a file"):
        JournalWriter(file, run)
    with pytest.raises(StorageError, match="Not a directory"):
        JournalWriter(file / "below", run)


def test_closing_twice_does_nothing_and_afterwards_nothing_is_taken(tmp_path, run, read):
    writer = JournalWriter(tmp_path, run)
    writer.append("stage", Score(1, "A", 0.5))
    writer.close()
    before = (tmp_path / "000001.qej").read_bytes()
    writer.close()
    with pytest.raises(LifecycleError, match="the journal is closed"):
        writer.append("stage", Score(2, "A", 0.5))
    with pytest.raises(LifecycleError, match="the journal is closed"):
        writer.flush()
    assert (tmp_path / "000001.qej").read_bytes() == before


def test_an_event_that_is_refused_leaves_the_journal_as_it_was(tmp_path, run, read):
    class Private(Event, frozen=True):
        ts: int

    with JournalWriter(tmp_path, run) as writer:
        writer.append("stage", Score(1, "A", 0.5))
        with pytest.raises(ContractBroken):
            writer.append("stage", Private(1))
        writer.append("stage", Score(2, "A", 0.5))
    assert [event.ts for _, event in read(tmp_path)[0]] == [1, 2]


def test_flush_shows_and_only_durable_syncs(tmp_path, run, read, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    writer = JournalWriter(tmp_path, run)
    writer.append("stage", Score(1, "A", 0.5))
    assert read(tmp_path)[0] == []
    writer.flush()
    assert (len(read(tmp_path)[0]), len(synced)) == (1, 0)
    writer.append("stage", Score(2, "A", 0.5))
    writer.flush(durable=True)
    assert (len(read(tmp_path)[0]), len(synced)) == (2, 1)
    writer.close()


def test_short_writes_are_finished(tmp_path, write, read, monkeypatch):
    real, source = os.write, random.Random(1)
    monkeypatch.setattr("os.write", lambda fd, data: real(fd, bytes(data)[: source.randint(1, 700)]))
    path = write(tmp_path / "journal", scores(300))
    found, reader = read(path)
    assert (found, reader.ending) == (scores(300), "closed")


def full_after(room: int):
    """An `os.write` for a disk with `room` bytes left: the last write is short, then there is no space."""
    real = os.write

    def write(descriptor, data):
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(descriptor, bytes(data)[:room])
        room -= written
        return written

    return write


def append_flushing(writer, records):
    for kind, event in records:
        writer.append(kind, event)
        writer.flush()


@pytest.mark.parametrize("room", [0, 1, 10, 300, 1_000, 4_321])
def test_a_full_disk_leaves_whole_records_and_says_so(tmp_path, run, read, monkeypatch, room):
    writer = JournalWriter(tmp_path, run, segment_bytes=2_000)
    with monkeypatch.context() as patch:
        patch.setattr("os.write", full_after(room))
        with pytest.raises(StorageError, match="No space left on device; mend the disk") as caught:
            append_flushing(writer, scores(1_000))
    assert caught.value.exit_code == 74
    with pytest.raises(StorageError, match="takes nothing more: cannot be written: No space left"):
        writer.append("stage", Score(1, "A", 0.5))
    with pytest.raises(StorageError, match="takes nothing more"):
        writer.flush(durable=True)
    writer.close()
    found, reader = read(tmp_path)
    assert found == scores(len(found))
    assert reader.torn is None or reader.torn.offset == 0, "at most a header may be cut"
    with JournalWriter(tmp_path, run, segment_bytes=2_000) as again:
        for kind, event in scores(50, len(found)):
            again.append(kind, event)
    assert read(tmp_path)[0] == scores(len(found) + 50)


def test_a_limit_of_the_system_on_file_size_is_met_with_code_74(tmp_path, read):
    """No patching: the kernel writes part of a block and then refuses."""
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from quant_contracts.errors import QuantError\n"
        "from quant_contracts.events import Score\n"
        "from quant_daemon.journal.header import RunIdentity\n"
        "from quant_daemon.journal.writer import JournalWriter\n"
        f"writer = JournalWriter(Path(sys.argv[1]), {RUN})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    for ts in range(10_000): writer.append('stage', Score(ts, 'BTCUSDT', ts / 1e6))\n"
        "    writer.close()\n"
        "except QuantError as error: sys.exit(error.exit_code)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 74
    found, reader = read(tmp_path)
    assert 1_000 < len(found) < 2_000
    assert found == scores(len(found))
    assert reader.ending == "open"


def test_a_failed_sync_is_never_tried_again(tmp_path, run, read, monkeypatch):
    calls = []

    def fail(descriptor):
        calls.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    writer = JournalWriter(tmp_path, run)
    writer.append("stage", Score(0, "BTCUSDT", 0.0))
    monkeypatch.setattr("os.fdatasync", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        writer.flush(durable=True)
    for attempt in (lambda: writer.flush(durable=True), lambda: writer.append("stage", Score(1, "A", 0.5))):
        with pytest.raises(StorageError, match="takes nothing more"):
            attempt()
    writer.close()
    assert len(calls) == 1
    assert read(tmp_path)[1].ending == "open"


def test_an_interrupt_while_writing_leaves_a_journal_that_can_be_continued(tmp_path, run, read, monkeypatch):
    real = os.write

    def interrupted(descriptor, data):
        real(descriptor, bytes(data)[:110])
        raise KeyboardInterrupt

    writer = JournalWriter(tmp_path, run)
    for kind, event in scores(10):
        writer.append(kind, event)
    with monkeypatch.context() as patch:
        patch.setattr("os.write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
    with pytest.raises(StorageError, match="writing was interrupted"):
        writer.append("stage", Score(1, "A", 0.5))
    writer.close()
    with JournalWriter(tmp_path, run) as again:
        assert again.torn is not None
    found, reader = read(tmp_path)
    assert found == scores(2)
    assert reader.ending == "closed"
