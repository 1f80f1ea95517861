"""The bitemporal store of documents: every version ever seen, when it was seen, and why it counts.

Nothing is changed or taken away: an edit or a deletion is one more version. The store stands in
`segments.py`'s files, one `Version` or `Memory` of a source a line, in the order in which versions were
first seen. What a look at a source brought, and what the source wants to remember of it, is one batch:
a crash between them makes the source look again, and what is stored already is recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from quant_channels.sentiment.intake import REMEMBERED, Intake
from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.segments import Segments, read_lines, segments_of
from quant_channels.sentiment.text.duplicates import DuplicateIndex
from quant_channels.sentiment.versions import Decision, Memory, Output, Version, decision_of
from quant_contracts.errors import DataError
from quant_contracts.units import Nanos

SEGMENT_BYTES: Final = 16 * 2**20

_line = msgspec.json.Decoder(Version | Memory)
_encode = msgspec.json.Encoder().encode


class DocumentStore:
    """Takes raw items in, gives versions out. One process writes, any number reads.

    At most `remembered` documents are kept in mind (see `Intake`); one that comes again after it was
    forgotten is stored again.

    >>> import tempfile
    >>> with DocumentStore(tempfile.mkdtemp()) as store:
    ...     seen = store.add("rss:a", [RawItem("1", "", "Bitcoin rises", "")], {}, seen=10, now=11)
    ...     again = store.add("rss:b", [RawItem("9", "", "BITCOIN RISES", "")], {}, seen=20, now=21)
    ...     print(*map(str, store.explain("rss:b/9")))
    rss:b/9 revision 0: repeats rss:a/1, which was seen first (text 1)
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        remembered: int = REMEMBERED,
        duplicates: DuplicateIndex | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._segments = Segments(self.folder, segment_bytes)
        self._intake = Intake(remembered, duplicates)
        self._memory: dict[str, dict[str, str]] = {}
        try:
            self._intake.recall(self._restored(), last_seen(self.folder))
        except BaseException:
            self.close()
            raise

    @property
    def torn(self) -> int:
        """Lines cut off by a crash that were set aside when it was opened."""
        return self._segments.torn

    def memory(self, source: str) -> Mapping[str, str]:
        """What the source asked to be handed at its next look."""
        return self._memory.get(source, {})

    def unseen(self, source: str, items: Iterable[RawItem]) -> list[RawItem]:
        """Those of `items` that `add` would store."""
        return self._intake.unseen(source, items)

    def add(
        self,
        source: str,
        items: Sequence[RawItem],
        memory: Mapping[str, str],
        *,
        seen: Nanos,
        now: Nanos,
        outputs: Mapping[str, tuple[Output, ...]] | None = None,
    ) -> list[Version]:
        """Store what a look at `source` brought at `seen`; return the versions that are new.

        `outputs` are those of models, by native id. Everything is on the disk when this returns.
        """
        made = [
            self._intake.take(
                source, item, seen=seen, now=now, outputs=(outputs or {}).get(item.native_id, ())
            )
            for item in self.unseen(source, items)
        ]
        records: list[Version | Memory] = [*made]
        if dict(memory) != self._memory.get(source, {}):
            records.append(Memory(source, max(now, seen), dict(memory)))
        self._segments.add([_encode(record) for record in records])
        self._memory[source] = dict(memory)
        return made

    def _restored(self) -> Iterator[Version]:
        for record in read_records(self.folder):
            if isinstance(record, Memory):
                self._memory[record.source] = record.values
            else:
                yield record

    def explain(self, doc_id: str) -> tuple[Decision, ...]:
        """What was decided of each version of a document, in order; empty where there is none."""
        return explain(self.folder, doc_id)

    def close(self) -> None:
        """Let another process write. Closing twice does nothing."""
        self._segments.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_records(folder: Path) -> Iterator[Version | Memory]:
    """Everything in a store, in order; raises DataError for a line that is none of ours."""
    for path in segments_of(folder):
        yield from _records(path)


def _records(path: Path) -> Iterator[Version | Memory]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield _line.decode(line)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise DataError(
                f"{path}: line {number:,} is damaged ({error}); restore the file, or take the line out"
            ) from None


def last_seen(folder: Path) -> Nanos:
    """When the last version in a store was first seen, 0 where there is none."""
    for path in reversed(segments_of(folder)):
        seen = [record.first_seen for record in _records(path) if isinstance(record, Version)]
        if seen:
            return seen[-1]
    return 0


def read_versions(folder: Path) -> Iterator[Version]:
    """Every version in a store, in the order in which they were first seen."""
    return (record for record in read_records(folder) if isinstance(record, Version))


def explain(folder: Path, doc_id: str) -> tuple[Decision, ...]:
    """What was decided of each version of a document, in order; empty where there is none."""
    return tuple(decision_of(version) for version in read_versions(folder) if version.doc_id == doc_id)
