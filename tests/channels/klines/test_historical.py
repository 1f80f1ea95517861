"""Every flaw is refused by row and policy; the policy mends it; everything found is in the quality rows."""

from __future__ import annotations

import gzip
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_channels.klines.historical import HistoricalDataHandler
from quant_channels.klines.raw import RawBars
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.testing.samples import FIRST_OPEN
from quant_contracts.units import MINUTE


def line(minute, open_=10, high=12, low=9, close=11, volume=5):
    return f"{1_640_995_200_000 + 60_000 * minute},{open_},{high},{low},{close},{volume}"


def minutes(block):
    """Opening minute of each bar, counted from 2022-01-01."""
    return ((block.ts - MINUTE - FIRST_OPEN) // MINUTE).tolist()


def found(handler):
    return {row.check: (row.count, row.repaired) for row in handler.quality() if row.check != "gap_range"}


FLAWS = [
    pytest.param(line(2, open_=""), "row 3", "drop_invalid", "not_finite", id="a missing price"),
    pytest.param(line(2, close="nan"), "row 3", "drop_invalid", "not_finite", id="NaN"),
    pytest.param(line(2, high="inf"), "row 3", "drop_invalid", "not_finite", id="infinity"),
    pytest.param(line(2, volume="n/a?"), "row 3", "drop_invalid", "not_finite", id="a word for a number"),
    pytest.param(line(2, low=0), "row 3", "drop_invalid", "not_positive", id="a price of zero"),
    pytest.param(line(2, low=-1), "row 3", "drop_invalid", "not_positive", id="a negative price"),
    pytest.param(line(2, high=10.5), "row 3", "drop_invalid", "inconsistent", id="high below close"),
    pytest.param(line(2, low=10.5), "row 3", "drop_invalid", "inconsistent", id="low above open"),
    pytest.param(line(2, volume=-1), "row 3", "drop_invalid", "negative_volume", id="negative volume"),
    pytest.param(line(2.5), "row 3", "drop_invalid", "off_grid", id="half a minute late"),
    pytest.param("soon,10,12,9,11,5", "row 3", "drop_invalid", "no_time", id="no time at all"),
    pytest.param(line(1), "row 3", "drop_duplicates", "duplicate", id="the same bar twice"),
    pytest.param(
        line(1, close=11.5), "row 3", "drop_duplicates", "conflicting_duplicate", id="another bar of the time"
    ),
    pytest.param(line(0), "row 3", "sort", "out_of_order", id="a bar too late in the file"),
    pytest.param("1640995320000,10,12,9", "row 3", "drop_invalid", "broken_row", id="a row cut short"),
    pytest.param(line(2) + ",7", "row 3", "drop_invalid", "broken_row", id="a value too many"),
]


@pytest.mark.parametrize(("flawed", "where", "policy", "check"), FLAWS)
def test_a_flaw_is_refused_with_its_row_and_the_policy_that_would_mend_it(
    csv_file, read, flawed, where, policy, check
):
    path = csv_file(line(0), line(1), flawed, line(3), line(4))
    with pytest.raises(DataError) as refused:
        read(path)
    message = str(refused.value)
    assert str(path) in message
    assert where in message
    assert f"'{policy}'" in message
    assert "\n" not in message
    assert refused.value.exit_code == 65


@pytest.mark.parametrize(("flawed", "where", "policy", "check"), FLAWS)
def test_the_named_policy_mends_it_and_says_so(csv_file, read, flawed, where, policy, check):
    path = csv_file(line(0), line(1), flawed, line(3), line(4))
    # A bar of a time that is there already must be dropped once it stands in order.
    repair = [policy, "drop_duplicates"] if policy == "sort" else [policy]
    block, handler = read(path, repair=repair)
    assert minutes(block) == [0, 1, 3, 4]
    assert found(handler)[check] == (1, policy)
    assert found(handler)["gap"] == (1, "-")


def test_a_policy_that_is_not_allowed_mends_nothing(csv_file, read):
    path = csv_file(line(0), line(1), line(1), line(2, low=-1), line(3))
    with pytest.raises(DataError, match=r"row 3 .*'drop_duplicates'"):
        read(path, repair=["drop_invalid"])
    with pytest.raises(DataError, match=r"row 4 .*'drop_invalid'"):
        read(path, repair=["drop_duplicates"])


def test_the_first_flaw_of_the_file_is_named_whatever_its_kind(csv_file, read):
    path = csv_file(line(0), line(1, volume=-1), line(1), line(0), line(2, low=-1))
    with pytest.raises(DataError, match=r"row 2 \(2022-01-01T00:01:00Z\): volume below zero"):
        read(path)


def test_of_two_bars_of_one_time_the_last_in_the_file_counts(csv_file, read):
    path = csv_file(line(0), line(1, close=10.5), line(1, close=11.5), line(2))
    block, _ = read(path, repair=["drop_duplicates"])
    assert block.close.tolist() == [11, 11.5, 11]


def test_the_last_one_counts_after_sorting_too(csv_file, read):
    path = csv_file(line(1, close=10.5), line(2), line(0), line(1, close=11.5))
    block, handler = read(path, repair=["sort", "drop_duplicates"])
    assert block.close.tolist() == [11, 11.5, 11]
    assert found(handler) == {
        "out_of_order": (2, "sort"),
        "conflicting_duplicate": (1, "drop_duplicates"),
    }


def test_newest_first_is_put_in_order(csv_file, read):
    block, _ = read(csv_file(*(line(minute) for minute in reversed(range(50)))), repair=["sort"])
    assert minutes(block) == list(range(50))


def test_gaps_are_no_flaw_and_are_listed(csv_file, read):
    path = csv_file(*(line(minute) for minute in (0, 1, 2, 5, 6, 20)))
    block, handler = read(path)
    assert minutes(block) == [0, 1, 2, 5, 6, 20]
    gap, *ranges = handler.quality()
    assert (gap.check, gap.count, gap.repaired, gap.example) == ("gap", 15, "-", "in 2 gaps")
    assert gap.first_ts == FIRST_OPEN + 4 * MINUTE
    assert [(row.count, row.example) for row in ranges] == [
        (2, "2022-01-01T00:04:00Z to 2022-01-01T00:05:00Z"),
        (13, "2022-01-01T00:08:00Z to 2022-01-01T00:20:00Z"),
    ]


def test_fill_gaps_puts_flat_bars_at_the_last_close(csv_file, read):
    path = csv_file(line(0), line(1, close=10.5), line(4), line(5))
    block, handler = read(path, repair=["fill_gaps"])
    assert minutes(block) == [0, 1, 2, 3, 4, 5]
    for name in ("open", "high", "low", "close"):
        assert getattr(block, name)[2:4].tolist() == [10.5, 10.5]
    assert block.volume.tolist() == [5, 5, 0, 0, 5, 5]
    assert found(handler) == {"gap": (2, "fill_gaps")}


def test_fill_gaps_never_fills_before_the_first_bar_of_the_range(csv_file, read):
    path = csv_file(line(0), line(1), line(4), line(5))
    block, _ = read(path, repair=["fill_gaps"], start=FIRST_OPEN + 2 * MINUTE)
    assert minutes(block) == [4, 5]


def test_fill_gaps_refuses_a_hole_longer_than_a_week_of_minutes(csv_file, read):
    path = csv_file(line(0), line(1), line(2 + 10_081), line(3 + 10_081))
    with pytest.raises(DataError, match=r"row 3: 10,081 bars of 1m missing .* 10,080 at most"):
        read(path, repair=["fill_gaps"])


def test_calm_bars_and_prices_between_ticks_are_counted(csv_file, read):
    path = csv_file(line(0), line(1, volume=0), line(2, close=10.005), line(3, volume=0))
    _, handler = read(path, tick=Decimal("0.01"))
    assert found(handler) == {"zero_volume": (2, "-"), "off_tick": (1, "-")}
    _, handler = read(path, tick=Decimal("0.001"))
    assert found(handler) == {"zero_volume": (2, "-")}


def test_prices_and_volumes_are_brought_to_other_units_exactly(csv_file, read):
    path = csv_file(line(0, 7, 29, 7, 29, 3), line(1, 29, 29, 1, 7, 57))
    block, handler = read(path, price_scale=Decimal("0.01"), volume_scale=Decimal("0.1"))
    assert block.open.tolist() == [0.07, 0.29]
    assert block.close.tolist() == [0.29, 0.07]
    assert block.volume.tolist() == [0.3, 5.7]
    assert found(handler) == {"rescaled": (2, "price_scale 0.01, volume_scale 0.1")}


def test_a_bar_is_stamped_with_its_close(csv_file, read):
    block, _ = read(csv_file(line(0), line(1)))
    assert block.ts.tolist() == [FIRST_OPEN + MINUTE, FIRST_OPEN + 2 * MINUTE]
    assert block.known is None
    assert block.interval == MINUTE


@pytest.mark.parametrize("rows", [1, 7, 4096, 65_536])
@pytest.mark.parametrize("repair", [[], ["drop_duplicates"], ["fill_gaps"], ["sort"]])
def test_the_size_of_blocks_changes_no_bar(csv_file, read, rows, repair):
    path = csv_file(*(line(minute, volume=minute % 7) for minute in range(60) if minute % 11))
    whole, one = read(path, repair=repair)
    block, other = read(path, repair=repair, rows=rows)
    assert list(block.events()) == list(whole.events())
    assert one.quality() == other.quality()


@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize(
    "repair", [["drop_duplicates", "drop_invalid"], ["drop_duplicates", "drop_invalid", "fill_gaps"]]
)
def test_the_size_of_chunks_changes_no_bar_and_no_finding(csv_file, read, monkeypatch, chunk, repair):
    lines = [line(minute, volume=minute % 5, low=-1 if minute % 13 == 5 else 9) for minute in range(40)]
    lines[20:20] = [line(19), line(19, close=10.5), line(19, close=10.5)]
    del lines[30:33]
    path = csv_file(*lines)
    whole, one = read(path, repair=repair)
    chunks = _in_chunks_of(chunk)
    monkeypatch.setattr(HistoricalDataHandler, "_chunks", chunks(HistoricalDataHandler._chunks))
    block, other = read(path, repair=repair)
    assert list(block.events()) == list(whole.events())
    assert one.quality() == other.quality()


def _in_chunks_of(size):
    def cut(chunks):
        def wrapped(self, span):
            for raw in chunks(self, span):
                for start in range(0, len(raw), size):
                    part = raw.take(slice(start, start + size))
                    assert isinstance(part, RawBars)
                    yield part

        return wrapped

    return cut


def test_a_range_is_cut_to_bars_that_lie_wholly_in_it(csv_file, read):
    path = csv_file(*(line(minute) for minute in range(10)))
    block, _ = read(path, start=FIRST_OPEN + 2 * MINUTE, end=FIRST_OPEN + 5 * MINUTE)
    assert minutes(block) == [2, 3, 4]
    block, _ = read(path, start=FIRST_OPEN + 2 * MINUTE + 1, end=FIRST_OPEN + 5 * MINUTE - 1)
    assert minutes(block) == [3]


def test_flaws_outside_the_range_do_not_matter(csv_file, read):
    path = csv_file(line(0, low=-1), line(1), line(2), line(3, low=-1))
    block, _ = read(path, start=FIRST_OPEN + MINUTE, end=FIRST_OPEN + 3 * MINUTE)
    assert minutes(block) == [1, 2]


@pytest.mark.parametrize("shift", [-100, 100])
def test_a_range_outside_the_data_is_refused_with_what_there_is(csv_file, read, shift):
    path = csv_file(*(line(minute) for minute in range(10)))
    start = FIRST_OPEN + shift * MINUTE
    with pytest.raises(DataError, match="covers 2022-01-01T00:00:00Z to 2022-01-01T00:10:00Z"):
        read(path, start=start, end=start + 10 * MINUTE)


def test_the_digest_is_of_the_bytes_and_the_name_has_no_folder(csv_file, read):
    import hashlib

    path = csv_file(line(0), line(1))
    _, handler = read(path)
    assert handler.info().name == "bars.csv"
    assert handler.info().sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


# Times


@pytest.mark.parametrize(
    ("header", "times", "unit"),
    [
        ("open_time_s", [1640995200, 1640995260], None),
        ("Open Time_ms", [1640995200000, 1640995260000], None),
        ("timestamp_us", [1640995200000000, 1640995260000000], None),
        ("time_ns", [1640995200000000000, 1640995260000000000], None),
        ("timestamp", [1640995200, 1640995260], "s"),
        ("date", ["1640995200.0", "1640995260.0"], "s"),
        ("open_time", ["2022-01-01T00:00:00Z", "2022-01-01T00:01:00Z"], None),
        ("Date", ["2022-01-01 02:00:00+02:00", "2022-01-01 02:01:00+02:00"], None),
        ("time", [" 2022-01-01 00:00:00", "2022-01-01 00:01:00 "], None),
        ("time", ["2022-01-01 00:00:00.000", "2022-01-01 00:01:00.000"], None),
    ],
)
def test_times_are_read_in_the_unit_that_is_stated(csv_file, read, header, times, unit):
    path = csv_file(
        *(f"{time},10,12,9,11,5" for time in times), header=f"{header},OPEN,High,low, close ,volume"
    )
    block, _ = read(path, time_unit=unit)
    assert minutes(block) == [0, 1]


def test_whole_numbers_without_a_unit_are_never_guessed(csv_file, read):
    path = csv_file("1640995200000,10,12,9,11,5", header="timestamp,open,high,low,close,volume")
    with pytest.raises(DataError, match="unit of times such as 1640995200000 is not said; declare time_unit"):
        read(path)


def test_a_unit_that_leads_beyond_the_year_2261_is_refused(csv_file, read):
    path = csv_file(line(0), line(1), header="time,open,high,low,close,volume")
    with pytest.raises(DataError, match=r"row 1: .* beyond the year 2261; is the unit right"):
        read(path, time_unit="s")


@pytest.mark.parametrize("time", ["2262-04-11T23:47:00Z", "2261-06-01T00:00:00Z"])
def test_a_bar_whose_close_would_be_no_time_is_refused(csv_file, read, time):
    path = csv_file(f"{time},10,12,9,11,5", header="time,open,high,low,close,volume")
    with pytest.raises(DataError, match=r"row 1: .* beyond the year 2261"):
        read(path, stored="1m")


def test_garbage_above_the_first_time_does_not_hide_how_times_are_written(csv_file, read):
    lines = ["soon,10,12,9,11,5", *(f"2022-01-01 00:0{minute}:00,10,12,9,11,5" for minute in range(3))]
    path = csv_file(*lines, header="time,open,high,low,close,volume")
    with pytest.raises(DataError, match="row 1: no readable time"):
        read(path)
    block, _ = read(path, repair=["drop_invalid"])
    assert minutes(block) == [0, 1, 2]


def test_a_file_of_nothing_but_garbage_has_no_usable_bar(csv_file, read):
    path = csv_file("soon,10,12,9,11,5", "later,10,12,9,11,5", header="time,open,high,low,close,volume")
    with pytest.raises(DataError, match="not one usable bar"):
        read(path, repair=["drop_invalid"], stored="1m")


def test_prices_too_large_to_scale_or_to_count_in_ticks_do_no_harm(csv_file, read):
    path = csv_file(line(0), line(1, high="1.5e308"), line(2))
    with pytest.raises(DataError, match=r"row 2 .*missing, NaN or infinite"):
        read(path, price_scale=Decimal(100))
    block, _ = read(path, tick=Decimal("0.01"))
    assert len(block) == 3


def test_a_unit_that_makes_bars_of_milliseconds_is_refused(csv_file, read):
    path = csv_file(*(f"{1640995200 + 60 * minute},10,12,9,11,5" for minute in range(3)))
    with pytest.raises(DataError, match="no whole number of seconds; is the time unit right"):
        read(path)


def test_a_unit_that_contradicts_the_header_is_refused(csv_file, read):
    with pytest.raises(ConfigError, match="time_unit 's' contradicts the column 'open_time_ms'"):
        read(csv_file(line(0), line(1)), time_unit="s")


def test_text_without_a_zone_is_utc_and_reported(csv_file, read):
    lines = ["2022-01-01 00:00:00,10,12,9,11,5", "2022-01-01 00:01:00,10,12,9,11,5"]
    _, handler = read(csv_file(*lines, header="time,open,high,low,close,volume"))
    assert found(handler) == {"no_time_zone": (2, "-")}


def test_times_with_and_without_a_zone_do_not_mix(csv_file, read):
    lines = [f"2022-01-01T00:0{minute}:00{'Z' if minute < 2 else ''},10,12,9,11,5" for minute in range(4)]
    path = csv_file(*lines, header="time,open,high,low,close,volume")
    with pytest.raises(DataError, match="row 3: no readable time"):
        read(path)


def test_clocks_put_back_in_autumn_show_as_bars_out_of_order(csv_file, read):
    hours = ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    path = csv_file(
        *(f"2022-10-30T{hour}:00,10,12,9,11,5" for hour in hours), header="time,open,high,low,close,volume"
    )
    with pytest.raises(DataError, match=r"row 5 .*opens before a bar that stands above it"):
        read(path)


def test_binance_files_without_a_header_are_a_format_of_their_own(csv_file, read):
    tail = "1640995259999,55,3,2,22,0"
    path = csv_file(f"{line(0)},{tail}", f"{line(1)},{tail}", header=None)
    block, _ = read(path, format="binance")
    assert minutes(block) == [0, 1]
    with pytest.raises(DataError, match=r"no header.*layout 'binance'"):
        read(path)


def test_binance_files_in_microseconds_need_the_word(csv_file, read):
    bars = [f"{1_735_689_600_000_000 + 60_000_000 * minute},10,12,9,11,5,0,1,1,1,1,0" for minute in range(3)]
    path = csv_file(*bars, header=None)
    with pytest.raises(DataError, match="beyond the year 2261"):
        read(path, format="binance")
    block, _ = read(path, format="binance", time_unit="us")
    assert int(block.ts[0]) == 1_735_689_660 * 10**9


# Intervals


def test_the_interval_is_the_commonest_spacing(csv_file, read):
    block, handler = read(csv_file(*(line(minute) for minute in (0, 5, 15, 20, 25, 40))))
    assert handler.interval == 5 * MINUTE
    assert minutes(block) == [4, 9, 19, 24, 29, 44]


def test_a_declared_interval_that_contradicts_the_data_is_refused(csv_file, read):
    path = csv_file(*(line(minute) for minute in range(20)))
    with pytest.raises(DataError, match="declared as bars of 5m but most are 1m apart"):
        read(path, stored="5m")
    with pytest.raises(DataError, match="declared as bars of 30s but most are 1m apart"):
        read(path, stored="30s")


def test_a_thin_market_needs_its_interval_declared(csv_file, read):
    path = csv_file(*(line(minute) for minute in (0, 2, 4, 6, 7, 9, 11)))
    with pytest.raises(DataError, match=r"row 5 .*grid"):
        read(path)
    block, _ = read(path, stored="1m")
    assert minutes(block) == [0, 2, 4, 6, 7, 9, 11]


def test_one_bar_has_no_interval_until_somebody_declares_it(csv_file, read):
    path = csv_file(line(0))
    with pytest.raises(DataError, match="declare it"):
        read(path)
    block, _ = read(path, stored="1m")
    assert minutes(block) == [0]


def test_bars_may_open_off_the_full_minute_together(csv_file, read):
    block, handler = read(csv_file(*(line(minute + 0.5) for minute in range(5))))
    assert int(block.ts[0]) == FIRST_OPEN + 90 * 10**9
    assert handler.quality() == ()


# Files


def test_gzipped_csv_is_read(csv_file, read, tmp_path):
    plain = csv_file(line(0), line(1))
    packed = tmp_path / "bars.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert minutes(read(packed)[0]) == [0, 1]


def test_a_byte_order_mark_and_empty_lines_do_no_harm(tmp_path, read):
    path = tmp_path / "bars.csv"
    head = "open_time_ms,open,high,low,close,volume"
    path.write_text(f"\ufeff{head}\n{line(0)}\n\n{line(1)}\n\n\n{line(2, low=-1)}\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 3 "):
        read(path)
    block, _ = read(path, repair=["drop_invalid"])
    assert minutes(block) == [0, 1]


def test_row_numbers_stay_right_after_broken_rows(csv_file, read):
    path = csv_file(line(0), "1,2", line(1), "3", "4,5,6", line(2), line(3, low=-1), "7", line(3))
    _, handler = read(path, repair=["drop_invalid"])
    row = next(row for row in handler.quality() if row.check == "not_positive")
    assert row.example.startswith("row 7: ")
    assert found(handler)["broken_row"] == (4, "drop_invalid")


def test_an_open_quote_that_swallows_rows_is_refused_even_with_a_repair(csv_file, read):
    path = csv_file(line(0), '"' + line(1), line(2), line(3))
    with pytest.raises(DataError, match="row 2"):
        read(path, repair=["drop_invalid"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"open_time_ms,open,high,low,close,volume\n", "no bars in it"),
        (b"time;open;high\n1;2;3\n", "no column for"),
        (b"time_ms,open,high,low,close\n1,2,3,4,5\n", "no column for volume"),
        (b"open,high,low,close,volume\n2,3,1,2,5\n", "no column for a time"),
        (b"time_ms,open,open,high,low,close,volume\n", "'open' is there twice"),
        (b"\xff\xfe\x00\x01\n1,2\n", "not a CSV file or damaged"),
        (b"PAR1 and then nothing", "no header|no column for"),
    ],
)
def test_a_file_that_is_no_csv_of_bars_is_refused_in_one_line(tmp_path, read, content, says):
    path = tmp_path / "bars.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as refused:
        read(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path, read):
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(DataError, match=f"{name}: no such file"):
            read(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path, format="csv")


def test_a_parquet_file_that_is_cut_off_or_altered_is_refused(tmp_path, read):
    path = _parquet(tmp_path, 5_000)
    whole = path.read_bytes()
    for content in (b"", whole[:1000], whole[:-10], b"PAR1" * 10, whole[:2000] + bytes(2000) + whole[4000:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"bars\.parquet: not a Parquet file or damaged") as refused:
            read(path)
        assert "\n" not in str(refused.value)


def _parquet(folder, count, **columns):
    values = {
        "open_time_ms": 1_640_995_200_000 + 60_000 * np.arange(count),
        **{name: np.full(count, 10.0) for name in ("open", "high", "low", "close")},
        "volume": np.arange(count, dtype=np.float64),
    }
    path = folder / "bars.parquet"
    pq.write_table(pa.table(values | columns), path, row_group_size=1_000)
    return path


def test_parquet_row_groups_outside_the_range_are_not_even_read(tmp_path, read):
    path = _parquet(tmp_path, 5_000)
    whole = bytearray(path.read_bytes())
    meta = pq.ParquetFile(path).metadata
    start = meta.row_group(0).column(1).data_page_offset
    stop = meta.row_group(1).column(0).dictionary_page_offset
    whole[start:stop] = bytes(stop - start)
    path.write_bytes(whole)
    block, _ = read(path, start=FIRST_OPEN + 2_500 * MINUTE)
    assert minutes(block) == list(range(2_500, 5_000))
    assert block.volume[0] == 2_500
    with pytest.raises(DataError, match="damaged"):
        read(path)


def test_parquet_row_numbers_count_from_the_first_row_of_the_file(tmp_path, read):
    low = np.full(5_000, 10.0)
    low[3_456] = -1
    path = _parquet(tmp_path, 5_000, low=low)
    with pytest.raises(DataError, match="row 3457 "):
        read(path, start=FIRST_OPEN + 3_000 * MINUTE)


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("ms", "UTC"),
        pa.timestamp("us", "Europe/Berlin"),
        pa.timestamp("ns"),
        pa.string(),
        pa.date32(),
    ],
    ids=str,
)
def test_parquet_times_may_have_any_type_that_says_its_unit(tmp_path, read, kind):
    days = 1_640_995_200_000 + 86_400_000 * np.arange(5)
    times = pa.array(days).cast(pa.timestamp("ms", "UTC"))
    if kind == pa.date32():
        times = pa.array(days).cast(pa.timestamp("ms"))
    times = times.cast(pa.timestamp("ns")) if kind == pa.timestamp("ns") else times.cast(kind)
    path = _parquet(tmp_path, 5, open_time_ms=days)
    table = pq.read_table(path).drop_columns("open_time_ms").append_column("date", times)
    pq.write_table(table, path)
    block, _ = read(path)
    assert ((block.ts - FIRST_OPEN) // (86_400 * 10**9)).tolist() == [1, 2, 3, 4, 5]


def test_parquet_values_may_be_decimals_floats_or_nulls(tmp_path, read):
    path = _parquet(
        tmp_path,
        4,
        close=pa.array([Decimal("10.00")] * 4),
        open=pa.array([10, 10, 10, 10], pa.float32()),
        volume=pa.array([1, 2, None, 4], pa.int32()),
    )
    with pytest.raises(DataError, match=r"row 3 .*missing"):
        read(path)
    block, _ = read(path, repair=["drop_invalid"])
    assert block.close.tolist() == [10.0, 10.0, 10.0]


def test_a_reader_that_gave_up_can_begin_again(csv_file, read):
    _, handler = read(csv_file(*(line(minute) for minute in range(10))))
    first = next(iter(handler.blocks(None, None, 3)))
    again = [bar for block in handler.blocks(None, None, 3) for bar in block.events()]
    assert list(first.events()) == again[:3]
    assert len(again) == 10


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"repair": ["drop_duplicate"]}, "no repair policy 'drop_duplicate'; did you mean 'drop_duplicates'"),
        ({"price_scale": Decimal(0)}, "price_scale must be above 0, not 0"),
        ({"volume_scale": Decimal("NaN")}, "volume_scale must be above 0, not NaN"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        HistoricalDataHandler("BTCUSDT", "bars.csv", "csv", **settings)
