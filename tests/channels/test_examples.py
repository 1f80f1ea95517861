"""Every example in the docstrings of the channels is right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import quant_channels

MODULES = [module.name for module in pkgutil.walk_packages(quant_channels.__path__, "quant_channels.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_right(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
