"""`quant-engine view`: what a run would see of its streams at one moment, as a page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_contracts.strategy import DataSpec


@click.command(
    short_help="Draw the book, trades, smiles and documents as known at a moment.",
    epilog="""\b
    Examples:
      quant-engine view strategy.json BTCUSDT --at 2024-08-08T23:58:00
      quant-engine view --stream trades --source synthetic --set days=1 \\
          --symbol BTCUSDT --at 2022-01-01T12:00
    """,
)
@click.argument("config", required=False, type=click.Path())
@click.argument("symbol", required=False)
@click.option("--at", "moment", required=True, help="The moment to look at, such as 2022-01-01T12:00 (UTC).")
@click.option(
    "--what",
    type=click.Choice(["all", "book", "trades", "surface", "sentiment"]),
    default="all",
    show_default=True,
    help="The picture to draw.",
)
@click.option("--window", help="How far back trades and documents are drawn. Default: 15m and 2d.")
@click.option("--out", type=click.Path(), help="Where the page goes. Default: SYMBOL_TIME.html, here.")
@click.option("--json", "as_json", is_flag=True, help="Print what is seen as JSON for machines.")
@click.option("--stream", help="Without CONFIG: the kind of stream to look at, such as orderbook.")
@click.option("--source", help="Without CONFIG: the class of its source, such as recording.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting of the source, or of CONFIG."
)
@click.option("--symbol", "symbol_option", metavar="SYMBOL", help="The same as SYMBOL.")
def view(
    *,
    config: str | None,
    symbol: str | None,
    moment: str,
    what: str,
    window: str | None,
    out: str | None,
    as_json: bool,
    stream: str | None,
    source: str | None,
    settings: tuple[str, ...],
    symbol_option: str | None,
) -> None:
    """Draw the streams of SYMBOL as CONFIG (JSON or TOML) declares them, as known at one moment.

    The book as a ladder, trades, smiles against their quotes, documents over time: one page that needs no
    network. A stream that could not be trusted at the moment is not drawn; the page says why.
    """
    from pathlib import Path

    import msgspec

    from quant_contracts.config import naming
    from quant_contracts.duration import parse_interval, parse_time, time_name
    from quant_daemon.commands.settings import parse_settings
    from quant_engine.report.files import write_page
    from quant_engine.view.look import chosen_streams, declared_pictures, look
    from quant_engine.view.page import view_page

    chosen = symbol or symbol_option
    if (symbol and symbol_option) or chosen is None:
        raise click.UsageError(
            "name one symbol, such as: quant-engine view strategy.json BTCUSDT --at 2022-01-01T12:00"
        )
    if (config is None) == (stream is None) or (stream is None) != (source is None):
        raise click.UsageError("name a configuration, or --stream and --source; not both, and not neither")
    with naming("--at"):
        at = parse_time(moment)
    with naming("--window"):
        back = None if window is None else parse_interval(window)
    name = config or f"{stream} of {source}"
    given = parse_settings(settings)
    data = _alone(str(stream), str(source), given) if config is None else _declared(config, chosen, given)
    with naming(name):
        domains = chosen_streams(chosen, data, declared_pictures(data) if what == "all" else [what])
    made = look(chosen, data, at, domains, window=back)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made.sight)).decode())
    if as_json and out is None:
        return
    stamp = time_name(at).replace("-", "").replace(":", "")
    page = Path(out or f"{chosen}_{stamp}.html")
    write_page(page, view_page(made, name))
    if not as_json:
        for state in made.sight.streams:
            click.echo(f"{state.domain:10} {state.state}{': ' if state.reason else ''}{state.reason}")
        click.echo(f"page: {page}")


def _declared(config: str, symbol: str, changes: Mapping[str, Any]) -> DataSpec:
    """The streams that a configuration declares for a symbol."""
    from pathlib import Path

    from quant_contracts.config import build_strategy, naming, override, read_plain
    from quant_contracts.errors import ConfigError, nearest

    plain = read_plain(Path(config))
    with naming(config):
        strategy = build_strategy(override(plain, changes))
        if symbol not in strategy.data:
            raise ConfigError(f"$.data: {symbol} is not declared; {nearest(symbol, strategy.data)}")
    return strategy.data[symbol]


def _alone(stream: str, source: str, params: dict[str, Any]) -> DataSpec:
    """One stream, declared on the command line."""
    from quant_contracts.errors import ConfigError, nearest
    from quant_contracts.strategy import DOMAINS, PartSpec, StreamSpec
    from quant_engine.view.look import stream_of

    if stream not in DOMAINS:
        raise ConfigError(f"--stream {stream}: no such kind of stream; {nearest(stream, DOMAINS)}")
    return stream_of(stream, StreamSpec(PartSpec(source, params)))
