"""The public kit for authors of parts: sample data, and a check for every promise of every contract.

Write a part, give its factory to the kit, and it says which promises are broken, with what was given,
what was expected and what came:

>>> from collections.abc import Mapping
>>> import msgspec
>>> from quant_contracts.protocols import FeatureSpec
>>> from quant_contracts.testing import run_checks
>>> class Overheated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
...     window: int = 14
...
...     @property
...     def needs(self) -> tuple[FeatureSpec, ...]:
...         return (FeatureSpec("RSI", {"window": self.window}),)
...
...     def predict(self, features: Mapping[str, float], /) -> float:
...         return (50.0 - features[f"rsi_{self.window}"]) / 40.0
>>> [result.name for result in run_checks("models", Overheated) if result.verdict == "broken"]
['score_is_within_bounds']

In a test suite:

    @pytest.mark.parametrize("result", run_checks("models", MyModel), ids=lambda result: result.name)
    def test_my_model(result):
        assert result.verdict != "broken", result.detail

From a shell, in the folder of the module: `quant-engine check my_package:Overheated`.

    samples                         bars and streams of every temper, and feeds that deliver them
    reference                       the as-of view of each stream, straight from its definition
    parts                           what holds for every part
    features models decisions risk execution matching desks portfolios handlers feeds streams
    stream_handlers                 what holds for one kind: its `check_<promise>` functions
    rows                            the features that models, decisions and risk rules are shown
    kit                             all of it by kind
"""

from quant_contracts.testing.kit import Check, CheckResult, checks_for, kind_of, made, run_checks
from quant_contracts.testing.promise import BrokenPromise
from quant_contracts.testing.rows import FeatureSpy, Row, channel_rows, invented_rows

__all__ = [
    "BrokenPromise",
    "Check",
    "CheckResult",
    "FeatureSpy",
    "Row",
    "channel_rows",
    "checks_for",
    "invented_rows",
    "kind_of",
    "made",
    "run_checks",
]
