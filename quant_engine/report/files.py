"""A report's directory: every file at once, and proof that they are still what they were.

summary.json       every metric with its conventions, the costs, counts, limits and versions
report.html        the page, which needs no other file and no network
fills, orders, parents, trades, equity, daily      each as .csv and as .parquet
readiness, gaps    the same, where streams beside the bars were read
data_quality.json  what was found wrong in the data, and how it was mended
record.msgpack     the run itself, from which all of the above can be made again
manifest.json      what went in, and the digest of every file
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from quant_contracts.errors import ConfigError, DataError, StorageError
from quant_contracts.record import Manifest, RunRecord
from quant_engine.report.encode import to_csv, to_parquet
from quant_engine.report.summary import FORMAT
from quant_engine.report.tables import tables

if TYPE_CHECKING:
    from quant_engine.report.report import Report

MANIFEST: Final = "manifest.json"
RECORD: Final = "record.msgpack"
SUMMARY: Final = "summary.json"
JOURNAL: Final = "journal"
"""A run may lay its journal beside its report; it belongs to the run and goes with it."""


class SavedFile(msgspec.Struct, frozen=True):
    """A file as it was saved."""

    sha256: str
    bytes: int


class ReportManifest(msgspec.Struct, frozen=True):
    """What `manifest.json` holds."""

    report_format: int
    run: Manifest
    files: dict[str, SavedFile]


def render(report: Report) -> dict[str, bytes]:
    """Every file of the report by name, the manifest last. The same record gives the same bytes."""
    files = {
        SUMMARY: _json(report.summary),
        "report.html": report.html().encode(),
        "data_quality.json": _json(report.record.quality),
        RECORD: msgspec.msgpack.encode(report.record),
    }
    for table in tables(report.analysis):
        text = to_csv(table)
        files[f"{table.name}.csv"] = text
        files[f"{table.name}.parquet"] = to_parquet(text, table)
    saved = {
        name: SavedFile(hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()
    }
    files[MANIFEST] = _json(ReportManifest(FORMAT, report.record.manifest, saved))
    return files


def save(report: Report, directory: Path) -> Path:
    """Write every file beside the target, then put the whole in its place."""
    target = require_place(directory)
    files = render(report)
    made = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # What a killed process of the same number left here is nobody's any more.
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        try:
            for name, content in files.items():
                (made / name).write_bytes(content)
            _replace(target, made)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise StorageError(f"{directory}: the report cannot be written: {error.strerror or error}") from None
    return directory


def write_page(path: Path, text: str) -> None:
    """Write one page, whole or not at all; a device or a pipe takes it as it comes."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        target = path.resolve()
        made = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            made.write_text(text, encoding="utf-8")
            made.replace(target)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: the page cannot be written: {error.strerror}") from None


def require_place(directory: Path) -> Path:
    """Where a report saved to `directory` will be; refuses to replace anything but a report."""
    try:
        target = directory.resolve()
        if not target.name:
            raise StorageError(f"{directory}: the root is no place for a report; give a directory in it")
        if not target.exists():
            return target
        if not target.is_dir():
            raise StorageError(f"{directory}: there is a file of this name; give a directory for the report")
        found = sorted(entry.name for entry in target.iterdir())
    except OSError as error:
        raise StorageError(f"{directory}: the report cannot be written: {error.strerror}") from None
    if not found:
        return target
    try:
        ours = {MANIFEST, JOURNAL, *read_manifest(target).files}
    except ConfigError:
        ours = set()
    foreign = [name for name in found if name not in ours]
    if foreign:
        raise StorageError(
            f"{directory}: not replaced, because it holds {foreign[0]!r}, which is no file of a report; "
            "give a new or empty directory"
        )
    return target


def load(directory: Path) -> RunRecord:
    """The record of a saved report, after every file was found to be as it was saved."""
    verify(directory)
    try:
        return msgspec.msgpack.decode((directory / RECORD).read_bytes(), type=RunRecord)
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"{directory / RECORD}: cannot be read: {error}") from None


def verify(directory: Path) -> ReportManifest:
    """The manifest of a saved report whose files all have the digests it names."""
    manifest = read_manifest(directory)
    for name, saved in manifest.files.items():
        try:
            digest = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            raise DataError(f"{directory}: {name} is missing; save the report again") from None
        except OSError as error:
            raise DataError(f"{directory / name}: cannot be read: {error.strerror}") from None
        if digest != saved.sha256:
            raise DataError(f"{directory}: {name} was changed after it was saved; save the report again")
    return manifest


def reproduces(report: Report, directory: Path) -> bool:
    """Whether `report` says what the summary saved in `directory` says, to the last digit."""
    try:
        return (directory / SUMMARY).read_bytes() == _json(report.summary)
    except OSError as error:
        raise DataError(f"{directory / SUMMARY}: cannot be read: {error.strerror}") from None


def read_manifest(directory: Path) -> ReportManifest:
    """The manifest of a saved report; its file names are plain names inside the directory."""
    if not directory.is_dir():
        raise ConfigError(f"{directory}: no such directory; give the one a report was saved to")
    try:
        content = (directory / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(content, type=ReportManifest)
    except FileNotFoundError:
        raise ConfigError(f"{directory}: not a report, it has no {MANIFEST}") from None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{directory}: not a report, its {MANIFEST} cannot be read: {error}") from None
    if manifest.report_format > FORMAT:
        raise ConfigError(
            f"{directory}: report format {manifest.report_format} is newer than {FORMAT}, the newest known"
        )
    if any(Path(name).name != name for name in manifest.files):
        raise ConfigError(f"{directory}: not a report, its {MANIFEST} names files elsewhere")
    return manifest


def _replace(target: Path, made: Path) -> None:
    """Put `made` in the place of `target`. A reader sees the old report, for a blink none, or the new one."""
    if not target.exists():
        made.rename(target)
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    try:
        made.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
