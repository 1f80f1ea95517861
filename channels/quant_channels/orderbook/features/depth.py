"""How much stands how near: depth within a distance of the middle, and how fast it grows with it."""

from __future__ import annotations

from math import fsum

import msgspec

from quant_channels.klines.features.settings import check_window, written
from quant_channels.orderbook.features.prices import BPS
from quant_channels.orderbook.features.top import sees
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.views import Book


def check_distance(bps: float) -> None:
    """Raise `ValueError` unless `bps` is a distance on both sides of a price."""
    if not 0.0 < bps < BPS:
        raise ValueError(f"bps must be above 0 and below {BPS:.0f}, not {bps}")


def depth_within(book: Book, bps: float) -> tuple[float, float] | None:
    """Sizes of all bids and of all asks at most `bps` from the middle; None where not all are sealed."""
    mid = book.mid
    reach = mid * (bps / BPS)
    lowest, highest = mid - reach, mid + reach
    bids = [
        size
        for price, size in zip(book.bid_prices.tolist(), book.bid_sizes.tolist(), strict=True)
        if price >= lowest
    ]
    asks = [
        size
        for price, size in zip(book.ask_prices.tolist(), book.ask_sizes.tolist(), strict=True)
        if price <= highest
    ]
    if (book.bids_below and len(bids) == len(book.bid_prices)) or (
        book.asks_above and len(asks) == len(book.ask_prices)
    ):
        return None
    return fsum(bids), fsum(asks)


class BookDepth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size of all bids, and of all asks, at most `bps` basis points from the middle, in base units.

    0 where nothing stands that near. Missing while the book is, and while the levels that its handler
    seals do not reach that far though there are more: give it more `depth`.

    >>> import numpy as np
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> [bar] = bars_from_closes(100)
    >>> seen = Book(
    ...     1, 1, "BTCUSDT", 1, *map(np.array, ([99.0, 98.0], [1.0, 4.0], [101.0, 103.0], [3.0, 4.0]))
    ... )
    >>> BookDepth(bps=200.0).update(bar, seen)
    (5.0, 3.0)
    """

    bps: float = 10.0
    """Distance from the middle, 1 / 10,000 of the price each."""

    def __post_init__(self) -> None:
        check_distance(self.bps)

    @property
    def outputs(self) -> tuple[str, ...]:
        settings = f"{written(self.bps)}bps"
        return (f"bid_depth_{settings}", f"ask_depth_{settings}")

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("orderbook"),)

    def update(self, _bar: Bar, book: Book | None, /) -> tuple[float, ...] | None:
        return None if book is None else depth_within(book, self.bps)


class DepthImbalance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Depth of the bids less that of the asks over both, within `bps` of the middle, from -1 to +1.

    Missing while `BookDepth` is, and while nothing stands that near.

    >>> import numpy as np
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> [bar] = bars_from_closes(100)
    >>> seen = Book(
    ...     1, 1, "BTCUSDT", 1, *map(np.array, ([99.0, 98.0], [1.0, 4.0], [101.0, 103.0], [3.0, 4.0]))
    ... )
    >>> DepthImbalance(bps=200.0).update(bar, seen)
    (0.25,)
    """

    bps: float = 10.0
    """Distance from the middle, 1 / 10,000 of the price each."""

    def __post_init__(self) -> None:
        check_distance(self.bps)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"depth_imbalance_{written(self.bps)}bps",)

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("orderbook"),)

    def update(self, _bar: Bar, book: Book | None, /) -> tuple[float, ...] | None:
        depth = None if book is None else depth_within(book, self.bps)
        if depth is None or not any(depth):
            return None
        bids, asks = depth
        return ((bids - asks) / (bids + asks),)


class BookSlope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast the depth of each side grows away from the middle, in base units per basis point.

    Least squares through the origin of cumulative size on distance, over the best `levels` of a side:
    sum(d Q) / sum(d d), with d the distance of a level and Q the size up to it. The slope of the demand and
    of the supply schedule, as Kalay, Sade and Wohl (Measuring stock illiquidity, 2004) look at them.
    Missing while the book is, and while a side has fewer levels.

    >>> import numpy as np
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> [bar] = bars_from_closes(100)
    >>> seen = Book(
    ...     1, 1, "BTCUSDT", 1, *map(np.array, ([99.0, 98.0], [1.0, 1.0], [101.0, 102.0], [3.0, 3.0]))
    ... )
    >>> BookSlope(levels=2).update(bar, seen)
    (0.01, 0.03)
    """

    levels: int = 5
    """Of each side, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.levels, 1, "levels", of="")

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"bid_slope_{self.levels}", f"ask_slope_{self.levels}")

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return (Stream("orderbook"),)

    def update(self, _bar: Bar, book: Book | None, /) -> tuple[float, ...] | None:
        if book is None or not sees(book, self.levels):
            return None
        mid = book.mid
        bids = self._slope(mid, book.bid_prices.tolist(), book.bid_sizes.tolist())
        asks = self._slope(mid, book.ask_prices.tolist(), book.ask_sizes.tolist())
        return None if bids is None or asks is None else (bids, asks)

    def _slope(self, mid: float, prices: list[float], sizes: list[float]) -> float | None:
        if len(prices) < self.levels:
            return None
        depth, products, squares = 0.0, [], []
        for price, size in zip(prices[: self.levels], sizes[: self.levels], strict=True):
            depth += size
            distance = BPS * abs(price - mid) / mid
            products.append(distance * depth)
            squares.append(distance * distance)
        square = fsum(squares)
        return fsum(products) / square if square else None
