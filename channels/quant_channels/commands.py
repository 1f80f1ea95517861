"""`quant-engine catalog`: bring bars in, make some up, see what there is, and check it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from quant_channels.klines.catalog import Catalog
    from quant_channels.klines.ingest import Ingested
    from quant_contracts.protocols import Feed, QualityRow

Option = Callable[[Callable[..., None]], Callable[..., None]]

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
    "--venue", default="binance", show_default=True, help="Venue under which the bars are kept."
)
replace_option: Option = click.option(
    "--replace", is_flag=True, help="Where stored bars differ, keep the new ones instead of refusing."
)
json_option: Option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.group(
    epilog="Examples: quant-engine catalog synth --symbol BTCUSDT --days 30; "
    "quant-engine catalog ingest bars.csv --symbol BTCUSDT; quant-engine catalog list"
)
def catalog() -> None:
    """Keep cleaned bars on disk, for backtests to read.

    The catalog is a folder of Parquet files: catalog/VENUE/SYMBOL/klines/INTERVAL/YEAR.parquet. A
    strategy that names no other source reads its bars from there.
    """


@catalog.command(
    epilog="Examples: quant-engine catalog ingest BTCUSDT-1m.parquet --symbol BTCUSDT; "
    "quant-engine catalog ingest BTCUSDT-1m-2024-01.csv --symbol BTCUSDT --format binance; "
    "quant-engine catalog ingest dirty.csv --symbol BTCUSD --time-unit s "
    "--repair sort --repair drop_duplicates"
)
@click.argument("file", type=click.Path())
@click.option("--symbol", required=True, help="Whose bars these are, such as BTCUSDT.")
@venue_option
@click.option("--interval", help="Length of the bars in FILE, such as 1m. Default: their spacing.")
@click.option(
    "--repair",
    multiple=True,
    metavar="POLICY",
    help="Allow a repair: sort, drop_duplicates, drop_invalid or fill_gaps. Can be given again.",
)
@click.option(
    "--format", "layout", help="parquet, csv or binance (no header). Default: parquet or csv, by name."
)
@click.option("--time-unit", help="Unit of whole-number times: s, ms, us or ns. Never guessed.")
@click.option("--price-scale", default="1", help="Factor for prices: 0.01 where they are in cents.")
@click.option("--volume-scale", default="1", help="Factor for volumes.")
@click.option("--tick", help="Count prices that lie between ticks of this size.")
@replace_option
@root_option
@json_option
def ingest(
    *,
    file: str,
    symbol: str,
    venue: str,
    interval: str | None,
    repair: tuple[str, ...],
    layout: str | None,
    time_unit: str | None,
    price_scale: str,
    volume_scale: str,
    tick: str | None,
    replace: bool,
    root: str,
    as_json: bool,
) -> None:
    """Clean the bars in FILE (Parquet or CSV) and take them into the catalog.

    Any flaw is refused with its row number and the repair that would mend it; gaps are only reported.
    The same bars again change nothing, and bars that contradict stored ones are refused.
    """
    from quant_channels.klines.historical import HistoricalDataHandler
    from quant_contracts.convert import convert

    by_name = "csv" if file.endswith((".csv", ".csv.gz")) else "parquet"
    source = convert(
        {
            "symbol": symbol,
            "path": file,
            "format": layout or by_name,
            "stored": interval,
            "repair": list(repair),
            "tick": tick,
            "time_unit": time_unit,
            "price_scale": price_scale,
            "volume_scale": volume_scale,
        },
        HistoricalDataHandler,
        "catalog ingest",
    )
    _report([_take_in(_catalog(root), source, venue, replace, None)], as_json=as_json)


@catalog.command(
    epilog="Example: quant-engine catalog synth --symbol BTCUSDT --symbol ETHUSDT --days 365 --seed 7"
)
@click.option("--symbol", "symbols", required=True, multiple=True, help="Can be given again.")
@venue_option
@click.option("--days", type=click.IntRange(1, 36_525), default=90, show_default=True, help="Days to make.")
@click.option("--interval", default="1m", show_default=True, help="Whole minutes, such as 1m or 15m.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another market."
)
@click.option("--start", default="2022-01-01", show_default=True, help="First day, UTC.")
@replace_option
@root_option
@json_option
def synth(
    *,
    symbols: tuple[str, ...],
    venue: str,
    days: int,
    interval: str,
    seed: int,
    start: str,
    replace: bool,
    root: str,
    as_json: bool,
) -> None:
    """Make up bars of a lifelike market and take them into the catalog.

    Volatility comes in clusters, prices jump, and symbols of one seed move together. The same seed gives
    the same bars on any machine.
    """
    from quant_channels.feeds.synthetic import SyntheticFeed
    from quant_contracts.convert import convert
    from quant_contracts.units import DAY

    feeds = [
        convert(
            {"symbol": symbol, "seed": seed, "start": start, "days": days, "interval": interval},
            SyntheticFeed,
            "catalog synth",
        )
        for symbol in symbols
    ]
    place = _catalog(root)
    done = [_take_in(place, feed, venue, replace, days * DAY // feed.interval) for feed in feeds]
    _report(done, as_json=as_json)


@catalog.command("list", epilog="Example: quant-engine catalog list --json")
@root_option
@json_option
def list_streams(*, root: str, as_json: bool) -> None:
    """Show every stream with the closes of its first and last bar."""
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from quant_contracts.duration import time_name

    place = _catalog(root)
    streams = [stream.index for stream in place.streams()]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(streams)).decode())
        return
    if not streams:
        click.echo(
            f"nothing in catalog '{root}'; make some bars with: "
            f"quant-engine catalog synth --symbol BTCUSDT --catalog {root}"
        )
        return
    # Without a frame seven columns fit into a narrow terminal.
    table = Table(box=None)
    for name in ("venue", "symbol", "interval", "first", "last"):
        table.add_column(name, no_wrap=True)
    for name in ("bars", "sources"):
        table.add_column(name, justify="right", no_wrap=True)
    for index in streams:
        ends = (time_name(index.files[0].first)[:10], time_name(index.files[-1].last)[:10])
        counts = (f"{index.rows:,}", str(len(index.sources)))
        table.add_row(index.venue, index.symbol, index.interval, *ends, *counts)
    Console().print(table)


@catalog.command(epilog="Example: quant-engine catalog verify --catalog /data/catalog")
@root_option
@json_option
def verify(*, root: str, as_json: bool) -> None:
    """Read every stored bar and check digests, order and ranges.

    Leaves with exit code 65 when something is wrong.
    """
    import msgspec

    from quant_contracts.errors import DataError

    streams = _catalog(root).streams()
    if not streams:
        raise DataError(f"catalog '{root}' holds nothing to verify; quant-engine catalog ingest fills one")
    total = sum(len(stream.index.files) for stream in streams)
    found: list[dict[str, str]] = []
    with _progress("checking", total) as advance:
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


def _catalog(root: str) -> Catalog:
    from pathlib import Path

    from quant_channels.klines.catalog import Catalog

    return Catalog(Path(root))


def _take_in(
    place: Catalog, feed: Feed, venue: str, replace: bool, total: int | None
) -> tuple[Ingested, tuple[QualityRow, ...]]:
    from quant_channels.klines.ingest import ingest as take_in

    with _progress(feed.symbol, total) as advance:
        done = take_in(place, feed, venue, replace=replace, progress=advance)
    return done, feed.quality()


@contextmanager
def _progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A function to call with the work done so far; shows a bar where somebody looks on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)


def _report(done: list[tuple[Ingested, tuple[QualityRow, ...]]], *, as_json: bool) -> None:
    import msgspec

    if as_json:
        rows: list[dict[str, Any]] = [
            {**msgspec.to_builtins(ingested), "quality": msgspec.to_builtins(quality)}
            for ingested, quality in done
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    from rich.console import Console

    from quant_channels.klines.quality import quality_table

    for ingested, quality in done:
        name = f"{ingested.symbol} {ingested.interval} of {ingested.venue}"
        if ingested.files:
            replaced = f", {ingested.replaced:,} replaced" if ingested.replaced else ""
            files = ", ".join(ingested.files)
            click.echo(f"{name}: {ingested.rows:,} bars read, {ingested.added:,} added{replaced} in {files}")
        else:
            click.echo(f"{name}: {ingested.rows:,} bars read, nothing new")
        if quality:
            Console().print(quality_table(quality))
