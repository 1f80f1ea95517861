"""The last rows stay, the same ones however they came, in room that does not grow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.streams.recent import AT_ONCE, Recent
from quant_contracts.blocks import TradeBlock
from quant_contracts.events import Trade


def trades(count):
    return [Trade(ts // 3, ts // 3, "BTCUSDT", 100.0 + ts, 1.0, 1, ts) for ts in range(1, count + 1)]


@settings(max_examples=80)
@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=8),
    st.integers(-1, 40),
)
def test_the_last_rows_are_kept_however_they_came(keep, pieces, since):
    recent = Recent(TradeBlock, "BTCUSDT", keep)
    events = trades(sum(size for _, size in pieces))
    start = 0
    for as_block, size in pieces:
        piece = events[start : start + size]
        start += size
        if as_block:
            recent.extend(TradeBlock.of("BTCUSDT", piece))
        else:
            for trade in piece:
                recent.push(trade)
    newer = [trade for trade in events if trade.ts_known > since]
    block, is_whole = recent.since(since)
    assert list(block.events()) == newer[-keep:]
    assert is_whole is (len(newer) <= keep)
    older = events[: len(events) - len(newer[-keep:])]
    before, last = recent.before(since), recent.last()
    assert (list(before.events()) if before else []) == older[-1:]
    assert (list(last.events()) if last else []) == events[-1:]


def test_many_single_rows_do_not_pile_up():
    recent = Recent(TradeBlock, "BTCUSDT", keep=10)
    for trade in trades(3 * AT_ONCE + 5):
        recent.push(trade)
        assert len(recent._waiting) < AT_ONCE
    assert [trade.trade_id for trade in recent.since(0)[0].events()][-1] == 3 * AT_ONCE + 5
    assert recent.most_bytes < 10_000_000


def test_what_was_handed_out_cannot_be_written_to_and_does_not_change():
    recent = Recent(TradeBlock, "BTCUSDT", keep=3)
    recent.extend(TradeBlock.of("BTCUSDT", trades(5)))
    block, _ = recent.since(0)
    before = block.price.tolist()
    recent.extend(TradeBlock.of("BTCUSDT", trades(9)))
    assert block.price.tolist() == before
    with pytest.raises(ValueError, match="read-only"):
        block.price[0] = 1.0
