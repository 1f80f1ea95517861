"""Times at which frames became known never fall, and never precede the event."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_channels.frames.arrival import MOST_AHEAD, Arrival, parse_offset

TIMES = st.integers(10**18, 10**18 + 10**10)


@given(frames=st.lists(st.tuples(TIMES, TIMES), max_size=30), offset=st.integers(-(10**9), 10**9))
def test_known_never_falls_and_never_precedes_the_event(frames, offset):
    arrival = Arrival(offset)
    known = []
    for recv, ts in frames:
        now = arrival.now(recv)
        found = arrival.known(ts, now)
        if found is None:
            assert ts - now > MOST_AHEAD
        else:
            assert found >= max(ts, recv + offset)
            known.append(found)
    assert all(before <= after for before, after in pairwise(known))
    assert arrival.went_back == sum(after < before for (before, _), (after, _) in pairwise(frames))


def test_a_clock_that_runs_behind_is_mended_by_its_declared_offset():
    undeclared, declared = Arrival(), Arrival(parse_offset("1.27s"))
    ts, recv = 10**18 + 1_250_000_000, 10**18
    assert undeclared.known(ts, undeclared.now(recv)) == ts
    assert undeclared.early == 1
    assert declared.known(ts, declared.now(recv)) == recv + 1_270_000_000
    assert declared.early == 0


@pytest.mark.parametrize(
    ("text", "nanos"), [("0s", 0), ("1.27s", 1_270_000_000), ("-5ms", -5_000_000), ("7ns", 7)]
)
def test_an_offset_is_a_number_with_its_unit(text, nanos):
    assert parse_offset(text) == nanos


@pytest.mark.parametrize("text", ["", "1", "s", "1m", "1e3s", "1,5s", "--1s", "1.s", "NaNs"])
def test_anything_else_is_no_offset(text):
    with pytest.raises(ValueError, match=r"clock_offset must be .*such as 1\.27s, not"):
        parse_offset(text)
