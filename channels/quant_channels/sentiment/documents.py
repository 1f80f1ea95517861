"""Recorded documents of one symbol, as they became known: linked, scored, and each story once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from quant_channels.sentiment.intake import Intake
from quant_channels.sentiment.pipeline import SentimentPipeline
from quant_channels.sentiment.quality import CHECKS
from quant_channels.sentiment.recorded import Row, in_order, read_rows
from quant_channels.sentiment.segments import read_lines, segments_of
from quant_channels.sentiment.store import read_versions
from quant_channels.sentiment.symbol_documents import Selected, SymbolDocuments
from quant_channels.sentiment.text.linking import ALIASES, Linker, base_asset
from quant_channels.sentiment.versions import Version
from quant_channels.streams.findings import Findings
from quant_contracts.blocks import EventBlock
from quant_contracts.duration import Length, parse_setting
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import Document
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import Nanos

ASSUMPTION: Final = re.compile(r"published(?:\+(\w+))?")
PIECE: Final = 2**20


class DocumentsFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """What was written about one symbol, from a store's folder or a recorded file.

    A document is known `delay` after this version of it was first seen, whatever its publisher says of
    the time. A source that did not record that is refused, unless `assume_first_seen` declares what to
    take for it; documents then say that they rest on an assumption, and so does the data quality.

    Of a story that is told again only the first telling about the symbol is delivered. Later versions of
    a delivered document are: an edit, also one that no longer speaks of the symbol (relevance 0), and a
    deletion (no text). Model outputs that stand beside a text are taken as they are, with the name of
    their model; where there are none the text is scored now.
    """

    domain: str
    symbol: str
    path: str
    """A folder that a loader writes, or a .parquet, .jsonl or .jsonl.gz file (`recorded.py` names its
    columns)."""
    venue: str = ""
    """Not used: documents know no venue."""
    tick: str = ""
    """Not used: documents have no prices."""
    lot: str = ""
    """Ditto."""
    delay: Length = "1s"
    """From first sight to use: what reading, scoring and delivering take. `0s` is lawful."""
    assume_first_seen: str | None = None
    """Such as `published+5m`: when a text without a recorded first sight is taken to have been seen."""
    base: str = ""
    """The asset that the symbol is about, such as BTC; empty derives it from the symbol."""
    aliases: list[str] = []
    """More names of it: tickers in capitals, names in small letters."""
    least_relevance: float = 0.0
    """Documents less about the symbol are left out; 0 keeps all that name it."""
    source_weights: dict[str, float] = {}
    """0 to 1, by source (`rss:coindesk`) or by kind (`rss`); others weigh 1."""
    scores: Literal["stored", "now"] = "stored"
    """Whether outputs that stand beside a text are taken, or every text is scored anew."""
    lexicon: Literal["crypto", "plain"] = "crypto"
    finbert: str = ""
    """Folder of a FinBERT model; empty does without."""

    def __post_init__(self) -> None:
        if self.domain != "sentiment":
            raise ValueError(f"documents are a source of sentiment, not of {self.domain}")
        if not self.path:
            raise ValueError("path must name a store's folder or a recorded file, not ''")
        self._delay = _length("delay", self.delay)
        self._assumed: Nanos | None = None
        if self.assume_first_seen is not None:
            match = ASSUMPTION.fullmatch(self.assume_first_seen)
            if match is None:
                raise ValueError(
                    f"assume_first_seen must be such as published+5m, not {self.assume_first_seen!r}"
                )
            self._assumed = _length("assume_first_seen", match[1] or "0s")
        if not 0 <= self.least_relevance <= 1:
            raise ValueError(f"least_relevance must be 0 to 1, not {self.least_relevance}")
        for name, weight in self.source_weights.items():
            if not 0 <= weight <= 1:
                raise ValueError(f"source_weights: {name} must weigh 0 to 1, not {weight}")
        self._base = self.base.upper() or base_asset(self.symbol)
        names = (*ALIASES.get(self._base, (self._base,)), *self.aliases)
        self._linker = Linker(ALIASES | {self._base: tuple(dict.fromkeys(names))})
        self._scorer = SentimentPipeline(self.lexicon, self.finbert)
        self._findings = Findings(self.symbol, CHECKS)

    def begin(self) -> SymbolDocuments:
        """What turns versions into the documents of the symbol by these settings, from the first on.

        A live run hands it the versions as a loader delivers them.
        """
        self._findings = Findings(self.symbol, CHECKS)
        return SymbolDocuments(
            symbol=self.symbol,
            base=self._base,
            linker=self._linker,
            scorer=self._scorer,
            findings=self._findings,
            assumption=self.assume_first_seen or "",
            delay=self._delay,
            least_relevance=self.least_relevance,
            weights=self.source_weights,
            takes_stored=self.scores == "stored",
        )

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[EventBlock[Document]]:
        """Documents known from `start` to `end`, at most `rows` at a time.

        Everything before `start` is read too: a story that was told before is not news, and an edit needs
        what it edits.
        """
        told = self.begin()
        pending: list[Selected] = []
        for version in self._versions():
            known = told.known(version)
            if end is not None and known > end:
                break
            counts = start is None or known >= start
            selected = told.select(version, counts=counts)
            if selected is not None and counts:
                pending.append(selected)
            if len(pending) == rows:
                yield EventBlock(self.symbol, told.documents(pending))
                pending.clear()
        if pending:
            yield EventBlock(self.symbol, told.documents(pending))

    def _versions(self) -> Iterator[Version]:
        path = Path(self.path)
        if path.is_dir():
            if not segments_of(path):
                raise DataError(f"{path}: no documents in this folder; write the one a loader writes to")
            yield from read_versions(path)
            return
        if not path.exists():
            raise DataError(f"{path}: no such store or file; record one, or write where it is")
        intake = Intake()
        is_empty = True
        for seen, row in in_order(self._seen(path), path):
            is_empty = False
            for item in intake.unseen(row.source, [row.item]):
                ingested = seen if row.ingested is None else row.ingested
                yield intake.take(
                    row.source,
                    item,
                    seen=seen,
                    now=ingested,
                    outputs=row.outputs,
                    is_assumed=row.first_seen is None,
                )
        if is_empty:
            found = "; ".join(f"{CHECKS[row.check]} ({row.count:,})" for row in self._findings.table())
            raise DataError(f"{path}: not one usable document in it: {found or 'the file is empty'}")

    def _seen(self, path: Path) -> Iterator[tuple[Nanos, Row]]:
        """Rows of a file with when they were seen."""
        for row in read_rows(path):
            if row is None:
                self._findings.add("refused_row", 1, CHECKS["refused_row"])
                continue
            seen = row.first_seen
            if seen is None:
                seen = self._assume(row, path)
                if seen is None:
                    self._findings.add("no_time", 1, row.item.native_id)
                    continue
            yield seen, row

    def _assume(self, row: Row, path: Path) -> Nanos | None:
        if self._assumed is None:
            raise ConfigError(
                f"{path}: nobody recorded when {row.item.native_id!r} was first seen, and a backtest must "
                "not take today's texts for what was known then; record with a loader, or declare an "
                'assumption such as assume_first_seen = "published+5m"'
            )
        said = row.item.revised or row.item.published
        return None if said is None else said + self._assumed

    def info(self) -> SourceInfo:
        """The name and a digest of the bytes that count, and of models that are no part of the program."""
        path = Path(self.path)
        digest = hashlib.sha256("\n".join(self._scorer.folder_models).encode())
        try:
            if path.is_dir():
                for segment in segments_of(path):
                    for line in read_lines(segment):
                        digest.update(line + b"\n")
            else:
                with path.open("rb") as file:
                    while piece := file.read(PIECE):
                        digest.update(piece)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        return SourceInfo(path.name, digest.hexdigest())

    def quality(self) -> tuple[QualityRow, ...]:
        """What was found, and on what the delivered documents rest, among them every assumption."""
        return self._findings.table()


def _length(name: str, text: str) -> Nanos:
    return 0 if text == "0s" else parse_setting(name, text)
