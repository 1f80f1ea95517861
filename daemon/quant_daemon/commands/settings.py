"""Reads `--set path=value` options."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from quant_contracts.errors import ConfigError


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Dotted paths to values. A value is JSON where it reads as such, otherwise text.

    Numbers with a point stay text until their field says what they are, so that money stays exact.

    >>> parse_settings(["run.seed=7", "account.cash=2500.50", "run.trace=full"])
    {'run.seed': 7, 'account.cash': '2500.50', 'run.trace': 'full'}
    """
    parsed: dict[str, Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise ConfigError(f"--set {setting!r}: write it as path=value, such as account.cash=5000")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        parsed[path] = text if isinstance(value, float) and path.startswith(("account.", "data.")) else value
    return parsed
