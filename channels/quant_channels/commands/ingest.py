"""`quant-engine catalog ingest`: a file of any format into the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quant_channels.commands.options import (
    DOMAIN_NAMES,
    KLINES,
    json_option,
    replace_option,
    report,
    root_option,
    set_option,
    split_pairs,
    take_in_bars,
    take_in_stream,
    typed,
    venue_option,
)

if TYPE_CHECKING:
    from quant_channels.klines.historical import HistoricalDataHandler
    from quant_contracts.protocols import StreamFeed


@click.command(
    epilog="""\b
    Examples:
      quant-engine catalog ingest BTCUSDT-1m.parquet --symbol BTCUSDT
      quant-engine catalog ingest BTCUSDT-1m.csv --symbol BTCUSDT --format binance
      quant-engine catalog ingest dirty.csv --symbol BTCUSD --time-unit s \\
          --repair sort --repair drop_duplicates
      quant-engine catalog ingest frames.jsonl.gz --domain orderbook \\
          --symbol BTCUSDT --venue binance_spot --set clock_offset=1.3s
      quant-engine catalog ingest chain.parquet --domain options --symbol BTCUSDT \\
          --set layout=deribit_chain
    """
)
@click.argument("file", type=click.Path())
@click.option("--symbol", required=True, help="Whose data it is, such as BTCUSDT.")
@click.option(
    "--domain",
    type=click.Choice(DOMAIN_NAMES),
    default=KLINES,
    show_default=True,
    help="What to take in: bars, or one stream beside them.",
)
@venue_option
@click.option(
    "--format",
    "layout",
    help="Bars: parquet, csv or binance (no header). Streams: any installed stream feed that reads a file, "
    "such as recording. Default: by domain and name.",
)
@set_option
@click.option("--tick", help="Bars: count prices between ticks of this size. Streams: steps of prices.")
@click.option("--lot", help="Streams: steps of sizes.")
@click.option("--interval", help="Bars: their length, such as 1m. Default: their spacing.")
@click.option(
    "--repair",
    multiple=True,
    metavar="POLICY",
    help="Bars: allow sort, drop_duplicates, drop_invalid or fill_gaps. Can be given again.",
)
@click.option("--time-unit", help="Bars: unit of whole-number times: s, ms, us or ns. Never guessed.")
@click.option("--price-scale", help="Bars: factor for prices: 0.01 where they are in cents.")
@click.option("--volume-scale", help="Bars: factor for volumes.")
@replace_option
@root_option
@json_option
def ingest(
    *,
    file: str,
    symbol: str,
    domain: str,
    venue: str,
    layout: str | None,
    pairs: tuple[str, ...],
    tick: str | None,
    lot: str | None,
    interval: str | None,
    repair: tuple[str, ...],
    time_unit: str | None,
    price_scale: str | None,
    volume_scale: str | None,
    replace: bool,
    root: str,
    as_json: bool,
) -> None:
    """Check what is in FILE and take it into the catalog.

    Bars come from Parquet or CSV: any flaw is refused with its row number and the repair that would mend it;
    gaps are only reported. Streams come from recorded frames (.jsonl, .jsonl.gz), from Parquet files of
    trades or option quotes, and from recorded documents; what is refused is counted. The same data again
    changes nothing, and data that contradicts what is stored is refused.
    """
    settings = split_pairs(pairs)
    common: dict[str, object] = {"symbol": symbol, "path": file, "tick": tick}
    bars_only: dict[str, object] = {
        "stored": interval,
        "repair": list(repair) or None,
        "time_unit": time_unit,
        "price_scale": price_scale,
        "volume_scale": volume_scale,
    }
    if domain == KLINES:
        bars = _bars(common | bars_only, layout, settings)
        report([take_in_bars(root, bars, venue, replace, None)], as_json=as_json)
        return
    given = {**common, "domain": domain, "venue": venue, "lot": lot}
    stream = _stream(given, bars_only, layout, settings)
    report([take_in_stream(root, stream, venue, replace)], as_json=as_json)


def _bars(given: dict[str, object], layout: str | None, settings: dict[str, str]) -> HistoricalDataHandler:
    from quant_channels.klines.historical import HistoricalDataHandler
    from quant_contracts.convert import convert

    by_name = "csv" if str(given["path"]).endswith((".csv", ".csv.gz")) else "parquet"
    said = {name: value for name, value in given.items() if value is not None}
    more = typed(settings, HistoricalDataHandler)
    return convert({**said, "format": layout or by_name, **more}, HistoricalDataHandler, "catalog ingest")


def _stream(
    given: dict[str, object], bars_only: dict[str, object], layout: str | None, settings: dict[str, str]
) -> StreamFeed:
    from quant_channels.commands.formats import stream_of, usual_format
    from quant_contracts.errors import ConfigError

    for name, value in bars_only.items():
        if value is not None:
            option = {"stored": "interval"}.get(name, name.replace("_", "-"))
            raise ConfigError(
                f"catalog ingest: --{option} is for bars, not for {given['domain']}; leave it out"
            )
    said = {name: value for name, value in given.items() if value is not None}
    return stream_of(layout or usual_format(str(given["domain"]), str(given["path"])), said, settings)
