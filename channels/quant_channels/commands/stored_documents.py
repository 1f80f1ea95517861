"""`quant-engine documents list`, `explain` and `health`: what a store holds, and why each text counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from quant_channels.commands.options import json_option

if TYPE_CHECKING:
    from pathlib import Path

    from quant_channels.sentiment.versions import Version

TITLE = 80
"""Characters of a text that a list shows."""

store_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--store", default="documents", show_default=True, metavar="DIR", help="Folder of the store."
)


@click.command(
    "list",
    short_help="Show what was seen, as it came.",
    epilog="""\b
    Example:
      quant-engine documents list --source rss --since 2026-01-31 --last 50
    """,
)
@store_option
@click.option("--source", help="Only of a source, such as rss:coindesk, or of a kind, such as rss.")
@click.option("--since", help="Only what was first seen from here on, such as 2026-01-31 (UTC).")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many, the latest.")
@json_option
def list_documents(*, store: str, source: str | None, since: str | None, last: int, as_json: bool) -> None:
    """Show versions of documents in the order in which they were first seen."""
    from collections import deque

    from quant_channels.sentiment.versions import decision_of
    from quant_contracts.config import naming
    from quant_contracts.duration import parse_time, time_name

    with naming("--since"):
        start = 0 if since is None else parse_time(since)
    shown: deque[Version] = deque(maxlen=last)
    count = 0
    for version in _versions(store):
        if version.first_seen >= start and source in {None, version.source, version.source.partition(":")[0]}:
            shown.append(version)
            count += 1
    if as_json:
        _print_json([_plain(version) for version in shown])
        return
    for version in shown:
        text = printable(version.words)[:TITLE]
        kind = decision_of(version).kind
        click.echo(f"{time_name(version.first_seen)}  {kind:9}  {printable(version.doc_id)}  {text}".rstrip())
    if count > len(shown):
        click.echo(f"the latest {len(shown):,} of {count:,}; --last shows more")
    elif not count:
        click.echo(f"nothing of that kind in '{store}'")


@click.command(
    short_help="Show every version of one document.",
    epilog="Example: quant-engine documents explain rss:coindesk/123",
)
@click.argument("doc_id")
@store_option
@json_option
def explain(*, doc_id: str, store: str, as_json: bool) -> None:
    """Show every version of the document DOC_ID: when it was seen, what it repeats, how it was scored."""
    from quant_channels.sentiment.versions import decision_of
    from quant_contracts.duration import time_name
    from quant_contracts.errors import DataError

    versions = [version for version in _versions(store) if version.doc_id == doc_id]
    if not versions:
        raise DataError(
            f"no document in '{store}' is called {doc_id!r}; quant-engine documents list shows their names"
        )
    if as_json:
        _print_json([_plain(version) for version in versions])
        return
    for version in versions:
        times = (
            ("seen", version.first_seen),
            ("published", version.published),
            ("revised", version.revised),
        )
        click.echo(printable(str(decision_of(version))))
        click.echo("  " + ", ".join(f"{name} {time_name(ts)}" for name, ts in times if ts is not None))
        for text in (version.url, version.title, version.text):
            if text:
                click.echo(f"  {printable(text)}")
        for output in version.outputs:
            click.echo(f"  {output.kind} {', '.join(f'{value:.4f}' for value in output.values)}")


@click.command(epilog="Example: quant-engine documents health --store news")
@store_option
@json_option
def health(*, store: str, as_json: bool) -> None:
    """Show how each source was doing at its last look."""
    import msgspec

    from quant_channels.sentiment.health import read_health
    from quant_contracts.duration import time_name

    rows = read_health(_folder(store))
    if as_json:
        _print_json(msgspec.to_builtins(rows))
        return
    if not rows:
        click.echo(f"nobody has fetched into '{store}' yet")
    for row in rows:
        if row.state == "disabled":
            click.echo(printable(f"{row.source}: disabled: {row.last_error_text}"))
            continue
        last = "never" if row.last_ok is None else time_name(row.last_ok)
        told = f"{row.source}: {row.state}, last ok {last}, looks {row.polls:,}, stored {row.versions:,}"
        if row.failures_in_row and row.last_error_ts is not None:
            told += f", failed {row.failures_in_row:,} times in a row, last at {time_name(row.last_error_ts)}"
            told += f" ({row.last_error}): {row.last_error_text}"
        click.echo(printable(told))


def printable(text: str) -> str:
    r"""`text` on one line, without what would steer a terminal: texts come from strangers.

    >>> printable("Bitcoin \x1b[31mrises\nagain")
    'Bitcoin [31mrises again'
    """
    return "".join(letter if letter.isprintable() else " " * letter.isspace() for letter in text)


def _versions(store: str) -> Iterator[Version]:
    from quant_channels.sentiment.segments import segments_of
    from quant_channels.sentiment.store import read_versions
    from quant_contracts.errors import DataError

    folder = _folder(store)
    if not segments_of(folder):
        raise DataError(f"'{store}' holds no documents; is it the right folder?")
    return read_versions(folder)


def _folder(store: str) -> Path:
    from pathlib import Path

    from quant_contracts.errors import DataError

    if not (folder := Path(store)).is_dir():
        raise DataError(f"no store is in '{store}'; fill one with: quant-engine documents fetch SOURCES")
    return folder


def _plain(version: Version) -> dict[str, Any]:
    import msgspec

    from quant_channels.sentiment.versions import decision_of

    return {"decision": decision_of(version).kind, **msgspec.to_builtins(version)}


def _print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
