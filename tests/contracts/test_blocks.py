"""Blocks and bars are the same facts in two shapes."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.blocks import COLUMNS, BarBlock
from quant_contracts.testing.promise import same
from quant_contracts.testing.samples import markets, random_bars
from quant_contracts.units import SECOND

BARS = random_bars(50)
LATE = [
    msgspec.structs.replace(bar, ts_known=bar.ts_known + row % 3 * SECOND) for row, bar in enumerate(BARS)
]


@pytest.mark.parametrize("bars", [BARS, LATE, BARS[:1]], ids=["on time", "late", "one"])
def test_bars_come_back_from_a_block_to_the_bit(bars):
    block = BarBlock.of(bars)
    assert len(block) == len(bars)
    assert same(list(block.events()), bars)
    assert same([block.bar(row) for row in range(len(bars))], bars)


def test_a_block_keeps_known_times_only_where_they_differ():
    assert BarBlock.of(BARS).known is None
    assert BarBlock.of(BARS).ts_known.tolist() == [bar.ts_event for bar in BARS]
    assert BarBlock.of(LATE).ts_known.tolist() == [bar.ts_known for bar in LATE]


@given(st.lists(st.integers(0, 50), max_size=4), st.booleans())
def test_cutting_and_joining_gives_the_same_bars(cuts, late):
    bars = LATE if late else BARS
    edges = sorted({0, *cuts, len(bars)})
    block = BarBlock.of(bars)
    pieces = [block.slice(start, stop) for start, stop in pairwise(edges)]
    assert sum(len(piece) for piece in pieces) == len(bars)
    assert same(list(BarBlock.join(pieces).events()), bars)


def test_late_and_punctual_blocks_join():
    joined = BarBlock.join([BarBlock.of(BARS[:20]), BarBlock.of(LATE[20:])])
    assert same(list(joined.events()), [*BARS[:20], *LATE[20:]])


def test_a_slice_shares_memory_and_may_be_empty():
    block = BarBlock.of(BARS)
    assert np.shares_memory(block.slice(3, 9).close, block.close)
    assert list(block.slice(5, 5).events()) == []
    assert BarBlock.join([block]) is block


def test_columns_are_float64_and_times_int64():
    block = BarBlock.of(BARS)
    assert {getattr(block, name).dtype.name for name in COLUMNS} == {"float64"}
    assert (block.ts.dtype, block.ts_known.dtype) == (np.int64, np.int64)


@pytest.mark.parametrize("name", markets(64))
def test_every_sample_market_is_lawful_and_survives_the_round_trip(name):
    bars = markets(64)[name]
    assert same(list(BarBlock.of(list(bars)).events()), list(bars))
    for last, bar in zip((None, *bars), bars, strict=False):
        assert 0 < bar.low <= min(bar.open, bar.close)
        assert max(bar.open, bar.close) <= bar.high < float("inf")
        assert bar.volume >= 0
        assert bar.ts_known >= bar.ts_event
        assert bar.ts_open == bar.ts_event - bar.interval
        assert last is None or bar.ts_open >= last.ts_event


def test_samples_are_seeded():
    assert random_bars(20, 3) == random_bars(20, 3)
    assert random_bars(20, 3) != random_bars(20, 4)
