"""What the commands of the catalog have in common: options, a progress bar, and what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from quant_channels.catalog.ingest import StreamIngested
    from quant_channels.klines.ingest import Ingested
    from quant_contracts.protocols import Feed, QualityRow, StreamFeed

    Done = tuple[Ingested | StreamIngested, tuple[QualityRow, ...]]

Option = Callable[[Callable[..., None]], Callable[..., None]]

KLINES: Final = "klines"
DOMAIN_NAMES: Final = (KLINES, "orderbook", "quotes", "trades", "options", "surface", "sentiment")

LISTED: Final = 4
"""Files that are named one by one when they were written."""

SHOWN: Final = 3
"""Gaps that are named one by one; the rest is in the catalog, and in the JSON."""

root_option: Option = click.option(
    "--catalog",
    "root",
    envvar="QUANT_ENGINE_CATALOG",
    default="catalog",
    show_default=True,
    metavar="DIR",
    help="Folder of the catalog, or set QUANT_ENGINE_CATALOG.",
)
venue_option: Option = click.option(
    "--venue", default="binance", show_default=True, help="Venue under which the data is kept."
)
replace_option: Option = click.option(
    "--replace", is_flag=True, help="Where stored data differs, keep the new instead of refusing."
)
json_option: Option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
set_option: Option = click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting of the source. Can be given again."
)


def split_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """The settings of `--set`, as text."""
    from quant_contracts.errors import ConfigError

    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set takes a key and a value, such as clock_offset=1.3s, not {pair!r}")
        found[name] = text
    return found


def typed(settings: Mapping[str, str], kind: type[Any]) -> dict[str, object]:
    """Settings as a file would hold them: text where the part wants text, else JSON."""
    import typing
    from decimal import Decimal

    import msgspec

    types = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    found: dict[str, object] = {}
    for name, text in settings.items():
        wanted = types.get(name)
        choices = [
            choice for option in (wanted, *typing.get_args(wanted)) for choice in typing.get_args(option)
        ]
        if {str, Decimal} & {wanted, *typing.get_args(wanted)} or text in choices:
            found[name] = text
            continue
        try:
            found[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            found[name] = text
    return found


def take_in_bars(root: str, feed: Feed, venue: str, replace: bool, total: int | None) -> Done:
    """Bars into the catalog, with a progress bar."""
    from pathlib import Path

    from quant_channels.klines.catalog import Catalog
    from quant_channels.klines.ingest import ingest

    with progress(feed.symbol, total) as advance:
        done = ingest(Catalog(Path(root)), feed, venue, replace=replace, progress=advance)
    return done, feed.quality()


def take_in_stream(root: str, feed: StreamFeed, venue: str, replace: bool) -> Done:
    """A stream beside the bars into the catalog, with a progress bar."""
    from pathlib import Path

    from quant_channels.catalog.ingest import ingest_stream
    from quant_channels.catalog.streams import StreamCatalog

    with progress(f"{feed.symbol} {feed.domain}", None) as advance:
        done = ingest_stream(StreamCatalog(Path(root)), feed, venue, replace=replace, progress=advance)
    return done, feed.quality()


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A function to call with the work done so far; shows a bar where somebody looks on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)


def report(done: Sequence[Done], *, as_json: bool) -> None:
    """Say what was taken in, and what was found wrong in it."""
    import msgspec

    if as_json:
        rows: list[dict[str, Any]] = [
            {**msgspec.to_builtins(ingested), "quality": msgspec.to_builtins(quality)}
            for ingested, quality in done
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    from rich.console import Console

    from quant_channels.klines.ingest import Ingested
    from quant_channels.klines.quality import quality_table

    for ingested, quality in done:
        what, unit = (
            (ingested.interval, "bars") if isinstance(ingested, Ingested) else (ingested.domain, "rows")
        )
        name = f"{ingested.symbol} {what} of {ingested.venue}"
        if ingested.files:
            replaced = f", {ingested.replaced:,} replaced" if ingested.replaced else ""
            added = f"{ingested.added:,} added{replaced} in {_files(ingested.files)}"
            click.echo(f"{name}: {ingested.rows:,} {unit} read, {added}")
        else:
            click.echo(f"{name}: {ingested.rows:,} {unit} read, nothing new")
        if quality:
            Console().print(quality_table(quality, most=SHOWN))


def _files(names: Sequence[str]) -> str:
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{len(names)} files, {names[0]} to {names[-1]}"
