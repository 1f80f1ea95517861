"""How numbers are written for people; the files keep every digit."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from quant_engine.report.definitions import Unit
from quant_engine.report.metric import Interval, Metric

MISSING: Final = "n/a"
LARGE: Final = 1e7
"""From here on a figure is written with an exponent: its digits would pretend to a precision it lacks."""


def plain(value: float, digits: int = 2) -> str:
    """A number with thousands separators; -0 is 0.

    >>> plain(12345.678), plain(-0.001), plain(2.5e11)
    ('12,345.68', '0.00', '2.50e+11')
    """
    if abs(value) >= LARGE:
        return f"{value:.2e}"
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def percent(value: float, digits: int = 2) -> str:
    """A fraction as a percentage.

    >>> percent(0.1234)
    '12.34 %'
    """
    return f"{plain(value * 100, digits)} %" if math.isfinite(value * 100) else f"{value:.2e}"


def change(value: float, digits: int = 2) -> str:
    """A fraction as a percentage with its sign.

    >>> change(0.1234), change(-0.1234), change(0.0)
    ('+12.34 %', '-12.34 %', '0.00 %')
    """
    text = percent(value, digits)
    return f"+{text}" if value > 0 and text.strip("0.% ") else text


def money(value: Decimal | float, digits: int = 2) -> str:
    """An amount, rounded for reading. Large amounts keep their digits: money is exact.

    >>> money(Decimal("1234567890.125"))
    '1,234,567,890.12'
    """
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def signed(value: Decimal | float, digits: int = 2) -> str:
    """An amount with its sign."""
    text = money(value, digits)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def days(value: float) -> str:
    """A length in days.

    >>> days(12.0), days(0.5)
    ('12 d', '0.5 d')
    """
    return f"{value:,.1f}".removesuffix(".0") + " d"


WRITE: Final[dict[Unit, Callable[[float], str]]] = {
    "change": change,
    "percent": percent,
    "ratio": plain,
    "days": days,
}


def metric(value: Metric, unit: Unit) -> str:
    """A metric in its unit; `n/a` where there is none."""
    return MISSING if value.value is None else WRITE[unit](value.value)


def interval(value: Interval, unit: Unit) -> str:
    """An interval in its unit; empty where there is none."""
    if value.low is None or value.high is None:
        return ""
    return f"{WRITE[unit](value.low)} to {WRITE[unit](value.high)}"


def amount(value: Metric, digits: int = 2) -> str:
    """A metric that is an amount of money, with its sign."""
    return MISSING if value.value is None else signed(value.value, digits)
