"""Which side of the book is heavier: the best levels, nearer ones counting more if wished."""

from __future__ import annotations

from math import fsum

import msgspec

from quant_channels.klines.features.settings import check_window, written
from quant_channels.orderbook.features.top import PREFIX, Top, best, sees, streams
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.views import Book, QuotesView


class BookImbalance(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Size of bids less size of asks over both together, from -1 (all asks) to +1 (all bids).

    The best `levels` of each side count, level i (from 0) with weight `decay` to the power of i. One level
    is the queue imbalance of Gould and Bonart (Queue imbalance as a one-tick-ahead price predictor in a
    limit order book, 2016). A level that is not there has no size. Missing while the book is, and while
    there are more levels than its handler seals and fewer sealed than asked for: give it more `depth`.

    >>> import numpy as np
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> [bar] = bars_from_closes(100)
    >>> seen = Book(
    ...     1, 1, "BTCUSDT", 1, *map(np.array, ([99.0, 98.0], [1.0, 4.0], [101.0, 102.0], [3.0, 4.0]))
    ... )
    >>> BookImbalance().update(bar, seen), BookImbalance(levels=2, decay=0.5).update(bar, seen)
    ((-0.5,), (-0.25,))
    """

    levels: int = 1
    """Of each side, at least 1."""
    decay: float = 1.0
    """Weight of a level over that of the one before it, above 0 and at most 1."""
    of: Top = "orderbook"
    """Where the sizes are read; quotes have one level."""

    def __post_init__(self) -> None:
        check_window(self.levels, 1, "levels", of="")
        if not 0.0 < self.decay <= 1.0:
            raise ValueError(f"decay must be above 0 and at most 1, not {self.decay}")
        if self.of == "quotes" and self.levels != 1:
            raise ValueError(f"quotes have 1 level, not {self.levels}; read the orderbook for more")
        self._weights = [1.0]
        while len(self._weights) < self.levels:
            self._weights.append(self._weights[-1] * self.decay)

    @property
    def outputs(self) -> tuple[str, ...]:
        name = f"{PREFIX[self.of]}imbalance_{self.levels}"
        return (name if self.decay == 1.0 else f"{name}_d{written(self.decay, scale=100)}",)

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return streams(self.of)

    def update(self, _bar: Bar, seen: Book | QuotesView | None, /) -> tuple[float, ...] | None:
        if seen is None:
            return None
        if self.levels == 1 or not isinstance(seen, Book):
            _, bids, _, asks = best(seen)
        elif sees(seen, self.levels):
            bids, asks = self._weighted(seen.bid_sizes.tolist()), self._weighted(seen.ask_sizes.tolist())
        else:
            return None
        return ((bids - asks) / (bids + asks),)

    def _weighted(self, sizes: list[float]) -> float:
        # The shorter of both ends it: a book may have fewer levels.
        return fsum(weight * size for weight, size in zip(self._weights, sizes, strict=False))
