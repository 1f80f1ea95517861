"""Reads a strategy from JSON or TOML text, or from the plain values such text holds."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, nearest
from quant_contracts.strategy import AccountSpec, DataSpec, PartSpec, RunSpec, Strategy, SymbolSpec

BLOCKS: Final[dict[str, Any]] = {
    "data": dict[str, DataSpec],
    "account": AccountSpec,
    "matching": PartSpec,
    "run": RunSpec,
}
SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9/:_.-]{1,39}")
MAX_BYTES: Final = 1_000_000


def read_strategy(path: Path, overrides: Mapping[str, object] | None = None) -> Strategy:
    """The strategy in a `.json` or `.toml` file; every error names the file and the path inside it."""
    plain = read_plain(path)
    try:
        return build_strategy(override(plain, overrides or {}))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def read_plain(path: Path) -> dict[str, Any]:
    """The plain values in a `.json` or `.toml` file."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigError(f"{path}: {size:,} bytes is no configuration; the limit is {MAX_BYTES:,}")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from None
    try:
        return parse_toml(text) if path.suffix == ".toml" else parse_json(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse_json(text: str) -> dict[str, Any]:
    """A JSON object; refuses repeated keys, NaN and Infinity, which the json module would let through."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ConfigError("nested too deeply to be a configuration") from None
    if not isinstance(value, dict):
        raise ConfigError("expected an object that starts with {")
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error)) from None
    except RecursionError:
        raise ConfigError("nested too deeply to be a configuration") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ConfigError(f"the key {key!r} is given twice")
        seen[key] = value
    return seen


def _no_constant(text: str) -> NoReturn:
    raise ConfigError(f"{text} is not a usable number")


def override(plain: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """A copy of `plain` with values replaced at dotted paths.

    >>> override({"account": {"cash": 1}}, {"account.cash": 2, "run.seed": 7})
    {'account': {'cash': 2}, 'run': {'seed': 7}}
    """
    result: dict[str, Any] = dict(plain)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = result
        for name in parents:
            below = place.get(name, {})
            if not isinstance(below, Mapping):
                raise ConfigError(f"cannot set {path!r}: {name!r} holds a plain value")
            place[name] = dict(below)
            place = place[name]
        place[last] = value
    return result


def build_strategy(plain: Mapping[str, Any]) -> Strategy:
    """The strategy described by plain values laid out as in a file."""
    strategies: dict[str, SymbolSpec] = {}
    blocks: dict[str, Any] = {}
    for key, value in plain.items():
        if key in BLOCKS:
            blocks[key] = convert(value, BLOCKS[key], f"$.{key}")
        elif SYMBOL.fullmatch(key):
            strategies[key] = _symbol(key, value)
        else:
            raise ConfigError(
                f"$: unknown key {key!r}; {nearest(key, BLOCKS)}; a symbol is in capitals, such as BTCUSDT"
            )
    if not strategies:
        raise ConfigError('$: nothing to trade; add a symbol such as "BTCUSDT": {"strategy": {...}}')
    # Without a data block each traded symbol implies one with the documented defaults.
    data = blocks.pop("data", None) or {symbol: DataSpec() for symbol in strategies}
    for symbol in strategies:
        if symbol not in data:
            raise ConfigError(f"$.{symbol}: not declared in $.data; {nearest(symbol, data)}")
    return Strategy(strategies=strategies, data=data, **blocks)


def _symbol(symbol: str, value: object) -> SymbolSpec:
    path = f"$.{symbol}"
    if not isinstance(value, Mapping):
        raise ConfigError(f'{path}: expected an object with the key "strategy"')
    for key in value:
        if key != "strategy":
            raise ConfigError(f"{path}: unknown key {key!r}; {nearest(key, ['strategy'])}")
    if "strategy" not in value:
        raise ConfigError(f'{path}: missing "strategy"')
    return convert(value["strategy"], SymbolSpec, f"{path}.strategy")
