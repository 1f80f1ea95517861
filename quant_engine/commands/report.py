"""`quant-engine report`: read a saved report again, and prove that it is what was saved."""

from __future__ import annotations

import click


@click.command(
    short_help="Read a saved report again and prove that it is what was saved.",
    epilog="""\b
    Examples:
      quant-engine report reports/demo
      quant-engine report reports/demo --json
      quant-engine report reports/demo --html page.html
    """,
)
@click.argument("directory", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON for machines.")
@click.option("--html", "page", type=click.Path(), help="Make the page again and write it to this file.")
def report(*, directory: str, as_json: bool, page: str | None) -> None:
    """Print the headline of the report saved in DIRECTORY.

    Every file is compared with its digest, and every number is worked out again from the run's record.
    """
    from pathlib import Path

    import msgspec

    from quant_engine.report import report_from_directory
    from quant_engine.report.files import reproduces, write_page

    made = report_from_directory(directory)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made.summary)).decode())
    else:
        click.echo(made.text())
        click.echo(
            "  verified  every file is as it was saved, and the numbers follow from the record"
            if reproduces(made, Path(directory))
            else "  note      every file is as it was saved, but this version works out other numbers"
        )
    if page is not None:
        write_page(Path(page), made.html())
        if not as_json:
            click.echo(f"page: {page}")
