"""`quant-engine check`: by name or by path, with a table, a badge, and an exit code that means something."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from quant_contracts.errors import ConfigError
from quant_daemon.commands.check import check

MODULE = """
import msgspec
from quant_contracts.protocols import FeatureSpec


class Good(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    window: int = 14

    def __post_init__(self):
        if self.window < 2:
            raise ValueError(f"window must be at least 2, not {self.window}")

    @property
    def needs(self):
        return (FeatureSpec("RSI", {"window": self.window}),)

    def predict(self, features, /):
        return (50.0 - features[f"rsi_{self.window}"]) / 50.0


class TooSure(Good):
    def predict(self, features, /):
        return 2.0 * super().predict(features)


class Misspelt(Good):
    def predict(self, features, /):
        return features["rsi"] / 100.0


class OwnChannel(Good):
    @property
    def needs(self):
        return (FeatureSpec("RSX"),)


class NeedsAList(Good):
    @property
    def needs(self):
        return [FeatureSpec("RSI")]


class ReadsText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outputs = ("mid",)
    warmup = 1
    reads = ("orderbook",)

    def update(self, bar, book, /):
        return None if book is None else (book.mid,)


class Plain:
    needs = ()

    def __init__(self, score):
        self.score = score

    def predict(self, features, /):
        return self.score


def make(score=0.5):
    return Plain(score)


class NoNeeds:
    def predict(self, features, /):
        return 0.0


class Shapeless:
    pass


NUMBER = 7
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of parts, which is the current one; it leaves no trace among the imports."""
    (tmp_path / "my_parts.py").write_text(MODULE)
    (tmp_path / "broken_module.py").write_text("def :\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("my_parts", None)


def run(*arguments):
    return CliRunner().invoke(check, arguments)


def refused(*arguments):
    """The one line in which a command is refused."""
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(check, arguments, catch_exceptions=False)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_installed_part_is_checked_by_name():
    done = run("RSIModel")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0] == "RSIModel: model, quant_engine.models.rsi:RSIModel"
    assert lines[1] == "features: RSI"
    assert lines[-1].split() == ["conformance", "10", "of", "10", "promises", "kept"]
    assert "  kept         The same features give the same score, whatever was scored in between." in lines


def test_settings_are_handed_over(folder):
    done = run("my_parts:Good", "--params", '{"window": 3}', "--json")
    found = json.loads(done.output)
    assert (found["part"], found["kind"], found["broken"]) == ("my_parts:Good", "models", 0)
    verdicts = {row["name"]: row["verdict"] for row in found["promises"]}
    assert verdicts["blocks_equal_one_by_one"] == "not offered"
    assert found["kept"] == sum(verdict == "kept" for verdict in verdicts.values())
    assert all(row["promise"] for row in found["promises"])


def test_a_broken_promise_is_shown_with_what_came_and_leaves_with_1(folder):
    done = run("my_parts:TooSure")
    assert done.exit_code == 1
    assert "  broken       The score is a float from -1 to +1" in done.output
    assert "TooSure(window=14): a score is a Python float from -1 to +1" in done.output
    assert "expected  a float from -1.0 to 1.0" in done.output
    assert done.output.splitlines()[-1].split() == ["conformance", "8", "of", "9", "promises", "kept"]


def test_features_of_installed_channels_find_a_misspelt_name(folder):
    done = run("my_parts:Misspelt")
    assert done.exit_code == 1
    assert "came      a read of 'rsi'" in done.output


def test_features_are_invented_where_a_channel_is_not_installed(folder):
    done = run("my_parts:OwnChannel")
    assert done.exit_code == 0
    assert "features: invented: needs: no feature channel is called 'RSX'; did you mean 'RSI'" in done.output
    assert "features: invented: needs is no tuple of FeatureSpec" in run("my_parts:NeedsAList").output


def test_a_part_that_lacks_a_member_is_told_which(folder):
    done = run("my_parts:NoNeeds")
    assert done.exit_code == 1
    assert "NoNeeds: a ModelProto has 'needs'" in done.output


def test_what_rests_on_a_broken_promise_is_not_checked_and_says_why(folder):
    done = run("my_parts:ReadsText")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    (broken,) = [line for line in lines if line.startswith("  broken")]
    assert "`reads` is a tuple of streams that there are" in broken
    assert lines.count("               reads is not a tuple of Stream") == 8
    assert lines[-1].split()[1:4] == ["4", "of", "13"]
    assert "AttributeError" not in done.output


@pytest.mark.parametrize("name", ["my_parts:Plain", "my_parts:make"])
def test_a_plain_class_or_a_function_will_do(folder, name):
    assert run(name, "--params", '{"score": 0.25}').exit_code == 0


def test_other_kinds_are_made_as_the_loader_makes_them():
    for name in ("OrderDesk", "klines", "BarMatchingEngine", "TWAPPolicy"):
        assert run(name).exit_code == 0
    days = ("synthetic", "--params", '{"symbol": "BTCUSDT", "days": 1}', "--kind", "feeds")
    assert run(*days).exit_code == 0
    assert run("Ledger", "--params", '{"cash": "1000"}').exit_code == 0


def test_streams_and_their_handlers_are_checked_on_samples():
    for name in ("trades", "surface"):
        assert "stream handler" in run(name).output
        assert run(name).exit_code == 0
    settings = '{"domain": "trades", "symbol": "BTCUSDT", "days": 1}'
    assert run("synthetic", "--params", settings, "--kind", "streams").exit_code == 0
    # Quotes are derived from a sample of a book.
    assert run("from_book", "--params", '{"domain": "quotes", "symbol": "BTCUSDT"}').exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RSImodel"], "no installed part is called 'RSImodel'; did you mean 'RSIModel'"),
        (["RSIModel", "--kind", "model"], "--kind: no kind of part is called 'model'; did you mean 'models'"),
        (["RSIModel", "--kind", "feeds"], "no installed part is called 'RSIModel'; valid names: catalog"),
        (["RSIModel", "--params", '{"windw": 3}'], "--params: unknown key 'windw'; did you mean 'window'"),
        (["RSIModel", "--params", '{"window": 1}'], "--params: window must be at least 2, not 1"),
        (["RSIModel", "--params", "{"], "--params '{': line 1, column 2"),
        (["RSIModel", "--params", "[1]"], "--params '[1]': expected an object"),
        (["Spread"], "--params: missing 'other'"),
        (["my_parts:Godo"], "my_parts has no 'Godo'; did you mean 'Good'"),
        (["your_parts:Good"], "'your_parts' cannot be imported from here: No module named 'your_parts'"),
        (["broken_module:Good"], "'broken_module' cannot be imported from here: invalid syntax"),
        (["my_parts:Shapeless"], "my_parts:Shapeless: Shapeless has the shape of no kind of part"),
        (["my_parts:NUMBER"], "a int is no part; name a class"),
        (["my_parts:Plain", "--params", '{"scre": 1}'], "my_parts:Plain cannot be made with"),
        (["my_parts:make", "--params", '{"scre": 1}'], "my_parts:make cannot be made with"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_one_line(folder, arguments, said):
    assert said in refused(*arguments)


def test_the_kind_can_be_said(folder):
    done = run("my_parts:Shapeless", "--kind", "routers")
    assert done.exit_code == 1
    assert "a Router has 'route'" in done.output


@pytest.mark.parametrize(
    ("part", "code"), [("my_parts:Good", 0), ("my_parts:TooSure", 1), ("my_parts:No", 78)]
)
def test_the_exit_code_of_the_program(folder, part, code):
    program = "import sys; sys.argv[0] = 'quant-engine'; from quant_daemon.cli import main; main()"
    command = [sys.executable, "-c", program, "check", part]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) is (code != 78)
