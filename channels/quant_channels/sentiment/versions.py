"""One version of one text as the store keeps it: what it said, when it said so, and when we saw it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from quant_channels.sentiment.text.duplicates import Duplicate
from quant_contracts.units import Nanos

VADER: Final = "vader"
FINBERT: Final = "finbert"


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one model made of one version."""

    kind: Literal["vader", "finbert"]
    model: str
    """Name, version and digest of the model."""
    values: tuple[float, ...]
    """The compound score of VADER; probabilities of positive, negative, neutral of FinBERT."""

    def __post_init__(self) -> None:
        if self.kind == VADER:
            lawful = len(self.values) == 1 and -1 <= self.values[0] <= 1
        else:
            lawful = len(self.values) == 3 and all(0 <= value <= 1 for value in self.values)
        if not lawful:
            raise ValueError(f"values of {self.kind} must be its scores, not {self.values}")


class Version(msgspec.Struct, frozen=True, tag="version", omit_defaults=True):
    """One version of one text. Never changed: an edit or a deletion is the next version.

    Four times: `published` and `revised` are what its source claims, by the source's clock; `first_seen`
    is when we first saw this version; `ingested` when it was written down.
    """

    doc_id: str
    """Source and the source's own name for the text, `rss:coindesk/123`."""
    source: str
    revision: int
    first_seen: Nanos
    ingested: Nanos
    url: str = ""
    title: str = ""
    text: str = ""
    published: Nanos | None = None
    revised: Nanos | None = None
    is_deleted: bool = False
    duplicate: Duplicate | None = None
    """What it repeats and by which rule that was found; None where it is new."""
    outputs: tuple[Output, ...] = ()
    is_assumed: bool = False
    """True where `first_seen` is an assumption. Never in a store."""

    @property
    def words(self) -> str:
        """Title and text as one."""
        return f"{self.title}\n{self.text}".strip()

    @property
    def ts_event(self) -> Nanos:
        """When its source says that this version appeared; never after we saw it, whatever it says."""
        said = self.published if self.revision == 0 else self.revised
        return min(self.first_seen if said is None else said, self.first_seen)


class Memory(msgspec.Struct, frozen=True, tag="memory"):
    """What a source wants to be handed at its next look."""

    source: str
    ts: Nanos
    values: dict[str, str]


class Decision(msgspec.Struct, frozen=True):
    """Why a version counts, or does not."""

    doc_id: str
    revision: int
    first_seen: Nanos
    kind: Literal["new", "edit", "deletion", "duplicate"]
    of: str = ""
    rule: str = ""
    measure: float = 0.0

    def __str__(self) -> str:
        if self.kind != "duplicate":
            return f"{self.doc_id} revision {self.revision}: {self.kind}"
        return (
            f"{self.doc_id} revision {self.revision}: repeats {self.of}, which was seen first "
            f"({self.rule} {self.measure:g})"
        )


def decision_of(version: Version) -> Decision:
    """The decision that stands in a version."""
    told = (version.doc_id, version.revision, version.first_seen)
    if version.is_deleted:
        return Decision(*told, "deletion")
    if version.duplicate is not None:
        return Decision(*told, "duplicate", *msgspec.structs.astuple(version.duplicate))
    return Decision(*told, "edit" if version.revision else "new")
