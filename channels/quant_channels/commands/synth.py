"""`quant-engine catalog synth`: a made-up market in as many domains as asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from quant_channels.commands.options import (
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
    from quant_channels.commands.options import Done

MADE_UP = (KLINES, "orderbook", "quotes", "trades", "options", "sentiment")


@click.command(
    epilog="""\b
    Examples:
      quant-engine catalog synth --symbol BTCUSDT --symbol ETHUSDT --days 365
      quant-engine catalog synth --symbol BTCUSDT --days 1 --all-domains \\
          --set book_levels=10
    """
)
@click.option("--symbol", "symbols", required=True, multiple=True, help="Can be given again.")
@click.option(
    "--domain",
    "domains",
    type=click.Choice(MADE_UP),
    multiple=True,
    help="What to make: bars, or streams beside them. Can be given again. Default: klines.",
)
@click.option("--all-domains", is_flag=True, help="Bars and every stream, all of one market.")
@venue_option
@click.option("--days", type=click.IntRange(1, 36_525), default=90, show_default=True, help="Days to make.")
@click.option("--interval", default="1m", show_default=True, help="Of bars: whole minutes, such as 15m.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another market."
)
@click.option("--start", default="2022-01-01", show_default=True, help="First day, UTC.")
@set_option
@replace_option
@root_option
@json_option
def synth(
    *,
    symbols: tuple[str, ...],
    domains: tuple[str, ...],
    all_domains: bool,
    venue: str,
    days: int,
    interval: str,
    seed: int,
    start: str,
    pairs: tuple[str, ...],
    replace: bool,
    root: str,
    as_json: bool,
) -> None:
    """Make up a lifelike market and take it into the catalog.

    Volatility comes in clusters, prices jump, and symbols of one seed move together; so do bars, trades,
    books, options and headlines of one symbol. The same seed gives the same data on any machine. A day of a
    book is about 800,000 rows and 6 MB.
    """
    from quant_channels.feeds.synthetic import SyntheticFeed
    from quant_channels.synthetic.feed import SyntheticStreamFeed
    from quant_contracts.convert import convert
    from quant_contracts.units import DAY

    wanted = MADE_UP if all_domains else tuple(dict.fromkeys(domains)) or (KLINES,)
    settings = split_pairs(pairs)
    shared = settings
    if wanted != (KLINES,):
        # What shapes the path shapes the bars too; the rest is for streams alone.
        shared = {name: text for name, text in settings.items() if name in {"price", "volatility", "tick"}}
    done: list[Done] = []
    plain = {"seed": seed, "start": start, "days": days}
    bars, streams = [], []
    for symbol in symbols:
        for domain in wanted:
            given = {"symbol": symbol, **plain}
            if domain == KLINES:
                given |= {"interval": interval, **typed(shared, SyntheticFeed)}
                bars.append(convert(given, SyntheticFeed, "catalog synth"))
            else:
                given |= {"domain": domain, **typed(settings, SyntheticStreamFeed)}
                streams.append(convert(given, SyntheticStreamFeed, "catalog synth"))
    done += [take_in_bars(root, feed, venue, replace, days * DAY // feed.interval) for feed in bars]
    done += [take_in_stream(root, feed, venue, replace) for feed in streams]
    report(done, as_json=as_json)
