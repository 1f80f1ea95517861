"""Decimal text becomes whole steps exactly, or is refused."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quant_channels.frames.exact import REMEMBERED, Refusal, Steps, amount, iso, priced, size_step

STEPS = st.sampled_from(
    [Decimal(text) for text in ("0.01", "0.00000001", "0.5", "0.0005", "1", "10", "0.025")]
)


@given(step=STEPS, count=st.integers(0, 1 << 53), zeros=st.integers(0, 6))
def test_a_whole_number_of_steps_comes_back_as_it_went_in(step, count, zeros):
    with localcontext(prec=60):
        text = f"{count * step:f}"
    if zeros:
        text += ("" if "." in text else ".") + "0" * zeros
    steps = Steps(step, least=0)
    assert steps[text] == count
    assert steps[text.encode()] == count
    assert steps[text] == count  # what it remembers is the same


@given(step=STEPS, text=st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,12})?", fullmatch=True))
def test_what_lies_between_two_steps_is_refused_and_nothing_else(step, text):
    with localcontext(prec=60):
        count = Decimal(text) / step
        exact = count == count.to_integral_value()
    assume(count <= 1 << 53)
    if exact:
        assert Steps(step, least=0)[text] == int(count)
    else:
        with pytest.raises(Refusal, match="off_grid"):
            Steps(step, least=0)[text]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_a_number"),
        (".5", "not_a_number"),
        ("5.", None),
        ("1_000", "not_a_number"),
        (" 1", "not_a_number"),
        ("1 ", "not_a_number"),
        ("+1", "not_a_number"),
        ("-1", "negative"),
        ("-0", "negative"),
        ("NaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        ("1e309", "too_large"),
        ("1e-309", "off_grid"),
        ("9" * 39, "too_large"),
        ("9" * 500, "not_a_number"),
        ("0x10", "not_a_number"),
        ("١٢", "not_a_number"),
        ("1.2.3", "not_a_number"),
        ("null", "not_a_number"),
        ("0", "not_positive"),
        ("0.00", "not_positive"),
        ("1e2", None),
        ("2.5e-1", None),
    ],
)
def test_odd_text_is_refused_with_its_reason(text, reason):
    steps = Steps(Decimal("0.01"), least=1)
    if reason is None:
        assert steps[text] == int(Decimal(text) * 100)
    else:
        with pytest.raises(Refusal, match=f"^{reason}$"):
            steps[text]
    with pytest.raises(Refusal):
        steps[b"\xff" + text.encode()]


def test_what_is_remembered_is_bounded():
    steps = Steps(Decimal(1), least=0)
    for number in range(REMEMBERED + 10):
        assert steps[str(number)] == number
    assert len(steps) <= REMEMBERED


def test_sizes_are_read_finer_than_orders_are_sent():
    assert size_step(Decimal("0.00001")) == Decimal("1e-8")
    assert size_step(Decimal(1)) == Decimal("1e-6")
    assert size_step(Decimal("1e-9")) == Decimal("1e-9")


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2021-04-17", "2021-04-17T16:43:30", "1969-01-01T00:00:00Z"]
)
def test_a_time_that_is_none_is_refused(text):
    with pytest.raises(Refusal, match="wild_time"):
        iso(text)


def test_a_time_is_exact_to_the_microsecond():
    assert iso("2021-04-17T16:43:30.244075Z") == 1_618_677_810_244_075_000


@pytest.mark.parametrize(
    ("value", "reason"),
    [(1e-320, "too_small"), (1e300, "too_large"), (-1.0, "negative"), (float("nan"), "too_large")],
)
def test_an_amount_that_no_market_has_is_refused(value, reason):
    with pytest.raises(Refusal, match=reason):
        amount(value)
    assert amount(0.0) == 0.0
    assert amount(1e-8) == priced("1e-8") == 1e-8


@pytest.mark.parametrize(
    ("text", "reason"), [("1e-300", "too_small"), ("1e300", "too_large"), ("0.0", "not_positive")]
)
def test_a_price_that_no_market_has_is_refused(text, reason):
    with pytest.raises(Refusal, match=reason):
        priced(text)
