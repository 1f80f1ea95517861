"""Pictures of the account: equally spaced, never too many, the same whether or not the end was known."""

from __future__ import annotations

import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.units import DAY, HOUR, MINUTE, SECOND
from quant_daemon.sampler import MOST_SAMPLES, EquitySampler

START = 1_700_000_000 * SECOND
PORTFOLIO = types.SimpleNamespace(snapshot=lambda ts: types.SimpleNamespace(ts=ts))


def times(start, length, end, step, *interval):
    """When samples were taken of a run that moves on by `step` and is said to end at `end`."""
    sampler = EquitySampler(PORTFOLIO)
    sampler.start(start, end, *interval)
    for now in range(start + step, start + length, step):
        while sampler.next < now:
            sampler.take()
    sampler.stop(start + length)
    return [sample.ts for sample in sampler.samples]


@pytest.mark.parametrize(
    ("length", "every"),
    [(HOUR, MINUTE), (3 * DAY, 5 * MINUTE), (40 * DAY, 15 * MINUTE), (300 * DAY, 4 * HOUR), (900 * DAY, DAY)],
)
def test_a_long_run_has_fewer_pictures_a_day(length, every):
    taken = times(START, length, START + length, every)
    assert len(taken) <= MOST_SAMPLES + 2
    assert [ts for ts in taken[1:-1] if ts % every] == []
    assert taken[2] - taken[1] == every


@given(st.integers(0, 2 * DAY), st.integers(1, 100 * DAY), st.integers(5 * MINUTE, 20 * DAY))
def test_they_are_the_same_whether_or_not_anybody_knew_the_end(offset, length, step):
    start = START + offset
    assert times(start, length, None, step) == times(start, length, start + length, step)


@pytest.mark.parametrize(
    ("interval", "every"), [(SECOND, SECOND), (10 * SECOND, 10 * SECOND), (HOUR, MINUTE)]
)
def test_a_run_of_minutes_is_seen_at_every_bar(interval, every):
    taken = times(START, 10 * MINUTE, None, 10 * SECOND, interval)
    assert len(taken) >= 10 * MINUTE // every
    assert taken[2] - taken[1] == every
