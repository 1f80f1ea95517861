"""The handler shows what is known by now, in a window of bounded size, and refuses what is out of order."""

from __future__ import annotations

import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.klines.handler import KlineHandler
from quant_contracts.blocks import BarBlock
from quant_contracts.errors import ConfigError, DataError, LifecycleError
from quant_contracts.protocols import DataHandler
from quant_contracts.testing.samples import FIRST_OPEN, bars_from_closes, random_bars
from quant_contracts.units import HOUR, MINUTE, SECOND

BARS = random_bars(100, seed=5)


class Shelf:
    """A feed over bars in memory that notes when it is touched."""

    symbol = "BTCUSDT"

    def __init__(self, bars=BARS):
        self.bars = bars
        self.touched = False

    @property
    def interval(self):
        self.touched = True
        return MINUTE

    def blocks(self, start, end, rows):
        self.touched = True
        for first in range(0, len(self.bars), rows):
            yield BarBlock.of(self.bars[first : first + rows])

    def last_close(self):
        return self.bars[-1].ts_event


def window(handler, count):
    block = handler.window(count)
    return None if block is None else list(block.events())


def test_it_is_a_data_handler_and_is_made_without_touching_its_feed():
    feed = Shelf()
    handler = KlineHandler(feed)
    assert (handler.symbol, handler.last, handler.window(10)) == ("BTCUSDT", None, None)
    assert (handler.first_close(), handler.read(), handler.warmup_to(FIRST_OPEN + HOUR)) == (None, None, None)
    assert not feed.touched
    assert isinstance(handler, DataHandler)


def test_warm_up_splits_a_block_at_the_anchor_and_leaves_the_rest_to_be_read():
    handler = KlineHandler(Shelf())
    handler.load_history(None, None, 40)
    assert handler.first_close() == BARS[0].ts_event
    anchor = FIRST_OPEN + 50 * MINUTE + 30 * SECOND
    assert list(handler.warmup_to(anchor).events()) == BARS[:50]
    assert handler.last == BARS[49]
    assert handler.last.ts_known <= anchor
    assert handler.first_close() == BARS[50].ts_event
    assert list(handler.read().events()) == BARS[50:80]
    assert list(handler.read().events()) == BARS[80:]
    assert handler.read() is None
    assert handler.read() is None
    # What was read is not known until it is pushed.
    assert handler.last == BARS[49]


def test_warm_up_goes_by_when_bars_became_known():
    late = [msgspec.structs.replace(bar, ts_known=bar.ts_event + 90 * SECOND) for bar in BARS]
    handler = KlineHandler(Shelf(late))
    handler.load_history(None, None, 7)
    taken = handler.warmup_to(FIRST_OPEN + 10 * MINUTE)
    assert list(taken.events()) == late[:8]


def test_warm_up_before_the_first_bar_takes_nothing_and_later_goes_on():
    handler = KlineHandler(Shelf())
    handler.load_history(None, None, 1_000)
    assert handler.warmup_to(FIRST_OPEN) is None
    assert len(handler.warmup_to(FIRST_OPEN + 3 * MINUTE)) == 3
    assert handler.warmup_to(FIRST_OPEN + 2 * MINUTE) is None
    assert len(handler.warmup_to(FIRST_OPEN + 5 * MINUTE)) == 2
    assert handler.last_close() == BARS[-1].ts_event


def test_history_is_loaded_once():
    handler = KlineHandler(Shelf())
    handler.load_history(None, None, 10)
    with pytest.raises(LifecycleError, match="BTCUSDT: history is loaded already"):
        handler.load_history(None, None, 10)


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    singly=st.lists(st.booleans(), min_size=12, max_size=12),
    keep=st.integers(1, 40),
    count=st.integers(1, 40),
)
def test_the_window_holds_the_last_bars_however_they_came(sizes, singly, keep, count):
    handler = KlineHandler(Shelf(), keep)
    seen = []
    for size, alone in zip(sizes, singly, strict=False):
        new = BARS[len(seen) : len(seen) + size]
        if alone:
            for bar in new:
                handler.push(bar)
        elif new:
            handler.push_many(BarBlock.of(new))
        seen.extend(new)
        asked = min(count, keep)
        assert window(handler, asked) == seen[-asked:]
        assert handler.last == seen[-1]
        # All but the oldest block are fewer than `keep`, and single bars are put into blocks of up to `keep`.
        assert sum(map(len, handler._blocks)) < keep + max(keep, 30)


def test_a_window_longer_than_the_handler_keeps_is_refused():
    handler = KlineHandler(Shelf(), keep=10)
    handler.push(BARS[0])
    assert window(handler, 10) == [BARS[0]]
    for count in (0, -1, 11):
        with pytest.raises(
            ConfigError, match=f"a window of {count} bars was asked for; this handler keeps 10"
        ):
            handler.window(count)
    with pytest.raises(ConfigError, match="keep must be at least 1 bar, not 0"):
        KlineHandler(Shelf(), 0)


@pytest.mark.parametrize("in_block", [False, True], ids=["alone", "in a block"])
@pytest.mark.parametrize(
    ("bar", "says"),
    [
        (BARS[4], "closed at 2022-01-01T00:05:00Z came after the one that closed at 2022-01-01T00:05:00Z"),
        (BARS[2], "closed at 2022-01-01T00:03:00Z came after the one that closed at 2022-01-01T00:05:00Z"),
        (msgspec.structs.replace(BARS[5], symbol="ETHUSDT"), "a bar of ETHUSDT of 1m .* handler of BTCUSDT"),
        (msgspec.structs.replace(BARS[5], interval=HOUR), "a bar of BTCUSDT of 1h .* bars of 1m"),
        (
            msgspec.structs.replace(BARS[5], ts_known=BARS[5].ts_open),
            "closes at 2022-01-01T00:06:00Z claims to be known at 2022-01-01T00:05:00Z",
        ),
    ],
    ids=["again", "earlier", "another symbol", "another length", "known at its open"],
)
def test_a_bar_that_does_not_belong_is_refused_and_changes_nothing(bar, says, in_block):
    handler = KlineHandler(Shelf())
    for good in BARS[:5]:
        handler.push(good)
    with pytest.raises(DataError, match=says):
        handler.push_many(BarBlock.of([bar])) if in_block else handler.push(bar)
    assert window(handler, 1_000) == BARS[:5]
    handler.push(BARS[5])
    assert handler.last == BARS[5]


def test_the_first_bar_is_checked_too():
    handler = KlineHandler(Shelf())
    with pytest.raises(DataError, match="a bar of ETHUSDT"):
        handler.push(bars_from_closes(1.0, symbol="ETHUSDT")[0])


def test_a_block_whose_rows_do_not_rise_is_refused():
    handler = KlineHandler(Shelf())
    with pytest.raises(DataError, match="closes do not rise"):
        handler.push_many(BarBlock.of([BARS[1], BARS[0]]))
    assert handler.window(1) is None


def test_an_empty_block_changes_nothing():
    handler = KlineHandler(Shelf())
    handler.push_many(BarBlock.of(BARS).slice(3, 3))
    assert handler.last is None


def test_pushing_blocks_makes_no_bars(monkeypatch):
    block = BarBlock.of(BARS)
    for name in ("events", "bar"):
        monkeypatch.setattr(BarBlock, name, lambda *_: pytest.fail("a bar was made"))
    handler = KlineHandler(Shelf(), keep=30)
    for start in range(0, 100, 9):
        handler.push_many(block.slice(start, start + 9))
    assert len(handler.window(30)) == 30


def test_what_is_kept_is_bounded():
    handler = KlineHandler(Shelf(), keep=50)
    for bar in random_bars(5_000, seed=1):
        handler.push(bar)
    assert len(handler._bars) == 50
    assert sys.getsizeof(handler._bars) < 10_000
