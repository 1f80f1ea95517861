"""The real command, in a process of its own and a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from quant_contracts.testing.samples import random_bars
from quant_contracts.units import MILLISECOND

ROOT = Path(__file__).resolve().parents[2]

MEAN_REVERSION = {
    "model": {"class": "RSIModel", "params": {"window": 14}},
    "decision": {"class": "ThresholdDecision", "params": {"threshold": 0.4, "exit": 0.0}},
    "risk": {"class": "ATRSizer", "params": {"atr_window": 14, "risk_fraction": 0.02}},
    "execution": {"class": "TWAPPolicy", "params": {"segments": 3}},
    "slippage": {"class": "LinearSlippage", "params": {"window": 20}},
}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test stands in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _environment():
    """No test knows a catalog that it has not made, and numpy starts no threads that nobody needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("QUANT_ENGINE_CATALOG", raising=False)
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def mean_reversion():
    """The configuration of one symbol that trades often enough for a few hundred bars to show it."""
    return {"BTCUSDT": {"strategy": MEAN_REVERSION}}


@pytest.fixture(scope="session")
def program():
    """Where the command is."""
    return Path(sys.executable).with_name("quant-engine")


class Attempt(NamedTuple):
    """What came of a command: its exit code, what it said, and what it changed in its folder."""

    code: int
    out: str
    err: str
    changed: list[str]
    folder: Path

    def output(self) -> str:
        """What a command printed that must succeed without a word of complaint."""
        assert (self.code, self.err) == (0, "")
        return self.out

    def report(self) -> Path:
        """The folder `report` that such a command has left."""
        self.output()
        return self.folder / "report"

    def refusal(self, code: int) -> str:
        """The one line of a command that must be refused with `code` and must leave everything as it was."""
        assert self.code == code, self.err
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert self.err.index("\n") == len(self.err) - 1, "more than one line"
        assert self.changed == []
        return self.err.removeprefix("error: ").rstrip("\n")


Case: TypeAlias = (
    tuple[Mapping[str, object], Sequence[object]]
    | tuple[Mapping[str, object], Sequence[object], Mapping[str, str]]
)


@pytest.fixture(scope="session")
def attempt(program):
    """A function that runs the command in a folder and returns the `Attempt`."""

    def run(folder: Path, words: Sequence[object], env: Mapping[str, str] | None = None) -> Attempt:
        before = contents(folder)
        ended = subprocess.run(
            [program, *map(str, words)],
            cwd=folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        after = contents(folder)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        return Attempt(ended.returncode, ended.stdout, ended.stderr, changed, folder)

    return run


@pytest.fixture(scope="session")
def attempts(attempt, tmp_path_factory):
    """A function from (files, words, environment) by name to the attempts by name.

    Each has a folder of its own. They go on side by side, for most of a refusal is the start of a process.
    """

    def run(cases: Mapping[str, Case]) -> dict[str, Attempt]:
        # Before the threads start, for pytest makes folders in one thread only.
        folders = [tmp_path_factory.mktemp("attempt") for _ in cases]

        def one(case: Case, folder: Path) -> Attempt:
            files, words, *env = case
            for name, content in files.items():
                put(folder / name, content)
            return attempt(folder, words, *env)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(cases, pool.map(one, cases.values(), folders), strict=True))

    return run


@pytest.fixture
def done(attempt, tmp_path):
    """A function that runs one command that must succeed, and returns what it prints."""

    def run(*words: object, env: Mapping[str, str] | None = None) -> str:
        return attempt(tmp_path, words, env).output()

    return run


@pytest.fixture
def refused(attempt, tmp_path):
    """A function that runs one command that must be refused, and returns the one line it says."""

    def run(code: int, *words: object, env: Mapping[str, str] | None = None) -> str:
        return attempt(tmp_path, words, env).refusal(code)

    return run


@pytest.fixture
def write():
    """A function that writes a file: text, bytes, or plain values as JSON; returns its path."""

    return lambda name, content: put(Path(name), content)


@pytest.fixture
def package(write, tmp_path):
    """A function that lays out an installed package of one module; returns what makes Python find it."""

    def lay_out(name: str, code: str, entry_points: str) -> dict[str, str]:
        write(f"site/{name}.py", code)
        write(f"site/{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        write(f"site/{name}-1.0.dist-info/entry_points.txt", entry_points)
        return {"PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}

    return lay_out


@pytest.fixture(scope="session")
def rows():
    """300 minutes of a market as rows of a file: opening time in ms, four prices, volume."""
    return [
        [bar.ts_open // MILLISECOND, bar.open, bar.high, bar.low, bar.close, bar.volume]
        for bar in random_bars(300, seed=5)
    ]


@pytest.fixture(scope="session")
def csv():
    """A function from rows to the text of a CSV file."""

    def text(rows) -> str:
        lines = ["open_time_ms,open,high,low,close,volume", *(",".join(map(str, row)) for row in rows)]
        return "\n".join(lines) + "\n"

    return text


@pytest.fixture(scope="session")
def year_2022():
    """The file with every minute of BTCUSDT in 2022; skips where the shared data is absent."""
    path = ROOT.parent / "shared" / "data" / "klines" / "binance_um_BTCUSDT_1m_2022.parquet"
    if not path.exists():
        pytest.skip("needs ../shared/data/klines/binance_um_BTCUSDT_1m_2022.parquet")
    return path


@pytest.fixture(scope="session")
def files_of():
    """A function from a folder to the digest of every file in it, by name."""
    return contents


@pytest.fixture(scope="session")
def founding():
    """A function from a name to the text of a founding document; skips where they are absent."""

    def find(name: str) -> str:
        path = ROOT.parent / "shared" / "founding" / name
        if not path.exists():
            pytest.skip(f"needs ../shared/founding/{name}")
        return path.read_text(encoding="utf-8")

    return find


def put(path: Path, content: object) -> Path:
    """Write a file: text, bytes, or plain values as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def contents(folder: Path) -> dict[str, str]:
    """Every file and folder below `folder`, with the digest of what a file holds."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "a folder"
        for path in sorted(folder.rglob("*"))
    }
