"""Reads `--set path=value` options."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from quant_contracts.errors import ConfigError


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Dotted paths to values. A value is JSON where it reads as such, otherwise text.

    A number with a point is a Decimal, which becomes exact money or a float as its field wants it.

    >>> parse_settings(["run.seed=7", "account.cash=2500.50", "run.trace=full"])
    {'run.seed': 7, 'account.cash': Decimal('2500.50'), 'run.trace': 'full'}
    """
    parsed: dict[str, Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise ConfigError(f"--set {setting!r}: write it as path=value, such as account.cash=5000")
        if path in parsed:
            raise ConfigError(f"--set {setting!r}: {path} is set twice; keep one of them")
        try:
            parsed[path] = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            parsed[path] = text
    return parsed
