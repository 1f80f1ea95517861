"""The as-of view of one stream of trades: the last ones known by now, each once, and which were missed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from quant_channels.streams.cursor import Cursor
from quant_channels.streams.recent import Recent
from quant_channels.streams.trust import GAP_BYTES, MOST_GAPS, Holes, by_age, refuse_out_of_turn
from quant_contracts.blocks import TradeBlock
from quant_contracts.errors import ConfigError
from quant_contracts.events import DataGap, Freshness, StreamEvent, Trade
from quant_contracts.protocols import QualityRow, StreamFeed
from quant_contracts.units import Nanos
from quant_contracts.views import TradesView

DOMAIN = "trades"


class TradesHandler:
    """Holds the last `keep` trades of its feed's symbol.

    Where ids are consecutive, a jump from one to the next is a hole: the trades between were missed. A
    trade whose id is not above the last one's was seen or given up before: it is refused and counted. An
    id of 0 says nothing and is always taken.

    A symbol that steps more seldom than every `keep` trades sees the last of them, in a view that is not
    whole.
    """

    def __init__(self, feed: StreamFeed, keep: int = 200_000, consecutive_ids: bool = True) -> None:
        if type(keep) is not int or keep < 1:
            raise ConfigError(f"{feed.symbol} trades: keep must be at least 1 trade, not {keep!r}")
        if type(consecutive_ids) is not bool:
            raise ConfigError(
                f"{feed.symbol} trades: consecutive_ids must be true or false, not {consecutive_ids!r}"
            )
        self.keep = keep
        self.consecutive_ids = consecutive_ids
        self.refused = 0
        """Trades that came late or twice."""
        self._symbol = feed.symbol
        self._cursor = Cursor(feed)
        self._recent = Recent(TradeBlock, feed.symbol, keep)
        self._add = self._recent.push
        self._holes = Holes(DOMAIN, feed.symbol)
        # When the last row became known that came at all, refused ones included.
        self._came: Nanos = 0
        self._known: Nanos | None = None
        self._last_id = 0
        # When the last hole showed.
        self._hole: Nanos = -1

    @property
    def domain(self) -> str:
        return DOMAIN

    @property
    def symbol(self) -> str:
        return self._symbol

    def load_history(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> None:
        self._cursor.load(start, end, rows)

    def advance(self, ts: Nanos, /) -> None:
        for block in self._cursor.take(ts):
            assert isinstance(block, TradeBlock)
            self._absorb(block)

    def read(self, ts: Nanos, /) -> Iterator[StreamEvent]:
        for block in self._cursor.take(ts):
            assert isinstance(block, TradeBlock)
            yield from block.events()

    def push(self, event: StreamEvent, /) -> None:
        assert isinstance(event, Trade)
        known = event.ts_known
        if known < self._came or event.symbol != self._symbol:
            refuse_out_of_turn(DOMAIN, self._symbol, self._came, event.symbol, known)
        self._came = known
        number = event.trade_id
        if number and self.consecutive_ids:
            last = self._last_id
            if last and number != last + 1:
                if number <= last:
                    self.refused += 1
                    return
                self._missed(known, self._known or known, last, number)
            self._last_id = number
        self._known = known
        self._add(event)

    def _absorb(self, block: TradeBlock) -> None:
        refuse_out_of_turn(DOMAIN, self._symbol, self._came, block.symbol, block.known.item(0))
        self._came = block.known.item(-1)
        if self.consecutive_ids:
            block = self._each_once(block)
            if not len(block):
                return
        self._known = block.known.item(-1)
        self._recent.extend(block)

    def _each_once(self, block: TradeBlock) -> TradeBlock:
        """The block without what came late or twice; holes are noted."""
        ids, known = block.trade_id, block.known
        first, last = ids.item(0), ids.item(-1)
        if (
            0 < first == self._last_id + 1
            and last - first == len(ids) - 1
            and bool((ids[1:] > ids[:-1]).all())
        ):
            self._last_id = last
            return block
        highest = np.maximum.accumulate(np.concatenate([[self._last_id], ids]))
        before = highest[:-1]
        good = (ids > before) | (ids == 0)
        # When the last trade was known that was taken in front of each row.
        taken = np.maximum.accumulate(np.concatenate([[self._known or 0], np.where(good, known, 0)]))
        for row in (good & (ids > before + 1) & (before > 0)).nonzero()[0].tolist():
            self._missed(known.item(row), taken.item(row), before.item(row), ids.item(row))
        self._last_id = highest.item(-1)
        if bool(good.all()):
            return block
        self.refused += int((~good).sum())
        columns = (block.ts, known, block.price, block.quantity, block.side, ids)
        return TradeBlock(block.symbol, *(column[good] for column in columns))

    def _missed(self, known: Nanos, since: Nanos, last: int, number: int) -> None:
        """Trades between `last` and `number` were missed, as shows at `known`."""
        self._hole = known
        self._holes.add(known, since, f"{number - last - 1} trades missing before trade {number}")

    def observe(self, since: Nanos, ts: Nanos, /) -> TradesView | None:
        last = self._recent.last()
        if last is None:
            return None
        trades, is_whole = self._recent.since(since)
        return TradesView(ts, since, trades, next(last.events()), is_whole and self._hole <= since)

    def freshness(self, ts: Nanos, max_age: Nanos | None, /) -> tuple[Freshness, str]:
        if self._known is None:
            return "missing", "no trade yet"
        return by_age(self._known, ts, max_age)

    def gaps(self) -> tuple[DataGap, ...]:
        return self._holes.found()

    def quality(self) -> tuple[QualityRow, ...]:
        if not self.refused:
            return ()
        return (QualityRow(self._symbol, "repeated_trade", self.refused, "left_out"),)

    @property
    def last_known(self) -> Nanos | None:
        return self._known

    @property
    def most_bytes(self) -> int:
        return self._recent.most_bytes + MOST_GAPS * GAP_BYTES
