"""What was found wrong in a stream, counted by check as it goes by, for its feed's `quality`."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from quant_contracts.protocols import QualityRow
from quant_contracts.units import Nanos


class Findings(msgspec.Struct, dict=True):
    """The findings about one symbol's stream so far. Its size does not grow with the stream.

    >>> findings = Findings("BTCUSDT")
    >>> for count in (2, 0, 1):
    ...     findings.add("crossed", count, "bid above ask; kept as it is")
    >>> [(row.check, row.count) for row in findings.table()]
    [('crossed', 3)]
    """

    symbol: str
    checks: Collection[str] = ()
    """Every check in the order of the table; without them it is the order in which they were first met."""

    def __post_init__(self) -> None:
        self._rows: dict[tuple[str, str], QualityRow] = {}

    def add(
        self,
        check: str,
        count: int,
        example: str = "",
        *,
        first_ts: Nanos | None = None,
        repaired: str = "-",
    ) -> None:
        """Count `count` more of `check`; example and time are kept from the first."""
        if not count:
            return
        row = self._rows.get((check, repaired))
        if row is None:
            row = QualityRow(self.symbol, check, 0, repaired, first_ts, example)
        self._rows[check, repaired] = msgspec.structs.replace(row, count=row.count + count)

    def table(self) -> tuple[QualityRow, ...]:
        """Everything found."""
        order = {check: place for place, check in enumerate(self.checks)}
        return tuple(sorted(self._rows.values(), key=lambda row: order.get(row.check, len(order))))
