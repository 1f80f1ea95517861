"""Recorded bars as the input of another run: what a run took in can be given to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from quant_contracts.blocks import BarBlock
from quant_contracts.duration import Length, interval_name, parse_interval, time_name
from quant_contracts.errors import DataError, StorageError
from quant_contracts.events import Bar
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import Nanos
from quant_daemon.journal.files import segment_paths
from quant_daemon.journal.reader import JournalReader


class JournalFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True, rename={"bars_of": "interval"}):
    """The bars of one symbol among the inputs of a journal, as they were taken in.

    They passed every check and repair when they were recorded, so nothing is repaired or resampled here.
    """

    symbol: str
    path: str
    """The directory of the journal, or one segment file."""
    bars_of: Length | None = None
    """Take only bars of this length, such as 15m; None when the journal has one length of the symbol."""
    repair: list[str] = []
    """Accepted as for every source, and without effect."""
    venue: str = ""
    tick: Decimal | None = None

    def __post_init__(self) -> None:
        self._wanted = None if self.bars_of is None else parse_interval(self.bars_of)
        self._interval = self._wanted
        self._torn: QualityRow | None = None

    @property
    def interval(self) -> Nanos:
        """The length of the bars; reads the journal up to the first of them unless it was given."""
        if self._interval is None:
            self._interval = next(self._bars()).interval
        return self._interval

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        """Bars of [start, end] in blocks; `DataError` when the journal has none of the symbol at all."""
        batch: list[Bar] = []
        for bar in self._bars():
            if end is not None and bar.ts_event > end:
                break
            if start is None or bar.ts_open >= start:
                batch.append(bar)
            if len(batch) == rows:
                yield self._block(batch)
                batch = []
        if batch:
            yield self._block(batch)

    def last_close(self) -> Nanos | None:
        """None: only reading everything would tell."""
        return None

    def info(self) -> SourceInfo:
        """Name of the journal and digest of its segment files."""
        return journal_source(self.path)

    def quality(self) -> tuple[QualityRow, ...]:
        """Nothing, unless the journal was cut inside its last record."""
        return () if self._torn is None else (self._torn,)

    def _bars(self) -> Iterator[Bar]:
        """Every bar that is meant, in the order of the journal, one length only and ever later."""
        reader = JournalReader(Path(self.path))
        interval = self._wanted
        last: Bar | None = None
        others: dict[str, None] = {}
        for seq, kind, event in reader:
            if kind != "input" or type(event) is not Bar:
                continue
            if event.symbol == self.symbol and interval is None:
                interval = event.interval
            if event.symbol != self.symbol or event.interval != interval:
                if event.symbol == self.symbol and self._wanted is None:
                    raise DataError(
                        f"{self.path}: record {seq:,}: bars of {self.symbol} have more than one length; "
                        'say which to take, such as "interval": "15m"'
                    )
                others[f"{event.symbol} {interval_name(event.interval)}"] = None
                continue
            if last is not None and (event.ts_event <= last.ts_event or event.ts_known < last.ts_known):
                raise DataError(
                    f"{self.path}: record {seq:,}: a bar of {self.symbol} that closed "
                    f"{time_name(event.ts_event)} is not after the one before it, {time_name(last.ts_event)}"
                )
            last = event
            yield event
        self._torn = torn_row(self.symbol, reader)
        if last is None:
            wanted = f"{self.bars_of} bars" if self.bars_of else "bars"
            held = ", ".join(others) or "no bars at all; a run records them with --trace full"
            raise DataError(f"{self.path}: no {wanted} of {self.symbol}; the journal holds {held}")

    def _block(self, bars: list[Bar]) -> BarBlock:
        block = BarBlock.of(bars)
        lawful = (
            (block.low > 0)
            & (block.low <= np.minimum(block.open, block.close))
            & (block.high >= np.maximum(block.open, block.close))
            & (block.high < np.inf)
            & (block.volume >= 0)
            & (block.volume < np.inf)
            & (block.ts_known >= block.ts)
        )
        if not lawful.all():
            raise DataError(f"{self.path}: this cannot be a bar: {block.bar(int(lawful.argmin()))}")
        return block


def journal_source(path: str) -> SourceInfo:
    """Name of a journal and digest of its segment files."""
    digest = hashlib.sha256()
    try:
        for segment in segment_paths(Path(path)):
            with segment.open("rb") as file:
                while chunk := file.read(1024 * 1024):
                    digest.update(chunk)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from None
    return SourceInfo(Path(path).name, digest.hexdigest())


def torn_row(symbol: str, reader: JournalReader) -> QualityRow | None:
    """What is to be said of a journal that was cut inside its last record, None where it was not."""
    if reader.torn is None:
        return None
    example = f"{reader.torn.path.name}: {reader.torn.size:,} bytes behind the last whole record"
    return QualityRow(symbol, "torn_tail", 1, "-", example=example)
