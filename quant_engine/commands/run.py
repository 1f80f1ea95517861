"""What `backtest` and `demo` share: run a configuration, show progress, leave a report."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from quant_contracts.blocks import BLOCK_ROWS
from quant_contracts.config import BLOCKS, naming
from quant_contracts.errors import ConfigError, StorageError, nearest
from quant_contracts.strategy import PartSpec
from quant_contracts.units import Nanos
from quant_daemon.journal.files import lock_directory
from quant_daemon.loader import Loader
from quant_daemon.session import Session
from quant_engine.report import Report, build_report
from quant_engine.report.files import JOURNAL, require_place
from quant_engine.sources import feed_of

REPORTS: Final = Path("reports")


def sources(plain: Mapping[str, Any], data: Iterable[str]) -> dict[str, PartSpec]:
    """Feeds by symbol from the `--data` options; without a symbol they mean the only one traded."""
    traded = [key for key in plain if key not in BLOCKS]
    found: dict[str, PartSpec] = {}
    for option in data:
        symbol, equals, path = option.partition("=")
        if not equals:
            if len(traded) != 1:
                raise ConfigError(f"--data {option}: say which symbol it holds: --data SYMBOL={option}")
            symbol, path = traded[0], option
        if symbol in found:
            raise ConfigError(f"--data {option}: bars of {symbol} are given twice; keep one of them")
        if not path:
            raise ConfigError(f"--data {option!r}: no path; write a file of bars or a journal's directory")
        found[symbol] = feed_of(path)
    return found


def data_settings(
    plain: Mapping[str, Any], given: Mapping[str, PartSpec], interval: str | None
) -> dict[str, Any]:
    """The `--data` and `--interval` options as settings of the configuration."""
    declared = plain.get("data", {})
    if not isinstance(declared, Mapping):
        return {}
    settings: dict[str, Any] = {}
    if "data" not in plain:
        # The options add to what the symbols imply; they must not replace it.
        declared = {key: {} for key in plain if key not in BLOCKS}
        settings.update({_path(symbol): {} for symbol in declared})
    for symbol, source in given.items():
        settings[_path(symbol, "source")] = {"class": source.name, "params": source.params}
    if interval is not None:
        symbols = dict.fromkeys([*declared, *given])
        settings.update({_path(symbol, "interval"): interval for symbol in symbols})
    return settings


def _path(symbol: str, *names: str) -> str:
    """The place of a symbol's data; quoted where its name has a dot, as only then it must be."""
    return ".".join(["data", f'"{symbol}"' if "." in symbol else symbol, *names])


def run_and_report(
    plain: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    name: str,
    given: Iterable[str] = (),
    out: Path | None = None,
    write: bool = True,
    batch: bool = True,
    rows: int = BLOCK_ROWS,
    as_json: bool = False,
) -> Report:
    """Run a backtest of `plain` with `changes`, print its headline, save its report.

    `name` is what errors call the configuration; symbols `given` on the command line must be read.
    """
    with naming(name):
        session = Loader.from_config(plain, overrides=changes)
    _require_read(session, given)
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
                journal.rename(out / JOURNAL)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report.summary)).decode())
    else:
        click.echo(report.text())
        if write and out is not None:
            click.echo(f"report: {out / 'report.html'}")
    return report


def _require_read(session: Session, given: Iterable[str]) -> None:
    """Refuse bars of a symbol that nothing reads: its name is a slip, and the run would use others."""
    read: dict[str, None] = {}
    for lane in session.engine.lanes:
        read.update(dict.fromkeys((lane.symbol, *lane.parts.extractor.others)))
    for symbol in given:
        if symbol not in read:
            raise ConfigError(
                f"--data {symbol}=...: nothing trades or reads {symbol}; {nearest(symbol, read)}"
            )


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """A place beside `out` for the journal of a run that has no report yet; gone whatever happens.

    So are the folders that had to be made for it, unless a report came to stand in them.
    """
    target = require_place(out)
    journal = target.with_name(f".{target.name}.{JOURNAL}")
    missing = list(itertools.takewhile(lambda folder: not folder.exists(), target.parents))
    is_ours = not journal.exists()
    try:
        with _written(out):
            target.parent.mkdir(parents=True, exist_ok=True)
            if not is_ours:
                # Left by a run that was killed; one that goes on holds it, and then this is refused.
                os.close(lock_directory(journal))
                is_ours = True
                shutil.rmtree(journal)
            journal.mkdir()
            journal.rmdir()
        yield journal
    finally:
        if is_ours:
            shutil.rmtree(journal, ignore_errors=True)
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def _written(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{out}: no report can be written here: {reason}; choose with --out") from None


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
