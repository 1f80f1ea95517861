"""Runs every benchmark in fresh processes, the peers beside them in the same hour, and prints the ratios.

usage: suite.py [--runs 3] [--core 1] [--out results.jsonl]

One JSON line per run goes to standard output (and to --out); the table at the end compares the best of
each case. Peers are the scripts of the shared benchmark folder, under the Python of .venv-peers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEERS = ROOT.parent / "shared" / "bench"
DATA = ROOT.parent / "shared" / "data" / "klines" / "binance_spot_BTCUSDT_15m_2025.parquet"
YEAR, LONG = "35040", "1051200"
TICKS = "1000000"

OURS = [
    [str(HERE / "bars.py"), rows, kind, how, source]
    for rows in (YEAR, LONG)
    for kind in ("w1", "noop")
    for how, source in (("events", "memory"), ("blocks", "memory"), ("blocks", "file"))
] + [[str(HERE / "cold.py")], [str(HERE / "dispatch.py")], [str(HERE / "features.py")]]
OURS += [
    [str(HERE / "ticks.py"), TICKS, how, every]
    for how in ("every_event", "steps")
    for every in ("1000", "100")
]
THEIRS = [
    [str(PEERS / script), rows, kind]
    for script in ("nautilus_bars.py", "backtestingpy_bars.py")
    for rows in (YEAR, LONG)
    for kind in ("w1", "noop")
]
THEIRS += [
    [str(PEERS / "nautilus_ticks.py"), TICKS, "mix"],
    # Compiled: what a step by step run in Python cannot reach is shown for the measure.
    [str(PEERS / "hftbacktest_ticks.py"), TICKS, "per_event"],
    [str(PEERS / "hftbacktest_ticks.py"), TICKS, "elapse10ms", "roivec"],
]


def run(python: str, case: list[str], core: str) -> list[dict[str, object]]:
    pin = ["taskset", "-c", core] if shutil.which("taskset") else []
    done = subprocess.run(
        [*pin, python, *case],
        capture_output=True,
        text=True,
        env={**os.environ, "BENCH_DATA": str(DATA)},
        check=False,
    )
    lines = [json.loads(line[line.index("{") :]) for line in done.stdout.splitlines() if '{"name"' in line]
    if not lines:
        print(f"failed: {' '.join(case)}\n{done.stderr[-800:]}", file=sys.stderr)
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--core", default="1")
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    if not DATA.exists():
        sys.exit("needs the shared market data: ../shared/data/klines/binance_spot_BTCUSDT_15m_2025.parquet")
    cases = [(sys.executable, case) for case in OURS]
    peers = ROOT / ".venv-peers" / "bin" / "python"
    if PEERS.exists() and peers.exists():
        cases += [(str(peers), case) for case in THEIRS]
    best: dict[tuple[str, str], dict[str, object]] = {}
    seen: dict[object, object] = {}
    for _ in range(chosen.runs):
        # Round after round over all cases, so that a busy minute does not fall on one of them alone.
        for python, case in cases:
            for line in run(python, case, chosen.core):
                text = json.dumps(line)
                print(text, flush=True)
                if chosen.out:
                    with chosen.out.open("a") as out:
                        out.write(text + "\n")
                if "seen" in line and seen.setdefault(line["step_ms"], line["seen"]) != line["seen"]:
                    sys.exit(f"not the book that the other cases saw at the same steps: {text}")
                how = " ".join(str(line[key]) for key in ("how", "source") if key in line)
                key = (f"{line['name']} {how}".strip(), str(line["workload"]))
                if key not in best or line["rate"] > best[key]["rate"]:  # type: ignore[operator]
                    best[key] = line
    table(best)


def table(best: dict[tuple[str, str], dict[str, object]]) -> None:
    """The best of each case, and how many times the fastest peer of its workload it is."""
    print()
    for workload in dict.fromkeys(workload for _, workload in best):
        rows = {name: line for (name, other), line in best.items() if other == workload}
        peers = [float(line["rate"]) for name, line in rows.items() if not name.startswith("quant_engine")]  # type: ignore[arg-type]
        print(workload)
        for name, line in sorted(rows.items(), key=lambda row: -float(row[1]["rate"])):  # type: ignore[arg-type]
            ratio = f"{float(line['rate']) / max(peers):8.2f} x the best peer" if peers else ""  # type: ignore[arg-type]
            orders = line.get("orders", line.get("trades", ""))
            memory = f"{line['peak_rss_mb']:>8} MB"
            print(f"  {name:32} {line['rate']:>14,.0f} /s {memory}  orders {orders!s:>5} {ratio}")


if __name__ == "__main__":
    main()
