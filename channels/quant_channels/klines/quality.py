"""What was found wrong in a stream of bars, counted as the stream goes by and shown as a table."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from quant_channels.streams.findings import Findings
from quant_contracts.blocks import Times
from quant_contracts.duration import time_name
from quant_contracts.protocols import QualityRow
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from rich.table import Table

CHECKS: Final = {
    "broken_row": "too few or too many values",
    "no_time": "no readable time",
    "not_finite": "a price or volume is missing, NaN or infinite",
    "not_positive": "a price of zero or less",
    "inconsistent": "high or low contradicts open or close",
    "negative_volume": "volume below zero",
    "off_grid": "does not open on the grid of its interval",
    "known_early": "known before its close or before the bar above it",
    "out_of_order": "opens before a bar that stands above it",
    "duplicate": "the same bar again",
    "conflicting_duplicate": "another bar of the same time; the last one counts",
    "gap": "bars missing",
    "gap_range": "one of the longest gaps",
    "zero_volume": "nothing traded",
    "off_tick": "a price between two ticks",
    "no_time_zone": "times without a zone, read as UTC",
    "rescaled": "prices or volumes brought to other units",
}
"""Every check in the order of the table, with what a finding means."""

LONGEST: Final = 20
"""Gaps that are listed one by one; all of them are counted."""


class BarFindings(msgspec.Struct, dict=True):
    """The findings about one stream of bars, and its longest gaps. Its size does not grow with the stream.

    >>> findings = BarFindings("BTCUSDT")
    >>> findings.counts.add("zero_volume", 2, first_ts=60_000_000_000)
    >>> findings.add_gaps(np.array([3]), np.array([360_000_000_000]), 60_000_000_000, "-")
    >>> [(row.check, row.count, row.example) for row in findings.table()][:2]
    [('gap', 3, 'in 1 gap'), ('gap_range', 3, '1970-01-01T00:04:00Z to 1970-01-01T00:06:00Z')]
    """

    symbol: str

    def __post_init__(self) -> None:
        self.counts = Findings(self.symbol)
        self._gaps = 0
        self._longest: list[tuple[int, Nanos, Nanos]] = []

    def add_gaps(self, missing: Times, last_close: Times, interval: Nanos, repaired: str) -> None:
        """Count gaps in order of time: how many bars each misses, and when the last of them would close."""
        first_close = last_close - (missing - 1) * interval
        self.counts.add("gap", int(missing.sum()), first_ts=int(first_close[0]), repaired=repaired)
        self._gaps += len(missing)
        for row in np.argsort(-missing, kind="stable")[:LONGEST].tolist():
            # The earlier of two equally long gaps is kept, hence the minus.
            entry = (int(missing[row]), -int(first_close[row]), int(last_close[row]))
            if len(self._longest) < LONGEST:
                heapq.heappush(self._longest, entry)
            else:
                heapq.heappushpop(self._longest, entry)

    def table(self) -> tuple[QualityRow, ...]:
        """Everything found, in the order of `CHECKS`."""
        rows = list(self.counts.table())
        repaired = next((row.repaired for row in rows if row.check == "gap"), "-")
        for missing, first, last in sorted(self._longest, key=lambda gap: -gap[1]):
            text = f"{time_name(-first)} to {time_name(last)}"
            rows.append(QualityRow(self.symbol, "gap_range", missing, repaired, -first, text))
        order = {check: place for place, check in enumerate(CHECKS)}
        rows.sort(key=lambda row: order[row.check])
        gaps = "in 1 gap" if self._gaps == 1 else f"in {self._gaps:,} gaps"
        return tuple(
            msgspec.structs.replace(row, example=gaps) if row.check == "gap" else row for row in rows
        )


def quality_table(rows: Iterable[QualityRow], most: int = LONGEST) -> Table:
    """The rows of one stream as a table for the terminal; times are closes.

    Of single gaps, which stand in order of time, it shows the first `most`.
    """
    # Kept out of the way of commands that print no table.
    from rich.table import Table  # noqa: PLC0415 - see above

    table = Table(title="Data quality", title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("repaired by", no_wrap=True)
    table.add_column("what was found")
    ranges = 0
    for row in rows:
        ranges += row.check == "gap_range"
        if row.check == "gap_range" and ranges > most:
            continue
        what = row.example or CHECKS.get(row.check, "")
        if row.first_ts is not None and row.check != "gap_range":
            what += f", first at {time_name(row.first_ts)}"
        table.add_row(row.check, f"{row.count:,}", row.repaired, what)
    if ranges > most:
        table.add_row("gap_range", "", "", f"and {ranges - most:,} more")
    return table
