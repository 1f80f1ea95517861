"""R1: a contract per layer, and both a type checker and the running program reject what misses a method."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from quant_contracts import protocols
from quant_contracts.testing import kit, run_checks
from quant_contracts.testing.parts import members

ROOT = Path(__file__).resolve().parents[2]

NAMED_BY_THE_FOUNDERS = {
    "FeatureChannel",
    "ModelProto",
    "DecisionProto",
    "RiskProto",
    "ExecutionPolicy",
    "Router",
    "SlippageModel",
    "MatchingEngine",
}


def test_there_is_a_contract_for_every_layer():
    assert set(protocols.__all__) >= NAMED_BY_THE_FOUNDERS
    assert {kind.contract.__name__ for kind in kit.KINDS.values()} >= NAMED_BY_THE_FOUNDERS


@pytest.mark.parametrize("kind", kit.KINDS)
def test_every_member_of_a_contract_says_what_it_promises(kind):
    contract = kit.KINDS[kind].contract
    assert contract.__doc__
    for name, promised in members(contract).items():
        assert (promised.__doc__ or "").strip(), f"{contract.__name__}.{name}"


@pytest.mark.parametrize("kind", kit.KINDS)
def test_the_running_program_rejects_what_misses_any_one_method(kind):
    """A class with every member but one, for each of them, is no such part, and the kit says which it is."""
    contract = kit.KINDS[kind].contract
    names = list(members(contract))
    whole = type("Whole", (), {name: vars_of(contract, name) for name in names})
    assert isinstance(bare(whole), contract)
    for missing in names:
        part = type("Part", (), {name: vars_of(contract, name) for name in names if name != missing})
        assert not isinstance(bare(part), contract)
        with pytest.raises(AssertionError, match=f"a {contract.__name__} has {missing!r}"):
            kit.parts.check_shape(bare(part), contract)


def vars_of(contract, name):
    """A member as a class would have it: a constant for a property, a method of the same shape otherwise."""
    promised = members(contract)[name]
    return None if isinstance(promised, property) else promised


def bare(kind):
    return kind.__new__(kind)


def test_the_kit_reports_a_missing_method_and_does_not_stop_there():
    class Half:
        needs = ()

    results = run_checks("models", Half)
    assert [result.verdict for result in results].count("broken") > 1
    assert "a ModelProto has 'predict'" in results[0].detail


def test_the_type_checker_rejects_the_same_class(tmp_path):
    """One snippet: the whole model is taken, the one without `predict` is refused by name."""
    snippet = """
        from collections.abc import Mapping

        from quant_contracts.protocols import FeatureSpec, ModelProto


        class Whole:
            @property
            def needs(self) -> tuple[FeatureSpec, ...]:
                return ()

            def predict(self, features: Mapping[str, float], /) -> float:
                return 0.0


        class Half:
            @property
            def needs(self) -> tuple[FeatureSpec, ...]:
                return ()


        whole: ModelProto = Whole()
        half: ModelProto = Half()
    """
    file = tmp_path / "snippet.py"
    file.write_text(textwrap.dedent(snippet))
    # Under the settings of the repository, so that its cache serves and stays as it is.
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--no-color-output", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    (error,) = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert 'expression has type "Half", variable has type "ModelProto"' in error
    assert '"Half" is missing following "ModelProto" protocol member' in done.stdout
    assert "predict" in done.stdout
