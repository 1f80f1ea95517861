"""`quant-engine plan`: what a configuration will do, defaults included, before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from quant_daemon.plan import Plan


@click.command(
    short_help="Show every part and default of a configuration; opens nothing.",
    epilog="Example: quant-engine plan strategy.json --set account.cash=5000",
)
@click.argument("config", type=click.Path(path_type=str))
@click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Replace a value for this run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def plan(config: str, settings: tuple[str, ...], *, as_json: bool) -> None:
    """Print the component graph of CONFIG (JSON or TOML) with every default, warm-up and memory bound.

    Nothing is opened and nothing is run.
    """
    from pathlib import Path

    import msgspec

    from quant_contracts.config import naming, read_plain
    from quant_daemon.commands.settings import parse_settings
    from quant_daemon.plan import make_plan

    plain, changes = read_plain(Path(config)), parse_settings(settings)
    with naming(config):
        made = make_plan(plain, changes)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
    else:
        for line in _lines(made):
            click.echo(line)


def _lines(plan: Plan) -> list[str]:
    lines: list[str] = []
    for symbol in plan.symbols:
        source = symbol.source
        lines += [
            symbol.symbol,
            f"  data       {_call(source['source']['class'], source['source']['params'])}",
            f"             venue {source['venue']}, interval {source['interval'] or 'as stored'}",
            f"             tick {source['tick']}, lot {source['lot']}, least order {source['min_notional']}",
        ]
        for stream in symbol.streams:
            age = f"stale after {stream.max_age}" if stream.max_age else "never stale"
            by = f"read by {', '.join(stream.read_by)}" if stream.read_by else "read by nobody, not opened"
            back = f", read from {stream.lookback} before the bars" if stream.lookback else ""
            lines += [
                f"  {stream.domain:9}  {_call(stream.source['class'], stream.source['params'])}",
                f"             {age}, then {stream.when_stale}{back}; {by}",
            ]
            if stream.view_bytes:
                lines.append(f"             its view holds at most {stream.view_bytes / 1e6:.1f} MB")
        for feature in symbol.features:
            lines.append(f"  feature    {_call(feature.channel, feature.params)}")
            if feature.reads:
                lines.append(f"             reads {', '.join(feature.reads)}")
            lines += [
                f"             -> {', '.join(feature.outputs)}",
                f"             {feature.unit} Warm after {_bars(feature.warmup_bars)}.",
            ]
        for stage in symbol.stages:
            role = stage.role.removeprefix(f"{symbol.symbol}.").partition(".")[0]
            lines.append(f"  {role:9}  {_call(stage.part, stage.params)}")
        lines.append(f"  warm-up    {_bars(symbol.warmup_bars)} before the first step")
    run = plan.run
    lines += [f"{symbol}: read, not traded" for symbol in plan.data_only]
    lines += [
        f"account      {plan.account.cash:,} {plan.account.currency}",
        f"matching     {_call(plan.matching.part, plan.matching.params)}",
        f"run          {run.start or 'first bar'} to {run.end or 'last bar'}",
        f"             seed {run.seed}, trace {run.trace}",
        f"memory       at most {plan.memory_bytes / 1e6:.1f} MB of data, however long the history",
    ]
    return lines


def _bars(count: int) -> str:
    return f"{count:,} bar{'' if count == 1 else 's'}"


def _call(name: str, params: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in params.items())})"
