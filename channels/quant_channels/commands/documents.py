"""`quant-engine documents`: collect what is written about markets, and look at what was collected."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import click

from quant_channels.commands.options import json_option
from quant_channels.commands.stored_documents import explain, health, list_documents, store_option

if TYPE_CHECKING:
    from quant_channels.commands.looks import Looks
    from quant_channels.sentiment.fetch_spec import FetchSpec
    from quant_channels.sentiment.sources.source import Source
    from quant_channels.sentiment.store import DocumentStore

GROUP: Final = "quant_engine.document_sources"
GRACE: Final = 1.0
"""Seconds that threads are waited for at the end."""
INTERRUPTED: Final = 130
"""What a shell expects of a program stopped by Ctrl-C."""


@click.group(
    short_help="Collect news and posts: fetch, list, explain, health.",
    epilog="""\b
    Examples:
      quant-engine documents fetch sources.json --once
      quant-engine documents list --source rss:coindesk
      quant-engine documents explain rss:coindesk/123
    """,
)
def documents() -> None:
    """Collect news and posts in a store, for backtests to read.

    A store is a folder of JSON lines that keeps every version of every text with the moment it was first
    seen. The source `documents` of a configuration reads it.
    """


@documents.command(
    short_help="Look at sources for new texts and store them.",
    epilog="""\b
    Examples:
      quant-engine documents fetch sources.json --store news --once
      quant-engine documents fetch sources.toml --for 10m
    """,
)
@click.argument("sources", type=click.Path())
@store_option
@click.option("--once", is_flag=True, help="Look at every source once and leave.")
@click.option(
    "--for", "length", metavar="LENGTH", help="Stop after so long, such as 10m. Default: at Ctrl-C."
)
@json_option
def fetch(*, sources: str, store: str, once: bool, length: str | None, as_json: bool) -> None:
    """Look at the sources that SOURCES (JSON or TOML) names, each at its own pace, and store what is new.

    One line a look: what was new, edited, deleted or a duplicate, or why it failed. A source that fails
    waits for its next turn; one without its token is disabled. Tokens stand in files with mode 0600. What
    was stored stays, however this ends; SIGTERM ends it like --for.
    """
    from pathlib import Path

    from quant_channels.commands.looks import Looks
    from quant_channels.sentiment.fetch_spec import read_fetch_spec
    from quant_channels.sentiment.store import DocumentStore
    from quant_contracts.config import naming
    from quant_contracts.duration import parse_interval
    from quant_contracts.errors import ConfigError, DataError
    from quant_contracts.units import SECOND

    if once and length is not None:
        raise click.UsageError("--once leaves by itself; give --once or --for")
    with naming("--for"):
        seconds = None if length is None else parse_interval(length) / SECOND
    spec = read_fetch_spec(Path(sources))
    with naming(sources):
        asked = _sources(spec)
        # A model that cannot be loaded is said before anybody is asked.
        spec.scores.score([""])
    with DocumentStore(store) as kept:
        looks = Looks([source.name for source in asked], as_json=as_json)
        _fetch(spec, asked, kept, looks, once=once, seconds=seconds)
    states = {row.state for row in looks.rows}
    if states == {"disabled"}:
        raise ConfigError(f"{sources}: every source is disabled; see the line of each")
    if once and states <= {"disabled", "failing"}:
        raise DataError(f"{sources}: no source gave an answer; see the line of each")


def _sources(spec: FetchSpec) -> tuple[Source, ...]:
    from quant_channels.commands.installed import installed_part
    from quant_channels.sentiment.sources.source import Source
    from quant_contracts.convert import convert
    from quant_contracts.errors import ConfigError

    made: dict[str, Source] = {}
    for number, part in enumerate(spec.sources):
        path = f"$.sources[{number}]"
        kind = installed_part(GROUP, part.name, "source", path)
        source = convert(part.params, kind, f"{path}.params ({part.name})")
        if not isinstance(source, Source):
            raise ConfigError(f"{path}: {part.name!r} is no source of documents; see the contract Source")
        if source.name in made:
            raise ConfigError(f"{path}: another source is called {source.name!r}; give it a label of its own")
        made[source.name] = source
    return tuple(made.values())


def _fetch(
    spec: FetchSpec,
    sources: Sequence[Source],
    store: DocumentStore,
    looks: Looks,
    *,
    once: bool,
    seconds: float | None,
) -> None:
    """Look until done, out of time, or stopped; raises KeyboardInterrupt after Ctrl-C."""
    leaving: list[threading.Timer] = []

    def leave(code: int) -> None:
        # A thread that waits for a name server cannot be stopped. Everything is stored by now.
        leaving.append(threading.Timer(GRACE, _abandon, (code,)))
        leaving[0].daemon = True
        leaving[0].start()

    try:
        asyncio.run(_look(spec, sources, store, looks, leave, once=once, seconds=seconds))
    except BaseExceptionGroup as failed:
        # The first says why all were stopped: most often that the store cannot be written.
        raise failed.exceptions[0] from None
    finally:
        for timer in leaving:
            timer.cancel()


async def _look(
    spec: FetchSpec,
    sources: Sequence[Source],
    store: DocumentStore,
    looks: Looks,
    leave: Callable[[int], None],
    *,
    once: bool,
    seconds: float | None,
) -> None:
    import random

    from quant_channels.sentiment.clock import WallClock
    from quant_channels.sentiment.http import HttpClient
    from quant_channels.sentiment.loader import SentimentLoader

    loop, clock, code = asyncio.get_running_loop(), WallClock(), None
    chance = random.Random(clock.now)  # noqa: S311 - it spreads waits, and keeps no secret
    try:
        async with (
            asyncio.timeout(seconds) as limit,
            HttpClient(clock, chance, spec.client) as client,
        ):
            loop.add_signal_handler(signal.SIGTERM, _stop, limit)
            loader = SentimentLoader(sources, store, client, clock, spec.scores, looks.take)
            await (loader.look_once() if once else loader.run())
    except TimeoutError:
        code = 0
    except asyncio.CancelledError:
        code = INTERRUPTED
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        looks.end()
        if code is not None:
            leave(code)


def _stop(limit: asyncio.Timeout) -> None:
    """Be out of time now."""
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())


def _abandon(code: int) -> None:
    if code:
        click.echo("stopped", err=True)
    os._exit(code)


for command in (list_documents, explain, health):
    documents.add_command(command)

__all__ = ["documents"]
