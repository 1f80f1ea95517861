"""Configurations: what is right is read as it was meant, and what is wrong is named where it stands."""

from __future__ import annotations

import copy
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.config import build_strategy, override, parse_json, parse_toml, read_strategy
from quant_contracts.errors import ConfigError
from quant_contracts.strategy import PartSpec

OVERVIEW = """
{
  "BTCUSDT": {
    "strategy": {
      "model": {
        "class": "RSIModel",
        "params": { "window": 14 }
      },
      "decision": {
        "class": "ThresholdDecision",
        "params": { "threshold": 0.0 }
      },
      "risk": {
        "class": "ATRSizer",
        "params": { "atr_window": 14, "risk_fraction": 0.02 }
      },
      "execution": {
        "class": "TWAPPolicy",
        "params": { "segments": 5 }
      }
    }
  }
}
"""

FULL = {
    "BTCUSDT": {
        "strategy": {
            "model": {"class": "PairsModel", "params": {"other": "ETHUSDT"}},
            "decision": {"class": "ThresholdDecision", "params": {"threshold": 0.4, "exit": 0.1}},
            "risk": [
                {"class": "ATRSizer", "params": {"atr_window": 14}},
                {"class": "ExposureLimit", "params": {"max_gross": 1.5}},
            ],
            "execution": {"class": "ImmediatePolicy"},
            "router": {"class": "MarketRouter", "params": {}},
            "slippage": {"class": "LinearSlippage", "params": {"eta": 0.2}},
            "features": [{"class": "RSI", "params": {"window": 7}}],
        }
    },
    "data": {
        "BTCUSDT": {
            "source": {"class": "csv", "params": {"path": "btc.csv"}},
            "venue": "binance",
            "interval": "15m",
            "repair": ["fill_gaps"],
            "tick": "0.01",
            "lot": "0.00001",
            "min_notional": "5",
        },
        "ETHUSDT": {"source": {"class": "synthetic", "params": {"seed": 3}}},
    },
    "account": {"cash": "25000.50", "currency": "USDT"},
    "matching": {"class": "BarMatchingEngine", "params": {"participation": 0.05}},
    "run": {"start": "2022-01-01", "end": "2022-07-01", "seed": 7, "trace": "full"},
}


def refused(plain) -> str:
    with pytest.raises(ConfigError) as caught:
        build_strategy(plain)
    said = str(caught.value)
    assert "\n" not in said
    return said


def keyed_places(plain, path="$"):
    """Every key whose name the configuration decides, with the mapping it stands in and the path to that."""
    for key, value in plain.items() if isinstance(plain, dict) else ():
        below = f"{path}.{key}"
        if not below.endswith((".data.BTCUSDT", ".data.ETHUSDT")):
            yield plain, key, path
        if key != "params":
            yield from keyed_places(value, below)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from keyed_places(item, f"{below}[{index}]")


def test_the_configuration_of_the_overview_is_read_as_it_stands():
    strategy = build_strategy(parse_json(OVERVIEW))
    (symbol,) = strategy.strategies
    spec = strategy.strategies[symbol]
    assert symbol == "BTCUSDT"
    assert spec.model == PartSpec("RSIModel", {"window": 14})
    assert spec.risk_stack == [PartSpec("ATRSizer", {"atr_window": 14, "risk_fraction": 0.02})]
    assert (spec.router.name, spec.slippage.name, strategy.matching.name) == (
        "MarketRouter",
        "LinearSlippage",
        "BarMatchingEngine",
    )
    assert list(strategy.data) == ["BTCUSDT"]
    assert strategy.account.cash == Decimal(100_000)


def test_everything_can_be_said():
    strategy = build_strategy(FULL)
    assert [rule.name for rule in strategy.strategies["BTCUSDT"].risk_stack] == ["ATRSizer", "ExposureLimit"]
    assert list(strategy.data) == ["BTCUSDT", "ETHUSDT"]
    assert strategy.data["BTCUSDT"].repair == ["fill_gaps"]
    assert strategy.account.cash == Decimal("25000.50")
    assert (strategy.run.seed, strategy.run.trace) == (7, "full")


def test_toml_says_the_same_as_json(tmp_path):
    text = """
    [BTCUSDT.strategy]
    model = { class = "RSIModel", params = { window = 14 } }
    decision = { class = "ThresholdDecision", params = { threshold = 0.0 } }
    risk = { class = "ATRSizer", params = { atr_window = 14, risk_fraction = 0.02 } }

    [BTCUSDT.strategy.execution]
    class = "TWAPPolicy"
    params.segments = 5
    """
    (tmp_path / "c.toml").write_text(text)
    (tmp_path / "c.json").write_text(OVERVIEW)
    assert read_strategy(tmp_path / "c.toml") == read_strategy(tmp_path / "c.json")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "c.json").write_text(OVERVIEW, encoding="utf-8-sig")
    assert read_strategy(tmp_path / "c.json") == build_strategy(parse_json(OVERVIEW))


@settings(max_examples=150)
@given(st.data())
def test_any_misspelt_key_is_named_with_its_path_and_what_would_be_right(data):
    plain = copy.deepcopy(FULL)
    place, key, path = data.draw(st.sampled_from(list(keyed_places(plain))))
    at = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from("abcxyz_"))
    wrong = data.draw(
        st.sampled_from(
            [key[:at] + key[at + 1 :], key[:at] + letter + key[at:], key[:at] + letter + key[at + 1 :]]
        )
    )
    if not wrong or wrong in place or wrong.isupper() or not wrong.isascii():
        return
    value = place.pop(key)
    place[wrong] = value
    said = refused(plain)
    assert said.startswith(f"{path}: unknown key {wrong!r}")
    assert repr(key) in said or f" {key}" in said or path == "$"


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(["BTCUSDT", "data", "account", "matching", "run", "strategy", "x", ""]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["strategy", "model", "class", "params", "cash", "BTCUSDT", "seed"]),
                    inner,
                )
            ),
            max_leaves=8,
        ),
    )
)
def test_no_value_of_any_shape_ends_in_anything_but_a_config_error(plain):
    try:
        build_strategy(plain)
    except ConfigError as error:
        said = str(error)
    else:
        said = "$"
    assert said.startswith("$")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("account.cash", 1000.5, "$.account.cash: write 1000.5 as a string, so that money stays exact"),
        ("account.cash", "NaN", "$.account.cash: NaN is not a usable amount"),
        ("account.cash", "many", "$.account.cash: "),
        ("account.cash", None, "$.account.cash: "),
        ("account.cash", {"usd": 3}, "$.account.cash: "),
        ("run.seed", "seven", "$.run.seed: "),
        ("run.seed", 7.5, "$.run.seed: "),
        ("run.seed", 2**80, "$.run.seed: "),
        ("run.trace", "loud", "$.run.trace: "),
        ("data.BTCUSDT.tick", 0.01, "$.data.BTCUSDT.tick: write 0.01 as a string"),
        ("data.BTCUSDT.repair", "fill_gaps", "$.data.BTCUSDT.repair: "),
        ("data.BTCUSDT.repair", [1], "$.data.BTCUSDT.repair[0]: "),
        ("data.BTCUSDT", [], "$.data.BTCUSDT: "),
        ("data", [], "$.data: "),
        ("BTCUSDT", "buy", '$.BTCUSDT: expected an object with the key "strategy"'),
        ("BTCUSDT", {}, '$.BTCUSDT: missing "strategy"'),
        ("BTCUSDT.strategy", {}, "$.BTCUSDT.strategy: missing 'model'"),
        ("BTCUSDT.strategy.model", "RSIModel", "$.BTCUSDT.strategy.model: "),
        ("BTCUSDT.strategy.model.class", 3, "$.BTCUSDT.strategy.model.class: "),
        ("BTCUSDT.strategy.model.params", [14], "$.BTCUSDT.strategy.model.params: "),
        ("BTCUSDT.strategy.risk", 0.02, "$.BTCUSDT.strategy.risk: "),
        ("BTCUSDT.strategy.slippage.params.eta", float("nan"), "$.BTCUSDT.strategy.slippage.params.eta: nan"),
        ("BTCUSDT.strategy.slippage.params.eta", float("inf"), "$.BTCUSDT.strategy.slippage.params.eta: inf"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_by_its_path(path, value, said):
    assert refused(override(FULL, {path: value})).startswith(said)


def test_nothing_to_trade_is_said():
    assert refused({"account": {"cash": "5"}}).startswith("$: nothing to trade; add a symbol such as")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1, column 1"),
        (b"[]", "expected an object that starts with {"),
        (b'{"a": 1, "a": 2}', "the key 'a' is given twice"),
        (b'{"BTCUSDT": {"strategy": {"x": 1, "x": 1}}}', "the key 'x' is given twice"),
        (b'{"account": {"cash": NaN}}', "nan is not a usable number"),
        (b'{"run": {"seed": Infinity}}', "inf is not a usable number"),
        (b"{" + b'"a":{' * 100_000, "nested too deeply"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"run": {"seed": ' + b"9" * 5_000 + b"}}", "digits"),
        (b"\xff\xfe{}", "UTF-8"),
        (b" " * 2_000_000, "1,000,000 bytes"),
        (b'{"account": {"cash": 1,}}', "line 1, column"),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_a_file_that_is_no_configuration_is_named_with_the_reason(tmp_path, content, said):
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_strategy(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "nothing to trade"),
        ("a = 1\na = 2\n", "Cannot overwrite a value (at line 2"),
        ("a = {", "end of document"),
        ("[account]\ncash = nan", "nan is not a usable number"),
        ("a = " + "[" * 5_000 + "]" * 5_000, "nested too deeply"),
    ],
)
def test_toml_is_refused_as_helpfully(tmp_path, content, said):
    path = tmp_path / "c.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_strategy(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "no.json", tmp_path):
        with pytest.raises(ConfigError) as caught:
            read_strategy(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_overrides_replace_values_and_leave_the_original_alone():
    before = json.dumps(FULL)
    changed = build_strategy(
        override(FULL, {"account.cash": "7", "run.seed": 9, "data.ETHUSDT.interval": "1h"})
    )
    assert (changed.account.cash, changed.run.seed, changed.data["ETHUSDT"].interval) == (Decimal(7), 9, "1h")
    assert json.dumps(FULL) == before
    with pytest.raises(ConfigError, match="cash"):
        override(FULL, {"account.cash.usd": 3})


def test_a_misspelt_override_is_refused_like_a_misspelt_key():
    assert refused(override(FULL, {"run.seeds": 3})) == "$.run: unknown key 'seeds'; did you mean 'seed'?"


def test_toml_text_alone():
    assert parse_toml("a = 1") == {"a": 1}


@pytest.mark.parametrize("symbol", ["F", "1INCHUSDT", "BRK.B", "BTC/USDT", "BTC-24JUN22-15000-C"])
def test_a_symbol_is_what_venues_and_exchanges_call_one(symbol):
    part = {"class": "Any"}
    parts = {"model": part, "decision": part, "risk": part, "execution": part}
    assert list(build_strategy({symbol: {"strategy": parts}}).data) == [symbol]
