"""What was found wrong in a stream of bars, counted as the stream goes by and shown as a table."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

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


class Findings(msgspec.Struct, dict=True):
    """The findings about one stream so far. Its size does not grow with the stream.

    >>> findings = Findings("BTCUSDT")
    >>> findings.add("zero_volume", 2, 0)
    >>> findings.add("zero_volume", 1, 60_000_000_000)
    >>> [(row.check, row.count) for row in findings.table()]
    [('zero_volume', 3)]
    """

    symbol: str

    def __post_init__(self) -> None:
        self._rows: dict[tuple[str, str], QualityRow] = {}
        self._gaps = 0
        self._longest: list[tuple[int, Nanos, Nanos]] = []

    def add(
        self, check: str, count: int, first_ts: Nanos | None = None, repaired: str = "-", example: str = ""
    ) -> None:
        """Count `count` more of `check`; time and example are kept from the first."""
        if not count:
            return
        row = self._rows.get((check, repaired))
        if row is None:
            row = QualityRow(self.symbol, check, 0, repaired, first_ts, example)
        self._rows[check, repaired] = msgspec.structs.replace(row, count=row.count + count)

    def add_gaps(self, missing: Times, last_close: Times, interval: Nanos, repaired: str) -> None:
        """Count gaps in order of time: how many bars each misses, and when the last of them would close."""
        first_close = last_close - (missing - 1) * interval
        self.add("gap", int(missing.sum()), int(first_close[0]), repaired)
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
        rows = list(self._rows.values())
        repaired = next((row.repaired for row in rows if row.check == "gap"), "-")
        for missing, first, last in sorted(self._longest, key=lambda gap: -gap[1]):
            text = f"{time_name(-first)} to {time_name(last)}"
            rows.append(QualityRow(self.symbol, "gap_range", missing, repaired, -first, text))
        order = {check: place for place, check in enumerate(CHECKS)}
        rows.sort(key=lambda row: order[row.check])
        return tuple(
            msgspec.structs.replace(row, example=f"in {self._gaps:,} gaps") if row.check == "gap" else row
            for row in rows
        )


def quality_table(rows: Iterable[QualityRow]) -> Table:
    """The rows of one stream as a table for the terminal; times are closes."""
    # Kept out of the way of commands that print no table.
    from rich.table import Table  # noqa: PLC0415 - see above

    table = Table(title="Data quality", title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("repaired by", no_wrap=True)
    table.add_column("what was found")
    for row in rows:
        what = row.example or CHECKS.get(row.check, "")
        if row.first_ts is not None and row.check != "gap_range":
            what += f", first at {time_name(row.first_ts)}"
        table.add_row(row.check, f"{row.count:,}", row.repaired, what)
    return table
