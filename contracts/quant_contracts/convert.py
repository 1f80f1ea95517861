"""Turns plain values from a file into typed ones, and says helpfully why it cannot.

msgspec does the converting. This adds what a person needs after a slip: the path, the nearest valid
name, and a refusal of values that would fail later and further away: numbers that are none, or too
large to be stored, or that would make money inexact, and text that no file can hold.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, TypeVar

import msgspec

from quant_contracts.errors import ConfigError, nearest

T = TypeVar("T")

LARGEST_INT = 2**63 - 1
"""What 64 bits hold: times, seeds and counts are stored so."""

EXPONENT = 18
"""Amounts have at most this many decimals, and as many digits ahead of them, and one more."""


def convert(value: object, kind: type[T], path: str) -> T:
    """`value` as a `kind`; raises `ConfigError` with the path of what is wrong, `path` being its own."""
    try:
        _check(value, kind, path)
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply; keep it flat") from None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        if where.startswith("[...]") and isinstance(value, Mapping):
            # msgspec does not say under which key of a mapping; each item alone does.
            for key, item in value.items():
                convert(item, _item_kind(kind), f"{path}.{key}")
        raise ConfigError(f"{path}{where.rstrip('`')}: {_plain(what)}{_names(what, where, kind)}") from None
    except (ValueError, ArithmeticError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _plain(message: str) -> str:
    return message.replace("`", "'").replace("Object missing required field", "missing")


def _names(message: str, where: str, kind: Any) -> str:
    """The values that a missing field of `kind` itself could have, where they have names."""
    _, _, field = message.partition("missing required field ")
    choices = _choices((_fields(kind) or {}).get(field.strip("`"))) if field and not where else ()
    return f"; it is one of {', '.join(map(repr, choices))}" if choices else ""


def _check(value: object, kind: Any, path: str) -> None:
    """Walk `value` beside the type it should have; refuse unknown keys and unfit numbers by path."""
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise ConfigError(f"{path}: {value} is not a usable number; write a finite one")
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        raise ConfigError(f"{path}: a whole number is at most {LARGEST_INT:,} either way")
    if isinstance(value, str) and not _is_writable(value):
        raise ConfigError(f"{path}: {value!r} holds half a character; write whole ones")
    if Decimal in _options(kind):
        _check_amount(value, path)
    if example := _example(kind):
        _check_text(value, example, path)
    choices = _choices(kind)
    if choices and value not in choices:
        raise ConfigError(f"{path}: {value!r} is not among {', '.join(map(repr, choices))}")
    if isinstance(value, Mapping):
        fields = _fields(kind)
        for key, item in value.items():
            if fields is None:
                _check(item, _item_kind(kind), f"{path}.{key}")
            elif key in fields:
                _check(item, fields[key], f"{path}.{key}")
            else:
                raise ConfigError(f"{path}: unknown key {key!r}; {nearest(str(key), fields)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, _item_kind(kind), f"{path}[{index}]")


def _check_text(value: object, example: msgspec.Meta, path: str) -> None:
    if value is None or isinstance(value, str):
        return
    first, *_ = example.examples or ("",)
    raise ConfigError(f'{path}: {value} is no {example.description}; write text such as "{first}"')


def _check_amount(value: object, path: str) -> None:
    if isinstance(value, float):
        raise ConfigError(f"{path}: write {value} as a string, so that money stays exact")
    if not isinstance(value, str | Decimal):
        return
    try:
        amount = Decimal(value)
    except ArithmeticError:
        raise ConfigError(f"{path}: {value!r} is not a number; write one such as '0.01'") from None
    if not amount.is_finite():
        raise ConfigError(f"{path}: {value} is not a usable amount; write a finite one")
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -EXPONENT or amount.adjusted() > EXPONENT:
        raise ConfigError(
            f"{path}: {value} is not a usable amount; write one below 1e{EXPONENT + 1} "
            f"with at most {EXPONENT} decimals"
        )


def _is_writable(text: str) -> bool:
    """False for one half of a surrogate pair, which JSON can spell and nothing can encode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _example(kind: Any) -> msgspec.Meta | None:
    """What is said of a text that is more than text, such as a length of time; None for other types."""
    for option in _options(kind):
        if typing.get_origin(option) is typing.Annotated:
            for said in option.__metadata__:
                if isinstance(said, msgspec.Meta) and said.examples:
                    return said
    return None


def _choices(kind: Any) -> tuple[Any, ...]:
    """All values that a type of named values has, None among them where it is one; () for other types."""
    found: list[Any] = []
    for option in _options(kind):
        if typing.get_origin(option) is typing.Literal:
            found += typing.get_args(option)
        elif option is NoneType:
            found.append(None)
        else:
            return ()
    return () if found == [None] else tuple(found)


def _fields(kind: Any) -> dict[str, Any] | None:
    """Names and types of the fields of a Struct, also inside a union; None for anything else."""
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return {field.encode_name: field.type for field in msgspec.structs.fields(option)}
    return None


def _item_kind(kind: Any) -> Any:
    for option in _options(kind):
        if arguments := typing.get_args(option):
            return arguments[-1]
    return Any


def _options(kind: Any) -> tuple[Any, ...]:
    union = isinstance(kind, UnionType) or typing.get_origin(kind) is typing.Union
    return typing.get_args(kind) if union else (kind,)
