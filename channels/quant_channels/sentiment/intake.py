"""Turns raw items into versions: what is new, what is an edit, what repeats another and by which rule."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.text.duplicates import DuplicateIndex
from quant_channels.sentiment.versions import Output, Version
from quant_contracts.units import Nanos

REMEMBERED: Final = 50_000
"""Documents of which the last version is kept in mind, to tell an edit from a repetition."""


class _Last(msgspec.Struct, frozen=True):
    """What is kept in mind of a document's last version."""

    revision: int
    digest: bytes


class Intake:
    """Takes items in the order in which they were first seen. The same items give the same versions.

    `first_seen` never falls from version to version: where a clock was set back, it stands still. At most
    `remembered` documents are kept in mind; those not seen for longest go first.
    """

    def __init__(self, remembered: int = REMEMBERED, duplicates: DuplicateIndex | None = None) -> None:
        self._remembered = remembered
        self._duplicates = DuplicateIndex() if duplicates is None else duplicates
        self._last: OrderedDict[str, _Last] = OrderedDict()
        self.seen: Nanos = 0
        """When the last version was first seen."""

    def unseen(self, source: str, items: Iterable[RawItem]) -> list[RawItem]:
        """Those of `items` that are new, changed or taken back since they were last taken, each once.

        That a text was deleted which was never seen says nothing.
        """
        fresh: dict[str, RawItem] = {}
        for item in items:
            name = f"{source}/{item.native_id}"
            last = self._last.get(name)
            if last is not None:
                # What still stands at its source must not be forgotten.
                self._last.move_to_end(name)
            if (not item.is_deleted) if last is None else last.digest != digest_of(item):
                fresh.setdefault(item.native_id, item)
        return list(fresh.values())

    def take(
        self,
        source: str,
        item: RawItem,
        *,
        seen: Nanos,
        now: Nanos,
        outputs: tuple[Output, ...] = (),
        is_assumed: bool = False,
    ) -> Version:
        """The version that one of `unseen` is."""
        name = f"{source}/{item.native_id}"
        last = self._last.get(name)
        seen = max(seen, self.seen)
        version = Version(
            doc_id=name,
            source=source,
            revision=0 if last is None else last.revision + 1,
            first_seen=seen,
            ingested=max(now, seen),
            url=item.url,
            title=item.title,
            text=item.text,
            published=item.published,
            revised=item.revised,
            is_deleted=item.is_deleted,
            outputs=outputs,
            is_assumed=is_assumed,
        )
        if not item.is_deleted:
            found = self._duplicates.add(name, seen, item.url, version.words)
            version = msgspec.structs.replace(version, duplicate=found)
        self._keep(version)
        return version

    def recall(self, versions: Iterable[Version], last: Nanos) -> None:
        """Remember versions that were taken before, in their order; the last was first seen at `last`.

        Only those of the last four windows go through the index again. One that repeats an older document
        is left out there: it would be taken for the first of its story.
        """
        since = last - 4 * self._duplicates.exact_window
        again: set[str] = set()
        for version in versions:
            self._keep(version)
            if version.first_seen < since or version.is_deleted:
                continue
            if version.duplicate is None or version.duplicate.of in again:
                self._duplicates.add(version.doc_id, version.first_seen, version.url, version.words)
                again.add(version.doc_id)

    def _keep(self, version: Version) -> None:
        self.seen = max(self.seen, version.first_seen)
        self._last[version.doc_id] = _Last(version.revision, digest_of(version))
        self._last.move_to_end(version.doc_id)
        if len(self._last) > self._remembered:
            self._last.popitem(last=False)


def digest_of(item: RawItem | Version) -> bytes:
    """What tells one version of a text from another: its words, and whether it is deleted."""
    told = "\0".join((item.title, item.text, "gone" if item.is_deleted else ""))
    return blake2b(told.encode(), digest_size=16).digest()
