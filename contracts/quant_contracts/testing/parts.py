"""What holds for every part: it has the shape of its contract, and plain settings that are checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import msgspec

from quant_contracts.convert import convert
from quant_contracts.testing.promise import BrokenPromise

PartT = TypeVar("PartT")

NO_SETTING: Final = "no_such_setting"


def check_shape(part: object, contract: type) -> None:
    """It has every property and method of its contract, and each method takes what it will be handed."""
    for name, promised in members(contract).items():
        if not hasattr(part, name):
            raise BrokenPromise(
                part,
                f"a {contract.__name__} has {name!r}",
                given=f"the promise of {contract.__name__}.{name}: {_first_line(promised)}",
                expected=_declaration(name, promised),
                came=f"no {name!r}",
            )
        offered = getattr(part, name)
        if callable(offered) is isinstance(promised, property):
            raise BrokenPromise(
                part,
                f"{name!r} is a {'property' if isinstance(promised, property) else 'method'}",
                given=f"the promise of {contract.__name__}.{name}: {_first_line(promised)}",
                expected=_declaration(name, promised),
                came=f"a {type(offered).__name__}",
            )
        if not isinstance(promised, property) and not _takes(offered, promised):
            raise BrokenPromise(
                part,
                f"{name!r} takes what its contract hands over",
                given=f"the promise of {contract.__name__}.{name}: {_first_line(promised)}",
                expected=_declaration(name, promised),
                came=f"def {name}{inspect.signature(offered)}",
            )


def check_settings_survive_a_file(factory: Callable[[], msgspec.Struct]) -> None:
    """Its settings can be written to JSON, and a part made from that is the same part."""
    part = factory()
    again = convert(msgspec.json.decode(msgspec.json.encode(part)), type(part), "settings")
    if msgspec.to_builtins(again) != msgspec.to_builtins(part):
        raise BrokenPromise(
            part,
            "a part made from its written settings is the same",
            given=msgspec.json.encode(part).decode(),
            expected=part,
            came=again,
        )


def check_unknown_settings_are_refused(factory: Callable[[], msgspec.Struct]) -> None:
    """A setting it does not have, such as a misspelt one, is refused by name (`forbid_unknown_fields`)."""
    part = factory()
    settings = msgspec.to_builtins(part)
    misspelt = {_misspelt(name): name for name in settings}
    for wrong, right in {NO_SETTING: "", **misspelt}.items():
        given = {wrong if name == right else name: value for name, value in settings.items()}
        given.setdefault(wrong, 1)
        try:
            came: object = msgspec.convert(given, type(part))
        except msgspec.ValidationError as error:
            if wrong in str(error):
                continue
            came = error
        raise BrokenPromise(
            part,
            "a setting it does not have is refused by name",
            given=given,
            expected=f"an error that names {wrong!r}; declare the Struct with forbid_unknown_fields=True",
            came=came,
        )


def check_settings_are_in_sight(factory: Callable[[], msgspec.Struct]) -> None:
    """`repr` shows every setting, and none is private: memory stays out of reach of a configuration."""
    part = factory()
    for field in msgspec.structs.fields(part):
        if field.name.startswith("_"):
            raise BrokenPromise(
                part,
                "settings are public",
                given=f"the field {field.name!r}",
                expected="memory is an attribute made in __post_init__ (dict=True permits it), not a field",
                came="a field, which a configuration could set",
            )
        shown = f"{field.name}={getattr(part, field.name)!r}"
        if shown not in repr(part):
            raise BrokenPromise(
                part,
                "repr shows every setting",
                given=f"the field {field.name!r}",
                expected=f"{shown!r} in its repr",
                came=repr(part),
            )


def from_its_settings(part: PartT) -> PartT:
    """A part made from the written settings of `part`; a plain class has none and comes back as it is."""
    if not isinstance(part, msgspec.Struct):
        return part
    return msgspec.json.decode(msgspec.json.encode(part), type=type(part))


def members(contract: type) -> dict[str, Any]:
    """What a Protocol names, its own and inherited, in the order of the text."""
    named: dict[str, Any] = {}
    for layer in reversed(contract.__mro__):
        if layer not in {object, Protocol} and layer.__module__ != "typing":
            named.update({name: it for name, it in vars(layer).items() if not name.startswith("_")})
    return named


def _takes(offered: Callable[..., object], promised: Callable[..., object]) -> bool:
    """True when `offered` can be called with as many arguments as `promised` declares."""
    kinds = [parameter.kind for parameter in inspect.signature(promised).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        # How many follow depends on the part's settings: playing it shows whether it takes them.
        return True
    try:
        inspect.signature(offered).bind(*[None] * (len(kinds) - 1))
    except TypeError:
        return False
    except ValueError:
        # A compiled method has no signature to read.
        return True
    return True


def _declaration(name: str, promised: Any) -> str:
    if isinstance(promised, property):
        return f"@property def {name}(self) -> {inspect.signature(promised.fget).return_annotation}"  # type: ignore[arg-type]
    return f"def {name}{inspect.signature(promised)}"


def _first_line(promised: Any) -> str:
    return (promised.__doc__ or "").strip().partition("\n")[0]


def _misspelt(name: str) -> str:
    """The name without its middle letter."""
    middle = len(name) // 2
    return f"{name[:middle]}{name[middle + 1 :]}_"


CHECKS: Final = (
    check_settings_survive_a_file,
    check_unknown_settings_are_refused,
    check_settings_are_in_sight,
)
