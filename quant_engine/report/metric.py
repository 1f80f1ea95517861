"""A number of a report, or the reason why there is none."""

from __future__ import annotations

import math
from typing import Final

import msgspec

SHORT_SAMPLE: Final = 30
"""Below this many daily returns a figure scaled to a year is flagged."""


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """A finite value, or None with the reason; an undefined figure is never 0 and never infinite.

    >>> ratio(3.0, 2.0, "nothing was risked")
    Metric(value=1.5, reason='', flag='')
    >>> ratio(3.0, 0.0, "nothing was risked")
    Metric(value=None, reason='nothing was risked', flag='')
    """

    value: float | None
    reason: str = ""
    """Why there is no value; empty when there is one."""
    flag: str = ""
    """`short_sample` or `open`: read the value with care."""


class Interval(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a figure lies with the confidence the summary states, or None with the reason."""

    low: float | None
    high: float | None
    reason: str = ""
    flag: str = ""


def known(value: float, flag: str = "") -> Metric:
    """`value`, unless it is beyond what a float can say."""
    value = float(value)
    return Metric(value, flag=flag) if math.isfinite(value) else Metric(None, "too large to be stated")


def unknown(reason: str) -> Metric:
    """No value, and why."""
    return Metric(None, reason)


def ratio(numerator: float, denominator: float, reason: str, flag: str = "") -> Metric:
    """The quotient, or `reason` where the denominator is 0."""
    return known(numerator / denominator, flag) if denominator else unknown(reason)


def short_sample(days: int) -> str:
    """The flag of an annualised figure made from this many daily returns."""
    return "short_sample" if days < SHORT_SAMPLE else ""
