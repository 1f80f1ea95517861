"""Saving: everything or nothing, the same bytes every time, and never over somebody else's files."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_contracts.errors import ConfigError, DataError, StorageError
from quant_engine.report import build_report, report_from_directory
from quant_engine.report import files as saving
from quant_engine.report.encode import iso_time, to_csv, to_parquet
from quant_engine.report.summary import Summary
from quant_engine.report.tables import Table, TableColumn, tables

LISTS = ("fills", "orders", "parents", "trades", "equity", "daily")
NAMES = {
    *(f"{name}.{kind}" for name in LISTS for kind in ("csv", "parquet")),
    "data_quality.json",
    "manifest.json",
    "record.msgpack",
    "report.html",
    "summary.json",
}


@pytest.fixture(scope="module")
def report(simulated):
    return build_report(simulated(days=40))


def content(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_every_file_is_there_and_nothing_else(report, tmp_path):
    assert report.save(tmp_path / "deep" / "run") == tmp_path / "deep" / "run"
    assert {path.name for path in (tmp_path / "deep" / "run").iterdir()} == NAMES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run"]


def test_a_string_will_do_as_path(report, tmp_path):
    report.save(str(tmp_path / "run") + "/")
    assert (tmp_path / "run" / "report.html").exists()


def test_the_summary_is_readable_by_type_and_by_any_json_reader(report, tmp_path):
    report.save(tmp_path)
    text = (tmp_path / "summary.json").read_bytes()
    assert msgspec.json.decode(text, type=Summary) == report.summary
    plain = json.loads(text)
    assert plain["costs"]["waterfall"]["net"] == str(report.summary.costs.waterfall.net)
    assert plain["versions"]["report_format"] == 1


def test_the_manifest_names_every_other_file_by_digest(report, tmp_path):
    report.save(tmp_path)
    plain = json.loads((tmp_path / "manifest.json").read_text())
    assert plain["files"].keys() == NAMES - {"manifest.json"}
    for name, saved in plain["files"].items():
        assert saved["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert plain["run"]["run_id"] == report.record.manifest.run_id


def test_two_processes_with_different_hash_seeds_write_the_same_bytes(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import conftest; "
        "from quant_engine.report import build_report; "
        "build_report(conftest.simulate(days=60, symbols=('BTCUSDT', 'ETHUSDT'))).save(sys.argv[2])"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "4242")
    ]
    assert [run.wait() for run in runs] == [0, 0]
    assert content(tmp_path / "1") == content(tmp_path / "4242")


def test_a_report_read_back_and_saved_again_has_the_same_bytes(report, tmp_path):
    report.save(tmp_path / "first")
    report_from_directory(tmp_path / "first").save(tmp_path / "second")
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_a_report_is_replaced_and_its_journal_goes_with_it(report, simulated, tmp_path):
    target = tmp_path / "run"
    report.save(target)
    (target / "journal").mkdir()
    other = build_report(simulated(days=41))
    other.save(target)
    assert {path.name for path in target.iterdir()} == NAMES
    assert report_from_directory(target).summary == other.summary
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_directory_with_other_files_is_left_alone(report, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StorageError, match=r"holds 'thesis.tex', which is no file of a report"):
        report.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_report_with_a_note_beside_it_is_left_alone(report, tmp_path):
    report.save(tmp_path / "run")
    (tmp_path / "run" / "note.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"note\.txt"):
        report.save(tmp_path / "run")
    assert (tmp_path / "run" / "note.txt").read_text() == "mine"


def test_a_file_of_that_name_is_left_alone(report, tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(StorageError, match="a file of this name"):
        report.save(tmp_path / "run")


def test_a_place_that_cannot_be_written_is_one_line(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written") as caught:
        report.save(tmp_path / "file" / "run")
    assert "\n" not in str(caught.value)


def test_the_root_is_no_place_for_a_report(report):
    with pytest.raises(StorageError, match="no place"):
        report.save("/")


def test_what_a_killed_process_left_behind_is_no_obstacle(report, tmp_path):
    for end in ("new", "old"):
        left = tmp_path / f".run.{os.getpid()}.{end}"
        left.mkdir()
        (left / "half").write_text("written")
    report.save(tmp_path / "run")
    report.save(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_disk_that_fills_up_leaves_the_old_report(report, simulated, tmp_path, monkeypatch):
    target = tmp_path / "run"
    report.save(target)
    before = content(target)
    write = Path.write_bytes

    def full(path, data):
        if path.name == "orders.csv":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="No space left on device"):
        build_report(simulated(days=41)).save(target)
    assert content(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_rename_that_fails_puts_the_old_report_back(report, tmp_path, monkeypatch):
    target = tmp_path / "run"
    report.save(target)
    rename = Path.rename

    def refuse(path, to):
        if path.name.endswith(".new"):
            raise OSError(16, "Device or resource busy")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageError, match="busy"):
        report.save(target)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert report_from_directory(target).summary == report.summary


@pytest.mark.parametrize("name", ["fills.csv", "report.html", "summary.json", "record.msgpack"])
def test_a_changed_file_is_found(report, tmp_path, name):
    report.save(tmp_path)
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(DataError, match=f"{name} was changed"):
        report_from_directory(tmp_path)


def test_a_missing_file_is_found(report, tmp_path):
    report.save(tmp_path)
    (tmp_path / "trades.parquet").unlink()
    with pytest.raises(DataError, match=r"trades\.parquet is missing"):
        report_from_directory(tmp_path)


def test_what_is_no_report_is_said_so(tmp_path):
    with pytest.raises(ConfigError, match="no such directory"):
        report_from_directory(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"it has no manifest\.json"):
        report_from_directory(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot be read"):
        report_from_directory(tmp_path)


def change_manifest(directory, **changes):
    plain = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps(plain | changes))


def test_a_newer_format_is_refused(report, tmp_path):
    report.save(tmp_path)
    change_manifest(tmp_path, report_format=99)
    with pytest.raises(ConfigError, match="format 99 is newer"):
        report_from_directory(tmp_path)


def test_a_manifest_that_points_elsewhere_is_refused(report, tmp_path):
    report.save(tmp_path)
    change_manifest(tmp_path, files={"../secret": {"sha256": "", "bytes": 0}})
    with pytest.raises(ConfigError, match="names files elsewhere"):
        report_from_directory(tmp_path)


def test_reproduces_tells_whether_the_saved_numbers_still_follow(report, simulated, tmp_path):
    report.save(tmp_path)
    assert saving.reproduces(report, tmp_path)
    assert not saving.reproduces(build_report(simulated(days=41)), tmp_path)


@pytest.mark.parametrize("table", LISTS)
def test_csv_and_parquet_say_the_same(report, tmp_path, table):
    report.save(tmp_path)
    rows = list(csv.DictReader((tmp_path / f"{table}.csv").read_text().splitlines()))
    columns = pq.read_table(tmp_path / f"{table}.parquet")
    assert columns.num_rows == len(rows) > 0
    assert columns.column_names == list(rows[0])
    for name in columns.column_names:
        texts = [row[name] for row in rows]
        kind = columns.schema.field(name).type
        if pa.types.is_timestamp(kind):
            values = columns[name].cast(pa.int64()).to_pylist()
            assert [None if ts is None else iso_time(ts) for ts in values] == [text or None for text in texts]
            continue
        convert = Decimal if pa.types.is_decimal(kind) else float if pa.types.is_floating(kind) else str
        values = columns[name].to_pylist()
        if convert is str:
            assert ["" if value is None else str(value) for value in values] == texts
        else:
            assert values == [convert(text) if text else None for text in texts]


def test_parquet_carries_no_clock_and_no_other_library(report):
    for table in tables(report.analysis):
        metadata = pq.read_metadata(pa.BufferReader(to_parquet(to_csv(table), table)))
        assert set(metadata.metadata or {}) <= {b"ARROW:schema"}


def test_amounts_too_long_for_the_usual_decimal_keep_every_digit():
    long = Decimal("1234567890123456789012.123456789012345678901")
    table = Table("amounts", (TableColumn("amount", "exact", [long, None]),))
    read = pq.read_table(pa.BufferReader(to_parquet(to_csv(table), table)))
    assert read["amount"].to_pylist() == [str(long), ""]
    assert to_csv(table).decode() == f'amount\n{long}\n""\n'


def test_equity_table_has_a_mark_and_a_position_for_each_symbol(simulated, tmp_path):
    build_report(simulated(symbols=("BTCUSDT", "ETHUSDT"), days=5)).save(tmp_path)
    columns = pq.read_schema(tmp_path / "equity.parquet").names
    assert columns[-4:] == ["position_BTCUSDT", "position_ETHUSDT", "mark_BTCUSDT", "mark_ETHUSDT"]


def test_orders_carry_what_their_fills_cost(report, tmp_path):
    report.save(tmp_path)
    fills = list(csv.DictReader((tmp_path / "fills.csv").read_text().splitlines()))
    by_order: dict[str, Decimal] = {}
    for row in fills:
        by_order[row["order_id"]] = by_order.get(row["order_id"], Decimal(0)) + Decimal(row["slippage"])
    for name, key in (("orders", "order_id"), ("parents", "parent_id")):
        rows = list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines()))
        assert sum(Decimal(row["slippage"]) for row in rows) == sum(by_order.values())
        if key == "order_id":
            assert all(Decimal(row["slippage"]) == by_order.get(row[key], 0) for row in rows)
