"""Lengths and moments of time, as people write them and as nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_contracts.duration import UNITS, interval_name, parse_interval, parse_time, time_name
from quant_contracts.errors import ConfigError
from quant_contracts.units import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND


def test_the_units_are_what_their_names_say():
    assert (MICROSECOND, MILLISECOND, SECOND) == (10**3, 10**6, 10**9)
    assert (MINUTE, HOUR, DAY) == (60 * SECOND, 3600 * SECOND, 86_400 * SECOND)


@given(st.integers(1, 500), st.sampled_from(sorted(UNITS)))
def test_a_length_comes_back_from_its_name(count, unit):
    length = count * UNITS[unit]
    assert parse_interval(f"{count}{unit}") == length
    assert parse_interval(interval_name(length)) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [("1s", SECOND), ("15m", 15 * MINUTE), ("4h", 4 * HOUR), ("1d", DAY), ("2w", 14 * DAY)],
)
def test_known_lengths(text, length):
    assert parse_interval(text) == length


@pytest.mark.parametrize(
    "text", ["", "m", "0m", "-5m", "1.5h", "15 m", "15M", "1y", "15min", "9" * 30 + "s", "١m"]
)
def test_what_is_no_length_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="interval"):
        parse_interval(text)


def test_a_length_below_a_second_still_has_a_name():
    assert interval_name(1_500_000) == "1500000ns"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2260, 12, 31)))  # noqa: DTZ001 - the zone is under test
def test_a_moment_without_a_zone_is_utc(moment):
    exact = (moment - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - as above
    ts = parse_time(moment.isoformat())
    assert abs(ts / SECOND - exact) < 1e-3
    assert ts % SECOND == moment.microsecond * 1_000
    assert parse_time(moment.replace(tzinfo=UTC).isoformat()) == ts


def test_a_zone_is_heeded():
    assert (
        parse_time("2022-01-01T02:00:00+02:00") == parse_time("2022-01-01") == parse_time("2022-01-01T00:00Z")
    )


@given(st.integers(0, 2**62))
def test_a_moment_is_named_to_the_second(ts):
    assert parse_time(time_name(ts)) == ts // SECOND * SECOND


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2022-13-01", "01.02.2022", "1640995200", "9999-01-01", "0001-01-01"]
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ConfigError, match="write"):
        parse_time(text)
