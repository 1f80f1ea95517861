"""Everything that can go wrong, sorted by what must happen next.

* QuantError
  x ConfigError        the user must change something      refuse to start      exit 78
  x DataError          the input is damaged or missing     refuse to go on      exit 65
  x Recoverable        the world hiccuped                  count, carry on
    + StaleData
    + VenueRejected
  x Fatal              we can no longer trust ourselves    stop, say why        exit 70
    + ContractBroken   a part broke its promise
    + LifecycleError   a call out of turn
    + LookAhead        something tried to read the future

The exit codes are those a service manager acts on; `StorageError` (exit 74) is a `QuantError` of its
own because a full disk is neither the user's configuration nor our fault.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class QuantError(Exception):
    """The root. Its text is one line that says what was wrong, what was given, and what would be right."""

    exit_code: ClassVar[int] = 70


class ConfigError(QuantError):
    """The user must change something: a key, a value, a name."""

    exit_code = 78


class DataError(QuantError):
    """Market data or a journal is damaged, missing or contradicts itself."""

    exit_code = 65


class StorageError(QuantError):
    """The disk refused: full, read-only, or not ours."""

    exit_code = 74


class Recoverable(QuantError):
    """The world hiccuped. It is counted, and the run goes on."""


class StaleData(Recoverable):
    """Data is older than its reader allows."""


class VenueRejected(Recoverable):
    """The venue refused an order for a reason it named."""


class Fatal(QuantError):
    """We can no longer trust ourselves."""


class ContractBroken(Fatal):
    """A part broke the promise of its contract."""


class LifecycleError(Fatal):
    """A call out of turn; the text names the calls that are legal now."""


class LookAhead(Fatal):
    """Something tried to publish or read a fact before it was known."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """End of a sentence that helps after a wrong name: the closest valid ones, or all of them.

    >>> nearest("treshold", ["threshold", "exit"])
    "did you mean 'threshold'?"
    >>> nearest("zzz", ["threshold", "exit"])
    'valid names: exit, threshold'
    """
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(match) for match in close) + "?"
    return "valid names: " + (", ".join(names) or "none")


def then(text: str, more: str) -> str:
    """`more` behind a text: after a semicolon, or as a sentence of its own where the text ends in a question.

    >>> then("no command 'chekc'; did you mean 'check'?", "try '--help'")
    "no command 'chekc'; did you mean 'check'? Try '--help'"
    >>> then("no such file", "name another")
    'no such file; name another'
    """
    return f"{text} {more[:1].upper()}{more[1:]}" if text.endswith("?") else f"{text}; {more}"
