"""`quant-engine backtest`: a configuration and bars go in, a report comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command(
    short_help="Run a configuration over recorded data and write a report.",
    epilog="""\b
    Examples:
      quant-engine backtest strategy.json --data bars.parquet
      quant-engine backtest strategy.json --start 2022-01-01 --set account.cash=5000
      quant-engine backtest pair.json --data BTCUSDT=btc.csv --data ETHUSDT=eth.csv
    """,
)
@click.argument("config", required=False, type=click.Path())
@click.option("--config", "config_option", type=click.Path(), help="The same as CONFIG.")
@click.option(
    "--data",
    "--replay",
    "data",
    multiple=True,
    metavar="[SYMBOL=]PATH",
    help="Bars to run on: a Parquet or CSV file or the directory of a journal. Default: the catalog.",
)
@click.option("--start", help="First moment of the run, such as 2022-01-01 (UTC).")
@click.option("--end", help="Last moment of the run.")
@click.option("--interval", help="Trade on bars of this length, such as 15m; finer ones are resampled.")
@click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Replace a value for this run.")
@click.option("--trace", type=click.Choice(["off", "decisions", "full"]), help="What the journal keeps.")
@click.option("--out", type=click.Path(), help="Directory of the report. Default: reports/<run id>.")
@click.option("--no-report", is_flag=True, help="Write nothing, only print the result.")
@click.option("--one-by-one", is_flag=True, help="Build and dispatch every event of every bar. Same result.")
@click.option("--block-rows", type=click.IntRange(1, 1_000_000), help="Bars read at a time. Same result.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON for machines.")
def backtest(
    *,
    config: str | None,
    config_option: str | None,
    data: tuple[str, ...],
    start: str | None,
    end: str | None,
    interval: str | None,
    settings: tuple[str, ...],
    trace: str | None,
    out: str | None,
    no_report: bool,
    one_by_one: bool,
    block_rows: int | None,
    as_json: bool,
) -> None:
    """Run the strategies in CONFIG (JSON or TOML) over recorded bars and write a report.

    Every fill obeys the pessimistic rules of the simulated venue: a decision on one bar trades on the
    next at the earliest. The same command over the same files gives the same bytes, on any machine.
    """
    from pathlib import Path

    from quant_contracts.blocks import BLOCK_ROWS
    from quant_contracts.config import read_plain
    from quant_daemon.commands.settings import parse_settings
    from quant_engine.commands.run import data_settings, run_and_report, sources

    if (config is None) == (config_option is None):
        raise click.UsageError("name one configuration, such as: quant-engine backtest strategy.json")
    if out is not None and no_report:
        raise click.UsageError(
            "--out names a place for the report and --no-report wants none; leave one of them out"
        )
    name = str(config or config_option)
    plain = read_plain(Path(name))
    given = sources(plain, data)
    ranges: Mapping[str, object] = {"run.start": start, "run.end": end, "run.trace": trace}
    changes = {
        **parse_settings(settings),
        **data_settings(plain, given, interval),
        **{path: value for path, value in ranges.items() if value is not None},
    }
    run_and_report(
        plain,
        changes,
        name=name,
        given=given,
        out=None if out is None else Path(out),
        write=not no_report,
        batch=not one_by_one,
        rows=block_rows or BLOCK_ROWS,
        as_json=as_json,
    )
