"""What people wrote, when it could be known, and what models made of it."""

from __future__ import annotations

from quant_contracts.events.base import Event
from quant_contracts.units import Fraction, Nanos


class Document(Event, frozen=True, gc=False):
    """One version of one text about one symbol, with the models' outputs on it.

    Bitemporal: `ts_event` is when its source says that it was published or revised, `first_seen` when
    we saw this version, `ts_known` from when a run may use it: `first_seen` plus the declared delay.
    An edit is a new version, a deletion a version without text; earlier ones stay as they were.
    """

    ts_event: Nanos
    ts_known: Nanos
    symbol: str
    relevance: Fraction
    """How much the text is about the symbol, 0 to 1."""
    doc_id: str
    source: str
    """Which feed of which kind, such as `rss:coindesk`."""
    url: str
    text: str
    first_seen: Nanos
    ingested: Nanos
    """When it was written to the store; not before it was seen."""
    revision: int = 0
    """0 for the first version, then counting up."""
    is_deleted: bool = False
    weight: Fraction = 1.0
    """Of its source."""
    vader: float | None = None
    """Compound score, -1 to 1."""
    finbert: tuple[float, float, float] | None = None
    """Probabilities of positive, negative, neutral; None where the model was not there."""
    models: tuple[str, ...] = ()
    """Name, version and digest of each model whose output stands here."""
    is_assumed: bool = False
    """True where nobody recorded `first_seen` and a declared assumption stands in for it."""
