"""What every test may ask for."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


# The suite is the same at every run; `make fuzz` looks for what it has not tried yet.
# No example has a deadline: a slow machine is no fault.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("steady")


@pytest.fixture
def shared_data():
    """A function from a name under the shared data to its path; skips the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs the shared market data: ../shared/data/{name}")
        return path

    return find


@pytest.fixture(autouse=True)
def _fence(monkeypatch: pytest.MonkeyPatch):
    """No test may open a connection to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
            raise AssertionError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
