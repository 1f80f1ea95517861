"""Two years of minutes in the memory of a few weeks, and whole recordings in that of their halves."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from quant_contracts.config import override

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RECORDINGS = EXAMPLES.parents[1] / "shared" / "data" / "l2"
FIRST_MS = 1_640_995_200_000
YEARS_2 = 2 * 525_600
MEASURED = """
import atexit, pathlib
from quant_daemon.cli import main
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
main()
"""


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """A function from a number of minutes to a Parquet file of a random walk that long."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("bars")

    def write(rows: int) -> Path:
        source = np.random.default_rng(7)
        close = np.round(40_000 * np.exp(np.cumsum(source.normal(0, 0.0006, rows))), 1)
        open_ = np.concatenate([[40_000.0], close[:-1]])
        wide = np.round(source.exponential(8.0, (2, rows)), 1)
        columns = {
            "open_time_ms": FIRST_MS + 60_000 * np.arange(rows, dtype=np.int64),
            "open": open_,
            "high": np.maximum(open_, close) + wide[0],
            "low": np.minimum(open_, close) - wide[1],
            "close": close,
            "volume": np.round(source.lognormal(3, 1, rows), 3),
        }
        path = folder / f"{rows}.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=100_000)
        return path

    return write


@pytest.fixture
def peak():
    """A function that runs the command and returns the most memory it ever held, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc to tell the memory of a process")

    def run(*words: object) -> float:
        # The process tells itself: what the system tells its parent includes the parent's own memory.
        ended = subprocess.run(
            [sys.executable, "-c", MEASURED, *map(str, words)], capture_output=True, text=True, check=True
        )
        return int(re.findall(r"VmHWM:\s+(\d+) kB", ended.stdout)[0]) / 1024

    return run


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_history(peak, bars, write, mean_reversion):
    """The strategy trades seldom, for what is kept of a run grows with its orders."""
    seldom = {"BTCUSDT.strategy.model.params.window": 300, "BTCUSDT.strategy.decision.params.threshold": 0.2}
    write("s.json", override(mean_reversion, seldom))
    few, many = (
        peak("backtest", "s.json", "--data", bars(rows), "--out", f"report-{rows}")
        for rows in (100_000, YEARS_2)
    )
    assert Path(f"report-{YEARS_2}/report.html").exists()
    assert many < 250
    assert many / few < 1.3, f"{few:.0f} MB for 100,000 bars, {many:.0f} MB for {YEARS_2:,}"


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """A function from the name of a recording to the files of its first half and of all of it."""
    folder = tmp_path_factory.mktemp("halves")

    def find(name: str) -> tuple[Path, Path]:
        whole = RECORDINGS / f"{name}.jsonl.gz"
        if not whole.exists():
            pytest.skip(f"needs the shared market data: ../shared/data/l2/{whole.name}")
        half = folder / whole.name
        with gzip.open(whole) as lines, gzip.open(half, "wb") as file:
            file.writelines(itertools.islice(lines, 47_000))
        return half, whole

    return find


@pytest.mark.slow
@pytest.mark.parametrize("venue", ["binance_spot", "binance_usdm"])
def test_memory_does_not_grow_with_the_length_of_a_recording(peak, halves, write, venue):
    plain = json.loads((EXAMPLES / "recorded_book.json").read_text())
    data = plain["data"]["BTCUSDT"] | {
        "venue": venue,
        "lot": "0.00001" if venue == "binance_spot" else "0.001",
    }
    held = []
    for path in halves(f"{venue}_BTCUSDT_frames_20240808T2354"):
        for source in (data, data["orderbook"], data["quotes"], data["trades"]):
            source["source"]["params"]["path"] = str(path)
        write("s.json", override(plain, {"data.BTCUSDT": data}))
        held.append(peak("backtest", "s.json", "--no-report"))
    half, whole = held
    assert whole < 150
    assert whole / half < 1.3, f"{half:.0f} MB for the first half, {whole:.0f} MB for all of it"


@pytest.mark.slow
def test_memory_does_not_grow_with_the_days_of_five_domains(peak, write):
    """In blocks of a few hours, and with a threshold that is hardly ever passed."""
    text = (EXAMPLES / "five_domains.json").read_text()
    held = []
    for days in (1, 3):
        plain = json.loads(text.replace('"days": 1', f'"days": {days}'))
        write("s.json", override(plain, {"BTCUSDT.strategy.decision.params.threshold": 0.9}))
        held.append(peak("backtest", "s.json", "--block-rows", "256", "--no-report"))
    few, many = held
    assert many < 200
    assert many / few < 1.3, f"{few:.0f} MB for a day, {many:.0f} MB for 3"
