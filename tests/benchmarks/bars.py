"""Bars per second of a whole backtest. Prints one JSON line.

usage: bars.py ROWS [w1|noop] [events|blocks] [memory|file]

w1      RSI(14) and ATR(14): flat and RSI < 30 buys min(2 % x equity / ATR, 10 % x equity / price),
        long and RSI > 70 sells all; 10 bps fee, no slippage, 1,000,000 of cash
noop    the same run with a model that never wants anything
events  every stage event of every bar is built and dispatched
blocks  features over blocks, steps only where something can change
memory  bars are handed over as blocks in memory, as the peers get them
file    bars are read, checked and decoded from a Parquet file as the run goes

The decision trace is on in every case and written to a journal. The bars are the shared year of
15-minute BTCUSDT, or the file that BENCH_DATA names; more rows than it holds tile it with continuous
times.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from quant_contracts.blocks import BarBlock, Column
from quant_contracts.protocols import FeatureSpec
from quant_contracts.testing.samples import SampleFeed, memory_feed
from quant_contracts.units import MILLISECOND
from quant_daemon.loader import Loader
from quant_daemon.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(
    os.environ.get("BENCH_DATA", ROOT.parent / "shared/data/klines/binance_spot_BTCUSDT_15m_2025.parquet")
)
TILED_FROM_MS = 788_918_400_000
"""1995-01-01: thirty years of nanoseconds from there stay in range."""
COLUMNS = ("open", "high", "low", "close", "volume")


class NoopModel(msgspec.Struct, frozen=True):
    """Never wants anything."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return ()

    def predict(self, features: Mapping[str, float], /) -> float:
        return 0.0

    def predict_many(self, columns: Mapping[str, Column], /) -> Column:
        return np.zeros(len(next(iter(columns.values()))))


def table(rows: int) -> dict[str, npt.NDArray[np.generic]]:
    """The columns of BENCH_DATA, tiled to `rows`."""
    stored = pq.read_table(DATA, columns=["open_time_ms", *COLUMNS])
    times = stored["open_time_ms"].to_numpy()
    step, tiles = int(times[1] - times[0]), -(-rows // len(times))
    first = int(times[0]) if tiles == 1 else TILED_FROM_MS
    columns = {name: np.tile(stored[name].to_numpy(), tiles)[:rows] for name in COLUMNS}
    return {"open_time_ms": first + np.arange(rows, dtype=np.int64) * step, **columns}


def feed_of(columns: Mapping[str, npt.NDArray[np.generic]]) -> type:
    """A feed type over columns in memory."""
    opened = columns["open_time_ms"] * MILLISECOND
    step = int(opened[1] - opened[0])
    whole = BarBlock("BTCUSDT", step, opened + step, *(columns[name].astype(np.float64) for name in COLUMNS))
    return memory_feed({"BTCUSDT": SampleFeed(whole)})


def strategy(kind: str) -> dict[str, object]:
    decision = {"threshold": 0.4, "exit": -0.4, "allow_short": False}
    sizer = {"atr_window": 14, "risk_fraction": 0.02, "stop_multiple": 1.0, "max_leverage": 0.1}
    return {
        "BTCUSDT": {
            "strategy": {
                "model": {"class": "RSIModel", "params": {"window": 14}}
                if kind == "w1"
                else {"class": "NoopModel"},
                "decision": {"class": "ThresholdDecision", "params": decision},
                "risk": {"class": "ATRSizer", "params": sizer},
                "execution": {"class": "ImmediatePolicy"},
                "slippage": {"class": "NoSlippage"},
            }
        },
        "account": {"cash": "1000000"},
        "matching": {"class": "BarMatchingEngine", "params": {"participation": 1.0}},
    }


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 35_040
    kind, how, source = options()
    with tempfile.TemporaryDirectory() as folder:
        columns = table(rows)
        local: dict[str, Mapping[str, type]] = {"models": {"NoopModel": NoopModel}}
        plain = strategy(kind)
        if source == "memory":
            local["feeds"] = {"memory": feed_of(columns)}
            plain["data"] = {"BTCUSDT": {"source": {"class": "memory"}}}
        else:
            file = Path(folder) / "bars.parquet"
            pq.write_table(pa.table(dict(columns)), file, compression="zstd", row_group_size=131_072)
            plain["data"] = {"BTCUSDT": {"source": {"class": "parquet", "params": {"path": str(file)}}}}
            del columns
        session = Loader.from_config(plain, registry=Registry(local))
        session.manifest()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        record = session.backtest(batch=how == "blocks", journal=Path(folder) / "journal")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = {
        "name": "quant_engine",
        "workload": f"bars_{kind}_{rows}",
        "how": how,
        "source": source,
        "n_events": rows,
        "seconds": round(wall, 6),
        "rate": round(rows / wall, 1),
        "cpu_seconds": round(cpu, 6),
        "peak_rss_mb": round(peak / 1024, 1),
        "run_rss_mb": round((peak - before) / 1024, 1),
        "orders": len(record.orders),
        "fills": len(record.fills),
        "final_usdt": record.equity[-1].equity,
        "decision_hash": record.manifest.decision_hash,
    }
    print(json.dumps(line), flush=True)


def options() -> tuple[str, str, str]:
    given = sys.argv[2:5]
    fallback = ["w1", "blocks", "memory"]
    kind, how, source = given + fallback[len(given) :]
    return kind, how, source


if __name__ == "__main__":
    main()
