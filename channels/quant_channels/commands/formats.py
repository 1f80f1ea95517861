"""Which installed stream feed reads a file, by the name of its format or by the file's own name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from quant_contracts.protocols import StreamFeed

GROUP: Final = "quant_engine.streams"
WHERE: Final = "catalog ingest"

FRAMES: Final = "recording"
"""The format of files of recorded frames, .jsonl or .jsonl.gz."""
BY_DOMAIN: Final = {
    "trades": "trades_file",
    "options": "options_file",
    "surface": "stored",
    "sentiment": "documents",
}
"""The format of any other file."""


def usual_format(domain: str, file: str) -> str:
    """The format of a file of that name; what holds recorded frames can hold several domains.

    >>> usual_format("trades", "day.jsonl.gz"), usual_format("trades", "day.parquet")
    ('recording', 'trades_file')
    """
    lines = ".jsonl" in PurePath(file).suffixes[-2:]
    if domain not in BY_DOMAIN or (lines and domain in {"trades", "options"}):
        return FRAMES
    return BY_DOMAIN[domain]


def stream_of(name: str, given: Mapping[str, object], settings: Mapping[str, str]) -> StreamFeed:
    """The feed of the installed format `name` over a file.

    `given` holds path, domain, symbol and the like; `settings` those of `--set`, as text. Raises ConfigError
    for a name nobody brings, and for settings that do not fit.
    """
    import msgspec

    from quant_channels.commands.installed import installed_part
    from quant_channels.commands.options import typed
    from quant_contracts.convert import convert
    from quant_contracts.errors import ConfigError
    from quant_contracts.protocols import DerivedFeed, StreamFeed

    kind = installed_part(GROUP, name, "format", WHERE)
    fields = {field.encode_name for field in msgspec.structs.fields(kind)}
    if "path" not in fields:
        raise ConfigError(
            f"{WHERE}: the format {name!r} reads no file; a backtest takes it as a source itself"
        )
    feed: Any = convert({**given, **typed(settings, kind)}, kind, f"{WHERE} ({name})")
    if isinstance(feed, DerivedFeed) or not isinstance(feed, StreamFeed):
        raise ConfigError(f"{WHERE}: the format {name!r} does not stand alone; take in what it is made from")
    return feed
