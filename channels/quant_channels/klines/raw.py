"""Raw bars as a file holds them: columns found by their names, times in the unit somebody stated."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quant_contracts.blocks import COLUMNS, Column, Times
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.units import DAY, MICROSECOND, MILLISECOND, SECOND, Nanos

TimeUnit: TypeAlias = Literal["s", "ms", "us", "ns"]
"""Unit of whole-number times."""

UNIT: Final[dict[str, Nanos]] = {"s": SECOND, "ms": MILLISECOND, "us": MICROSECOND, "ns": 1}

TIME_NAMES: Final = ("open_time", "timestamp", "time", "date")
"""Headers of the opening time, best first; each may end in a unit: `open_time_ms`."""

BINANCE_COLUMNS: Final = (
    "open_time",
    *COLUMNS,
    "close_time",
    "quote_volume",
    "trades",
    "taker_buy_base",
    "taker_buy_quote",
    "ignore",
)
"""Binance's public kline files, which come without a header. Times are ms, from 2025 on spot files us."""

NO_TIME: Final[int] = np.iinfo(np.int64).min
"""Stands where a row has no readable time."""

LATEST: Final[int] = np.iinfo(np.int64).max - 366 * DAY
"""No bar opens later than this, in 2261: its close must be a time too."""

CHUNK: Final = 16_384
"""Rows checked at a time: columns of 128 KiB, beyond which the system takes memory back after every use."""


class TimeSpan(msgspec.Struct, frozen=True):
    """Opening times from `first` to `last`, both included."""

    first: Nanos = NO_TIME
    last: Nanos = np.iinfo(np.int64).max


EVERYTHING: Final = TimeSpan()


class RawBars(msgspec.Struct, frozen=True, eq=False):
    """Consecutive rows of a file. Nothing has been checked: prices may be NaN, times may be `NO_TIME`."""

    rows: Times
    """Row numbers in the file, from 1; a header is not counted, nor are empty lines."""
    opened: Times
    """Opening times, UTC nanoseconds."""
    values: tuple[Column, ...]
    """Open, high, low, close and volume."""
    known: Times | None = None
    """When each bar could first be known, where that is not its close."""

    def __len__(self) -> int:
        return len(self.opened)

    @property
    def prices(self) -> tuple[Column, ...]:
        """Open, high, low and close."""
        return self.values[:4]

    def take(self, which: slice | npt.NDArray[Any]) -> RawBars:
        """The rows that a slice, a mask or an array of positions selects."""
        values = tuple(column[which] for column in self.values)
        return RawBars(
            self.rows[which], self.opened[which], values, None if self.known is None else self.known[which]
        )

    def scaled(self, price: Decimal, volume: Decimal) -> RawBars:
        """The same rows in other units. Factors are applied as fractions, so that 7 by 0.01 is 0.07."""
        factors = (price, price, price, price, volume)
        values = tuple(_scaled(column, factor) for column, factor in zip(self.values, factors, strict=True))
        return RawBars(self.rows, self.opened, values, self.known)

    @classmethod
    def join(cls, parts: Sequence[RawBars]) -> RawBars:
        """The rows of `parts` in order; there must be at least one part."""
        known = [part.known for part in parts if part.known is not None]
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.opened for part in parts]),
            tuple(np.concatenate(columns) for columns in zip(*(part.values for part in parts), strict=True)),
            np.concatenate(known) if known else None,
        )


def _scaled(column: Column, factor: Decimal) -> Column:
    numerator, denominator = factor.as_integer_ratio()
    # What grows beyond the floats becomes infinite, and is refused as such with its row.
    with np.errstate(over="ignore"):
        scaled: Column = column * numerator / denominator
    return scaled


class Layout(msgspec.Struct, frozen=True):
    """Which columns of a file hold the bars, by the names the file gives them."""

    time: str
    unit: Nanos | None
    """Nanoseconds in one count of a whole-number time; None where nobody has said."""
    values: tuple[str, ...]
    """Names of open, high, low, close and volume."""

    @property
    def columns(self) -> list[str]:
        """Every column to read: the time first, then the values."""
        return [self.time, *self.values]


def find_layout(path: Path, names: Sequence[str], declared: TimeUnit | None) -> Layout:
    """Where the bars are among the columns `names`; case and spaces in names do not matter.

    >>> find_layout(Path("bars.csv"), ["Open time", "Open", "High", "Low", "Close", "Volume"], "s").unit
    1000000000
    """
    found: dict[str, str] = {}
    for name in names:
        plain = name.strip().lower().replace(" ", "_")
        if plain in found:
            raise DataError(f"{path}: the column {name!r} is there twice; remove one of them")
        found[plain] = name
    missing = [name for name in COLUMNS if name not in found]
    times = [name for base in TIME_NAMES for name in (base, *(f"{base}_{unit}" for unit in UNIT))]
    time = next((name for name in times if name in found), None)
    if missing or time is None:
        lacks = ", ".join(([] if time else ["a time (" + " or ".join(TIME_NAMES) + ")"]) + missing)
        has = ", ".join(repr(name) for name in names[:12])
        raise DataError(f"{path}: no column for {lacks}; the columns are {has}; rename them or add a header")
    named = next((unit for unit in UNIT if time.endswith(f"_{unit}")), None)
    if named and declared and named != declared:
        raise ConfigError(f"{path}: time_unit {declared!r} contradicts the column {found[time]!r}; remove it")
    unit = named or declared
    return Layout(found[time], UNIT[unit] if unit else None, tuple(found[name] for name in COLUMNS))
