"""What `backtest` and `demo` share: run a configuration, show progress, leave a report."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from quant_contracts.config import BLOCKS
from quant_contracts.errors import ConfigError, StorageError
from quant_contracts.units import Nanos
from quant_daemon.loader import Loader
from quant_engine.report import Report, build_report
from quant_engine.sources import feed_of

REPORTS: Final = Path("reports")


def data_settings(plain: Mapping[str, Any], data: Iterable[str], interval: str | None) -> dict[str, Any]:
    """The `--data` and `--interval` options as settings of the configuration."""
    traded = [key for key in plain if key not in BLOCKS]
    settings: dict[str, Any] = {}
    if "data" not in plain:
        # The options add to what the symbols imply; they must not replace it.
        settings.update({f"data.{symbol}": {} for symbol in traded})
    for option in data:
        symbol, equals, path = option.partition("=")
        if not equals:
            if len(traded) != 1:
                raise ConfigError(f"--data {option}: say which symbol it holds: --data SYMBOL={option}")
            symbol, path = traded[0], option
        source = feed_of(path)
        settings[f"data.{symbol}.source"] = {"class": source.name, "params": source.params}
    if interval is not None:
        declared = dict.fromkeys([*plain.get("data", traded), *(key.split(".")[1] for key in settings)])
        settings.update({f"data.{symbol}.interval": interval for symbol in declared})
    return settings


def run_and_report(
    plain: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    out: Path | None = None,
    write: bool = True,
    batch: bool = True,
    rows: int = 4096,
    as_json: bool = False,
) -> Report:
    """Run a backtest of `plain` with `changes`, print its headline, save its report."""
    session = Loader.from_config(plain, overrides=changes)
    if out is None and write:
        out = REPORTS / session.manifest().run_id
    if not write or out is None:
        with progress_bar() as progress:
            report = build_report(session.backtest(rows=rows, batch=batch, progress=progress))
    else:
        with _workspace(out) as journal, progress_bar() as progress:
            report = build_report(
                session.backtest(rows=rows, batch=batch, journal=journal, progress=progress)
            )
            report.save(out)
            if journal.exists():
                journal.rename(out / "journal")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report.summary)).decode())
    else:
        click.echo(report.text())
        if write and out is not None:
            click.echo(f"report: {out / 'report.html'}")
    return report


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """A place beside `out` for the journal of a run that has no report yet; gone whatever happens."""
    journal = out.parent / f".{out.name}.journal"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(journal, ignore_errors=True)
        journal.mkdir()
        journal.rmdir()
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{out}: no report can be written here: {reason}; choose with --out") from None
    try:
        yield journal
    finally:
        shutil.rmtree(journal, ignore_errors=True)


@contextmanager
def progress_bar() -> Iterator[Callable[[Nanos, Nanos, Nanos], None] | None]:
    """A bar on the terminal while time is pushed; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("backtest"), BarColumn(), TextColumn("{task.fields[day]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0, day="")

        def show(start: Nanos, now: Nanos, end: Nanos) -> None:
            from quant_contracts.duration import time_name

            done = (now - start) / (end - start) if end > start else 1.0
            bar.update(task, completed=min(done, 1.0), day=time_name(now)[:10])

        yield show
