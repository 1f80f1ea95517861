"""`quant-engine report`: what it prints, and how it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from quant_contracts.errors import ConfigError, DataError, StorageError
from quant_engine.commands.report import report as command
from quant_engine.report import build_report


@pytest.fixture(scope="module")
def saved(simulated, tmp_path_factory):
    directory = tmp_path_factory.mktemp("reports") / "run"
    build_report(simulated(days=40)).save(directory)
    return directory


def call(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_prints_the_headline_and_that_it_was_verified(saved, simulated):
    made = call(saved)
    assert made.exit_code == 0
    assert made.output.startswith(build_report(simulated(days=40)).text())
    assert "the numbers follow from the record" in made.output


def test_json_is_the_saved_summary(saved):
    assert json.loads(call(saved, "--json").output) == json.loads((saved / "summary.json").read_text())


def test_makes_the_page_again(saved, tmp_path):
    made = call(saved, "--html", tmp_path / "page.html")
    assert f"page: {tmp_path / 'page.html'}" in made.output
    assert (tmp_path / "page.html").read_text() == (saved / "report.html").read_text()


def test_a_page_that_cannot_be_written_is_one_line(saved, tmp_path):
    made = call(saved, "--html", tmp_path / "no" / "page.html")
    assert isinstance(made.exception, StorageError)


def test_a_full_disk_leaves_the_page_as_it_was(saved, tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    page.write_text("as it was")
    write = Path.write_text

    def full(path, text, **settings):
        write(path, text[:10], **settings)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert isinstance(call(saved, "--html", page).exception, StorageError)
    assert page.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_device_takes_the_page_as_it_comes(saved):
    assert call(saved, "--html", "/dev/null").exit_code == 0
    assert not Path("/dev/null").is_file()


def test_refuses_what_is_no_report(tmp_path):
    made = call(tmp_path)
    assert isinstance(made.exception, ConfigError)
    assert "not a report" in str(made.exception)


def test_refuses_a_report_that_was_changed(simulated, tmp_path):
    build_report(simulated(days=5)).save(tmp_path / "run")
    (tmp_path / "run" / "fills.csv").write_text("nothing happened")
    assert isinstance(call(tmp_path / "run").exception, DataError)


def test_says_when_this_version_works_out_other_numbers(saved, monkeypatch):
    monkeypatch.setattr("quant_engine.report.files.reproduces", lambda *_: False)
    assert "this version works out other numbers" in call(saved).output
