"""An installed part by its name, ours or of another package."""

from __future__ import annotations

from typing import Any


def installed_part(group: str, name: str, what: str, path: str) -> type[Any]:
    """The type called `name` in a group of entry points; `path` says where the name was written.

    Raises ConfigError for a name nobody brings, and for a part without settings that could be given.
    """
    from importlib.metadata import entry_points

    import msgspec

    from quant_contracts.errors import ConfigError, nearest

    points = {point.value: point for point in entry_points(group=group, name=name)}
    if not points:
        names = {point.name for point in entry_points(group=group)}
        raise ConfigError(f"{path}: no {what} is called {name!r}; {nearest(name, names)}")
    if len(points) > 1:
        raise ConfigError(f"{path}: {name!r} stands for {' and '.join(sorted(points))}; uninstall one")
    (point,) = points.values()
    try:
        kind = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path}: the {what} {name!r} cannot be loaded: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        raise ConfigError(f"{path}: the {what} {name!r} has no settings that could be given")
    return kind
