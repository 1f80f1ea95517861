"""Prices that the top of the book says: the spread, the middle, and where the next trade pulls it."""

from __future__ import annotations

import msgspec

from quant_channels.orderbook.features.top import PREFIX, Top, best, streams
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.views import Book, QuotesView

BPS = 10_000.0


class BidAskSpread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Best ask less best bid: in units of the price, and in basis points of the middle.

    Both are above 0. Missing while the book, or the quote, is.

    >>> import numpy as np
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> [bar] = bars_from_closes(100)
    >>> seen = Book(1, 1, "BTCUSDT", 1, *map(np.array, ([99.0], [1.0], [101.0], [3.0])))
    >>> BidAskSpread().update(bar, seen)
    (2.0, 200.0)
    """

    of: Top = "orderbook"
    """Where the best prices are read: the book, or quotes where there is none."""

    @property
    def outputs(self) -> tuple[str, ...]:
        prefix = PREFIX[self.of]
        return (f"{prefix}spread", f"{prefix}spread_bps")

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return streams(self.of)

    def update(self, _bar: Bar, seen: Book | QuotesView | None, /) -> tuple[float, ...] | None:
        if seen is None:
            return None
        bid, _, ask, _ = best(seen)
        spread = ask - bid
        return spread, BPS * spread / ((bid + ask) / 2)


class Mid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Half-way between best bid and best ask, a price. Missing while the book, or the quote, is.

    >>> import numpy as np
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> [bar] = bars_from_closes(100)
    >>> seen = Book(1, 1, "BTCUSDT", 1, *map(np.array, ([99.0], [1.0], [101.0], [3.0])))
    >>> Mid().update(bar, seen)
    (100.0,)
    """

    of: Top = "orderbook"
    """Where the best prices are read: the book, or quotes where there is none."""

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"{PREFIX[self.of]}mid",)

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return streams(self.of)

    def update(self, _bar: Bar, seen: Book | QuotesView | None, /) -> tuple[float, ...] | None:
        if seen is None:
            return None
        bid, _, ask, _ = best(seen)
        return ((bid + ask) / 2,)


class Microprice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The middle weighted by size: a price, and how far it is above the middle in basis points.

    (bid x ask size + ask x bid size) / (bid size + ask size): near the side where less stands, which the
    next trades are likely to use up (Gatheral and Oomen, Zero-intelligence realized variance estimation,
    Finance and Stochastics 14, 2010). Never outside bid and ask. Missing while the book, or the quote, is.

    >>> import numpy as np
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> [bar] = bars_from_closes(100)
    >>> seen = Book(1, 1, "BTCUSDT", 1, *map(np.array, ([99.0], [1.0], [101.0], [3.0])))
    >>> Microprice().update(bar, seen)
    (99.5, -50.0)
    """

    of: Top = "orderbook"
    """Where the best prices are read: the book, or quotes where there is none."""

    @property
    def outputs(self) -> tuple[str, ...]:
        prefix = PREFIX[self.of]
        return (f"{prefix}microprice", f"{prefix}microprice_bps")

    @property
    def warmup(self) -> int:
        return 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return streams(self.of)

    def update(self, _bar: Bar, seen: Book | QuotesView | None, /) -> tuple[float, ...] | None:
        if seen is None:
            return None
        bid, bid_size, ask, ask_size = best(seen)
        # From the bid upwards: rounding then cannot leave the spread by more than it is wide.
        price = min(bid + (ask - bid) * (bid_size / (bid_size + ask_size)), ask)
        mid = (bid + ask) / 2
        return price, BPS * (price - mid) / mid
