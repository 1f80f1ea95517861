"""Errors sort by what must happen next, and their words help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts import errors
from quant_contracts.errors import QuantError, nearest

EXIT = {
    "QuantError": 70,
    "ConfigError": 78,
    "DataError": 65,
    "StorageError": 74,
    "Recoverable": 70,
    "StaleData": 70,
    "VenueRejected": 70,
    "Fatal": 70,
    "ContractBroken": 70,
    "LifecycleError": 70,
    "LookAhead": 70,
}


def test_every_error_has_one_root_and_an_exit_code_that_a_service_manager_knows():
    kinds = {
        name: it for name, it in vars(errors).items() if isinstance(it, type) and issubclass(it, Exception)
    }
    assert {name: it.exit_code for name, it in kinds.items()} == EXIT
    assert all(issubclass(it, QuantError) and it.__doc__ for it in kinds.values())


@pytest.mark.parametrize("name", ["StaleData", "VenueRejected"])
def test_what_the_world_does_is_recoverable(name):
    assert issubclass(getattr(errors, name), errors.Recoverable)


@pytest.mark.parametrize("name", ["ContractBroken", "LifecycleError", "LookAhead"])
def test_what_breaks_trust_is_fatal(name):
    assert issubclass(getattr(errors, name), errors.Fatal)


@pytest.mark.parametrize(
    ("name", "valid", "said"),
    [
        ("windw", ["window", "follow"], "did you mean 'window'?"),
        ("RSImodel", ["RSIModel", "PairsModel"], "did you mean 'RSIModel'?"),
        ("exit_", ["exit", "exits"], "did you mean 'exit' or 'exits'?"),
        ("zzz", ["b", "a"], "valid names: a, b"),
        ("zzz", [], "valid names: none"),
    ],
)
def test_the_nearest_names_are_offered(name, valid, said):
    assert nearest(name, valid) == said


@given(st.text(max_size=20), st.sets(st.text(max_size=20), max_size=8))
def test_any_wrong_name_gets_an_answer_that_does_not_depend_on_order(name, valid):
    assert nearest(name, valid) == nearest(name, sorted(valid, reverse=True))
