"""Power cuts, errors and kills at every point: what was promised is there, and the journal goes on."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from quant_contracts.errors import StorageError
from quant_contracts.events import Score
from quant_daemon.journal.writer import JournalWriter

CALLS = ("mkdir", "open", "write", "fsync", "fdatasync", "ftruncate", "rename", "close")


class PowerCut(BaseException):
    """The process is gone: nothing of it may run on."""


def scores(count: int, first: int = 0):
    return [("stage", Score(ts, "BTCUSDT", ts / 1e6)) for ts in range(first, first + count)]


class FaultyDisk:
    """Counts the calls to the system, makes the `nth` one go wrong, and knows what was synced until then."""

    def __init__(self, nth: int, patch: pytest.MonkeyPatch, fault: BaseException, *, repeats: bool) -> None:
        self.left = nth
        self.fault = fault
        self.repeats = repeats
        self.struck = False
        self.synced: dict[str, int] = {}
        self.entries: set[str] = set()
        for name in CALLS:
            patch.setattr(f"os.{name}", self._wrap(name, getattr(os, name)))

    def forget(self, directory: Path) -> None:
        """Lose every byte and every new file that no sync had made safe."""
        for path in directory.glob("*.qej"):
            if str(path) not in self.entries:
                path.unlink()
            elif (size := self.synced.get(str(path), 0)) < path.stat().st_size:
                os.truncate(path, size)

    def keep(self, directory: Path) -> None:
        """What is there now was there for long."""
        for path in directory.glob("*"):
            self.synced[str(path)] = path.stat().st_size
            self.entries.add(str(path))

    def _wrap(self, name, real):
        def call(*arguments, **options):
            if self.struck and self.repeats and name not in {"close", "open"}:
                raise self.fault
            self.left -= 1
            if self.left == 0:
                self.struck = True
                if name == "write":
                    descriptor, data = arguments
                    real(descriptor, bytes(data)[: len(data) // 2])
                elif name == "close":
                    real(*arguments)
                raise self.fault
            if name in {"fsync", "fdatasync"}:
                self._note(arguments[0])
            return real(*arguments, **options)

        return call

    def _note(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_dir():
            self.entries |= {str(entry) for entry in path.iterdir()}
        else:
            self.synced[str(path)] = os.fstat(descriptor).st_size


def append_and_promise(path: Path, run, first: int, promised: list[int]) -> None:
    """Append fourteen records in small segments, note those that were promised, close."""
    writer = JournalWriter(path, run, segment_bytes=500)
    try:
        for kind, event in scores(14, first):
            writer.append(kind, event)
            if event.ts % 3 == 2:
                writer.flush(durable=True)
                promised.append(event.ts)
        writer.close()
        promised.append(first + 13)
    finally:
        # A process that is gone holds no lock; nothing else of the writer may act.
        writer._release()


@pytest.mark.parametrize(
    ("fault", "repeats", "forgets"),
    [
        pytest.param(PowerCut(), True, False, id="crash"),
        pytest.param(PowerCut(), True, True, id="power cut"),
        pytest.param(OSError(errno.EIO, "Input/output error"), False, False, id="one error"),
        pytest.param(OSError(errno.EIO, "Input/output error"), True, False, id="errors from then on"),
    ],
)
@pytest.mark.parametrize("torn", [False, True], ids=["fresh", "continued after a cut"])
def test_a_fault_at_any_call_to_the_system_loses_nothing_promised(
    tmp_path, run, write, read, monkeypatch, fault, repeats, forgets, torn
):
    """The n-th call fails, for n = 1, 2, ... until a run completes."""
    for nth in range(1, 1_000):
        path = tmp_path / str(nth)
        first = 0
        if torn:
            write(path, scores(10), segment_bytes=500, close=False)
            last = max(path.iterdir())
            last.write_bytes(last.read_bytes()[:-5])
            first = 9
        promised: list[int] = []
        with monkeypatch.context() as patch:
            disk = FaultyDisk(nth, patch, fault, repeats=repeats)
            disk.keep(path)
            try:
                append_and_promise(path, run, first, promised)
            except (PowerCut, StorageError):
                assert disk.struck
        if forgets:
            disk.forget(path)
        kept = 0
        if path.is_dir() and any(path.glob("*.qej")):
            found, _ = read(path)
            kept = len(found)
            assert found == scores(kept)
        assert kept >= max([first - 1, *promised]) + 1
        write(path, scores(5, kept), segment_bytes=500)
        found, reader = read(path)
        assert found == scores(kept + 5)
        assert reader.ending == "closed"
        if not disk.struck:
            assert nth > 20
            return
    pytest.fail("no run ever completed")


def test_a_process_killed_at_any_moment_leaves_a_prefix(tmp_path, run, write, read):
    """The child tells which record it was promised; the kill comes after a random number of promises."""
    program = (
        "import sys; from pathlib import Path\n"
        "from quant_contracts.events import Score\n"
        "from quant_daemon.journal.header import RunIdentity\n"
        "from quant_daemon.journal.writer import JournalWriter\n"
        'run = RunIdentity("run-1", "config", "0.1.0", seed=7)\n'
        "writer = JournalWriter(Path(sys.argv[1]), run, segment_bytes=20_000)\n"
        "for ts in range(int(sys.argv[2]), 10**9):\n"
        "    writer.append('stage', Score(ts, 'BTCUSDT', ts / 1e6))\n"
        "    if ts % 7 == 0: writer.flush(durable=ts % 70 == 0)\n"
        "    if ts % 70 == 0: print(ts, flush=True)\n"
    )
    source = random.Random(9)
    kept = 0
    for _ in range(6):
        command = [sys.executable, "-c", program, str(tmp_path), str(kept)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            promised = [int(child.stdout.readline()) for _ in range(source.randint(1, 40))]
            child.kill()
            promised += [
                int(line) for line in child.stdout.read().splitlines(keepends=True) if line[-1] == "\n"
            ]
        found, reader = read(tmp_path)
        kept = len(found)
        assert found == scores(kept)
        assert kept > promised[-1]
        assert reader.ending in {"open", "torn"}
    write(tmp_path, scores(5, kept))
    assert read(tmp_path)[0] == scores(kept + 5)
