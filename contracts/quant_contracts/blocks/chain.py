"""Many quotes of the options of one underlying, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from math import isnan
from typing import Any

import msgspec
import numpy as np

from quant_contracts.blocks.columns import Column, Flags, Times, Whole
from quant_contracts.events.options import OptionQuote, Premium


class ChainBlock(msgspec.Struct, frozen=True, eq=False):
    """Quotes of options on one underlying; row i is one `OptionQuote`. NaN stands for what was not said."""

    symbol: str
    premium: Premium
    """What prices are in: see `OptionQuote.premium`."""
    ts: Times
    known: Times
    expiry: Times
    strike: Column
    right: Flags
    """+1 for calls, -1 for puts."""
    bid: Column
    bid_size: Column
    ask: Column
    ask_size: Column
    mark: Column
    mark_iv: Column
    forward: Column
    open_interest: Column
    is_american: bool = False

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def ts_known(self) -> Times:
        return self.known

    def slice(self, start: int, stop: int, /) -> ChainBlock:
        columns = {name: getattr(self, name)[start:stop] for name in COLUMNS}
        return msgspec.structs.replace(self, **columns)

    def take(self, rows: Whole, /) -> ChainBlock:
        """The rows with these numbers, in the order given."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return msgspec.structs.replace(self, **columns)

    def events(self) -> Iterator[OptionQuote]:
        said = [[None if isnan(value) else value for value in getattr(self, name).tolist()] for name in SAID]
        return map(
            OptionQuote,
            self.ts.tolist(),
            self.known.tolist(),
            repeat(self.symbol),
            repeat(self.premium),
            self.expiry.tolist(),
            self.strike.tolist(),
            self.right.tolist(),
            *said,
            repeat(self.is_american),
        )

    @classmethod
    def of(cls, symbol: str, quotes: Sequence[OptionQuote]) -> ChainBlock:
        """The block that holds `quotes`, all of `symbol` and one premium; none make an empty block."""
        columns: dict[str, Any] = {
            "ts": np.array([quote.ts_event for quote in quotes], dtype=np.int64),
            "known": np.array([quote.ts_known for quote in quotes], dtype=np.int64),
            "expiry": np.array([quote.expiry for quote in quotes], dtype=np.int64),
            "strike": np.array([quote.strike for quote in quotes], dtype=np.float64),
            "right": np.array([quote.right for quote in quotes], dtype=np.int8),
        }
        for name in SAID:
            # None becomes NaN.
            columns[name] = np.array([getattr(quote, name) for quote in quotes], dtype=np.float64)
        premium = quotes[0].premium if quotes else "linear"
        return cls(symbol, premium, is_american=bool(quotes and quotes[0].is_american), **columns)

    @classmethod
    def join(cls, symbol: str, blocks: Sequence[ChainBlock]) -> ChainBlock:
        """One block with the rows of `blocks` in order, of one premium; none make an empty block."""
        if not blocks:
            return cls.of(symbol, ())
        columns = {name: np.concatenate([getattr(block, name) for block in blocks]) for name in COLUMNS}
        return msgspec.structs.replace(blocks[0], **columns)


SAID = ("bid", "bid_size", "ask", "ask_size", "mark", "mark_iv", "forward", "open_interest")
COLUMNS = ("ts", "known", "expiry", "strike", "right", *SAID)
