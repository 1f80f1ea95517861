"""A configuration with a slip in it: one line that names the file, the place and the way out."""

from __future__ import annotations

import json

import pytest

from quant_contracts.config import override
from quant_contracts.errors import ConfigError
from quant_daemon.loader import Loader

TOML = """
[BTCUSDT.strategy]
model = {class = "RSIModel"}
decision = {class = "ThresholdDecision", params = {threshold = %s}}
risk = {class = "ATRSizer"}
execution = {class = "ImmediatePolicy"}
"""
MODEL = "BTCUSDT.strategy.model"

SLIPS = {
    "unknown key": (
        {"BTCUSDT.strategy.modle": {}},
        "$.BTCUSDT.strategy: unknown key 'modle'; did you mean 'model'?",
    ),
    "unknown block": ({"acount": {}}, "$: unknown key 'acount'; did you mean 'account'?"),
    "symbol in small letters": ({"btcusdt": {}}, "a symbol is in capitals, such as BTCUSDT"),
    "unknown part": (
        {f"{MODEL}.class": "RSIModle"},
        "$.BTCUSDT.strategy.model: no model is called 'RSIModle'; did you mean 'RSIModel'?",
    ),
    "part of another kind": ({f"{MODEL}.class": "ATRSizer"}, "no model is called 'ATRSizer'; valid names: "),
    "misspelt parameter": (
        {f"{MODEL}.params.windw": 14},
        "$.BTCUSDT.strategy.model (RSIModel): unknown key 'windw'; did you mean 'window'?",
    ),
    "wrong type": (
        {f"{MODEL}.params.window": "x"},
        "$.BTCUSDT.strategy.model (RSIModel).window: Expected 'int', got 'str'",
    ),
    "true as a number": ({f"{MODEL}.params.window": True}, ".window: Expected 'int', got 'bool'"),
    "true as a fraction": (
        {"BTCUSDT.strategy.decision.params.threshold": True},
        "(ThresholdDecision).threshold: Expected 'float', got 'bool'",
    ),
    "nothing for a part": ({MODEL: None}, "$.BTCUSDT.strategy.model: Expected 'object', got 'null'"),
    "negative window": (
        {f"{MODEL}.params.window": -3},
        "$.BTCUSDT.strategy.model (RSIModel): window must be at least 2, not -3",
    ),
    "window of 0": (
        {"BTCUSDT.strategy.risk.params.atr_window": 0},
        "$.BTCUSDT.strategy.risk[0] (ATRSizer): atr_window must be at least 1, not 0",
    ),
    "window of a trillion": (
        {f"{MODEL}.params.window": 10**12},
        "$.BTCUSDT.strategy.model (RSIModel) (RSI): window must be a whole number of bars from 2 to 1000000",
    ),
    "number of more than 64 bits": (
        {"run.seed": 10**30},
        "$.run.seed: a whole number is at most 9,223,372,036,854,775,807",
    ),
    "percent for a share": (
        {"BTCUSDT.strategy.risk.params.risk_fraction": 2},
        "risk_fraction is a share of one, above 0 and at most 1 (0.02 is two percent), not 2",
    ),
    "infinite number": (
        {"BTCUSDT.strategy.decision.params.threshold": float("inf")},
        "inf is not a usable number",
    ),
    "NaN": (
        {"BTCUSDT.strategy.decision.params.threshold": float("nan")},
        "$.BTCUSDT.strategy.decision.params.threshold: nan is not a usable number; write a finite one",
    ),
    "float for money": (
        {"account.cash": 100.5},
        "$.account.cash: write 100.5 as a string, so that money stays exact",
    ),
    "float for a fee": (
        {"matching": {"class": "BarMatchingEngine", "params": {"taker_fee": 0.001}}},
        "taker_fee: write",
    ),
    "NaN for money": ({"account.cash": "NaN"}, "$.account.cash: NaN is not a usable amount"),
    "money beyond measure": ({"account.cash": "1e400"}, "$.account.cash: 1e400 is not a usable amount"),
    "money below nothing": ({"account.cash": "-5"}, "$.account: cash must be above 0, not -5"),
    "lot of 0": (
        {"data": {"BTCUSDT": {"lot": "0"}}},
        "$.data.BTCUSDT: lot of BTCUSDT must be above 0, not 0",
    ),
    "undeclared symbol": (
        {"data": {"ETHUSDT": {}}},
        "$.BTCUSDT: not declared in $.data; did you mean 'ETHUSDT'?",
    ),
    "undeclared symbol of a pair": (
        {MODEL: {"class": "PairsModel", "params": {"other": "ETHUSDT"}}},
        "$.BTCUSDT.strategy.model (PairsModel): Spread reads ETHUSDT, which is not declared in $.data",
    ),
    "undeclared symbol of a feature": (
        {"BTCUSDT.strategy.features": [{"class": "Spread", "params": {"other": "ETHUSDT"}}]},
        "$.BTCUSDT.strategy.features[0]: Spread reads ETHUSDT, which is not declared in $.data",
    ),
    "a data key that is no symbol": (
        {"data": {"BTCUSDT": {}, "btc usdt": {}}},
        "$.data: 'btc usdt' is no symbol",
    ),
    "unknown source": (
        {"data": {"BTCUSDT": {"source": {"class": "parket"}}}},
        "$.data.BTCUSDT.source: no feed is called 'parket'; did you mean 'parquet'?",
    ),
    "unknown repair": (
        {"data": {"BTCUSDT": {"repair": ["sorted"]}}},
        "$.data.BTCUSDT.source (catalog): no repair policy 'sorted'; did you mean 'sort'?",
    ),
    "no length of time": (
        {"data": {"BTCUSDT": {"interval": "15x"}}},
        "$.data.BTCUSDT.source (catalog): '15x' is not an interval; write a number and one of s, m, h, d, w",
    ),
    "no date": ({"run.start": "2022-13-01"}, "$.run.start: '2022-13-01' is not a date; write 2022-01-01"),
    "a date out of reach": ({"run.end": "9999-12-31"}, "$.run.end: '9999-12-31' is out of reach"),
    "end before start": (
        {"run": {"start": "2022-02-01", "end": "2022-01-01"}},
        "$.run: the end 2022-01-01 is not after the start 2022-02-01",
    ),
    "unknown trace level": (
        {"run.trace": "ful"},
        "$.run.trace: 'ful' is not among 'off', 'decisions', 'full'",
    ),
    "line breaks in a value": ({"run.start": "x\ny"}, r"$.run.start: 'x\ny' is not a date"),
    "half a character": (
        {"account.currency": "\ud800"},
        r"$.account.currency: '\ud800' holds half a character",
    ),
}


@pytest.fixture(scope="module")
def slips(attempts, mean_reversion):
    words = ["backtest", "s.json"]
    return attempts(
        {name: ({"s.json": override(mean_reversion, changes)}, words) for name, (changes, _) in SLIPS.items()}
    )


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_refused_with_file_path_and_the_way_out(slips, slip):
    line = slips[slip].refusal(78)
    assert line.startswith("s.json: $")
    assert SLIPS[slip][1] in line


TEXTS = {
    "empty JSON": ("s.json", "", "line 1, column 1: Expecting value"),
    "empty TOML": ("s.toml", "", "$: nothing to trade; add a symbol such as"),
    "no object": ("s.json", "[]", "expected an object that starts with {"),
    "broken JSON": ("s.json", '{"run": {},\n "data" {}}', "line 2, column 9: Expecting ':' delimiter"),
    "broken TOML": ("s.toml", "run = {\n", "line 1"),
    "a key twice in JSON": (
        "s.json",
        '{"run": {}, "run": {}}',
        "the key 'run' is given twice; keep one of them",
    ),
    "a key twice in TOML": ("s.toml", "run = 1\nrun = 2\n", "at line 2, column 8"),
    "NaN in TOML": (
        "s.toml",
        TOML % "nan",
        "$.BTCUSDT.strategy.decision.params.threshold: nan is not a usable",
    ),
    "true in TOML": ("s.toml", TOML % "true", "(ThresholdDecision).threshold: Expected 'float', got 'bool'"),
    "3,000 objects deep": ("s.json", '{"a":' * 3000 + "1" + "}" * 3000, "nested too deeply"),
    "3,000 lists deep": ("s.toml", "a = " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    "900 lists deep": ("s.json", '{"run": ' + "[" * 900 + "]" * 900 + "}", "$.run"),
    "a number of 5,000 digits": ("s.json", '{"run": {"seed": ' + "9" * 5000 + "}}", "too many digits"),
    "2 MB": ("s.json", '{"a": "' + "x" * 2_000_000 + '"}', "more than 1,000,000 bytes are no configuration"),
    "not UTF-8": ("s.json", b'{"a": "\xff"}', "byte 7 is not UTF-8; save the file as UTF-8"),
    "UTF-16": ("s.json", "{}".encode("utf-16"), "byte 0 is not UTF-8"),
}


@pytest.fixture(scope="module")
def texts(attempts):
    return attempts({case: ({name: text}, ["backtest", name]) for case, (name, text, _) in TEXTS.items()})


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_is_no_configuration_is_refused(texts, text):
    name, _, said = TEXTS[text]
    line = texts[text].refusal(78)
    assert line.startswith(f"{name}: ")
    assert said in line


def test_a_file_that_is_not_there_is_refused(refused):
    assert refused(78, "backtest", "s.json") == "s.json: no such file; check the path"


def test_a_folder_is_no_configuration(refused, tmp_path):
    (tmp_path / "s.json").mkdir()
    assert (
        refused(78, "backtest", "s.json")
        == "s.json: cannot be read: Is a directory; name a .json or .toml file"
    )


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["without a mark", "with a byte order mark"])
def test_a_text_in_utf_8_is_read(done, write, mean_reversion, mark):
    write("s.json", mark + json.dumps(mean_reversion).encode())
    assert done("plan", "s.json").startswith("BTCUSDT")


def test_toml_says_the_same_as_json(done, write):
    write("s.toml", TOML % "0.25")
    assert "ThresholdDecision(threshold=0.25" in done("plan", "s.toml")


def test_the_plan_names_file_and_place_too(refused, write, mean_reversion):
    write("s.json", override(mean_reversion, {f"{MODEL}.class": "RSIModle"}))
    assert refused(78, "plan", "s.json").startswith("s.json: $.BTCUSDT.strategy.model: no model is called")


SETTINGS = {
    "no value": ("account.cash", "--set 'account.cash': write it as path=value, such as account.cash=5000"),
    "unknown block": ("acount.cash=5", "s.json: $: unknown key 'acount'; did you mean 'account'?"),
    "unknown key": ("account.cahs=5", "s.json: $.account: unknown key 'cahs'; did you mean 'cash'?"),
    "below a plain value": (f"{MODEL}.class.x=5", "s.json: $.BTCUSDT.strategy.model.class: holds 'RSIModel'"),
    "a place that a list has not": (
        "BTCUSDT.strategy.risk.1.class=X",
        "s.json: $.BTCUSDT.strategy.risk: '1' is no place",
    ),
    "two dots": ("run..seed=1", "s.json: 'run..seed' is no path; write names with a dot between"),
    "NaN": ("account.cash=NaN", "s.json: $.account.cash: nan is not a usable number"),
    "text for a number": ("run.seed=x", "s.json: $.run.seed: Expected 'int', got 'str'"),
}


@pytest.fixture(scope="module")
def settings(attempts, mean_reversion):
    rule = mean_reversion["BTCUSDT"]["strategy"]["risk"]
    files = {"s.json": override(mean_reversion, {"BTCUSDT.strategy.risk": [rule]})}
    return attempts(
        {name: (files, ["backtest", "s.json", "--set", text]) for name, (text, _) in SETTINGS.items()}
    )


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_wrong_set_is_refused(settings, setting):
    assert settings[setting].refusal(78).startswith(SETTINGS[setting][1])


LINES = {
    "unknown command": (
        ["bakctest"],
        "no command 'bakctest'; did you mean 'backtest'? Try 'quant-engine --help'",
    ),
    "unknown option": (["backtest", "s.json", "--strat", "x"], "No such option '--strat'"),
    "no configuration": (
        ["backtest"],
        "name one configuration, such as: quant-engine backtest strategy.json",
    ),
    "two configurations": (["backtest", "s.json", "--config", "t.json"], "name one configuration"),
    "no rows": (
        ["backtest", "s.json", "--block-rows", "0"],
        "Invalid value for '--block-rows': 0 is not in the range",
    ),
    "no trace level": (
        ["backtest", "s.json", "--trace", "ful"],
        "'ful' is not one of 'off', 'decisions', 'full'",
    ),
}


@pytest.fixture(scope="module")
def lines(attempts):
    return attempts({name: ({}, words) for name, (words, _) in LINES.items()})


@pytest.mark.parametrize("line", LINES)
def test_a_bad_command_line_is_refused_with_its_help(lines, line):
    said = lines[line].refusal(2)
    assert LINES[line][1] in said
    assert "--help'" in said


def test_no_command_at_all_shows_what_there_is(done):
    assert "backtest" in done()


VALUES = (None, True, 0, -1, 2**63, 10**30, 0.5, -1e308, float("nan"), "", "x", "1e400", "15m", "\ud800")
LISTS = ([], {}, [1], {"a": 1}, {"class": "RSIModel"}, [{"class": "ATRSizer"}])
WHOLE = {
    "data": {"BTCUSDT": {"source": {"class": "synthetic", "params": {"days": 2}}, "lot": "0.001"}},
    "account": {"cash": "10000", "currency": "USDT"},
    "matching": {"class": "BarMatchingEngine", "params": {"taker_fee": "0.001"}},
    "run": {"start": "2022-01-01", "end": "2022-01-02", "seed": 3, "trace": "full"},
}


def places(value: object, path: tuple[str, ...] = ()) -> list[str]:
    """The dotted path of everything inside a configuration."""
    inside = value.items() if isinstance(value, dict) else ()
    here = [".".join(path)] if path else []
    return here + [place for name, item in inside for place in places(item, (*path, name))]


def test_anything_anywhere_is_taken_or_refused_by_its_path(mean_reversion):
    """Every odd value in every place, without the cost of a process for each."""
    config = mean_reversion | WHOLE
    lines = []
    for place in places(config):
        for value in VALUES + LISTS:
            try:
                Loader.from_config(override(config, {place: value}))
            except ConfigError as error:
                lines.append(str(error))
    assert len(lines) > 500
    assert [line for line in lines if not line.startswith("$") or "\n" in line] == []
