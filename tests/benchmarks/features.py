"""Bars per second of every installed feature channel over bars alone, one by one and in blocks of 4096.

The blocks are also given as a ratio to a plain numpy sum of the same column, the least that touching
every bar can cost.
"""

from __future__ import annotations

import json
import resource
import time

import numpy as np

from quant_contracts.blocks import BarBlock
from quant_contracts.testing.samples import random_bars
from quant_daemon.registry import installed

ROWS = 40_960
BLOCK = 4096


def main() -> None:
    bars = random_bars(ROWS, seed=1)
    whole = BarBlock.of(bars)
    blocks = [whole.slice(row, row + BLOCK) for row in range(0, ROWS, BLOCK)]
    start = time.perf_counter()
    for block in blocks:
        np.add.reduce(block.close)
    floor = time.perf_counter() - start
    for name, point in installed("features").items():
        kind = point.load()
        if hasattr(kind, "reads"):
            # It has no block form, or needs another symbol beside the bars.
            continue
        channel = kind()
        start = time.perf_counter()
        for bar in bars:
            channel.update(bar)
        one_by_one = time.perf_counter() - start
        channel = kind()
        start = time.perf_counter()
        for block in blocks:
            channel.update_many(block)
        in_blocks = time.perf_counter() - start
        line = {
            "name": "quant_engine",
            "workload": f"feature_{name}",
            "n_events": ROWS,
            "seconds": round(in_blocks, 6),
            "rate": round(ROWS / in_blocks, 1),
            "one_by_one_rate": round(ROWS / one_by_one, 1),
            "times_a_numpy_sum": round(in_blocks / floor, 1),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
