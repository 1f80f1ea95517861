"""The virtual clock: a function of what it is told, and of nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.errors import LookAhead
from quant_daemon.clock import NEVER, VirtualClock


def test_timers_fire_in_the_order_of_time_each_at_its_own_moment():
    clock, rung = VirtualClock(), []
    for due in (30, 10, 20):
        clock.at(due, lambda ts: rung.append((ts, clock.now)))
    clock.advance(100)
    assert rung == [(10, 10), (20, 20), (30, 30)]
    assert clock.now == 100


def test_timers_due_together_fire_in_the_order_they_were_set():
    clock, rung = VirtualClock(), []
    for name in "abc":
        clock.at(5, lambda _, name=name: rung.append(name))
    clock.advance(5)
    assert rung == ["a", "b", "c"]


def test_a_cancelled_timer_does_not_fire_and_is_not_due():
    clock, rung = VirtualClock(), []
    timer = clock.at(5, rung.append)
    timer.cancel()
    timer.cancel()
    assert clock.next_due == NEVER
    clock.advance(9)
    assert rung == []


def test_what_is_due_at_a_moment_waits_for_that_moments_inputs():
    clock, rung = VirtualClock(), []
    clock.at(4, rung.append)
    clock.at(5, rung.append)
    clock.advance_before(5)
    assert rung == [4]
    assert clock.now == 5
    clock.advance(5)
    assert rung == [4, 5]


def test_a_timer_may_set_the_next_one():
    clock, rung = VirtualClock(), []

    def again(due: int) -> None:
        rung.append(due)
        clock.at(due + 10, again)

    clock.at(10, again)
    clock.advance(35)
    assert rung == [10, 20, 30]
    assert clock.next_due == 40


@pytest.mark.parametrize("call", ["advance", "advance_before"])
def test_time_cannot_go_back(call):
    clock = VirtualClock(100)
    with pytest.raises(LookAhead, match="cannot go back from 100 to 99"):
        getattr(clock, call)(99)


def test_a_timer_in_the_past_is_refused():
    with pytest.raises(LookAhead, match="1 ns ago"):
        VirtualClock(100).at(99, print)


@given(
    dues=st.lists(st.integers(1, 50), max_size=20),
    stops=st.lists(st.integers(1, 60), min_size=1, max_size=10).map(sorted),
)
def test_how_time_is_cut_into_advances_changes_nothing(dues, stops):
    def ring(stops):
        clock, rung = VirtualClock(), []
        for index, due in enumerate(dues):
            clock.at(due, lambda ts, index=index: rung.append((ts, index)))
        for stop in stops:
            clock.advance(stop)
        return rung

    assert ring([*stops, 60]) == ring([60])
