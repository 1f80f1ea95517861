"""Surfaces of another time or program, read from a file and delivered as stored.

One surface a line, as the array that the event is on the wire, the earliest first. `write_surfaces` makes
such a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from quant_channels.options.surface_event import surface_fit
from quant_channels.streams.findings import Findings
from quant_contracts.blocks import EventBlock
from quant_contracts.errors import DataError
from quant_contracts.events import Surface
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import Nanos

LONGEST: Final = 1 << 20
"""Bytes of a line: a surface of a hundred expiries takes 30,000."""


class StoredSurfaceFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The surfaces in a `.jsonl` file, each with the origin `stored`.

    A line that is no lawful surface of `symbol`, or known before the one above it, is left out and counted. A
    file in which that is every line is refused.
    """

    domain: str
    symbol: str
    path: str
    venue: str = ""
    """Not used, as are tick and lot."""
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")

    def __post_init__(self) -> None:
        if self.domain != "surface":
            raise ValueError(f"stored surfaces serve the domain surface, not {self.domain}")
        self._found = Findings(self.symbol)

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[EventBlock[Surface]]:
        self._found = Findings(self.symbol)
        waiting: list[Surface] = []
        for surface in self._surfaces():
            if end is not None and surface.ts_known > end:
                break
            if start is None or surface.ts_known >= start:
                waiting.append(surface)
            if len(waiting) == rows:
                yield EventBlock(self.symbol, tuple(waiting))
                waiting = []
        if waiting:
            yield EventBlock(self.symbol, tuple(waiting))

    def info(self) -> SourceInfo:
        # It is with what reads files of Arrow, which nobody else here needs.
        from quant_channels.klines.historical import file_digest  # noqa: PLC0415 - see above

        path = Path(self.path)
        return SourceInfo(path.name, file_digest(path))

    def quality(self) -> tuple[QualityRow, ...]:
        return self._found.table()

    def _surfaces(self) -> Iterator[Surface]:
        last: Nanos | None = None
        for line in _lines(Path(self.path)):
            try:
                surface = read_surface(line)
            except DataError as error:
                self._found.add("broken_row", 1, str(error)[:200])
                continue
            if surface.symbol != self.symbol:
                self._found.add("foreign_symbol", 1, f"a surface of {surface.symbol[:40]}")
            elif last is not None and surface.ts_known < last:
                self._found.add("out_of_order", 1, "known before the one above it", first_ts=surface.ts_known)
            else:
                last = surface.ts_known
                yield surface
        if last is None:
            found = ", ".join(f"{row.count} {row.check}" for row in self._found.table())
            raise DataError(
                f"{self.path}: no surfaces of {self.symbol} in it; {found or 'the file is empty'}"
            )


def write_surfaces(path: Path, surfaces: Iterable[Surface]) -> int:
    """Write surfaces, the earliest first, to a `.jsonl` file for `StoredSurfaceFeed`; returns how many."""
    count = 0
    with path.open("wb") as file:
        for surface in surfaces:
            file.write(msgspec.json.encode(surface) + b"\n")
            count += 1
    return count


def read_surface(line: bytes) -> Surface:
    """The surface that a line holds, with the origin `stored`; DataError where it is not a lawful one."""
    try:
        surface = msgspec.json.decode(line, type=Surface)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DataError(f"not a surface: {error}") from None
    if not 0 <= surface.ts_event <= surface.ts_known:
        raise DataError("a surface that was known before its moment")
    if not all(before.years < after.years for before, after in pairwise(surface.slices)) or not all(
        before.expiry < after.expiry for before, after in pairwise(surface.slices)
    ):
        raise DataError("a surface whose expiries do not rise")
    if any(one.expiry <= surface.ts_event for one in surface.slices):
        raise DataError("a surface with an expiry in its past")
    if surface.median_error < 0.0 or not 0.0 <= surface.coverage <= 1.0:
        raise DataError("a surface with an error below 0 or a coverage that is no share of one")
    surface_fit(surface)
    return msgspec.structs.replace(surface, origin="stored")


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that are not empty; of one that is too long only the beginning."""
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST):
                if line.strip():
                    yield line
                while line and len(line) == LONGEST and not line.endswith(b"\n"):
                    line = file.readline(LONGEST)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
