"""Two sides of levels are what their changes leave, however these came."""

from __future__ import annotations

from decimal import Decimal
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.orderbook.ladder import ASK, BID, FEW, Ladder
from quant_contracts.blocks import BookBlock
from quant_contracts.events import BookDelta, BookSnapshot
from quant_contracts.instrument import Grid

GRID = Grid(Decimal("0.1"), Decimal("0.001"))
CHANGES = st.lists(st.tuples(st.sampled_from((BID, ASK)), st.integers(1, 12), st.integers(0, 3)), max_size=40)


def plain(changes):
    """What is left, from the definition."""
    sides = {BID: {}, ASK: {}}
    for side, ticks, lots in changes:
        sides[side].pop(ticks, None)
        if lots:
            sides[side][ticks] = lots
    return sides


def shown(ladder):
    return {side: dict(zip(*ladder.top(side, 100), strict=True)) for side in (BID, ASK)}


@settings(max_examples=80)
@given(CHANGES, st.integers(0, 40))
def test_single_changes_leave_what_the_definition_leaves_whenever_somebody_looks(changes, look):
    ladder = Ladder[int]()
    for number, change in enumerate(changes):
        ladder.put(*change)
        if number >= look:
            expected = plain(changes[: number + 1])
            assert ladder.order(BID) == sorted(expected[BID], reverse=True)
            assert ladder.order(ASK) == sorted(expected[ASK])
    assert shown(ladder) == plain(changes)
    assert ladder.best(BID) == max(plain(changes)[BID], default=None)
    assert ladder.best(ASK) == min(plain(changes)[ASK], default=None)


@settings(max_examples=80)
@given(CHANGES, CHANGES, st.booleans(), st.booleans(), st.sampled_from((0, FEW)))
def test_a_block_leaves_what_its_rows_leave_one_by_one(before, changes, resets, in_ticks, few):
    events = [BookSnapshot(1, 1, "BTCUSDT", 0, (), ())] if resets else []
    scale, unit = (1, 1) if in_ticks else (10, 1000)
    for number, (side, ticks, lots) in enumerate(changes, start=1):
        level = ((ticks / 10, lots / 1000),)
        events.append(BookDelta(1, 1, "BTCUSDT", number, *((level, ()) if side > 0 else ((), level))))
    ladder, single = Ladder(in_ticks=in_ticks), Ladder(in_ticks=in_ticks)
    for side, ticks, lots in before:
        ladder.put(side, ticks / scale, lots / unit)
        single.put(side, ticks / scale, lots / unit)
    with mock.patch("quant_channels.orderbook.ladder.FEW", few):
        ladder.absorb(BookBlock.of("BTCUSDT", GRID, events))
    if resets:
        single.clear()
    for side, ticks, lots in changes:
        single.put(side, ticks / scale, lots / unit)
    assert shown(ladder) == shown(single)


@pytest.mark.parametrize(("bid", "ask", "crossed"), [(99, 100, False), (100, 100, True), (101, 100, True)])
def test_crossed_is_a_bid_as_high_as_an_ask(bid, ask, crossed):
    ladder = Ladder[int]()
    assert not ladder.is_crossed
    ladder.put(BID, bid, 1)
    ladder.put(ASK, ask, 1)
    assert ladder.is_crossed is crossed
