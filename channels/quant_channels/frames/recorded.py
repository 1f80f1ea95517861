"""Recorded frames line by line, as they were received; a damaged file ends with what is wrong with it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from quant_channels.frames.exact import EARLIEST_MS, LATEST_MS
from quant_channels.frames.parser import Frame
from quant_contracts.errors import DataError
from quant_contracts.units import MILLISECOND, Nanos

LONGEST_LINE: Final = 64 << 20
"""Bytes of a line; the longest frame there is, a list of all instruments, has 2 MB."""

NOTHING: Final = msgspec.Raw(b"null")
GZIP: Final = b"\x1f\x8b"


class Line(msgspec.Struct):
    """One line of a recording."""

    recv_ns: Nanos | None = None
    """None where nobody recorded it."""
    frame: msgspec.Raw = NOTHING
    kind: Literal["recv", "http", "connect", "send"] = "recv"
    conn: str = ""
    """Which connection it came over, where that was recorded."""
    url: str = ""


_line = msgspec.json.Decoder(Line).decode
_text = msgspec.json.Decoder(str).decode


def read_lines(path: Path, *, takes_bare: bool = False) -> Iterator[Line | DataError]:
    """The lines of a file, plain or gzipped, one at a time; the last is a DataError if it is damaged.

    A line without `recv_ns` is damage too, unless the file `takes_bare` frames.
    """
    number = 0
    try:
        with _opened(path) as file:
            while text := file.readline(LONGEST_LINE):
                number += 1
                if not text.isspace():
                    line = _read(path, number, text, takes_bare)
                    yield line
                    if isinstance(line, DataError):
                        return
    except FileNotFoundError:
        yield DataError(f"{path}: no such file; check the path")
        return
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield DataError(f"{path}: the gzip ends or breaks behind line {number}; copy or record it again")
        return
    except OSError as error:
        yield DataError(f"{path}: cannot be read: {error.strerror or error}")
        return
    if not number:
        yield DataError(f"{path}: the file is empty; record or copy it again")


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        is_gzip = file.read(2) == GZIP
    return gzip.open(path, "rb") if is_gzip else path.open("rb")  # type: ignore[return-value] # reads alike


def _read(path: Path, number: int, text: bytes, takes_bare: bool) -> Line | DataError:
    try:
        line = _line(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        what = str(error).replace("`", "'")
        return DataError(f"{path}: line {number} is no recorded frame: {what}; it needs recv_ns and frame")
    if line.recv_ns is None:
        if not takes_bare:
            return DataError(
                f"{path}: line {number} is no recorded frame: it needs recv_ns and frame; where nobody "
                'recorded when frames came, declare an assumption such as assume_received = "venue+100ms"'
            )
        if line.frame == NOTHING:
            line.frame = msgspec.Raw(text)
    elif not EARLIEST_MS <= line.recv_ns // MILLISECOND <= LATEST_MS:
        return DataError(
            f"{path}: line {number}: recv_ns {line.recv_ns} is no time in nanoseconds since 1970"
        )
    return line


def frame_of(line: Line) -> Frame:
    """The frame of a line; one that was no JSON was recorded as a string."""
    # Through a view, since frames may be long.
    if bytes(memoryview(line.frame)[:1]) != b'"':
        return line.frame
    try:
        return _text(line.frame)
    except (msgspec.DecodeError, UnicodeError):
        return line.frame


def is_frame_for(line: Line, instrument: str) -> bool:
    """True for what the venue sent, and for replies to requests about `instrument` or about all."""
    if line.kind == "recv":
        return True
    if line.kind != "http" or not line.url:
        return line.kind == "http"
    url = urlsplit(line.url)
    if "depth" in url.path:
        return parse_qs(url.query).get("symbol", [instrument]) == [instrument]
    return "book_summary" in url.path
