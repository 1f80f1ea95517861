"""Looks at many sources, each at its own pace, and stores what is new; one that fails stops no other.

    every source:   poll ──► (score) ──► store, synced ──► deliver ──► sleep until its next turn

Cancelling `run` ends every source where it waits. Storing does not wait, so a look is stored whole or
not at all, and what was not stored is there to be seen again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from quant_channels.sentiment.clock import AsyncClock
from quant_channels.sentiment.fetching import FetchFailed
from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.scoring import Scorer
from quant_channels.sentiment.sources.source import Poll, Source
from quant_channels.sentiment.store import DocumentStore
from quant_channels.sentiment.versions import Output, Version
from quant_contracts.errors import ConfigError
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient

Deliver: TypeAlias = Callable[[Sequence[Version]], Awaitable[None]]
"""Takes versions that are new and stored. The source that brought them waits until it returns."""

State: TypeAlias = Literal["waiting", "ok", "failing", "disabled"]


class SourceHealth(msgspec.Struct):
    """How one source is doing."""

    source: str
    state: State = "waiting"
    """Before the first look; after a good one; after a failed one; not looked at at all."""
    last_ok: Nanos | None = None
    last_error: str = ""
    """The kind of the last failure, such as `timeout`; kept after the next good look."""
    last_error_text: str = ""
    last_error_ts: Nanos | None = None
    polls: int = 0
    failures: int = 0
    failures_in_row: int = 0
    unchanged: int = 0
    """Looks at which the server said that nothing is new."""
    items: int = 0
    """Items seen, again and again."""
    versions: int = 0
    """Of them new, edited or deleted."""
    duplicates: int = 0
    """Of these repetitions of another document."""
    refused: int = 0
    """Rows that were no items."""
    note: str = ""
    """What was odd at the last good look."""


class SentimentLoader:
    """Polls sources into a store. Give it a scorer, and model outputs are stored with the texts."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: DocumentStore,
        client: HttpClient,
        clock: AsyncClock,
        scorer: Scorer | None = None,
    ) -> None:
        names = [source.name for source in sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"two sources are called {twice[0]!r}; give each a label of its own")
        self._sources = tuple(sources)
        self._store = store
        self._client = client
        self._clock = clock
        self._scorer = scorer
        self._health = {name: SourceHealth(name) for name in names}
        for source in sources:
            if reason := source.disabled():
                self._disable(source.name, f"{source.name} {reason}")

    def health(self) -> tuple[SourceHealth, ...]:
        """A copy of how each source is doing, in the order in which they were given."""
        return tuple(msgspec.structs.replace(health) for health in self._health.values())

    async def run(self, deliver: Deliver | None = None) -> None:
        """Look until cancelled; returns at once where every source is disabled.

        Raises StorageError where the store cannot be written: what is not recorded must not be acted on.
        """
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                if self._health[source.name].state != "disabled":
                    group.create_task(self._keep_polling(source, deliver), name=source.name)

    async def _keep_polling(self, source: Source, deliver: Deliver | None) -> None:
        due = self._clock.now
        while self._health[source.name].state != "disabled":
            await self.poll_once(source, deliver)
            # A look that took longer than the pace skips turns; it does not make up for them.
            due = max(due + source.cadence, self._clock.now)
            await self._clock.sleep(due - self._clock.now)

    async def poll_once(self, source: Source, deliver: Deliver | None = None) -> list[Version]:
        """One look at one source; what is new is stored, delivered and returned."""
        health = self._health[source.name]
        health.polls += 1
        try:
            poll = await source.poll(self._client, self._store.memory(source.name))
        except FetchFailed as failure:
            self._failed(health, failure.kind, str(failure))
            return []
        except ConfigError as error:
            # A missing extra or an unreadable token: no later look would fare better.
            self._disable(source.name, f"{source.name}: {error}")
            return []
        seen = self._clock.now
        outputs = await self._score(source, poll)
        made = self._store.add(
            source.name, poll.items, poll.memory, seen=seen, now=self._clock.now, outputs=outputs
        )
        self._count(health, poll, made, seen)
        if deliver is not None and made:
            await deliver(made)
        return made

    async def _score(self, source: Source, poll: Poll) -> Mapping[str, tuple[Output, ...]]:
        if self._scorer is None:
            return {}
        fresh = [item for item in self._store.unseen(source.name, poll.items) if not item.is_deleted]
        if not fresh:
            return {}
        scored = await asyncio.to_thread(self._scorer.score, [_words(item) for item in fresh])
        return {item.native_id: outputs for item, outputs in zip(fresh, scored, strict=True)}

    def _count(self, health: SourceHealth, poll: Poll, made: Sequence[Version], seen: Nanos) -> None:
        health.state = "ok"
        health.last_ok = seen
        health.failures_in_row = 0
        health.unchanged += poll.unchanged
        health.items += len(poll.items)
        health.versions += len(made)
        health.duplicates += len([version for version in made if version.duplicate is not None])
        health.refused += poll.refused
        health.note = poll.note

    def _failed(self, health: SourceHealth, kind: str, text: str) -> None:
        health.state = "failing"
        health.failures += 1
        health.failures_in_row += 1
        health.last_error, health.last_error_text = kind, text
        health.last_error_ts = self._clock.now

    def _disable(self, name: str, text: str) -> None:
        self._failed(self._health[name], "disabled", text)
        self._health[name].state = "disabled"


def _words(item: RawItem) -> str:
    return f"{item.title}\n{item.text}".strip()
