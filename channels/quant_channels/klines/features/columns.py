"""Columns made from columns, with the bits the same numbers have one by one."""

from __future__ import annotations

from math import log

import numpy as np

from quant_contracts.blocks import Column


def earlier(first: float, values: Column) -> Column:
    """Every value one row earlier; `first` is what came before the column.

    >>> earlier(7.0, np.array([8.0, 9.0])).tolist()
    [7.0, 8.0]
    """
    shifted = np.empty_like(values)
    shifted[:1] = first
    shifted[1:] = values[:-1]
    return shifted


def ratio(part: Column, whole: Column, empty: float) -> Column:
    """`part / whole`, and `empty` where `whole` is 0.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0]), 0.5).tolist()
    [0.25, 0.5]
    """
    if whole.all():
        return part / whole
    shares = np.full(len(part), empty)
    np.divide(part, whole, out=shares, where=whole != 0.0)
    return shares


def logs(values: Column) -> Column:
    """Natural logarithms by `math.log`.

    `np.log` picks its code by the processor and may differ from `math.log` in the last bit.
    """
    return np.fromiter(map(log, values.tolist()), np.float64, len(values))
