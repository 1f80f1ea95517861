"""`quant-engine demo`: a whole backtest with nothing but this package, ending with a report to open."""

from __future__ import annotations

import click


@click.command(
    short_help="Run a whole backtest with nothing but this package.",
    epilog="Example: quant-engine demo --days 30 --seed 7 --out reports/seven",
)
@click.option("--days", type=click.IntRange(20, 3650), default=180, show_default=True, help="Days of bars.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another market for each.")
@click.option("--out", type=click.Path(), default="reports/demo", show_default=True, help="The report.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON for machines.")
def demo(*, days: int, seed: int, out: str, as_json: bool) -> None:
    """Trade three made-up symbols with three strategies on one account, and write the report.

    The bars come from a seeded generator: no account, no network, the same result everywhere. What the
    strategies earn on a random market means nothing; how every fill, fee and limit is accounted for does.
    """
    from importlib.resources import files
    from pathlib import Path

    from quant_contracts.config import parse_json
    from quant_engine.commands.run import run_and_report

    plain = parse_json((files("quant_engine") / "demo.json").read_text(encoding="utf-8"))
    for stream in plain["data"].values():
        stream["source"]["params"] = {"seed": seed, "days": days}
    run_and_report(plain, {"run.seed": seed}, name="demo.json", out=Path(out), as_json=as_json)
    if not as_json:
        click.echo("next: quant-engine --help, or the ten lines of Python in the README")
