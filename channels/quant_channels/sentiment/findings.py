"""What a feed of documents counts as they go by, for the table of data quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from quant_channels.sentiment.versions import Output, Version
from quant_contracts.protocols import QualityRow
from quant_contracts.units import Nanos

CHECKS: Final = {
    "assumed_first_seen": "nobody recorded when the text was seen; the declared assumption stands in",
    "refused_row": "a row without id or text, or that cannot be read",
    "no_time": "neither first sight nor a time of publishing",
    "published_ahead": "published after it was seen, by its source's clock; the time of sight counts",
    "duplicate_url": "the same address again",
    "duplicate_text": "the same words again",
    "duplicate_simhash": "nearly the same words again, by their hash",
    "duplicate_jaccard": "nearly the same words again, by their share",
    "edited": "a later version of a document",
    "deleted": "a document that was taken back",
    "stored_scores": "scored when it was recorded; those scores count",
    "scored_now": "scored while it was read",
}
"""Every check in the order of the table, with what a finding means."""


class Findings(msgspec.Struct, dict=True):
    """The findings about one symbol's documents so far. Its size does not grow with them."""

    symbol: str
    assumption: str = ""
    """What was declared for texts whose first sight nobody recorded."""

    def __post_init__(self) -> None:
        self._rows: dict[str, QualityRow] = {}

    def add(self, check: str, count: int, ts: Nanos | None = None, example: str = "") -> None:
        """Count `count` more of `check`; time and example are kept from the first."""
        if count:
            row = self._rows.get(check) or QualityRow(self.symbol, check, 0, "-", ts, example)
            self._rows[check] = msgspec.structs.replace(row, count=row.count + count)

    def duplicate(self, version: Version) -> None:
        """A document that is left out because its story was delivered before."""
        assert version.duplicate is not None
        text = f"{version.doc_id} repeats {version.duplicate.of}"
        self.add(f"duplicate_{version.duplicate.rule}", 1, version.first_seen, text)

    def version(self, version: Version) -> None:
        """A version that is delivered."""
        ts = version.first_seen
        if version.is_assumed:
            self.add("assumed_first_seen", 1, ts, f"taken as seen at {self.assumption}")
        said = version.published if version.revision == 0 else version.revised
        if said is not None and said > ts:
            self.add("published_ahead", 1, ts, version.doc_id)
        if version.is_deleted:
            self.add("deleted", 1, ts)
        elif version.revision:
            self.add("edited", 1, ts)

    def scored(self, outputs: Sequence[Sequence[Output]], now: int) -> None:
        """Where the scores of delivered versions came from, `now` of them from us."""
        stored = len([made for made in outputs if made]) - now
        self.add("stored_scores", stored)
        self.add("scored_now", now)

    def table(self) -> tuple[QualityRow, ...]:
        """Everything found, in the order of `CHECKS`."""
        return tuple(self._rows[check] for check in CHECKS if check in self._rows)
