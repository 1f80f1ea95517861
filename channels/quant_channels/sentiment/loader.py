"""Looks at many sources, each at its own pace, and stores what is new; one that fails stops no other.

    every source:   poll ──► (score) ──► store, synced ──► deliver ──► sleep until its next turn

Cancelling `run` ends every source where it waits. Storing does not wait, so a look is stored whole or
not at all, and what was not stored is there to be seen again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from quant_channels.sentiment.clock import AsyncClock
from quant_channels.sentiment.fetching import FetchFailed
from quant_channels.sentiment.health import Look, SourceHealth, read_health, write_health
from quant_channels.sentiment.items import RawItem
from quant_channels.sentiment.pipeline import SentimentPipeline
from quant_channels.sentiment.sources.source import Poll, Source
from quant_channels.sentiment.store import DocumentStore
from quant_channels.sentiment.versions import Output, Version, decision_of
from quant_contracts.errors import ConfigError
from quant_contracts.units import Nanos

if TYPE_CHECKING:
    from quant_channels.sentiment.http import HttpClient

Deliver: TypeAlias = Callable[[Sequence[Version]], Awaitable[None]]
"""Takes versions that are new and stored. The source that brought them waits until it returns."""

Watch: TypeAlias = Callable[[Look], None]
"""Is told what came of every look, and of every source that is not looked at."""


class SentimentLoader:
    """Polls sources into a store, and keeps how they are doing beside it.

    Give it a scorer, and model outputs are stored with the texts.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        store: DocumentStore,
        client: HttpClient,
        clock: AsyncClock,
        scorer: SentimentPipeline | None = None,
        watch: Watch | None = None,
    ) -> None:
        names = [source.name for source in sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"two sources are called {twice[0]!r}; give each a label of its own")
        self._sources = tuple(sources)
        self._store = store
        self._client = client
        self._clock = clock
        self._scorer = scorer
        self._watch = watch
        earlier = {health.source: health for health in read_health(store.folder)}
        self._health = {name: earlier.pop(name, SourceHealth(name)) for name in names}
        # Of sources that this loader does not look at.
        self._others = tuple(earlier.values())
        for source in sources:
            self._health[source.name].state = "waiting"
            if reason := source.disabled():
                self._tell(Look(source.name, clock.now, "disabled", error="disabled", text=reason))

    def health(self) -> tuple[SourceHealth, ...]:
        """A copy of how each source is doing, in the order in which they were given."""
        return tuple(msgspec.structs.replace(health) for health in self._health.values())

    async def run(self, deliver: Deliver | None = None) -> None:
        """Look until cancelled; returns at once where every source is disabled.

        Raises a group that holds StorageError where the store cannot be written: what is not recorded must
        not be acted on.
        """
        async with asyncio.TaskGroup() as group:
            for source in self._asked():
                group.create_task(self._keep_polling(source, deliver), name=source.name)

    async def look_once(self, deliver: Deliver | None = None) -> None:
        """Look at every source once, side by side. Raises as `run` does."""
        async with asyncio.TaskGroup() as group:
            for source in self._asked():
                group.create_task(self.poll_once(source, deliver), name=source.name)

    def _asked(self) -> list[Source]:
        return [source for source in self._sources if self._health[source.name].state != "disabled"]

    async def _keep_polling(self, source: Source, deliver: Deliver | None) -> None:
        due = self._clock.now
        while self._health[source.name].state != "disabled":
            await self.poll_once(source, deliver)
            # A look that took longer than the pace skips turns; it does not make up for them.
            due = max(due + source.cadence, self._clock.now)
            await self._clock.sleep(due - self._clock.now)

    async def poll_once(self, source: Source, deliver: Deliver | None = None) -> list[Version]:
        """One look at one source; what is new is stored, delivered and returned."""
        try:
            poll = await source.poll(self._client, self._store.memory(source.name))
        except FetchFailed as failure:
            self._tell(Look(source.name, self._clock.now, "failing", error=failure.kind, text=str(failure)))
            return []
        except ConfigError as error:
            # A missing extra or an unreadable token: no later look would fare better.
            self._tell(Look(source.name, self._clock.now, "disabled", error="disabled", text=str(error)))
            return []
        seen = self._clock.now
        outputs = await self._score(source, poll)
        made = self._store.add(
            source.name, poll.items, poll.memory, seen=seen, now=self._clock.now, outputs=outputs
        )
        self._tell(_look(source.name, seen, poll, made))
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

    def _tell(self, look: Look) -> None:
        self._health[look.source].take(look)
        write_health(self._store.folder, [*self._others, *self._health.values()])
        if self._watch is not None:
            self._watch(look)


def _look(source: str, seen: Nanos, poll: Poll, made: Sequence[Version]) -> Look:
    kinds = [decision_of(version).kind for version in made]
    return Look(
        source,
        seen,
        "ok",
        items=len(poll.items),
        new=kinds.count("new"),
        edits=kinds.count("edit"),
        deletions=kinds.count("deletion"),
        duplicates=kinds.count("duplicate"),
        refused=poll.refused,
        is_unchanged=poll.unchanged,
        text=poll.note,
    )


def _words(item: RawItem) -> str:
    return f"{item.title}\n{item.text}".strip()
