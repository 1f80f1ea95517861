"""A place where no report can be: refused before the run begins, and left as it was."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def strategy(write, mean_reversion, rows, csv):
    """The words that run a strategy on 300 bars, less where to."""
    write("s.json", mean_reversion)
    write("b.csv", csv(rows))
    return ["backtest", "s.json", "--data", "b.csv"]


@pytest.fixture
def mounted(tmp_path):
    """A function that mounts a small file system in memory; skips where that is not permitted."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / "mount"
        place.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False
        )
        if made.returncode:
            pytest.skip("needs the right to mount a file system in memory")
        places.append(place)
        return place

    try:
        yield mount
    finally:
        for place in places:
            subprocess.run(["umount", place], check=True)


PLACES = {
    "a file": ("s.json", "s.json: there is a file of this name; give a directory for the report"),
    "below a file": ("s.json/x", "s.json/x: no report can be written here: File exists; choose with --out"),
    "below a device": ("/dev/null/x", "/dev/null/x: no report can be written here: File exists"),
    "among processes": ("/proc/x", "/proc/x: no report can be written here: No such file or directory"),
    "the root": ("/", "/: the root is no place for a report; give a directory in it"),
    "a name too long": ("x" * 300, "the report cannot be written: File name too long"),
    "here": (".", ".: not replaced, because it holds 'b.csv', which is no file of a report"),
}


@pytest.fixture(scope="module")
def places(attempts, mean_reversion, rows, csv):
    files = {"s.json": mean_reversion, "b.csv": csv(rows)}
    words = ["backtest", "s.json", "--data", "b.csv", "--out"]
    return attempts({name: (files, [*words, out]) for name, (out, _) in PLACES.items()})


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_takes_no_report_is_refused(places, place):
    assert PLACES[place][1] in places[place].refusal(74)


def test_a_folder_with_other_files_is_left_alone(refused, strategy, write):
    write("mine/notes.txt", "keep me")
    line = refused(74, *strategy, "--out", "mine")
    assert line.startswith("mine: not replaced, because it holds 'notes.txt'")


def test_a_file_system_that_is_read_only_is_refused(refused, strategy, mounted):
    place = mounted("ro")
    assert "Read-only file system; choose with --out" in refused(74, *strategy, "--out", place / "a" / "b")


@pytest.mark.parametrize("trace", ["off", "full"], ids=["in the report", "in the journal"])
def test_a_full_disk_leaves_nothing_half_written(refused, strategy, mounted, trace):
    place = mounted("size=256k")
    words = ["--out", place / "deep" / "report", "--trace", trace]
    line = refused(74, *strategy, *words)
    assert "No space left on device" in line


def test_a_run_that_fails_leaves_no_folder_behind(refused, strategy, write):
    write("b.csv", "")
    refused(65, *strategy, "--out", "new/deep/report")
