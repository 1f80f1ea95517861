"""Every event survives the way to bytes and back, old and new ones read one another, garbage is refused."""

from __future__ import annotations

import contextlib
import types
import typing
from decimal import Decimal
from typing import Literal, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_contracts.errors import ContractBroken, DataError
from quant_contracts.events import AnyEvent, Event, OrderIntent, Score
from quant_daemon.journal.codec import EVENT_TYPES, MAX_PAYLOAD, decode_event, encode_event

ORDER = OrderIntent(
    5, "BTCUSDT", "o", "p", 1, Decimal("0.010"), "market", None, "gtc", False, 1.0, 2.0, 0.5, 9.0, "group"
)


def values(kind) -> st.SearchStrategy:
    """Any value of the type of a field."""
    plain = {
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False),
        str: st.text(max_size=12),
        bool: st.booleans(),
        Decimal: st.decimals(allow_nan=False, allow_infinity=False),
        types.NoneType: st.none(),
    }
    if kind in plain:
        return plain[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in {types.UnionType, typing.Union}:
        return st.one_of(values(argument) for argument in arguments)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if origin is tuple and Ellipsis in arguments:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    return events(kind)


def events(kind: type[Event]) -> st.SearchStrategy:
    fields = msgspec.structs.fields(kind)
    return st.builds(kind, *(values(field.type) for field in fields))


@pytest.mark.parametrize("kind", get_args(AnyEvent), ids=lambda kind: kind.__name__)
def test_every_event_survives_exactly(kind):
    @settings(max_examples=40, deadline=None)
    @given(event=events(kind))
    def survives(event):
        payload = encode_event(event)
        again = decode_event(payload)
        assert again == event
        assert repr(again) == repr(event)
        assert encode_event(again) == payload

    survives()


@settings(max_examples=300)
@given(payload=st.binary(max_size=200))
def test_any_bytes_are_an_event_or_refused(payload):
    try:
        event = decode_event(payload)
    except DataError:
        return
    assert type(event) in EVENT_TYPES


@settings(max_examples=300)
@given(event=st.one_of(events(kind) for kind in get_args(AnyEvent)), data=st.data())
def test_spoilt_bytes_are_an_event_or_refused(event, data):
    payload = bytearray(encode_event(event))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        assert type(decode_event(bytes(payload))) in EVENT_TYPES


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x91\xa3Foo", id="an unknown class"),
        pytest.param(b"\x94\xa5Score\x01\xa1A\xcb", id="cut short"),
        pytest.param(b"\x94\xa5Score\x01\xa1\xff\xcb" + bytes(8), id="text that is not UTF-8"),
        pytest.param(b"\x95\xa5Score\x01\xa1A\xcb" + bytes(8) + b"\x91" * 100_000, id="nested without end"),
        pytest.param(b"\x95\xa5Score\x01\xa1A\xcb" + bytes(8) + b"\xdd\xff\xff\xff\xff", id="a giant array"),
        pytest.param(b"\x94\xa8Features\x01\xa1A\xdf\xff\xff\xff\xff", id="a giant map"),
    ],
)
def test_hostile_bytes_are_refused(payload):
    with pytest.raises(DataError, match="cannot be understood"):
        decode_event(payload)


def test_a_field_appended_by_a_newer_version_is_skipped():
    written = msgspec.msgpack.decode(encode_event(Score(1, "BTCUSDT", 0.5)))
    assert decode_event(msgspec.msgpack.encode([*written, {"confidence": 0.9}])) == Score(1, "BTCUSDT", 0.5)


def test_a_field_an_older_version_did_not_know_takes_its_default():
    written = msgspec.msgpack.decode(encode_event(ORDER))
    older = decode_event(msgspec.msgpack.encode(written[:-3]))
    assert older == msgspec.structs.replace(ORDER, volatility=0.0, daily_volume=0.0, oco="")


def test_what_could_not_be_read_back_is_not_written():
    class Private(Event, frozen=True):
        ts: int

    with pytest.raises(ContractBroken, match="cannot hold a Private"):
        encode_event(Private(1))
    with pytest.raises(ContractBroken, match="cannot hold this Score"):
        encode_event(Score(2**64, "BTCUSDT", 0.5))
    with pytest.raises(ContractBroken, match="at most"):
        encode_event(Score(1, "B" * (MAX_PAYLOAD + 1), 0.5))
