"""A recorded file as a source of a loader: what another program writes, or wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from quant_channels.sentiment.fetching import FetchFailed
from quant_channels.sentiment.recorded import Row, read_rows
from quant_channels.sentiment.sources.settings import check_every, check_label
from quant_channels.sentiment.sources.source import Poll
from quant_contracts.duration import Length
from quant_contracts.errors import DataError
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient


MOST_BYTES: Final = 64 * 2**20
"""Of a file; what is longer is history, which a backtest reads as it stands."""


class FileSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rows of one Parquet or JSON-lines file, read again when the file changes.

    To a loader a row is first seen when the loader reads it, whatever the file says. A backtest over
    recorded times reads the file itself: `DocumentsFeed`.
    """

    label: str
    """Its short name: the source is called `file:label`."""
    path: str
    every: Length = "1m"

    def __post_init__(self) -> None:
        check_label("label", self.label)
        check_every(self.every)

    @property
    def name(self) -> str:
        return f"file:{self.label}"

    @property
    def cadence(self) -> Nanos:
        return check_every(self.every)

    def disabled(self) -> str:
        return ""

    async def poll(self, client: HttpClient, memory: Mapping[str, str], /) -> Poll:  # noqa: ARG002 - asks nobody
        rows, memory_now = await asyncio.to_thread(self._read, memory)
        if rows is None:
            return Poll((), memory_now, unchanged=True)
        return Poll(tuple(row.item for row in rows if row is not None), memory_now, rows.count(None))

    def _read(self, memory: Mapping[str, str]) -> tuple[list[Row | None] | None, dict[str, str]]:
        path = Path(self.path)
        try:
            state = path.stat()
            stamp = f"{state.st_mtime_ns} {state.st_size}"
            if memory.get("stamp") == stamp:
                return None, dict(memory)
            if state.st_size > MOST_BYTES:
                raise FetchFailed("too_large", f"{path.name} holds more than {MOST_BYTES:,} bytes")
            return list(read_rows(path)), {"stamp": stamp}
        except OSError as error:
            raise FetchFailed("connection", f"{path.name}: cannot be read: {error.strerror}") from None
        except DataError as error:
            raise FetchFailed("layout", str(error)) from None
