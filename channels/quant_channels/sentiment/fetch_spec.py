"""What a loader is told to do: its sources by name, how its client asks, and which models score the texts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from quant_channels.sentiment.fetching import Limits
from quant_channels.sentiment.pipeline import SentimentPipeline
from quant_contracts.config import naming, read_plain
from quant_contracts.convert import convert
from quant_contracts.strategy import PartSpec


class FetchSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The static description of a loader. Says nothing of when or where to."""

    sources: list[PartSpec]
    """Each with its own `every`, from look to look."""
    client: Limits = Limits()
    scores: SentimentPipeline = SentimentPipeline()
    """Models whose outputs are stored with the texts."""

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError('sources is empty; add one such as {"class": "rss", "params": {...}}')


def read_fetch_spec(path: Path) -> FetchSpec:
    """The description in a `.json` or `.toml` file; every error names the file and the path inside it."""
    plain = read_plain(path)
    with naming(path):
        return convert(plain, FetchSpec, "$")
