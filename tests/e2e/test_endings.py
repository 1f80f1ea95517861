"""How a run ends that does not end by itself: in one line, with the right code, and nothing left lying."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from quant_contracts.config import override

LONG = {
    "data": {"BTCUSDT": {"source": {"class": "synthetic", "params": {"days": 3000}}}},
    "run": {"trace": "full"},
}
STRANGE = """
import msgspec


class Model(msgspec.Struct, frozen=True):
    needs = ()


class Loud(Model, frozen=True):
    def predict(self, features):
        return 7.0


class Broken(Model, frozen=True):
    def predict(self, features):
        return 1 / 0
"""
ENTRY_POINTS = """
[quant_engine.models]
Loud = strange:Loud
Broken = strange:Broken
Absent = strange:Absent
"""


@pytest.fixture
def underway(program, write, mean_reversion, tmp_path):
    """A function that starts a long run and returns its process once its journal has begun to grow."""
    started: list[subprocess.Popen[str]] = []
    # A process that ignores Ctrl-C, as one in the background does, would have its children ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(out: str) -> subprocess.Popen[str]:
        write("long.json", mean_reversion | LONG)
        words = ["backtest", "long.json", "--one-by-one", "--out", out]
        process = subprocess.Popen(
            [program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        journal = (tmp_path / out).with_name(f".{Path(out).name}.journal") / "000001.qej"
        while not (journal.exists() and journal.stat().st_size > 1_000_000):
            assert process.poll() is None, process.communicate()
        return process

    yield run
    signal.signal(signal.SIGINT, before)
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_ctrl_c_ends_a_run_in_one_line_and_leaves_nothing(underway, files_of, tmp_path):
    process = underway("reports/long")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, "", "stopped\n")
    assert set(files_of(tmp_path)) == {"long.json"}


def test_ctrl_c_before_the_program_is_loaded_ends_in_one_line(program, tmp_path):
    # Stands in the place of a library that the program loads first, and presses Ctrl-C when it is.
    (tmp_path / "click.py").write_text(
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.raise_signal(signal.SIGINT)\n"
    )
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run([program, "plugins"], capture_output=True, text=True, check=False, env=env)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "stopped\n")


def test_after_a_kill_the_same_command_works(underway, done, write, mean_reversion, files_of, tmp_path):
    process = underway("report")
    process.kill()
    process.communicate()
    assert set(files_of(tmp_path)) == {"long.json", ".report.journal", ".report.journal/000001.qej"}
    write("short.json", override(mean_reversion | LONG, {"data.BTCUSDT.source.params.days": 1}))
    done("backtest", "short.json", "--out", "report")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.json", "report", "short.json"]


def test_a_second_run_cannot_take_the_place_of_one_that_goes_on(underway, attempt, tmp_path):
    process = underway("report")
    second = attempt(tmp_path, ["backtest", "long.json", "--out", "report"])
    assert second.code == 78
    assert ".report.journal: another process is writing this journal" in second.err
    assert process.poll() is None
    assert (tmp_path / ".report.journal" / "000001.qej").exists()


def test_a_report_takes_the_place_of_the_one_before(done, write, mean_reversion, files_of):
    write("s.json", override(mean_reversion | LONG, {"data.BTCUSDT.source.params.days": 1}))
    done("backtest", "s.json", "--out", "report")
    first = files_of(Path("report"))
    done("backtest", "s.json", "--out", "report")
    assert files_of(Path("report")) == first


def test_a_model_that_breaks_its_promise_is_a_fault_and_not_the_users(
    refused, write, package, mean_reversion
):
    env = package("strange", STRANGE, ENTRY_POINTS)
    changes = {"BTCUSDT.strategy.model": {"class": "Loud"}, "data.BTCUSDT.source.params.days": 1}
    write("s.json", override(mean_reversion | LONG, changes))
    line = refused(70, "backtest", "s.json", env=env)
    assert "Loud() scored 7.0" in line
    assert "a score is from -1 to 1" in line


def test_a_model_that_fails_ends_the_run_with_where(refused, write, package, mean_reversion):
    env = package("strange", STRANGE, ENTRY_POINTS)
    changes = {"BTCUSDT.strategy.model": {"class": "Broken"}, "data.BTCUSDT.source.params.days": 1}
    write("s.json", override(mean_reversion | LONG, changes))
    line = refused(70, "backtest", "s.json", env=env)
    assert line.startswith("ZeroDivisionError: division by zero (in predict, ")
    assert "strange.py, line 16); this is a fault of the program or of a part of it" in line


def test_a_part_that_cannot_be_loaded_is_refused_by_name(refused, write, package, mean_reversion):
    env = package("strange", STRANGE, ENTRY_POINTS)
    write("s.json", override(mean_reversion, {"BTCUSDT.strategy.model": {"class": "Absent"}}))
    line = refused(78, "backtest", "s.json", env=env)
    assert line.startswith("s.json: $.BTCUSDT.strategy.model: model 'Absent' cannot be loaded")


def test_output_that_nothing_takes_ends_in_one_line(program):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    with full.open("w") as nowhere:
        ended = subprocess.run(
            [program, "plugins"], stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (74, "error: output: No space left on device\n")


def test_a_reader_that_goes_away_is_no_error(program):
    pipe = f"'{program}' plugins --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "[")
