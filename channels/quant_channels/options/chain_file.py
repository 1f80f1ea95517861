"""Option quotes from a Parquet file: raw values in the contracts' units, nothing derived."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from quant_channels.options.chain_layouts import DECIMALS_OF_YEARS, LAYOUTS, SHARES, ChainLayout, LayoutName
from quant_channels.options.latest import within
from quant_channels.options.pricing import YEAR
from quant_channels.streams.findings import Findings
from quant_contracts.blocks import ChainBlock, Column
from quant_contracts.duration import parse_time, time_name
from quant_contracts.errors import DataError
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import HOUR, MILLISECOND, MINUTE, Nanos

if TYPE_CHECKING:
    from quant_channels.klines.arrow_columns import TimeReader

DECODE: Final = 65_536
"""Rows decoded at a time."""

MOST_SORTED: Final = 2_000_000
"""Rows that are sorted in memory where a file is not in order of time: half a gigabyte."""

NO_VOLATILITY: Final = 1e-6
"""At most this much stands for a volatility that was not found."""

SAID: Final = ("bid", "bid_size", "ask", "ask_size", "mark", "mark_iv", "forward", "open_interest")

LEAST, MOST = 1e-12, 1e15
"""No price, size or volatility above 0 is outside: products of such numbers would overflow."""

REFUSALS: Final = {
    "broken_time": "no readable time",
    "broken_option": "no readable expiry, strike above 0 or right C or P",
    "not_finite": "an infinite number",
    "negative": "a price, size or volatility below 0, or a forward of 0",
    "expired": "known when the option had expired",
    "wild": "a number that no market has, below 1e-12 or above 1e15",
}
"""Why rows are left out, in the order of the checks."""


class OptionsFileFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """The option quotes in a Parquet file whose columns are laid out as `layout` says.

    Rows may stand in any order: those of a file that is not in order of time are sorted, up to 2,000,000.
    Quotes with bid above ask are delivered as they are, and counted.
    """

    domain: str
    symbol: str
    path: str
    layout: LayoutName
    venue: str = ""
    """Not used, as are tick and lot: quotes keep the values of the file."""
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")
    snapshot: str | None = None
    """When a `deribit_chain` was taken and known, such as 2025-12-05T01:11:00. None takes the last moment
    that agrees with every `t_years`."""
    is_american: bool | None = None
    """True where options may be exercised early, as those on US shares and funds, False for indices. To be
    declared for US files, which do not say it."""
    settles: str = "21:00"
    """Time of day, in UTC, at which options that expire on a date end: 16:00 in New York in winter."""

    def __post_init__(self) -> None:
        if self.domain != "options":
            raise ValueError(f"a file of option quotes serves the domain options, not {self.domain}")
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {self.layout!r}")
        self._layout = LAYOUTS[self.layout]
        if self.snapshot is not None and self._layout.time is not None:
            raise ValueError(f"the rows of {self.layout} have their times; leave snapshot out")
        if self._layout.has_dates and self.is_american is None:
            raise ValueError(
                f"{self.layout} does not say how its options are exercised; declare is_american "
                "true (shares, funds) or false (indices)"
            )
        if self.is_american and not self._layout.has_dates:
            raise ValueError(f"the options of {self.layout} are European; leave is_american out")
        self._declared = None if self.snapshot is None else parse_time(self.snapshot)
        self._settles = _time_of_day(self.settles)
        self._found = Findings(self.symbol)

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[ChainBlock]:
        self._found = Findings(self.symbol)
        for block in within(self._rows(), start, end):
            for row in range(0, len(block), rows):
                yield block.slice(row, row + rows)

    def info(self) -> SourceInfo:
        # Kept out of the way of runs that read no file of options, as everything of Arrow is here.
        from quant_channels.klines.historical import file_digest  # noqa: PLC0415 - see above

        path = Path(self.path)
        return SourceInfo(path.name, file_digest(path))

    def quality(self) -> tuple[QualityRow, ...]:
        return self._found.table()

    def _rows(self) -> Iterator[ChainBlock]:
        """Every good row, in the order in which they became known."""
        import pyarrow as pa  # noqa: PLC0415 - slow to import
        import pyarrow.parquet as pq  # noqa: PLC0415 - ditto

        from quant_channels.klines.arrow_columns import TimeReader, unreadable  # noqa: PLC0415 - ditto

        path = Path(self.path)
        try:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                if missing := set(self._layout.columns) - set(file.schema_arrow.names):
                    raise DataError(
                        f"{path}: not laid out as {self.layout}: no column {', '.join(sorted(missing))}"
                    )
                snapshot = self._snapshot(file) if self._layout.time is None else None
                self._state_assumptions()
                times, expiries = TimeReader(path), TimeReader(path)
                batches = file.iter_batches(DECODE, columns=[*self._layout.columns])
                blocks = (self._cleaned(batch, times, expiries, snapshot) for batch in batches)
                if self._is_sorted(file, times):
                    yield from (block for block in blocks if len(block))
                else:
                    block = ChainBlock.join(self.symbol, list(blocks))
                    if len(block):
                        yield block.take(np.argsort(block.known, kind="stable"))
        except (pa.ArrowException, OSError) as error:
            raise unreadable(path, "Parquet", error) from None

    def _is_sorted(self, file: Any, times: TimeReader) -> bool:
        """True if no row is older than one above it. Too many that are not are a DataError."""
        if self._layout.time is None:
            return True
        from quant_channels.klines.raw import NO_TIME  # noqa: PLC0415 - slow to import

        latest, behind = np.iinfo(np.int64).min, 0
        for batch in file.iter_batches(DECODE, columns=[self._layout.time]):
            column = times.read(batch.column(0), self._layout.time_unit, 1)
            column = column[column != NO_TIME]
            peak = np.maximum.accumulate(np.append(latest, column))
            behind += int((column < peak[:-1]).sum())
            latest = peak.item(-1)
        if behind and file.metadata.num_rows > MOST_SORTED:
            raise DataError(
                f"{self.path}: {file.metadata.num_rows:,} rows that are not in order of "
                f"{self._layout.time}; sort the file by it, or cut it into files of {MOST_SORTED:,} rows"
            )
        self._found.add("out_of_order", behind, "older than a row above it", repaired="sorted")
        return not behind

    def _snapshot(self, file: Any) -> Nanos:
        """When a chain without times was known: as declared, or the last moment its years allow."""
        if self._declared is not None:
            self._found.add("assumed_time", 1, f"declared as known at {time_name(self._declared)}")
            return self._declared
        from quant_channels.klines.arrow_columns import numbers  # noqa: PLC0415 - slow to import

        half = 0.5 * 10.0**-DECIMALS_OF_YEARS
        first, last = -math.inf, math.inf
        for batch in file.iter_batches(DECODE, columns=[self._layout.expiry, "t_years"]):
            expiry = numbers(batch.column(self._layout.expiry)) * MILLISECOND
            years = numbers(batch.column("t_years"))
            # fmax and fmin pass over rows that lack one of the two.
            first = max(first, float(np.fmax.reduce(expiry - (years + half) * YEAR, initial=-math.inf)))
            last = min(last, float(np.fmin.reduce(expiry - (years - half) * YEAR, initial=math.inf)))
        if not -math.inf < first <= last < math.inf:
            raise DataError(
                f"{self.path}: t_years and expiries do not agree on a moment; declare snapshot, such as "
                "2025-12-05T01:11:00"
            )
        known = math.ceil(last)
        span = f"{time_name(int(first))} to {time_name(known)}"
        self._found.add("assumed_time", 1, f"taken {span} by t_years; known at the last of it")
        return known

    def _state_assumptions(self) -> None:
        if self._layout.has_dates:
            self._found.add("assumed_expiry", 1, f"expiries are dates, taken to end at {self.settles} UTC")
        if self.layout == "us_eod":
            self._found.add("assumed_time", 1, "a day is taken to be known at its end in UTC")

    def _cleaned(
        self, batch: Any, times: TimeReader, expiries: TimeReader, snapshot: Nanos | None
    ) -> ChainBlock:
        """The good rows of a batch in the contracts' units; the others are counted."""
        from quant_channels.klines.arrow_columns import numbers  # noqa: PLC0415 - slow to import
        from quant_channels.klines.raw import NO_TIME  # noqa: PLC0415 - ditto

        layout = self._layout
        if layout.time is None:
            known = np.full(batch.num_rows, snapshot, dtype=np.int64)
        else:
            known = times.read(batch.column(layout.time), layout.time_unit, 1)
            known = np.where(known == NO_TIME, NO_TIME, known + layout.known_after)
        unit = None if layout.has_dates else MILLISECOND
        expiry = expiries.read(batch.column(layout.expiry), unit, 1)
        expiry = np.where(expiry == NO_TIME, NO_TIME, expiry + (self._settles if layout.has_dates else 0))
        right = _rights(batch.column("right"))
        strike = numbers(batch.column("strike"))
        said = {name: np.full(batch.num_rows, np.nan) for name in SAID}
        for name, column in layout.said.items():
            said[name] = numbers(batch.column(column))
        forward = said["forward"]
        with np.errstate(invalid="ignore"):
            wrong = {
                "broken_time": known == NO_TIME,
                "broken_option": (expiry == NO_TIME) | ~(np.isfinite(strike) & (strike > 0.0)) | (right == 0),
                "not_finite": _any(np.isinf(column) for column in said.values()),
                "negative": _any(column < 0.0 for column in said.values()) | (forward == 0.0),
                "wild": _any(
                    (column > MOST) | ((column > 0.0) & (column < LEAST))
                    for column in (strike, *said.values())
                ),
                "expired": expiry <= known,
            }
        good = np.ones(batch.num_rows, dtype=np.bool_)
        for check, found in wrong.items():
            self._found.add(check, int((found & good).sum()), REFUSALS[check])
            good &= ~found
        block = ChainBlock(
            self.symbol,
            layout.premium,
            known[good],
            known[good],
            expiry[good],
            strike[good],
            right[good],
            **{name: column[good] for name, column in said.items()},
            is_american=bool(self.is_american),
        )
        return self._in_units(block, layout)

    def _in_units(self, block: ChainBlock, layout: ChainLayout) -> ChainBlock:
        changed: dict[str, Column] = {}
        for name in layout.percent:
            changed[name] = getattr(block, name) / 100.0
        for name in layout.contracts:
            changed[name] = getattr(block, name) * SHARES
        for side in ("bid", "ask"):
            price = getattr(block, side)
            # An empty side is sent as price 0 and size 0.
            changed[side] = np.where((price == 0.0) & (getattr(block, f"{side}_size") == 0.0), np.nan, price)
        volatility = changed.get("mark_iv", block.mark_iv)
        none = volatility <= NO_VOLATILITY
        changed["mark_iv"] = np.where(none, np.nan, volatility)
        self._found.add("no_volatility", int(none.sum()), "volatility of 0, which stands for none")
        crossed = changed["bid"] > changed["ask"]
        if crossed.any():
            first = block.known.item(int(np.argmax(crossed)))
            self._found.add("crossed", int(crossed.sum()), "bid above ask, kept as it is", first_ts=first)
        return msgspec.structs.replace(block, **changed)


def _rights(column: Any) -> npt.NDArray[np.int8]:
    """+1 for C, -1 for P, 0 for anything else."""
    sides = {"C": 1, "P": -1}
    return np.array([sides.get(text, 0) for text in column.to_pylist()], dtype=np.int8)


def _any(found: Iterator[npt.NDArray[np.bool_]]) -> npt.NDArray[np.bool_]:
    joined: npt.NDArray[np.bool_] = np.logical_or.reduce(list(found))
    return joined


def _time_of_day(text: str) -> Nanos:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text)
    if match is None:
        raise ValueError(f"settles must be a time of day such as 21:00, not {text!r}")
    return int(match[1]) * HOUR + int(match[2]) * MINUTE
