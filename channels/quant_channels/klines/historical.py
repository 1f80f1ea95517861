"""The offline cleaner: raw bars of one file in, checked and rescaled blocks out, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
import numpy as np

from quant_channels.klines.cleaner import Cleaner, check_repairs
from quant_channels.klines.quality import BarFindings
from quant_channels.klines.raw import CHUNK, NO_TIME, RawBars, TimeSpan, TimeUnit
from quant_contracts.blocks import BarBlock, Times
from quant_contracts.duration import Length, interval_name, parse_interval, time_name
from quant_contracts.errors import DataError
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import SECOND, Nanos

if TYPE_CHECKING:
    from quant_channels.klines.csv_file import CsvBars
    from quant_channels.klines.parquet_file import ParquetBars

Format: TypeAlias = Literal["parquet", "csv", "binance"]
"""What a file is: Parquet, CSV with a header, or Binance's CSV without one."""

FIRST_ROWS: Final = 1_024
"""Rows from which the interval of the bars is told."""

ONE: Final = Decimal(1)


class HistoricalDataHandler(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Cleans, checks and rescales the bars in one file.

    Any flaw is refused with file, row number and the repair that would mend it, until `repair` allows
    that. Gaps are no flaw: they are counted in `quality`. Each bar's `ts` is its close, which is its
    opening time plus the interval. The policies are in `cleaner.REPAIRS`.
    """

    symbol: str
    path: str
    format: Format
    stored: Length | None = None
    """Interval of the bars in the file, such as `1m`; None takes the commonest spacing of the first rows."""
    repair: Sequence[str] = ()
    tick: Decimal | None = None
    """Prices between ticks of this size are counted in `quality`."""
    time_unit: TimeUnit | None = None
    """Unit of whole-number times, unless the column's name says it: `open_time_ms`. Never guessed."""
    price_scale: Decimal = ONE
    """Factor that turns the file's prices into quote currency: 0.01 where they are in cents."""
    volume_scale: Decimal = ONE
    """Factor that turns the file's volumes into units of base."""

    def __post_init__(self) -> None:
        check_repairs(self.repair)
        for name, scale in (("price_scale", self.price_scale), ("volume_scale", self.volume_scale)):
            if not scale.is_finite() or scale <= 0:
                raise ValueError(f"{name} must be above 0, not {scale}")
        self._declared = None if self.stored is None else parse_interval(self.stored)
        self._grid: tuple[Nanos, Nanos] | None = None
        self._findings = BarFindings(self.symbol)

    @property
    def interval(self) -> Nanos:
        """Length of the stored bars. Reads the first rows the first time."""
        return self.grid()[0]

    def grid(self) -> tuple[Nanos, Nanos]:
        """Interval and phase by the first rows; by all of them where those do not stand in order."""
        if self._grid is None:
            first = next(self._file().opened(FIRST_ROWS), None)
            if first is None:
                raise DataError(f"{self.path}: no bars in it; download or export it again")
            in_order = bool((np.diff(first) >= 0).all())
            times = first if in_order else np.concatenate(list(self._file().opened()))
            self._grid = find_grid(self.path, times, self._declared)
        return self._grid

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[BarBlock]:
        """Clean bars that opened at or after `start` and closed at or before `end`, `rows` at most at a time.

        Rows outside the range are not checked. The repair `sort` holds the whole range in memory, 56 bytes
        a row; everything else holds one chunk.
        """
        tick = None if self.tick is None else float(self.tick)
        interval, phase = self.grid()
        cleaner = Cleaner(self.path, self.symbol, interval, phase, self.repair, tick)
        self._findings = cleaner.findings
        span = time_span(start, end, interval)
        empty = True
        for block in clean_blocks(cleaner, self._chunks(span), rows):
            empty = False
            yield block
        if empty:
            raise self._nothing(start, end)

    def last_close(self) -> Nanos | None:
        """Close of the last bar by the file's own statistics, None where it has none."""
        span = self._file().span()
        return None if span is None else span.last + self.interval

    def info(self) -> SourceInfo:
        """The file's name and the digest of its bytes."""
        return SourceInfo(Path(self.path).name, file_digest(Path(self.path)))

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found in the bars delivered so far."""
        return self._findings.table()

    def _file(self) -> ParquetBars | CsvBars:
        # Arrow takes 50 ms to import, which a command that reads no data should not pay for.
        path = Path(self.path)
        if self.format == "parquet":
            from quant_channels.klines.parquet_file import ParquetBars  # noqa: PLC0415 - see above

            return ParquetBars(path, self.time_unit)
        from quant_channels.klines.csv_file import CsvBars  # noqa: PLC0415 - see above

        return CsvBars(path, self.time_unit, self.format == "binance", "drop_invalid" in self.repair)

    def _chunks(self, span: TimeSpan) -> Iterator[RawBars]:
        """The rows inside `span`, rescaled, and in order of time where that is allowed as a repair."""
        file, sort = self._file(), "sort" in self.repair
        parts: list[RawBars] = []
        scales = f"price_scale {self.price_scale}, volume_scale {self.volume_scale}"
        for raw in file.chunks(span):
            inside = within(raw, span)
            if not len(inside):
                if not sort and raw.opened.min() > span.last:
                    break
                continue
            if file.times.naive:
                self._findings.counts.add("no_time_zone", len(inside))
            if self.price_scale != ONE or self.volume_scale != ONE:
                inside = inside.scaled(self.price_scale, self.volume_scale)
                self._findings.counts.add("rescaled", len(inside), repaired=scales)
            if sort:
                parts.append(inside)
            else:
                yield inside
        self._findings.counts.add("broken_row", len(file.skipped), repaired="drop_invalid")
        if parts:
            yield from self._sorted(RawBars.join(parts))

    def _sorted(self, raw: RawBars) -> Iterator[RawBars]:
        early = np.flatnonzero(raw.opened < np.maximum.accumulate(raw.opened))
        if early.size:
            ts = int(raw.opened[early[0]]) + self.interval
            example = f"row {raw.rows[early[0]]} stands too late"
            self._findings.counts.add("out_of_order", early.size, example, first_ts=ts, repaired="sort")
            # Stable, so that of two bars of one time the later row stays the later one.
            raw = raw.take(np.argsort(raw.opened, kind="stable"))
        for start in range(0, len(raw), CHUNK):
            yield raw.take(slice(start, start + CHUNK))

    def _nothing(self, start: Nanos | None, end: Nanos | None) -> DataError:
        """The error for a range without a bar; says what there is."""
        times = [opened[opened != NO_TIME] for opened in self._file().opened()]
        ends = [(part.min(), part.max()) for part in times if len(part)]
        covers = "nothing"
        if ends:
            first, last = min(low for low, _ in ends), max(high for _, high in ends)
            covers = f"{time_name(int(first))} to {time_name(int(last) + self.interval)}"
        return nothing_between(self.path, start, end, covers)


def nothing_between(source: str, start: Nanos | None, end: Nanos | None, covers: str) -> DataError:
    """The error for a source that has no bar between `start` and `end`."""
    if start is None and end is None:
        return DataError(f"{source}: not one usable bar in it; download or export it again")
    begins = "the beginning" if start is None else time_name(start)
    ends = "the end" if end is None else time_name(end)
    return DataError(f"{source}: no bars between {begins} and {ends}; the data covers {covers}")


def time_span(start: Nanos | None, end: Nanos | None, interval: Nanos) -> TimeSpan:
    """Opening times of the bars that lie wholly in [start, end]."""
    span = TimeSpan()
    return TimeSpan(span.first if start is None else start, span.last if end is None else end - interval)


def within(raw: RawBars, span: TimeSpan) -> RawBars:
    """The rows inside `span`, and those without a time, which could lie anywhere."""
    if raw.opened.min() >= span.first and raw.opened.max() <= span.last:
        return raw
    inside = (raw.opened >= span.first) & (raw.opened <= span.last)
    return raw.take(inside | (raw.opened == NO_TIME))


def find_grid(source: str, opened: Times, declared: Nanos | None) -> tuple[Nanos, Nanos]:
    """Interval and phase of bars: the most common spacing, and where on it most of them open.

    A declared interval stands if some bars have that spacing and the most common one is a multiple of it.
    """
    times = np.unique(opened[opened != NO_TIME])
    steps, counts = np.unique(np.diff(times), return_counts=True)
    if not len(steps):
        if declared is None:
            raise DataError(
                f"{source}: too few times to tell the interval of the bars; declare it: stored 1m"
            )
        return declared, int(times[0]) % declared if len(times) else 0
    common = int(steps[np.argmax(counts)])
    if common % SECOND:
        raise DataError(
            f"{source}: bars are {common:,} ns apart, no whole number of seconds; "
            "is the time unit right? say time_unit s, ms, us or ns"
        )
    interval = common if declared is None else declared
    if common % interval or interval not in steps:
        raise DataError(
            f"{source}: declared as bars of {interval_name(interval)} but most are "
            f"{interval_name(common)} apart; declare {interval_name(common)} or nothing"
        )
    phases, counts = np.unique(times % interval, return_counts=True)
    return interval, int(phases[np.argmax(counts)])


def clean_blocks(cleaner: Cleaner, chunks: Iterator[RawBars], rows: int) -> Iterator[BarBlock]:
    """What the cleaner lets through of `chunks`, as blocks of at most `rows` bars."""
    if rows < 1:
        raise ValueError(f"a block has at least 1 row, not {rows}")
    for raw in chunks:
        for good in cleaner.clean(raw):
            yield from _blocks(good, cleaner.symbol, cleaner.interval, rows)
    for good in cleaner.finish():
        yield from _blocks(good, cleaner.symbol, cleaner.interval, rows)


def _blocks(good: RawBars, symbol: str, interval: Nanos, rows: int) -> Iterator[BarBlock]:
    ts = good.opened + interval
    known = None if good.known is None or bool((good.known == ts).all()) else good.known
    open_, high, low, close, volume = good.values
    block = BarBlock(symbol, interval, ts, open_, high, low, close, volume, known)
    if len(block) <= rows:
        yield block
        return
    for start in range(0, len(block), rows):
        yield block.slice(start, start + rows)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
