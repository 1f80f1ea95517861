"""A cold process: one year of 15-minute bars from a file to a JSON summary, as a user would type it.

The line also holds a bare interpreter's start, so that the figure can be read as a ratio.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(
    os.environ.get("BENCH_DATA", ROOT.parent / "shared/data/klines/binance_spot_BTCUSDT_15m_2025.parquet")
)
ROWS = 35_040


def best_of(command: list[str], folder: str) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    command = str(Path(sys.executable).with_name("quant-engine"))
    config = str(ROOT / "examples" / "rsi_twap.json")
    run = [command, "backtest", config, "--data", str(DATA), "--json"]
    with tempfile.TemporaryDirectory() as folder:
        bare = best_of([sys.executable, "-c", "pass"], folder)
        for workload, extra in (("summary", ["--no-report"]), ("report", ["--out", "report"])):
            seconds = best_of([*run, *extra], folder)
            line = {
                "name": "quant_engine",
                "workload": f"cold_{workload}_{ROWS}",
                "n_events": ROWS,
                "seconds": round(seconds, 4),
                "rate": round(ROWS / seconds, 1),
                "times_bare_python": round(seconds / bare, 1),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
