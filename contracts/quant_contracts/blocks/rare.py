"""Events that come too seldom for columns: documents, surfaces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from quant_contracts.blocks.columns import Times
from quant_contracts.events.documents import Document
from quant_contracts.events.options import Surface

R = TypeVar("R", bound=Document | Surface)


class EventBlock(Generic[R]):
    """Events of one symbol in the order in which they became known."""

    def __init__(self, symbol: str, rows: tuple[R, ...]) -> None:
        self.symbol = symbol
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def ts_known(self) -> Times:
        return np.array([row.ts_known for row in self.rows], dtype=np.int64)

    def slice(self, start: int, stop: int, /) -> EventBlock[R]:
        return EventBlock(self.symbol, self.rows[start:stop])

    def events(self) -> Iterator[R]:
        return iter(self.rows)
