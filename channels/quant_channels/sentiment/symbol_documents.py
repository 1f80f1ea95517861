"""What the versions in a store say about one symbol: linked, weighed, scored, each story once.

The same object serves a backtest, which reads versions from a store, and a live run, which is handed
them as they are stored; so both are told the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from quant_channels.sentiment.intake import REMEMBERED
from quant_channels.sentiment.pipeline import SentimentPipeline
from quant_channels.sentiment.quality import count_duplicate, count_left_out, count_scores, count_version
from quant_channels.sentiment.text.cleaning import LIMIT
from quant_channels.sentiment.text.linking import Linker
from quant_channels.sentiment.versions import Output, Version
from quant_channels.streams.findings import Findings
from quant_contracts.events import Document
from quant_contracts.units import Fraction, Nanos


class Selected(msgspec.Struct, frozen=True):
    """A version that the symbol is told."""

    version: Version
    relevance: Fraction


class SymbolDocuments(msgspec.Struct, dict=True):
    """Turns versions, in the order in which they were first seen, into the documents of one symbol."""

    symbol: str
    base: str
    """The asset it is about."""
    linker: Linker
    scorer: SentimentPipeline
    findings: Findings
    assumption: str = ""
    """What was declared for texts whose first sight nobody recorded."""
    delay: Nanos = 0
    least_relevance: Fraction = 0.0
    weights: Mapping[str, Fraction] = {}
    """By source or by kind of source; others weigh 1."""
    takes_stored: bool = True
    """Whether outputs that stand beside a text are taken, or every text is scored anew."""

    def __post_init__(self) -> None:
        self._delivered: OrderedDict[str, None] = OrderedDict()

    def take(self, versions: Sequence[Version]) -> tuple[Document, ...]:
        """The documents that new versions are for the symbol."""
        selected = [self.select(version) for version in versions]
        return self.documents([each for each in selected if each is not None])

    def known(self, version: Version) -> Nanos:
        """When a run may use a version."""
        return version.first_seen + self.delay

    def select(self, version: Version, *, counts: bool = True) -> Selected | None:
        """Whether the symbol is told of a version; what `counts` is among the findings."""
        relevance = 0.0 if version.is_deleted else self.linker.link(version.words).get(self.base, 0.0)
        story = version.doc_id if version.duplicate is None else version.duplicate.of
        if version.doc_id not in self._delivered:
            if relevance <= 0 or relevance < self.least_relevance:
                if counts:
                    count_left_out(self.findings, version, relevance)
                return None
            if story in self._delivered:
                if counts and version.duplicate is not None:
                    count_duplicate(self.findings, version)
                return None
        for name in (version.doc_id, story):
            # The story, too: whoever tells it next repeats what was delivered here.
            self._delivered[name] = None
            self._delivered.move_to_end(name)
        while len(self._delivered) > REMEMBERED:
            self._delivered.popitem(last=False)
        if counts:
            count_version(self.findings, version, self.assumption)
        return Selected(version, relevance)

    def documents(self, selected: Sequence[Selected]) -> tuple[Document, ...]:
        """The same as documents, scored together."""
        made = [each.version.outputs if self.takes_stored else () for each in selected]
        unscored = [
            place
            for place, each in enumerate(selected)
            if not each.version.is_deleted and not self._is_scored(made[place])
        ]
        scored = self.scorer.score([selected[place].version.words for place in unscored])
        for place, outputs in zip(unscored, scored, strict=True):
            # What is stored of one model stands; the other is added.
            stored = {output.kind for output in made[place]}
            made[place] += tuple(output for output in outputs if output.kind not in stored)
        count_scores(self.findings, made, len(unscored))
        return tuple(self._document(each, outputs) for each, outputs in zip(selected, made, strict=True))

    def _is_scored(self, outputs: tuple[Output, ...]) -> bool:
        kinds = {output.kind for output in outputs}
        return "vader" in kinds and (not self.scorer.finbert or "finbert" in kinds)

    def _document(self, selected: Selected, outputs: tuple[Output, ...]) -> Document:
        version = selected.version
        values = {output.kind: output.values for output in outputs}
        finbert = values.get("finbert")
        return Document(
            ts_event=version.ts_event,
            ts_known=self.known(version),
            symbol=self.symbol,
            relevance=selected.relevance,
            doc_id=version.doc_id,
            source=version.source,
            url=version.url,
            text=version.words[:LIMIT],
            first_seen=version.first_seen,
            ingested=version.ingested,
            revision=version.revision,
            is_deleted=version.is_deleted,
            weight=self._weight(version.source),
            vader=values["vader"][0] if "vader" in values else None,
            finbert=None if finbert is None else (finbert[0], finbert[1], finbert[2]),
            models=tuple(output.model for output in outputs),
            is_assumed=version.is_assumed,
        )

    def _weight(self, source: str) -> Fraction:
        return self.weights.get(source, self.weights.get(source.partition(":")[0], 1.0))
