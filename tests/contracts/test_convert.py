"""Plain values become typed ones, and what cannot is named by path, name and nearest name."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.convert import convert
from quant_contracts.duration import Length
from quant_contracts.errors import ConfigError


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: Decimal = Decimal(1)
    share: float = 0.5

    def __post_init__(self):
        if self.share > 1:
            raise ValueError(f"share must be at most 1, not {self.share}")


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    inner: Inner = Inner()
    inners: list[Inner] = []
    named: dict[str, Inner] = {}
    limit: Decimal | None = None
    either: Inner | list[Inner] | None = None
    side: Literal["buy", "sell"] = "buy"
    other: Literal["buy", "sell"] | None = None


def refused(value, kind=Outer):
    with pytest.raises(ConfigError) as caught:
        convert(value, kind, "$")
    return str(caught.value)


def test_plain_values_become_typed_ones():
    made = convert(
        {
            "name": "a",
            "inner": {"size": "2.5"},
            "inners": [{"share": 1}],
            "limit": 3,
            "either": {"share": 0.25},
            "other": None,
        },
        Outer,
        "$",
    )
    assert made == Outer(
        "a", Inner(Decimal("2.5")), [Inner(share=1.0)], limit=Decimal(3), either=Inner(share=0.25)
    )
    assert isinstance(made.inners[0].share, float)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "$: missing 'name'"),
        ({"nam": "a"}, "$: unknown key 'nam'; did you mean 'name' or 'named'?"),
        ({"name": "a", "inner": {"sizes": 1}}, "$.inner: unknown key 'sizes'; did you mean 'size'?"),
        ({"name": "a", "inners": [{}, {"zz": 1}]}, "$.inners[1]: unknown key 'zz'; valid names: share, size"),
        ({"name": "a", "named": {"x": {"shar": 1}}}, "$.named.x: unknown key 'shar'; did you mean 'share'?"),
        ({"name": "a", "either": {"shar": 1}}, "$.either: unknown key 'shar'; did you mean 'share'?"),
        ({"name": "a", "either": [{"shar": 1}]}, "$.either[0]: unknown key 'shar'; did you mean 'share'?"),
        ({"name": 3}, "$.name: Expected 'str', got 'int'"),
        ({"name": "a", "named": {"x": {}, "y": 3}}, "$.named[...]: Expected 'object', got 'int'"),
        ({"name": "a", "inner": {"share": "half"}}, "$.inner.share: Expected 'float', got 'str'"),
        ({"name": "a", "inner": {"share": 2.0}}, "$.inner: share must be at most 1, not 2.0"),
        (
            {"name": "a", "inner": {"size": 0.1}},
            "$.inner.size: write 0.1 as a string, so that money stays exact",
        ),
        ({"name": "a", "limit": 0.1}, "$.limit: write 0.1 as a string, so that money stays exact"),
        ({"name": "a", "inner": {"size": True}}, "$.inner.size: "),
        ({"name": "a", "limit": "half"}, "$.limit: 'half' is not a number; write one such as '0.01'"),
        ({"name": "a", "side": "bye"}, "$.side: 'bye' is not among 'buy', 'sell'"),
        ({"name": "a", "side": None}, "$.side: None is not among 'buy', 'sell'"),
        ({"name": "a", "other": "bye"}, "$.other: 'bye' is not among 'buy', 'sell', None"),
        ({"name": "a", "other": ["buy"]}, "$.other: ['buy'] is not among 'buy', 'sell', None"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(value, said):
    assert refused(value).startswith(said)


def test_the_names_that_a_missing_value_could_have_are_listed():
    class Named(msgspec.Struct):
        layout: Literal["wide", "long"]

    assert refused({}, Named) == "$: missing 'layout'; it is one of 'wide', 'long'"
    assert refused({"x": {}}, dict[str, Named]) == "$.x: missing 'layout'; it is one of 'wide', 'long'"


class Waits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    most: Length = "30s"
    least: Length | None = None


@pytest.mark.parametrize("field", ["most", "least"])
@pytest.mark.parametrize("value", [5, 0.5, Decimal("0.5"), True, ["5s"]])
def test_a_length_of_time_that_is_no_text_is_answered_with_one_that_is(field, value):
    with pytest.raises(ConfigError) as caught:
        convert({field: value}, Waits, "$")
    assert str(caught.value) == f'$.{field}: {value} is no length of time; write text such as "5s"'
    assert convert({field: "5m"}, Waits, "$") == Waits(**{field: "5m"})


def test_an_unfit_item_of_a_mapping_is_named_by_its_key():
    said = refused({"BTCUSDT": {}, "ETHUSDT": {"share": "half"}}, dict[str, Inner])
    assert said == "$.ETHUSDT.share: Expected 'float', got 'str'"
    assert refused({"ETHUSDT": []}, dict[str, Inner]) == "$.ETHUSDT: Expected 'object', got 'array'"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_float_ever_becomes_money(number):
    assert "as a string" in refused({"name": "a", "inner": {"size": number}})


@given(
    st.sampled_from([float("nan"), float("inf"), float("-inf")]),
    st.sampled_from(["inner", "named", "inners"]),
)
def test_a_number_that_is_none_is_refused_wherever_it_stands(number, place):
    inner = {"share": number}
    value = {"inner": inner, "named": {"x": inner}, "inners": [inner]}[place]
    assert "not a usable number" in refused({"name": "a", place: value})


def test_what_is_no_object_at_all_is_refused():
    for value in (None, 3, "a", [], [1, 2]):
        assert refused(value).startswith("$: ")


def test_deep_nesting_is_refused_and_does_not_overflow():
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    assert refused({"name": "a", "inners": deep}).startswith("$")
