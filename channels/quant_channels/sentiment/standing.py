"""What the documents of one symbol say, as far as they are known, and averages of it over known time.

A document stands in an average at the moment its first version became known, with the value and weight
of the last version known. So an edit changes what it says and not when; a deletion takes it out; and
every average is a function of what is known and nothing else, however often somebody looked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from quant_channels.sentiment.text.fusion import Fusion, Probabilities
from quant_contracts.events import Document
from quant_contracts.units import Nanos

EDITABLE: Final = 2_000
"""Documents that can still be edited or taken back; the oldest go first and stand as they are for ever."""
SETTLED: Final = 20_000
"""Of those that go, how many are known for what they are when a later version comes."""


class Average:
    """A weighted mean whose weights halve every `half_life`, and the spread around it (West 1979).

    >>> average = Average(10)
    >>> average.add(0, 1.0, 1.0), average.add(10, 0.5, -1.0)
    (None, None)
    >>> average.mean, average.spread, average.faded(20)
    (0.0, 1.0, 0.0)
    """

    __slots__ = ("_half_life", "last", "mean", "squares", "weight")

    def __init__(self, half_life: Nanos) -> None:
        self._half_life = half_life
        self.last: Nanos | None = None
        """When the last value was added, None before the first."""
        self.weight = 0.0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, ts: Nanos, weight: float, value: float) -> None:
        """Take a value in that became known at `ts`, not before the last, with a weight above 0."""
        kept = self.decay(ts)
        self.last = ts
        self.squares *= kept
        self.weight = self.weight * kept + weight
        off = value - self.mean
        self.mean += off * (weight / self.weight)
        self.squares += weight * off * (value - self.mean)

    def decay(self, ts: Nanos) -> float:
        """What is left at `ts` of a weight that was whole when the last value was added."""
        return 1.0 if self.last is None else 2.0 ** ((self.last - ts) / self._half_life)

    def faded(self, ts: Nanos) -> float:
        """The mean on its way to 0: halved for each half-life since the last value."""
        return self.mean * self.decay(ts)

    @property
    def spread(self) -> float:
        """The weighted variance around the mean."""
        return max(0.0, self.squares / self.weight) if self.weight else 0.0

    def copy(self) -> Average:
        """Another of the same state."""
        other = Average(self._half_life)
        other.last, other.weight = self.last, self.weight
        other.mean, other.squares = self.mean, self.squares
        return other


class _Said(msgspec.Struct, frozen=True):
    """What a document says by the last version known."""

    ts: Nanos
    revision: int
    weight: float
    value: float


class Standing:
    """Averages over the fused scores of documents, kept true when documents are edited or taken back."""

    def __init__(self, fusion: Fusion, half_lives: Sequence[Nanos]) -> None:
        self._fusion = fusion
        # Of documents that can no longer change, and of all.
        self._settled = [Average(half_life) for half_life in half_lives]
        self.averages = [Average(half_life) for half_life in half_lives]
        self._said: OrderedDict[str, _Said] = OrderedDict()
        self._past: OrderedDict[str, None] = OrderedDict()

    @property
    def last(self) -> Nanos | None:
        """When the last document that stands became known; None while none does."""
        return self.averages[0].last

    def take(self, documents: Iterable[Document]) -> None:
        """Take in documents as they became known. A version that was taken before changes nothing."""
        for document in documents:
            before = self._said.get(document.doc_id)
            if before is None:
                if document.doc_id not in self._past:
                    self._begin(document)
            elif document.revision > before.revision:
                self._said[document.doc_id] = self._of(document, before.ts)
                # Rare, and exact where taking a weight out of a sum is not.
                self.averages = [average.copy() for average in self._settled]
                for said in self._said.values():
                    _add(self.averages, said)

    def _begin(self, document: Document) -> None:
        said = self._of(document, document.ts_known)
        self._said[document.doc_id] = said
        _add(self.averages, said)
        if len(self._said) > EDITABLE:
            name, oldest = self._said.popitem(last=False)
            _add(self._settled, oldest)
            self._past[name] = None
            if len(self._past) > SETTLED:
                self._past.popitem(last=False)

    def _of(self, document: Document, ts: Nanos) -> _Said:
        weight = document.weight * document.relevance
        if document.is_deleted or document.vader is None:
            return _Said(ts, document.revision, 0.0, 0.0)
        finbert = None if document.finbert is None else Probabilities(*document.finbert)
        return _Said(ts, document.revision, weight, self._fusion.fuse(document.vader, finbert))


def _add(averages: Iterable[Average], said: _Said) -> None:
    if said.weight > 0:
        for average in averages:
            average.add(said.ts, said.weight, said.value)
