"""What is public is a list, and the list is true."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import quant_engine

OVERVIEW = {"RSIModel", "ThresholdDecision", "ATRSizer", "TWAPPolicy", "StrategyEngine"}


def test_the_public_names_are_these():
    assert quant_engine.__all__ == [
        "ATRSizer",
        "ExposureLimit",
        "ImmediatePolicy",
        "LinearModel",
        "LinearSlippage",
        "MarketRouter",
        "MomentumModel",
        "NoSlippage",
        "PairsModel",
        "RSIModel",
        "Report",
        "StopLossTakeProfit",
        "StrategyEngine",
        "TWAPPolicy",
        "ThresholdDecision",
        "ZScoreModel",
    ]
    assert set(quant_engine.__all__) >= OVERVIEW


@pytest.mark.parametrize("name", quant_engine.__all__)
def test_every_public_name_can_be_imported_and_says_what_it_is(name):
    thing = getattr(quant_engine, name)
    assert thing.__name__ == name
    assert thing.__doc__
    assert thing.__doc__.strip()


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'Strategy'"):
        quant_engine.Strategy  # noqa: B018 - asking is the test


@pytest.mark.parametrize(
    "package",
    ["quant_contracts.events", "quant_contracts.protocols", "quant_channels.klines.features"],
)
def test_exported_lists_are_true(package):
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert hasattr(module, name)


def test_importing_the_package_loads_no_heavy_dependency():
    code = (
        "import sys, quant_engine; print(sorted(sys.modules.keys() & {'pyarrow', 'numpy', 'rich', 'click'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
