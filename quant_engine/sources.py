"""Which feed reads what a user points at."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from quant_contracts.errors import ConfigError
from quant_contracts.strategy import PartSpec

FILE_FEEDS: Final = {".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv"}
"""Feed by the ending of a file's name."""


def feed_of(path: str | Path) -> PartSpec:
    """The feed for a file of bars or the directory of a journal.

    >>> feed_of("btc_2022.parquet")
    PartSpec(name='parquet', params={'path': 'btc_2022.parquet'})
    """
    place = Path(path)
    if place.is_dir():
        return PartSpec("journal", {"path": str(place)})
    for ending, feed in FILE_FEEDS.items():
        if place.name.endswith(ending):
            return PartSpec(feed, {"path": str(place)})
    if not place.exists():
        raise ConfigError(f"{place}: no such file or directory")
    raise ConfigError(f"{place}: bars are read from {', '.join(FILE_FEEDS)} files and journal directories")
