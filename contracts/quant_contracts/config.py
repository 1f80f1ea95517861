"""Reads a strategy from JSON or TOML text, or from the plain values such text holds."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, nearest, then
from quant_contracts.strategy import AccountSpec, DataSpec, PartSpec, RunSpec, Strategy, SymbolSpec

BLOCKS: Final[dict[str, Any]] = {
    "data": dict[str, DataSpec],
    "account": AccountSpec,
    "matching": PartSpec,
    "run": RunSpec,
}
SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9/:_.-]{0,39}")
NAME: Final = r'"[^"]+"|[^".]+'
MAX_BYTES: Final = 1_000_000
TOO_DEEP: Final = "nested too deeply to be a configuration"
TOO_LONG: Final = "a number has too many digits to be one"


def read_strategy(path: Path, overrides: Mapping[str, object] | None = None) -> Strategy:
    """The strategy in a `.json` or `.toml` file; every error names the file and the path inside it."""
    plain = read_plain(path)
    with naming(path):
        return build_strategy(override(plain, overrides or {}))


def read_plain(path: Path) -> dict[str, Any]:
    """The plain values in a `.json` or `.toml` file."""
    with naming(path):
        text = _text(path)
        return parse_toml(text) if path.suffix == ".toml" else parse_json(text)


@contextmanager
def naming(path: object) -> Iterator[None]:
    """What is wrong inside is wrong in the file `path`: a path in a configuration means little without it."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # The size of a pipe is not known before it has been read.
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError("no such file; check the path") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}; name a .json or .toml file") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"more than {MAX_BYTES:,} bytes are no configuration; is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start:,} is not UTF-8; save the file as UTF-8") from None


def parse_json(text: str) -> dict[str, Any]:
    """A JSON object without repeated keys, which the json module would let through."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ConfigError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ConfigError(TOO_DEEP) from None
    except ValueError:
        raise ConfigError(TOO_LONG) from None
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
        raise ConfigError(TOO_DEEP) from None
    except ValueError:
        raise ConfigError(TOO_LONG) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ConfigError(f"the key {key!r} is given twice; keep one of them")
        seen[key] = value
    return seen


def override(plain: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """A copy of `plain` with values replaced at dotted paths.

    A place in a list is its number, from 0. A name that holds a dot itself is put in double quotes.

    >>> override({"account": {"cash": 1}}, {"account.cash": 2, "run.seed": 7})
    {'account': {'cash': 2}, 'run': {'seed': 7}}
    """
    result: dict[str, Any] = dict(plain)
    for path, value in changes.items():
        result = _replaced(result, _names(path), value, "$")
    return result


def _names(path: str) -> list[str]:
    if not re.fullmatch(rf"({NAME})(\.({NAME}))*", path):
        raise ConfigError(
            f"{path!r} is no path; write names with a dot between, such as account.cash, "
            "and put a name that has a dot in double quotes"
        )
    return [name.strip('"') for name in re.findall(NAME, path)]


def _replaced(place: object, names: Sequence[str], value: object, path: str) -> Any:
    """A copy of `place` in which `value` stands under `names`; `path` is where `place` is."""
    if not names:
        return value
    name, *rest = names
    if isinstance(place, Mapping):
        return {**place, name: _replaced(place.get(name, {}), rest, value, f"{path}.{name}")}
    if isinstance(place, list):
        if not (name.isdecimal() and int(name) < len(place)):
            raise ConfigError(f"{path}: {name!r} is no place in this list; it has 0 to {len(place) - 1}")
        index = int(name)
        changed = _replaced(place[index], rest, value, f"{path}[{index}]")
        return [*place[:index], changed, *place[index + 1 :]]
    raise ConfigError(f"{path}: holds {place!r}, in which no {name!r} can be set")


def build_strategy(plain: Mapping[str, Any]) -> Strategy:
    """The strategy described by plain values laid out as in a file.

    Where a part has a default, settings without a class are settings of that default.
    """
    strategies: dict[str, SymbolSpec] = {}
    blocks: dict[str, Any] = {}
    for key, value in plain.items():
        if key in BLOCKS:
            blocks[key] = convert(_block(key, value), BLOCKS[key], f"$.{key}")
        elif SYMBOL.fullmatch(key):
            strategies[key] = _symbol(key, value)
        else:
            raise ConfigError(
                then(
                    f"$: unknown key {key!r}; {nearest(key, BLOCKS)}",
                    "a symbol is in capitals, such as BTCUSDT",
                )
            )
    if not strategies:
        raise ConfigError('$: nothing to trade; add a symbol such as "BTCUSDT": {"strategy": {...}}')
    for symbol in blocks.get("data", ()):
        if not SYMBOL.fullmatch(symbol):
            raise ConfigError(f"$.data: {symbol!r} is no symbol; write it in capitals, such as BTCUSDT")
    # Without a data block each traded symbol implies one with the documented defaults.
    data = blocks.pop("data", None) or {symbol: DataSpec() for symbol in strategies}
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
    return convert(_with_classes(value["strategy"], SymbolSpec), SymbolSpec, f"{path}.strategy")


def _block(key: str, value: object) -> object:
    if key == "matching":
        return _with_classes({key: value}, Strategy)[key]
    if key == "data" and isinstance(value, Mapping):
        return {symbol: _with_classes(stream, DataSpec) for symbol, stream in value.items()}
    return value


def _with_classes(value: Any, kind: type[msgspec.Struct]) -> Any:
    """`value`, with the class of the default added to every part that has only settings."""
    if not isinstance(value, Mapping):
        return value
    named = dict(value)
    for field in msgspec.structs.fields(kind):
        part = value.get(field.encode_name)
        if isinstance(field.default, PartSpec) and isinstance(part, Mapping) and "class" not in part:
            named[field.encode_name] = {"class": field.default.name, **part}
    return named
