"""`quant-engine catalog`: bring data in, make some up, see what there is, and check it."""

import click

from quant_channels.commands.ingest import ingest
from quant_channels.commands.overview import list_streams, verify
from quant_channels.commands.synth import synth


@click.group(
    short_help="Keep bars and streams on disk: ingest, synth, list, verify.",
    epilog="""\b
    Examples:
      quant-engine catalog synth --symbol BTCUSDT --days 30
      quant-engine catalog ingest bars.csv --symbol BTCUSDT
      quant-engine catalog list
    """,
)
def catalog() -> None:
    """Keep cleaned bars and recorded streams on disk, for backtests to read.

    The catalog is a folder of Parquet files: catalog/VENUE/SYMBOL/klines/INTERVAL/YEAR.parquet for bars,
    catalog/VENUE/SYMBOL/DOMAIN/DAY.parquet for trades, quotes, options, surfaces and documents, and a file
    an hour for books. A strategy that names no other source reads its bars from there.
    """


for command in (ingest, synth, list_streams, verify):
    catalog.add_command(command)

__all__ = ["catalog"]
