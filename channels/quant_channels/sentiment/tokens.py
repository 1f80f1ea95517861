"""Secrets of the services we ask: read from a file that only its owner can read, shown nowhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, NoReturn

from quant_contracts.errors import ConfigError

LONGEST: Final = 4_096
"""Characters. Bearer tokens are some hundred long."""


class Secret:
    """A text that does not show itself: not in a log, an error, a traceback, a copy or a file.

    >>> Secret("AAAA-token"), f"{Secret('AAAA-token')}"
    (Secret(), 'Secret()')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text or len(text) > LONGEST or not text.isascii() or not text.isprintable() or " " in text:
            # Whatever else it is, it would end a header or begin another. The text is not repeated here.
            raise ConfigError(
                f"a token is 1 to {LONGEST:,} printable ASCII characters without spaces; copy it again"
            )
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the header or parameter that carries it."""
        return self._text

    def after(self, prefix: str) -> Secret:
        """The same behind words that are not secret, such as `Bearer `."""
        joined = Secret(self._text)
        joined._text = prefix + self._text
        return joined

    def __repr__(self) -> str:
        return "Secret()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere; read it again from its file")


def read_token(path: str) -> Secret:
    """The token in a file of ours with mode 0600 or stricter; raises ConfigError for any other."""
    try:
        handle = os.open(Path(path), os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            # Of the open file, so that nobody can put another in its place in between.
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
                raise ConfigError(
                    f"{path}: others can read this token; make it a file of its own with mode 0600"
                )
            content = file.read(LONGEST + 2)
    except OSError as error:
        raise ConfigError(f"{path}: the token cannot be read: {error.strerror}") from None
    try:
        return Secret(content.decode("ascii").strip())
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: a token is plain ASCII; write nothing else into the file") from None
