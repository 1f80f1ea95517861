"""Bars with something wrong in them: refused with file, row and repair, before anything is written."""

from __future__ import annotations

import json

import pytest

from quant_contracts.config import override


def cell(row: int, column: int, value: object):
    """The rows with one value replaced."""

    def change(rows):
        changed = [list(values) for values in rows]
        changed[row][column] = value
        return changed

    return change


def swapped(rows):
    return [*rows[:50], rows[51], rows[50], *rows[52:]]


def repeated(rows):
    return [*rows[:50], *rows[49:]]


ROWS = {
    "text in a number": (
        cell(17, 4, "abc"),
        "row 18 (2022-01-01T00:17:00Z): a price or volume is missing, NaN",
    ),
    "NaN": (
        cell(17, 4, "nan"),
        "row 18 (2022-01-01T00:17:00Z): a price or volume is missing, NaN or infinite",
    ),
    "nothing in a cell": (cell(17, 4, ""), "allow the repair 'drop_invalid'"),
    "an infinite price": (
        cell(17, 2, "inf"),
        "row 18 (2022-01-01T00:17:00Z): a price or volume is missing, NaN",
    ),
    "a price of 0": (cell(17, 3, 0), "row 18 (2022-01-01T00:17:00Z): "),
    "a high below the low": (cell(17, 2, 1), "row 18 (2022-01-01T00:17:00Z): "),
    "volume below 0": (cell(17, 5, -1), "row 18 (2022-01-01T00:17:00Z): "),
    "a value too many": (cell(17, 5, "1,2"), "row 18: 7 values where the header has 6"),
    "unsorted": (swapped, "row 52 (2022-01-01T00:50:00Z): opens before a bar that stands above it"),
    "a bar twice": (repeated, "row 51 (2022-01-01T00:49:00Z): the same bar again"),
    "no rows": (lambda _: [], "no bars in it"),
    "one row": (lambda rows: rows[:1], "too few times to tell the interval of the bars; declare it"),
}


@pytest.fixture(scope="module")
def flaws(attempts, mean_reversion, rows, csv):
    words = ["backtest", "s.json", "--data", "b.csv"]
    return attempts(
        {
            name: ({"s.json": mean_reversion, "b.csv": csv(change(rows))}, words)
            for name, (change, _) in ROWS.items()
        }
    )


@pytest.mark.parametrize("flaw", ROWS)
def test_a_flaw_is_refused_by_its_row(flaws, flaw):
    line = flaws[flaw].refusal(65)
    assert line.startswith("b.csv: ")
    assert ROWS[flaw][1] in line


FILES = {
    "missing CSV": ("b.csv", None, "b.csv: no such file; check the path"),
    "missing Parquet": ("b.parquet", None, "b.parquet: no such file; check the path"),
    "empty CSV": ("b.csv", b"", "b.csv: the file is empty; download or export it again"),
    "empty Parquet": ("b.parquet", b"", "b.parquet: not a Parquet file or damaged"),
    "text for Parquet": (
        "b.parquet",
        b"open_time_ms,open\n1,2\n",
        "b.parquet: not a Parquet file or damaged",
    ),
    "no header": (
        "b.csv",
        b"1640995200000,1,1,1,1,1\n",
        "b.csv: no header: the first line is '1640995200000,1",
    ),
    "columns missing": ("b.csv", b"time_ms,open,close\n1,2,3\n", "b.csv: no column for high, low, volume"),
    "folder that is no journal": ("b/x.csv", b"", "b: no journal here"),
}


@pytest.fixture(scope="module")
def files(attempts, mean_reversion):
    return attempts(
        {
            case: (
                {"s.json": mean_reversion} | ({} if content is None else {name: content}),
                ["backtest", "s.json", "--data", name.partition("/")[0]],
            )
            for case, (name, content, _) in FILES.items()
        }
    )


@pytest.mark.parametrize("file", FILES)
def test_what_is_no_file_of_bars_is_refused(files, file):
    assert files[file].refusal(65).startswith(FILES[file][2])


def test_a_parquet_file_without_the_columns_is_refused(refused, write, mean_reversion):
    import pyarrow as pa
    import pyarrow.parquet as pq

    write("s.json", mean_reversion)
    pq.write_table(pa.table({"open_time_ms": [1, 2], "open": [1.0, 2.0]}), "b.parquet")
    line = refused(65, "backtest", "s.json", "--data", "b.parquet")
    assert line.startswith(
        "b.parquet: no column for high, low, close, volume; the columns are 'open_time_ms', 'open'"
    )


RANGES = {
    "after the data": (
        ["--start", "2023-01-01"],
        65,
        "the data covers 2022-01-01T00:00:00Z to 2022-01-01T05:00:00Z",
    ),
    "before the data": (
        ["--end", "2021-01-01"],
        65,
        "the data covers 2022-01-01T00:00:00Z to 2022-01-01T05:00:00Z",
    ),
    "turned round": (
        ["--start", "2022-01-02", "--end", "2022-01-01"],
        78,
        "the end 2022-01-01 is not after the start",
    ),
    "at the very end": (["--start", "2022-01-01T05:00:00"], 65, "no bar of BTCUSDT is left to trade on"),
    "too short to warm up": (
        ["--end", "2022-01-01T00:20:00"],
        65,
        "the parts warm up on 21 bars, and the range has no",
    ),
    "no date": (["--end", "soon"], 78, "s.json: $.run.end: 'soon' is not a date; write 2022-01-01"),
    "no multiple": (["--interval", "90s"], 65, "1m"),
    "no interval": (
        ["--interval", "soon"],
        78,
        "'soon' is not an interval; write a number and one of s, m, h, d, w",
    ),
}


@pytest.fixture(scope="module")
def ranges(attempts, mean_reversion, rows, csv):
    files = {"s.json": mean_reversion, "b.csv": csv(rows)}
    words = ["backtest", "s.json", "--data", "b.csv"]
    return attempts({name: (files, [*words, *more]) for name, (more, _, _) in RANGES.items()})


@pytest.mark.parametrize("span", RANGES)
def test_a_range_the_data_has_not_is_refused(ranges, span):
    _, code, said = RANGES[span]
    assert said in ranges[span].refusal(code)


SOURCES = {
    "two for one symbol": (
        ["--data", "b.csv", "--data", "BTCUSDT=c.csv"],
        "--data BTCUSDT=c.csv: bars of BTCUSDT are given twice; keep one of them",
    ),
    "a symbol that nothing reads": (
        ["--data", "BTCUSD=b.csv"],
        "--data BTCUSD=...: nothing trades or reads BTCUSD; did you mean 'BTCUSDT'?",
    ),
    "no symbol": (
        ["--data", "btc usdt=b.csv"],
        "s.json: $.data: 'btc usdt' is no symbol; write it in capitals",
    ),
    "another kind of file": (
        ["--data", "s.json"],
        "s.json: bars are read from .parquet, .csv, .csv.gz files",
    ),
    "nothing": (["--data", "b"], "b: no such file or directory"),
    "no path": (["--data", ""], "--data '': no path; write a file of bars or a journal's directory"),
}


@pytest.fixture(scope="module")
def sources(attempts, mean_reversion):
    files = {"s.json": mean_reversion}
    return attempts({name: (files, ["backtest", "s.json", *more]) for name, (more, _) in SOURCES.items()})


@pytest.mark.parametrize("source", SOURCES)
def test_a_wrong_data_option_is_refused(sources, source):
    assert sources[source].refusal(78).startswith(SOURCES[source][1])


def test_of_two_symbols_the_data_option_must_name_one(refused, write, mean_reversion):
    write("s.json", mean_reversion | {"ETHUSDT": mean_reversion["BTCUSDT"]})
    line = refused(78, "backtest", "s.json", "--data", "b.csv")
    assert line == "--data b.csv: say which symbol it holds: --data SYMBOL=b.csv"


def test_an_empty_catalog_is_refused_with_the_command_that_fills_it(refused, write, mean_reversion):
    write("s.json", mean_reversion)
    line = refused(65, "backtest", "s.json")
    assert line.startswith(
        "no bars of BTCUSDT in catalog 'catalog'; make some with: quant-engine catalog synth"
    )


def test_a_symbol_the_catalog_has_not_is_refused_with_what_to_do(done, refused, write, mean_reversion):
    done("catalog", "synth", "--symbol", "BTCUSDT", "--days", 1)
    write("s.json", {"DOGEUSDT": mean_reversion["BTCUSDT"]})
    assert "quant-engine catalog ingest FILE --symbol DOGEUSDT" in refused(65, "backtest", "s.json")


def test_gaps_are_reported_and_not_refused(done, write, mean_reversion, rows, csv):
    write("s.json", mean_reversion)
    write("b.csv", csv(rows[:150] + rows[200:]))
    summary = json.loads(done("backtest", "s.json", "--data", "b.csv", "--no-report", "--json"))
    found = {row["check"]: (row["count"], row["repaired"]) for row in summary["quality"]}
    assert found["gap"] == (50, "-")


def test_what_a_named_repair_mends_is_run_and_reported(done, write, mean_reversion, rows, csv):
    write("s.json", override(mean_reversion, {"data": {"BTCUSDT": {"repair": ["sort", "drop_duplicates"]}}}))
    write("b.csv", csv(repeated(swapped(rows))))
    summary = json.loads(done("backtest", "s.json", "--data", "b.csv", "--no-report", "--json"))
    mended = {row["check"]: (row["count"], row["repaired"]) for row in summary["quality"]}
    assert mended == {"out_of_order": (1, "sort"), "duplicate": (1, "drop_duplicates")}
    assert any("repaired" in warning for warning in summary["warnings"])
