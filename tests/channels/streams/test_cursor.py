"""A cursor hands out each recorded row once, when its time has come."""

from __future__ import annotations

import pytest

from quant_channels.streams.cursor import Cursor
from quant_contracts.blocks import TradeBlock
from quant_contracts.errors import DataError, LifecycleError
from quant_contracts.events import Trade


class Shelf:
    """A feed over blocks at hand."""

    domain = "trades"
    symbol = "BTCUSDT"

    def __init__(self, *known):
        self.known = known

    def blocks(self, start, end, rows):
        for each in self.known:
            yield TradeBlock.of("BTCUSDT", [Trade(ts, ts, "BTCUSDT", 1.0, 1.0, 1) for ts in each])


def taken(cursor, ts):
    return [block.known.tolist() for block in cursor.take(ts)]


def test_rows_come_once_up_to_the_moment_that_is_asked_for():
    cursor = Cursor(Shelf([1, 2, 2], [2, 5], [9]))
    assert taken(cursor, 10) == []
    cursor.load(None, None, 10)
    assert [taken(cursor, ts) for ts in (0, 1, 4, 4, 9, 99)] == [[], [[1]], [[2, 2], [2]], [], [[5], [9]], []]


def test_loading_twice_is_refused():
    cursor = Cursor(Shelf())
    cursor.load(None, None, 10)
    with pytest.raises(LifecycleError, match="BTCUSDT trades: history is loaded already"):
        cursor.load(None, None, 10)


@pytest.mark.parametrize("known", [([1, 3, 2],), ([1, 3], [2, 4])], ids=["in a block", "between blocks"])
def test_rows_out_of_order_are_refused(known):
    cursor = Cursor(Shelf(*known))

    def read():
        cursor.load(None, None, 10)
        taken(cursor, 10)

    with pytest.raises(DataError, match="BTCUSDT trades: the feed delivers rows that became known before"):
        read()
