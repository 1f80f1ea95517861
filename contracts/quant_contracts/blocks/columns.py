"""What every block has in common, whatever its rows are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from quant_contracts.events.base import Event

Column: TypeAlias = npt.NDArray[np.float64]
Times: TypeAlias = npt.NDArray[np.int64]
Whole: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.int8]


class Block(Protocol):
    """Rows of one stream in the order in which they became known."""

    @property
    def symbol(self) -> str:
        """Whose rows these are."""
        ...

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    @property
    def ts_known(self) -> Times:
        """When each row could first be known; never falls from row to row."""
        ...

    def slice(self, start: int, stop: int, /) -> Self:
        """Rows from `start` up to, not including, `stop`; shares memory with this block."""
        ...

    def events(self) -> Iterator[Event]:
        """The rows as events, in order."""
        ...
