"""Many trades, or many changes of the best prices, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat

import msgspec
import numpy as np

from quant_contracts.blocks.columns import Column, Flags, Times, Whole
from quant_contracts.events.market import Quote, Trade


class TradeBlock(msgspec.Struct, frozen=True, eq=False):
    """Trades of one symbol; row i is one `Trade`."""

    symbol: str
    ts: Times
    """When each trade happened at its venue."""
    known: Times
    """When each could first be known; never falls."""
    price: Column
    quantity: Column
    """In base units, above 0."""
    side: Flags
    """+1 where the buyer was the aggressor, -1 where the seller was."""
    trade_id: Whole
    """The venue's number of each trade, 0 where it gives none."""

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def ts_known(self) -> Times:
        return self.known

    def slice(self, start: int, stop: int, /) -> TradeBlock:
        return TradeBlock(
            self.symbol,
            self.ts[start:stop],
            self.known[start:stop],
            self.price[start:stop],
            self.quantity[start:stop],
            self.side[start:stop],
            self.trade_id[start:stop],
        )

    def events(self) -> Iterator[Trade]:
        return map(
            Trade,
            self.ts.tolist(),
            self.known.tolist(),
            repeat(self.symbol),
            self.price.tolist(),
            self.quantity.tolist(),
            self.side.tolist(),
            self.trade_id.tolist(),
        )

    @classmethod
    def of(cls, symbol: str, trades: Sequence[Trade]) -> TradeBlock:
        """The block that holds `trades`, all of `symbol`; none make an empty block."""
        return cls(
            symbol,
            np.array([trade.ts_event for trade in trades], dtype=np.int64),
            np.array([trade.ts_known for trade in trades], dtype=np.int64),
            np.array([trade.price for trade in trades], dtype=np.float64),
            np.array([trade.quantity for trade in trades], dtype=np.float64),
            np.array([trade.side for trade in trades], dtype=np.int8),
            np.array([trade.trade_id for trade in trades], dtype=np.int64),
        )

    @classmethod
    def join(cls, symbol: str, blocks: Sequence[TradeBlock]) -> TradeBlock:
        """One block with the rows of `blocks` in order; none make an empty block."""
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return cls.of(symbol, ())
        return cls(
            symbol,
            np.concatenate([block.ts for block in blocks]),
            np.concatenate([block.known for block in blocks]),
            np.concatenate([block.price for block in blocks]),
            np.concatenate([block.quantity for block in blocks]),
            np.concatenate([block.side for block in blocks]),
            np.concatenate([block.trade_id for block in blocks]),
        )


class QuoteBlock(msgspec.Struct, frozen=True, eq=False):
    """Best prices of one symbol, a row each time one of them or its size changed; row i is one `Quote`."""

    symbol: str
    ts: Times
    known: Times
    bid: Column
    bid_size: Column
    ask: Column
    ask_size: Column

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def ts_known(self) -> Times:
        return self.known

    def slice(self, start: int, stop: int, /) -> QuoteBlock:
        return QuoteBlock(
            self.symbol,
            self.ts[start:stop],
            self.known[start:stop],
            self.bid[start:stop],
            self.bid_size[start:stop],
            self.ask[start:stop],
            self.ask_size[start:stop],
        )

    def events(self) -> Iterator[Quote]:
        return map(
            Quote,
            self.ts.tolist(),
            self.known.tolist(),
            repeat(self.symbol),
            self.bid.tolist(),
            self.bid_size.tolist(),
            self.ask.tolist(),
            self.ask_size.tolist(),
        )

    @classmethod
    def of(cls, symbol: str, quotes: Sequence[Quote]) -> QuoteBlock:
        """The block that holds `quotes`, all of `symbol`; none make an empty block."""
        return cls(
            symbol,
            np.array([quote.ts_event for quote in quotes], dtype=np.int64),
            np.array([quote.ts_known for quote in quotes], dtype=np.int64),
            np.array([quote.bid for quote in quotes], dtype=np.float64),
            np.array([quote.bid_size for quote in quotes], dtype=np.float64),
            np.array([quote.ask for quote in quotes], dtype=np.float64),
            np.array([quote.ask_size for quote in quotes], dtype=np.float64),
        )

    @classmethod
    def join(cls, symbol: str, blocks: Sequence[QuoteBlock]) -> QuoteBlock:
        """One block with the rows of `blocks` in order; none make an empty block."""
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return cls.of(symbol, ())
        return cls(
            symbol,
            np.concatenate([block.ts for block in blocks]),
            np.concatenate([block.known for block in blocks]),
            np.concatenate([block.bid for block in blocks]),
            np.concatenate([block.bid_size for block in blocks]),
            np.concatenate([block.ask for block in blocks]),
            np.concatenate([block.ask_size for block in blocks]),
        )
