"""Finds parts by entry point: ours and a stranger's by the same door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, nearest, then

PREFIX: Final = "quant_engine."

KINDS: Final = {
    "features": "feature channel",
    "models": "model",
    "decisions": "decision",
    "risk": "risk rule",
    "policies": "execution policy",
    "routers": "router",
    "slippage": "slippage model",
    "matching": "matching engine",
    "execution": "execution engine",
    "portfolios": "portfolio",
    "handlers": "data handler",
    "feeds": "feed",
    "stream_handlers": "stream handler",
    "streams": "stream feed",
}
"""Entry point groups that hold parts of a run, and what one of their members is called."""

LISTED: Final = {**KINDS, "document_sources": "source of documents"}
"""The same, and what `documents fetch` reads from, which no run does."""


@cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """Every entry point of a group by name, sorted; a name two wheels claim is refused."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=PREFIX + group), key=lambda point: (point.name, point.value)):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise ConfigError(
                f"{point.name!r} stands twice among the {group}: {other.value} and {point.value}; "
                "uninstall one"
            )
        found[point.name] = point
    return MappingProxyType(found)


def group_of(name: str, groups: Iterable[str], otherwise: str = "") -> str:
    """The one of `groups` that holds a part called `name`; `otherwise` is what helps where none does."""
    places = {group: installed(group) for group in groups}
    found = [group for group, points in places.items() if name in points]
    if not found:
        names = {known for points in places.values() for known in points}
        lack = f"no installed part is called {name!r}; {nearest(name, names)}"
        raise ConfigError(then(lack, otherwise) if otherwise else lack)
    if len(found) > 1:
        raise ConfigError(f"{name!r} is the name of {' and '.join(found)}; say which with --kind")
    return found[0]


@cache
def _released(group: str, name: str) -> str:
    """Version of the distribution that brings an installed part; read once, for it lies in a file."""
    distribution = installed(group)[name].dist
    return distribution.version if distribution is not None else "unknown"


class Registry:
    """Looks up part types by name and builds them from plain settings.

    `local` adds types that are not installed, by group and name: how a notebook hands over its own.
    """

    def __init__(self, local: Mapping[str, Mapping[str, type[Any]]] | None = None) -> None:
        self._local = local or {}

    def find(self, group: str, name: str, path: str) -> type[Any]:
        """The type called `name` in `group`; `path` says where the name was written."""
        local = self._local.get(group, {})
        if name in local:
            return local[name]
        points = installed(group)
        if name not in points:
            raise ConfigError(
                f"{path}: no {LISTED[group]} is called {name!r}; {nearest(name, [*points, *local])}"
            )
        try:
            kind = points[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"{path}: {LISTED[group]} {name!r} cannot be loaded: {error}") from error
        assert isinstance(kind, type)
        return kind

    def build(self, group: str, name: str, params: Mapping[str, Any], path: str) -> Any:
        """A new part; an unknown or unfit setting is refused with the valid names."""
        return convert(dict(params), self.find(group, name, path), f"{path} ({name})")

    def version(self, group: str, name: str) -> str:
        """Version of the distribution the part comes from; `local` for one that was handed over."""
        if name in self._local.get(group, {}):
            return "local"
        return _released(group, name)
