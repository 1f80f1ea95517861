"""The index beside the files of a stored stream: what each holds, where it came from, and its digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from quant_channels.catalog.commit import INDEX, finish
from quant_channels.klines.historical import file_digest
from quant_contracts.config import SYMBOL
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.protocols import QualityRow
from quant_contracts.units import Nanos

VENUE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
FORMAT: Final = 1
"""Version of the layout; a newer one is refused, never guessed at."""


class StoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Parquet file of a stream."""

    name: str
    rows: int
    first: Nanos
    """Close of its first bar, or when its first row became known."""
    last: Nanos
    sha256: str


class StoredSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was taken in, and what was found in it."""

    name: str
    sha256: str
    rows: int
    first: Nanos
    last: Nanos
    quality: tuple[QualityRow, ...]


class Index(Protocol):
    """What every kind of index says."""

    @property
    def format(self) -> int: ...


I = TypeVar("I", bound=Index)  # noqa: E741 - an index


def read_index(folder: Path, kind: type[I]) -> I:
    """The index in `folder`, once a commit that was cut off has been finished."""
    finish(folder)
    path = folder / INDEX
    try:
        index = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: damaged: {error}; take the sources in again") from None
    if index.format > FORMAT:
        raise DataError(f"{path}: written by a newer version (format {index.format}); update quant-engine")
    return index


def digest_of(folder: Path, files: Sequence[StoredFile]) -> str:
    """Digest over the files, each read and compared; raises DataError for one that was tampered with."""
    digest = hashlib.sha256()
    for file in files:
        path = folder / file.name
        if (found := file_digest(path)) != file.sha256:
            raise DataError(f"{path}: changed since it was taken in; delete it and take it in anew")
        digest.update(f"{file.name} {found}\n".encode())
    return digest.hexdigest()


def misplaced(folder: Path, files: Sequence[StoredFile]) -> Iterator[tuple[str, str]]:
    """Files that the index does not know or that do not follow one another, as name and problem."""
    listed = {file.name for file in files}
    for path in sorted(folder.glob("*.parquet")):
        if path.name not in listed:
            yield path.name, f"not in {INDEX}"
    ahead: Nanos | None = None
    for file in files:
        if ahead is not None and file.first <= ahead:
            yield file.name, "begins before the file ahead of it ends"
        ahead = file.last


def stream_folder(root: Path, venue: str, symbol: str, domain: str) -> Path:
    """Where the streams of a domain lie; a symbol such as BTC/USDT is quoted."""
    return root / venue / quote(symbol, safe="") / domain


def check_names(venue: str, symbol: str) -> None:
    """Raise ConfigError for names that are none, and could lead out of the catalog's folder."""
    if SYMBOL.fullmatch(symbol) is None:
        raise ConfigError(f"{symbol!r} is not a symbol; write capitals and digits, such as BTCUSDT")
    if VENUE.fullmatch(venue) is None:
        raise ConfigError(f"{venue!r} is not a venue; write small letters and digits, such as binance")
