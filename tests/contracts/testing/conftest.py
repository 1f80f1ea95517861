"""What the tests of the kit share: which promises the kit says are broken."""

from __future__ import annotations

import pytest

from quant_contracts.testing import run_checks


@pytest.fixture
def broken():
    """A function from a kind and a factory to the names of the promises that are broken, with the details."""

    def find(kind, factory, rows=None):
        results = run_checks(kind, factory, rows)
        return {result.name: result.detail for result in results if result.verdict == "broken"}

    return find
