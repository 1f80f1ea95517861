"""Two years of minutes in the memory of a few weeks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from quant_contracts.config import override

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
