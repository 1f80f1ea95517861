"""`quant-engine catalog list` and `verify`: what there is, and whether it is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from quant_channels.commands.options import KLINES, json_option, progress, root_option

if TYPE_CHECKING:
    from quant_channels.catalog.streams import StoredStream
    from quant_channels.klines.catalog import Stream


@click.command(
    "list",
    short_help="Show every stream that is stored.",
    epilog="Example: quant-engine catalog list --json",
)
@root_option
@json_option
def list_streams(*, root: str, as_json: bool) -> None:
    """Show every stream of every domain: closes of its first and last bar, or when rows became known."""
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from quant_contracts.duration import time_name

    streams = [(_domain(stream), stream.index) for stream in _streams(root)]
    if as_json:
        plain = [{"domain": domain.split()[0], **msgspec.to_builtins(index)} for domain, index in streams]
        click.echo(msgspec.json.format(msgspec.json.encode(plain)).decode())
        return
    if not streams:
        click.echo(
            f"nothing in catalog '{root}'; make some bars with: "
            f"quant-engine catalog synth --symbol BTCUSDT --catalog {root}"
        )
        return
    # Without a frame seven columns fit into a narrow terminal; where they do not, names are broken, not cut.
    table = Table(box=None)
    for name in ("venue", "symbol"):
        table.add_column(name, overflow="fold")
    for name in ("stream", "first", "last"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "sources"):
        table.add_column(name, justify="right", no_wrap=True)
    for domain, index in streams:
        ends = (time_name(index.files[0].first)[:10], time_name(index.files[-1].last)[:10])
        counts = (f"{index.rows:,}", str(len(index.sources)))
        table.add_row(index.venue, index.symbol, domain, *ends, *counts)
    Console().print(table)


@click.command(
    short_help="Compare all that is stored with what was written.",
    epilog="Example: quant-engine catalog verify --catalog /data/catalog",
)
@root_option
@json_option
def verify(*, root: str, as_json: bool) -> None:
    """Read everything that is stored and check digests, order and ranges.

    Leaves with exit code 65 when something is wrong.
    """
    import msgspec

    from quant_contracts.errors import DataError

    streams = list(_streams(root))
    if not streams:
        raise DataError(f"catalog '{root}' holds nothing to verify; quant-engine catalog ingest fills one")
    total = sum(len(stream.index.files) for stream in streams)
    found: list[dict[str, str]] = []
    with progress("checking", len(streams)) as advance:
        for done, stream in enumerate(streams, 1):
            for name, problem in stream.problems():
                found.append({"file": str(stream.folder / name), "problem": problem})
            advance(done)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        for entry in found:
            click.echo(f"{entry['file']}: {entry['problem']}")
    if found:
        raise DataError(f"catalog '{root}': {len(found)} of {total} files are not as they were written")
    if not as_json:
        click.echo(f"{total} files are as they were written")


def _streams(root: str) -> Iterator[Stream | StoredStream]:
    from pathlib import Path

    from quant_channels.catalog.streams import StreamCatalog
    from quant_channels.klines.catalog import Catalog

    yield from Catalog(Path(root)).streams()
    yield from StreamCatalog(Path(root)).streams()


def _domain(stream: Stream | StoredStream) -> str:
    """The name of a stream's domain, and of bars also their length."""
    from quant_channels.klines.catalog import Stream

    return f"{KLINES} {stream.index.interval}" if isinstance(stream, Stream) else stream.domain
