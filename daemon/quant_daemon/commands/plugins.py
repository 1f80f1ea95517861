"""`quant-engine plugins`: every installed part by kind, or one of them with its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from quant_daemon.about import About, Setting


@click.command(
    short_help="List the parts that a configuration can name, or show one.",
    epilog="""\b
    Examples:
      quant-engine plugins --kind models
      quant-engine plugins RSI
      quant-engine plugins synthetic --kind streams
    """,
)
@click.argument("part", metavar="[NAME]", required=False)
@click.option("--kind", default=None, help="Only parts of this kind, such as models or features.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def plugins(part: str | None, kind: str | None, *, as_json: bool) -> None:
    """List the parts that can be named, ours and those of other packages; with NAME show one of them.

    What is shown of one: what it is, its settings with their types and defaults, what a feature channel
    says and reads and when it is warm, and the package it comes from.
    """
    import msgspec

    from quant_contracts.errors import ConfigError, nearest
    from quant_daemon.about import about
    from quant_daemon.registry import LISTED, group_of, installed

    if kind is not None and kind not in LISTED:
        raise ConfigError(f"no kind of part is called {kind!r}; {nearest(kind, LISTED)}")
    groups = [kind] if kind else [*LISTED]
    if part is not None:
        known = about(group_of(part, groups), part)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(known)).decode())
        else:
            _show(known)
        return
    rows = [
        {
            "kind": group,
            "name": name,
            "where": point.value,
            "package": point.dist.name if point.dist else "unknown",
            "version": point.dist.version if point.dist else "unknown",
        }
        for group in groups
        for name, point in installed(group).items()
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    width = max(len(row["name"]) for row in rows)
    last = ""
    for row in rows:
        if row["kind"] != last:
            last = row["kind"]
            click.echo(last)
        click.echo(f"  {row['name']:{width}}  {row['package']} {row['version']}  {row['where']}")


def _show(known: About) -> None:
    from quant_daemon.registry import LISTED

    click.echo(f"{known.name}: {LISTED[known.kind]}, {known.package} {known.version}, {known.where}")
    if known.summary:
        click.echo(click.wrap_text(known.summary, 100))
    click.echo("settings" if known.settings else "settings   none")
    width = max((len(setting.name) for setting in known.settings), default=0)
    for setting in known.settings:
        name, indent = f"  {setting.name:{width}}  ", " " * (width + 4)
        click.echo(click.wrap_text(f"{setting.type}, {_default(setting)}", 100, name, indent))
        if setting.text:
            click.echo(click.wrap_text(setting.text, 100, indent, indent))
    if known.channel is not None:
        says = known.channel
        unit = "step" if any(not name.startswith("klines") for name in says.reads) else "bar"
        click.echo(f"values     {', '.join(says.outputs)}")
        click.echo(f"reads      {', '.join(('the bars of its symbol', *says.reads))}")
        click.echo(f"warm-up    {says.warmup:,} {unit}{'s' * (says.warmup != 1)}")
    if known.unmade:
        click.echo(f"values     {known.unmade}")


def _default(setting: Setting) -> str:
    import msgspec

    if setting.from_data:
        return "from data"
    return "required" if setting.required else f"default {msgspec.json.encode(setting.default).decode()}"
