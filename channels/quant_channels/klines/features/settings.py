"""Which settings a channel refuses, and how it writes them into the names of its outputs."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

LONGEST: Final = 1_000_000
"""Bars: two years of minutes. A longer window is a slip of the keyboard and would take memory to match."""


def check_window(window: int, least: int, name: str = "window", of: str = " of bars") -> None:
    """Raise `ValueError` unless `window` is a whole number, of bars as a rule, from `least` to a million.

    >>> check_window(1, 2)
    Traceback (most recent call last):
    ValueError: window must be a whole number of bars from 2 to 1000000, not 1
    """
    if type(window) is not int or not least <= window <= LONGEST:
        raise ValueError(f"{name} must be a whole number{of} from {least} to {LONGEST}, not {window!r}")


def written(number: float, scale: int = 1) -> str:
    """`number` times `scale` as short as can be without being mistaken for another number.

    Output names carry it, so two settings that differ by however little never share a name.

    >>> written(2.0), written(2.5), written(2.0000001), written(0.94, scale=100)
    ('2', '2.5', '2.0000001', '94')
    """
    return f"{(Decimal(repr(number)) * scale).normalize():f}"
