"""What was found wrong in a stream, by count, for its feed's `quality`."""

from __future__ import annotations

import msgspec

from quant_contracts.protocols import QualityRow
from quant_contracts.units import Nanos


class Findings:
    """Counts findings in the order in which they were first met. Its size does not grow with the stream.

    >>> findings = Findings("BTC")
    >>> for count in (2, 0, 1):
    ...     findings.add("crossed", count, "bid above ask; kept as it is")
    >>> [(row.check, row.count) for row in findings.table()]
    [('crossed', 3)]
    """

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._rows: dict[str, QualityRow] = {}

    def add(
        self, check: str, count: int, what: str, first_ts: Nanos | None = None, repaired: str = "-"
    ) -> None:
        """Count `count` more of `check`; the text and the time are kept from the first."""
        if not count:
            return
        row = self._rows.get(check)
        if row is None:
            row = QualityRow(self._symbol, check, 0, repaired, first_ts, what)
        self._rows[check] = msgspec.structs.replace(row, count=row.count + count)

    def table(self) -> tuple[QualityRow, ...]:
        """Everything found."""
        return tuple(self._rows.values())
