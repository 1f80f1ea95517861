"""Axes, lines, bars and dots: every value at its place, whatever the width."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.units import DAY, HOUR, MINUTE, SECOND
from quant_engine.view.plot import (
    SIDE,
    Axis,
    Plane,
    Scale,
    decimals,
    labels,
    percent_labels,
    round_values,
    spread_values,
    time_axis,
)

FINITE = st.floats(1e-6, 1e6)


@pytest.fixture
def plane():
    return Plane(
        Axis(Scale(0.0, 10.0), ((5.0, "5"),), "across"), Axis(Scale(100.0, 200.0), ((150.0, "150"),))
    )


@given(st.floats(0.001, 2.0), st.floats(0.001, 2.0))
def test_percentages_beside_an_axis_name_the_very_place_they_stand_at(low, width):
    for value, text in percent_labels(round_values(low, low + width, 4)):
        assert float(text.removesuffix(" %").replace(",", "")) == pytest.approx(100 * value, abs=1e-9)


def test_a_line_goes_from_point_to_point_with_the_highest_value_at_the_top(plane):
    assert (
        plane.line([(0.0, 100.0), (10.0, 200.0)], "pen") == '<path class="pen" d="M0.0 1000.0L1000.0 0.0"/>'
    )
    assert plane.line([], "pen") == ""


def test_an_area_stands_on_the_foot(plane):
    assert 'd="M500.0 1000.0L500.0 500.0L1000.0 0.0L1000.0 1000.0"' in plane.area(
        [(5.0, 150.0), (10.0, 200.0)], "a"
    )


def test_dots_and_bars_say_what_they_are_and_escape_it(plane):
    assert plane.dot(5.0, 150.0, "dot", "<b>", 7.0) == (
        '<path class="dot" style="stroke-width:7.0px" d="M500.0 500.0h0"><title>&lt;b&gt;</title></path>'
    )
    assert 'd="M500.0 0.0V1000.0"' in plane.upright(5.0, 100.0, 200.0, "bar")
    assert 'x="0.0" y="500.0" width="1000.0" height="250.0"' in plane.block(0.0, 10.0, 125.0, 150.0, "count")


def test_a_picture_has_its_axes_beside_it_and_words_for_those_who_do_not_see_it(plane, page_of):
    page = page_of(plane.picture([plane.dot(1.0, 120.0, "dot")], 'what "it" shows', "tall"))
    assert page.labels == ['what "it" shows']
    assert page.words == ["across", "150", "5"]
    assert ("span", "style", "top:50.00%") in page.attributes
    assert ("span", "style", "left:50.00%") in page.attributes
    assert page.of("grid")[0]["d"] == f"M0 500.0H{SIDE:g}"


@given(st.tuples(FINITE, FINITE).filter(lambda ends: ends[1] - ends[0] > 1e-9 * ends[1]))
def test_round_values_rise_within_the_ends_and_are_neither_few_nor_many(ends):
    values = round_values(*ends)
    assert all(earlier < later for earlier, later in pairwise(values))
    slack = 1e-6 * (ends[1] - ends[0]) + 1e-12
    assert all(ends[0] - slack <= value <= ends[1] + slack for value in values)
    assert 2 <= len(values) <= 9


@given(FINITE, st.floats(1.05, 1e4))
def test_values_on_a_logarithmic_scale_never_touch(low, ratio):
    scale = Scale(low, low * ratio, is_log=True)
    places = [scale.place(value) for value in spread_values(scale)]
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(places))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)


def test_labels_have_as_many_decimals_as_one_of_them_needs():
    assert [text for _, text in labels((61650.0, 61652.5))] == ["61,650.0", "61,652.5"]
    assert [text for _, text in labels((60000.0, 80000.0))] == ["60,000", "80,000"]
    assert decimals(0.1) == 1


@pytest.mark.parametrize(
    ("length", "first"),
    [
        pytest.param(2 * MINUTE, "00:00:00", id="seconds"),
        pytest.param(15 * MINUTE, "00:00", id="minutes"),
        pytest.param(2 * DAY, "00:00", id="hours"),
        pytest.param(30 * DAY, "01-02", id="days"),
    ],
)
def test_time_is_told_as_finely_as_it_is_drawn(length, first):
    axis = time_axis(DAY, DAY + length)
    assert axis.ticks[0] == (DAY, first) or first == "01-02"
    assert 3 <= len(axis.ticks) <= 10
    assert len(axis.ticks[0][1]) == len(first)


def test_time_begins_at_the_first_whole_step():
    assert time_axis(HOUR + SECOND, 2 * HOUR).ticks[0] == (HOUR + 10 * MINUTE, "01:10")
