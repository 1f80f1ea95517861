"""What is to be known of an installed part before it is named in a configuration. Opens nothing."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quant_contracts.errors import ConfigError
from quant_contracts.protocols import AnyChannel, ReadingChannel, Stream
from quant_daemon.registry import Registry, installed

WORDS: Final[Mapping[Any, str]] = {
    int: "whole number",
    float: "number",
    Decimal: "exact number, as text",
    str: "text",
    bool: "true or false",
    types.NoneType: "null",
    Any: "anything",
}
"""Types as a person who writes JSON would call them."""

FROM_DATA: Final = {
    "feeds": ("symbol", "venue", "interval", "repair", "tick"),
    "streams": ("domain", "symbol", "venue", "tick", "lot"),
}
"""Settings of sources that follow from where in `data` they are declared."""

MADE_WITH: Final = ("handlers", "stream_handlers", "execution")
"""Groups of plain classes: the first thing they are made with is handed over, the rest are settings."""


class Setting(msgspec.Struct, frozen=True):
    """One setting of a part."""

    name: str
    type: str
    """In plain words."""
    required: bool
    default: Any
    """As it would stand in a file, None where it is required."""
    from_data: bool
    """True where it follows from `data` and is not written among the part's own."""
    text: str
    """What its author says of it, empty where that cannot be had."""


class Channel(msgspec.Struct, frozen=True):
    """What a feature channel says of itself when it is made with its defaults."""

    outputs: tuple[str, ...]
    reads: tuple[str, ...]
    """The streams it reads beside its bars."""
    warmup: int


class About(msgspec.Struct, frozen=True):
    """One installed part."""

    name: str
    kind: str
    summary: str
    """The first paragraph of its docstring."""
    settings: tuple[Setting, ...]
    channel: Channel | None
    """None for other parts, and for a channel that cannot be made with its defaults alone."""
    unmade: str
    """Why a channel could not be made, empty otherwise."""
    where: str
    package: str
    version: str


def about(group: str, name: str) -> About:
    """What is to be known of the part called `name` in `group`."""
    registry, point = Registry(), installed(group)[name]
    kind = registry.find(group, name, "plugins")
    settings = tuple(_settings(group, kind))
    missing = [setting.name for setting in settings if setting.required]
    channel, unmade = None, ""
    if group == "features" and missing:
        unmade = f"follow from {' and '.join(missing)}, which must be given"
    elif group == "features":
        try:
            channel = _channel(registry.build(group, name, {}, name))
        except ConfigError as error:
            unmade = str(error)
    return About(
        name,
        group,
        summary_of(kind),
        settings,
        channel,
        unmade,
        point.value,
        point.dist.name if point.dist else "unknown",
        point.dist.version if point.dist else "unknown",
    )


def summary_of(kind: type) -> str:
    """The first paragraph of a docstring in one line."""
    return " ".join((kind.__doc__ or "").partition("\n\n")[0].split())


def stream_name(stream: Stream) -> str:
    """A stream that is read, as a plan names it."""
    return f"{stream.domain} of {stream.symbol}" if stream.symbol else stream.domain


def plain_type(kind: Any) -> str:
    """A type in the words of somebody who writes JSON.

    >>> plain_type(int | None), plain_type(list[str]), plain_type(typing.Literal["a", "b"])
    ('whole number or null', 'list of text', 'one of "a", "b"')
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        said = [each.description for each in kind.__metadata__ if isinstance(each, msgspec.Meta)]
        return next(filter(None, said), plain_type(arguments[0]))
    if origin is typing.Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in arguments)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(map(plain_type, arguments))
    if origin in {list, tuple}:
        return f"list of {plain_type(arguments[0])}"
    if origin is dict:
        return f"object of {plain_type(arguments[1])}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "object"
    return WORDS.get(kind, str(getattr(kind, "__name__", kind)))


def _settings(group: str, kind: type[Any]) -> Iterator[Setting]:
    texts, from_data = _field_texts(kind), FROM_DATA.get(group, ())
    if issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            default = field.default
            if field.default_factory is not msgspec.NODEFAULT:
                default = field.default_factory()
            yield Setting(
                field.encode_name,
                plain_type(field.type),
                field.required,
                None if field.required else msgspec.to_builtins(default),
                field.encode_name in from_data,
                texts.get(field.name, ""),
            )
        return
    parameters = [*inspect.signature(kind, eval_str=True).parameters.values()]
    for parameter in parameters[group in MADE_WITH :]:
        required = parameter.default is inspect.Parameter.empty
        untyped = parameter.annotation is inspect.Parameter.empty
        yield Setting(
            parameter.name,
            "anything" if untyped else plain_type(parameter.annotation),
            required,
            None if required else msgspec.to_builtins(parameter.default),
            False,
            "",
        )


def _field_texts(kind: type) -> dict[str, str]:
    """What stands under each field in the source, which nothing keeps at run time; {} without a source."""
    import ast  # noqa: PLC0415 - a plan asks for names only

    found: dict[str, str] = {}
    for layer in reversed(kind.__mro__):
        if layer.__module__ in {"builtins", "msgspec", "msgspec._core"}:
            continue
        try:
            module = ast.parse(inspect.getsource(sys.modules[layer.__module__]))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef) and node.name == layer.__name__:
                for field, below in zip(node.body, node.body[1:], strict=False):
                    match field, below:
                        case (
                            ast.AnnAssign(target=ast.Name(id=name)),
                            ast.Expr(value=ast.Constant(value=str(text))),
                        ):
                            found[name] = " ".join(text.split())
    return found


def _channel(channel: AnyChannel) -> Channel:
    reads = channel.reads if isinstance(channel, ReadingChannel) else ()
    return Channel(channel.outputs, tuple(map(stream_name, reads)), channel.warmup)
