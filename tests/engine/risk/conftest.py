"""The account that risk rules are tried on."""

from __future__ import annotations

import pytest

from quant_contracts.events import Intent
from quant_contracts.protocols import Proposal, RiskContext


@pytest.fixture(scope="session")
def intent():
    """An intent in a direction, at full strength unless told otherwise."""

    def make(direction: int, strength: float = 1.0) -> Intent:
        return Intent(0, "BTCUSDT", direction, strength if direction else 0.0, "test")

    return make


@pytest.fixture(scope="session")
def context():
    """What a rule sees: 10 000 of equity, nothing else held, one unit proposed at 100."""

    def make(**changes) -> RiskContext:
        usual = {
            "ts": 0,
            "symbol": "BTCUSDT",
            "price": 100.0,
            "features": {},
            "equity": 10_000.0,
            "position": 0.0,
            "other_net": 0.0,
            "other_gross": 0.0,
            "proposal": Proposal(1.0),
            "held": None,
        }
        return RiskContext(**(usual | changes))

    return make
