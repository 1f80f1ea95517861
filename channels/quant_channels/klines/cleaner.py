"""Checks raw bars chunk by chunk, mends what a named policy allows, and refuses the rest by row number.

A chunk without a flaw is passed on after one vectorised look at it. Only a flawed one is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from quant_channels.klines.quality import CHECKS, BarFindings
from quant_channels.klines.raw import CHUNK, NO_TIME, RawBars
from quant_contracts.blocks import COLUMNS, Column, Times
from quant_contracts.duration import interval_name, time_name
from quant_contracts.errors import DataError, nearest
from quant_contracts.units import Nanos

REPAIRS: Final = {
    "sort": "put bars in the order of their times; reads the whole range into memory",
    "drop_duplicates": "keep one bar of each time: the last in the file, where they differ",
    "drop_invalid": "leave out bars that cannot be right by themselves",
    "fill_gaps": "put flat bars with no volume where bars are missing, never before the first",
}
"""Every repair policy with what it does."""

LONGEST_FILL: Final = 10_080
"""Most bars `fill_gaps` puts in one place, a week of minutes: a longer hole is no calm market."""

TICK_TOLERANCE: Final = 1e-3
"""Share of a tick that a price may be off: far above the rounding of floats, far below a decimal."""

Mask = npt.NDArray[np.bool_]


def check_repairs(names: Sequence[str]) -> None:
    """Raise ValueError for a policy that does not exist."""
    for name in names:
        if name not in REPAIRS:
            raise ValueError(f"no repair policy {name!r}; {nearest(name, REPAIRS)}")


class Cleaner(msgspec.Struct, dict=True):
    """The checks of one stream; remembers where the chunk before ended."""

    source: str
    """What messages call the source: its path."""
    symbol: str
    interval: Nanos
    phase: Nanos = 0
    """Every bar opens at a multiple of the interval plus this."""
    repair: Sequence[str] = ()
    tick: float | None = None

    def __post_init__(self) -> None:
        check_repairs(self.repair)
        self.findings = BarFindings(self.symbol)
        self._last: RawBars | None = None
        self._held: RawBars | None = None

    def clean(self, raw: RawBars) -> Iterator[RawBars]:
        """What is good or mended of the next rows; raises DataError at the first flaw nobody allowed."""
        if self._held is not None:
            raw, self._held = RawBars.join([self._held, raw]), None
        even = self._is_even(raw)
        if not (even and self._is_sound(raw)):
            even, raw = False, self._mended(raw)
        if "drop_duplicates" in self.repair:
            # The next chunk may begin with a later row of the same time, and the last one counts.
            raw, self._held = raw.take(slice(None, -1)), raw.take(slice(-1, None)) if len(raw) else None
        yield from self._delivered(raw, even)

    def finish(self) -> Iterator[RawBars]:
        """What was held back until it was certain that no more rows come."""
        if self._held is not None:
            held, self._held = self._held, None
            yield from self._delivered(held, even=False)

    def _is_even(self, raw: RawBars) -> bool:
        opened = raw.opened
        if not len(opened):
            return True
        first = int(opened[0])
        if self._last is not None:
            follows = first - int(self._last.opened[0]) == self.interval
        else:
            follows = first != NO_TIME and (first - self.phase) % self.interval == 0
        return follows and bool((np.diff(opened) == self.interval).all())

    def _is_sound(self, raw: RawBars) -> bool:
        # Written so that NaN fails every comparison it meets; low > 0 and high < inf bound the other two.
        open_, high, low, close, volume = raw.values
        sound = (low > 0) & (high < np.inf) & (low <= np.minimum(open_, close))
        sound &= (high >= np.maximum(open_, close)) & (volume >= 0) & (volume < np.inf)
        if raw.known is not None:
            sound &= (raw.known >= raw.opened + self.interval) & (self._known_step(raw.known) >= 0)
        return bool(sound.all())

    def _known_step(self, known: Times) -> Times:
        """How much later than the bar above it each one became known."""
        last = None if self._last is None else self._last.known
        return np.diff(known, prepend=known[:1] if last is None else last)

    def _mended(self, raw: RawBars) -> RawBars:
        """The rows with every flaw mended that may be; raises for the first row with one that may not."""
        flaws = self._flaws(raw)
        invalid = np.zeros(len(raw), dtype=np.bool_)
        refused: list[tuple[int, str]] = []
        for check, rows in flaws.items():
            new = rows & ~invalid
            if new.any():
                invalid |= new
                first = int(np.flatnonzero(new)[0])
                if "drop_invalid" in self.repair:
                    ts = None if check == "no_time" else int(raw.opened[first]) + self.interval
                    self.findings.counts.add(
                        check,
                        int(new.sum()),
                        self._example(raw, first),
                        first_ts=ts,
                        repaired="drop_invalid",
                    )
                else:
                    refused.append(self._refusal(raw, first, check, "drop_invalid"))
        good = raw.take(~invalid) if invalid.any() else raw
        before = good.opened[:1] - self.interval if self._last is None else self._last.opened
        step = np.diff(good.opened, prepend=before)
        if (early := np.flatnonzero(step < 0)).size:
            refused.append(self._refusal(good, int(early[0]), "out_of_order", "sort"))
        if (same := np.flatnonzero(step == 0)).size:
            if "drop_duplicates" in self.repair:
                good = self._without_duplicates(good, same)
            else:
                refused.append(self._refusal(good, int(same[0]), "duplicate", "drop_duplicates"))
        if good.known is not None and (early := np.flatnonzero(self._known_step(good.known) < 0)).size:
            refused.append(self._refusal(good, int(early[0]), "known_early", ""))
        if refused:
            raise DataError(f"{self.source}: {min(refused)[1]}")
        return good

    def _flaws(self, raw: RawBars) -> dict[str, Mask]:
        """What can be wrong with a row by itself, worst first."""
        open_, high, low, close, volume = raw.values
        return {
            "no_time": raw.opened == NO_TIME,
            "not_finite": ~np.logical_and.reduce([np.isfinite(column) for column in raw.values]),
            "not_positive": np.logical_or.reduce([column <= 0 for column in raw.prices]),
            "inconsistent": (high < np.maximum(open_, close)) | (low > np.minimum(open_, close)),
            "negative_volume": volume < 0,
            "off_grid": (raw.opened - self.phase) % self.interval != 0,
        } | ({} if raw.known is None else {"known_early": raw.known < raw.opened + self.interval})

    def _without_duplicates(self, good: RawBars, same: npt.NDArray[np.intp]) -> RawBars:
        """Only the last row of each time; `same` are the rows with the time of the row before."""
        alike = np.logical_and.reduce([column[same] == column[same - 1] for column in good.values])
        for check, rows in (("duplicate", same[alike]), ("conflicting_duplicate", same[~alike])):
            if rows.size:
                row = int(rows[0])
                ts = int(good.opened[row]) + self.interval
                example = self._example(good, row)
                self.findings.counts.add(check, rows.size, example, first_ts=ts, repaired="drop_duplicates")
        keep = np.ones(len(good), dtype=np.bool_)
        keep[same - 1] = False
        return good.take(keep)

    def _example(self, raw: RawBars, row: int) -> str:
        named = zip(COLUMNS, raw.values, strict=True)
        return f"row {raw.rows[row]}: " + ", ".join(f"{name} {float(column[row])}" for name, column in named)

    def _refusal(self, raw: RawBars, row: int, check: str, repair: str) -> tuple[int, str]:
        """The row's number in the file, and a sentence about it."""
        number, opened = int(raw.rows[row]), int(raw.opened[row])
        when = "" if opened == NO_TIME else f" ({time_name(opened)})"
        values = self._example(raw, row).partition(": ")[2]
        mends = f"; allow the repair {repair!r}" if repair else ""
        return number, f"row {number}{when}: {CHECKS[check]}: {values}{mends}"

    def _delivered(self, raw: RawBars, even: bool) -> Iterator[RawBars]:
        if not len(raw):
            return
        self._note(raw)
        pieces: Iterator[RawBars] = iter((raw,))
        if not even:
            before = raw.opened[:1] - self.interval if self._last is None else self._last.opened
            missing = np.diff(raw.opened, prepend=before) // self.interval - 1
            if missing.any():
                self._note_gaps(raw, missing)
                if "fill_gaps" in self.repair:
                    pieces = self._filled(raw, missing)
        yield from pieces
        self._last = raw.take(slice(-1, None))

    def _note(self, raw: RawBars) -> None:
        """Count what is worth knowing and needs no repair."""
        if np.count_nonzero(raw.values[4]) < len(raw):
            calm = np.flatnonzero(raw.values[4] == 0)
            ts = int(raw.opened[calm[0]]) + self.interval
            self.findings.counts.add("zero_volume", calm.size, first_ts=ts)
        if self.tick is not None and (off := np.flatnonzero(_off_tick(raw, self.tick))).size:
            row = int(off[0])
            ts = int(raw.opened[row]) + self.interval
            prices = [float(column[row]) for column in raw.prices]
            self.findings.counts.add("off_tick", off.size, f"{prices} by a tick of {self.tick}", first_ts=ts)

    def _note_gaps(self, raw: RawBars, missing: Times) -> None:
        fill = "fill_gaps" in self.repair
        rows = np.flatnonzero(missing)
        if fill and (long := rows[missing[rows] > LONGEST_FILL]).size:
            row = int(long[0])
            raise DataError(
                f"{self.source}: row {raw.rows[row]}: {missing[row]:,} bars of "
                f"{interval_name(self.interval)} missing before {time_name(int(raw.opened[row]))}; "
                f"fill_gaps mends {LONGEST_FILL:,} at most: split the data there or complete it"
            )
        self.findings.add_gaps(missing[rows], raw.opened[rows], self.interval, "fill_gaps" if fill else "-")

    def _filled(self, raw: RawBars, missing: Times) -> Iterator[RawBars]:
        """The rows with flat bars in their gaps, in pieces of bounded size."""
        ends = np.cumsum(missing + 1)
        close = raw.values[3]
        last_close = np.append(close[:1] if self._last is None else self._last.values[3], close[:-1])
        known = raw.known
        if known is not None:
            earlier = known[:1] if self._last is None or self._last.known is None else self._last.known
            known = np.append(earlier, known[:-1])
        start = 0
        while start < len(raw):
            done = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, done + CHUNK)))
            part = slice(start, stop)
            yield self._fill(
                raw.take(part), missing[part], last_close[part], None if known is None else known[part]
            )
            start = stop

    def _fill(self, raw: RawBars, missing: Times, last_close: Column, known: Times | None) -> RawBars:
        source = np.repeat(np.arange(len(raw)), missing + 1)
        # How many bars before its row each one stands: 0 for the row itself.
        ahead = np.repeat(np.cumsum(missing + 1), missing + 1) - 1 - np.arange(len(source))
        made = ahead > 0
        opened = raw.opened[source] - ahead * self.interval
        late = None
        if raw.known is not None and known is not None:
            late = np.where(made, np.maximum(opened + self.interval, known[source]), raw.known[source])
        prices = (np.where(made, last_close[source], column[source]) for column in raw.prices)
        volume = np.where(made, 0.0, raw.values[4][source])
        return RawBars(raw.rows[source], opened, (*prices, volume), late)


def _off_tick(raw: RawBars, tick: float) -> Mask:
    off = np.zeros(len(raw), dtype=np.bool_)
    # A price too large to be counted in ticks becomes NaN here, which is off no tick.
    with np.errstate(over="ignore", invalid="ignore"):
        for column in raw.prices:
            ticks = column * (1 / tick)
            off |= np.abs(ticks - np.rint(ticks)) > TICK_TOLERANCE
    return off
