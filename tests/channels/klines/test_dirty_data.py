"""No mixture of flaws lets a wrong bar through: it is refused, or mended to what a plain reading gives."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.klines.cleaner import REPAIRS
from quant_channels.klines.historical import HistoricalDataHandler
from quant_contracts.errors import DataError
from quant_contracts.units import MILLISECOND

FIRST = 1_640_995_200_000
HEADER = "open_time_ms,open,high,low,close,volume"
COUNT = 24


def clean(minute):
    base = 100 + minute
    return [str(FIRST + 60_000 * minute), str(base), str(base + 2), str(base - 1), str(base + 1), str(minute)]


flaw = st.one_of(
    st.tuples(st.just("lose"), st.integers(0, 40)),
    st.tuples(st.just("repeat"), st.integers(0, 40)),
    st.tuples(st.just("swap"), st.integers(0, 40), st.integers(0, 40)),
    st.tuples(st.just("move"), st.integers(0, 40), st.integers(0, 40)),
    st.tuples(st.just("cut"), st.integers(0, 40), st.integers(1, 7)),
    st.tuples(
        st.just("set"),
        st.integers(0, 40),
        st.integers(0, 5),
        st.sampled_from(
            ["", "nan", "inf", "-inf", "0", "-1", "99.5", "1e9", "word", str(FIRST + 30_000), str(FIRST)]
        ),
    ),
)


def damaged(flaws):
    rows = [clean(minute) for minute in range(COUNT)]
    for kind, at, *more in flaws:
        row = at % len(rows)
        match kind:
            case "lose" if len(rows) > 8:
                del rows[row]
            case "repeat":
                rows.insert(row, list(rows[row]))
            case "swap":
                other = more[0] % len(rows)
                rows[row], rows[other] = rows[other], rows[row]
            case "move":
                rows.insert(more[0] % len(rows), rows.pop(row))
            case "cut":
                rows[row] = (rows[row] + ["7"])[: more[0]]
            case "set" if len(rows[row]) > more[0]:
                rows[row][more[0]] = more[1]
    return rows


def plainly_read(rows, repair):
    """The bars a patient person would take from the rows, None where that needs a repair nobody allowed."""
    bars = []
    for row in rows:
        bar = plain_bar(row)
        if bar is None and "drop_invalid" not in repair:
            return None
        if bar is not None:
            bars.append(bar)
    if any(later[0] < earlier[0] for earlier, later in pairwise(bars)):
        if "sort" not in repair:
            return None
        bars.sort(key=lambda bar: bar[0])
    if any(later[0] == earlier[0] for earlier, later in pairwise(bars)) and "drop_duplicates" not in repair:
        return None
    return sorted({bar[0]: bar for bar in bars}.values())


def plain_bar(row):
    if len(row) != 6:
        return None
    try:
        time, open_, high, low, close, volume = map(float, row)
    except ValueError:
        return None
    good = (
        math.isfinite(time)
        and all(map(math.isfinite, (open_, high, low, close, volume)))
        and min(open_, high, low, close) > 0
        and low <= min(open_, close)
        and max(open_, close) <= high
        and volume >= 0
        and time % 60_000 == 0
    )
    return (int(time), open_, high, low, close, volume) if good else None


@settings(max_examples=300, deadline=None)
@given(
    flaws=st.lists(flaw, max_size=6),
    repair=st.lists(st.sampled_from(sorted(set(REPAIRS) - {"fill_gaps"})), unique=True),
    rows=st.sampled_from([1, 5, 4096]),
)
def test_a_wrong_bar_never_comes_out(flaws, repair, rows):
    raw = damaged(flaws)
    expected = plainly_read(raw, repair)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        path.write_text("\n".join([HEADER, *(",".join(row) for row in raw)]) + "\n", encoding="utf-8")
        handler = HistoricalDataHandler("BTCUSDT", str(path), "csv", stored="1m", repair=repair)
        if not expected:
            with pytest.raises(DataError, match=r"^[^\n]*bars\.csv: [^\n]+$"):
                list(handler.blocks(None, None, rows))
            return
        bars = [bar for block in handler.blocks(None, None, rows) for bar in block.events()]
    got = [(bar.ts_open // MILLISECOND, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]
    assert got == expected
    counted = {row.check: row.count for row in handler.quality()}
    span = (got[-1][0] - got[0][0]) // 60_000 + 1
    assert counted.get("gap", 0) == span - len(got)
    dropped = sum(
        row.count for row in handler.quality() if row.repaired in {"drop_invalid", "drop_duplicates"}
    )
    assert dropped == len(raw) - len(got)


@settings(max_examples=60, deadline=None)
@given(flaws=st.lists(flaw, max_size=6))
def test_with_every_repair_the_bars_are_whole_and_valid(flaws):
    raw = damaged(flaws)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        path.write_text("\n".join([HEADER, *(",".join(row) for row in raw)]) + "\n", encoding="utf-8")
        handler = HistoricalDataHandler("BTCUSDT", str(path), "csv", stored="1m", repair=list(REPAIRS))
        expected = plainly_read(raw, list(REPAIRS))
        if expected[0][0] < FIRST:
            with pytest.raises(DataError, match="fill_gaps mends 10,080 at most"):
                list(handler.blocks(None, None, 7))
            return
        bars = [bar for block in handler.blocks(None, None, 7) for bar in block.events()]
    assert all(later.ts_event - earlier.ts_event == later.interval for earlier, later in pairwise(bars))
    real = {bar[0]: bar for bar in expected}
    last = bars[0].open
    for bar in bars:
        values = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        time = bar.ts_open // MILLISECOND
        assert values == (real[time][1:] if time in real else (last, last, last, last, 0.0))
        last = bar.close
