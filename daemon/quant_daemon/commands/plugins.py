"""`quant-engine plugins`: every installed part, by kind."""

from __future__ import annotations

import click


@click.command(
    short_help="List the parts that a configuration can name.",
    epilog="Example: quant-engine plugins --kind models",
)
@click.option("--kind", default=None, help="Only parts of this kind, such as models or features.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def plugins(kind: str | None, *, as_json: bool) -> None:
    """List the parts that a configuration can name, ours and those of other packages."""
    import msgspec

    from quant_contracts.errors import ConfigError, nearest
    from quant_daemon.registry import KINDS, installed

    if kind is not None and kind not in KINDS:
        raise ConfigError(f"no kind of part is called {kind!r}; {nearest(kind, KINDS)}")
    rows = [
        {
            "kind": group,
            "name": name,
            "where": point.value,
            "package": point.dist.name if point.dist else "unknown",
            "version": point.dist.version if point.dist else "unknown",
        }
        for group in ([kind] if kind else KINDS)
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
