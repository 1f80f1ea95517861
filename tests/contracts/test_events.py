"""Events are frozen facts that come back from a journal as they were."""

from __future__ import annotations

import typing
from decimal import Decimal

import msgspec
import pytest

from quant_contracts import events
from quant_contracts.events import AnyEvent, Event, Fill, Intent, OrderIntent, PortfolioSnapshot, Target

KINDS = typing.get_args(AnyEvent)

SAMPLES = {
    int: 1_640_995_260_000_000_001,
    float: 64_000.126,
    str: "BTCUSDT",
    bool: True,
    Decimal: Decimal("0.00100"),
}


def sample(annotation):
    """A value of a declared type: the last option of a union, the first of a literal."""
    if annotation in SAMPLES:
        return SAMPLES[annotation]
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return event(annotation)
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return inner[0]
    if origin is dict:
        return {sample(inner[0]): sample(inner[1])}
    if origin is tuple:
        return (sample(inner[0]),) if Ellipsis in inner else tuple(sample(each) for each in inner)
    return sample(next(option for option in inner if option is not type(None)))


def event(kind):
    """An event with a value of the declared type in every field."""
    return kind(**{field.name: sample(field.type) for field in msgspec.structs.fields(kind)})


def test_every_event_there_is_can_be_journaled():
    declared = {it for it in vars(events).values() if isinstance(it, type) and issubclass(it, Event)} - {
        Event
    }
    assert set(KINDS) == declared


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("codec", [msgspec.msgpack, msgspec.json])
def test_an_event_comes_back_as_it_was(kind, codec):
    made = event(kind)
    back = codec.decode(codec.encode(made), type=AnyEvent)
    assert back == made
    assert type(back) is kind
    assert msgspec.msgpack.encode(back) == msgspec.msgpack.encode(made)


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_is_an_array_with_its_name_first(kind):
    wire = msgspec.json.decode(msgspec.json.encode(event(kind)))
    assert wire[0] == kind.__name__
    assert len(wire) == 1 + len(msgspec.structs.fields(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_never_changes(kind):
    made = event(kind)
    for field in msgspec.structs.fields(kind):
        with pytest.raises(AttributeError):
            setattr(made, field.name, sample(field.type))
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.array_like
    assert kind.__struct_config__.gc is False
    assert kind.__struct_config__.tag == kind.__name__


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_says_when_it_became_true(kind):
    names = {field.name for field in msgspec.structs.fields(kind)}
    assert names & {"ts", "ts_event", "timestamp"}
    assert "ts_event" not in names or "ts_known" in names


def test_a_newer_reader_takes_an_older_record():
    """Fields are appended with defaults: an order written before they existed is still an order."""
    wire = msgspec.json.decode(msgspec.json.encode(event(OrderIntent)))
    fields = msgspec.structs.fields(OrderIntent)
    required = sum(field.required for field in fields)
    old = msgspec.json.decode(msgspec.json.encode(wire[: 1 + required]), type=AnyEvent)
    assert isinstance(old, OrderIntent)
    assert (old.volatility, old.daily_volume, old.oco) == (0.0, 0.0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_fields_without_a_default_come_first(kind):
    """Or nothing could be appended later."""
    required = [field.required for field in msgspec.structs.fields(kind)]
    assert required == sorted(required, reverse=True)


def test_what_is_no_event_is_refused():
    for wire in ([], ["Rumour", 1], ["Score", 1], ["Score", 1, "BTCUSDT", None], {"ts": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(msgspec.json.encode(wire), type=AnyEvent)


def test_exact_numbers_stay_exact():
    fill = msgspec.structs.replace(event(Fill), price=Decimal("64000.10"), fee=Decimal("0.00000001"))
    back = msgspec.msgpack.decode(msgspec.msgpack.encode(fill), type=AnyEvent)
    assert (str(back.price), str(back.fee)) == ("64000.10", "1E-8")


def test_an_intent_is_the_same_as_another_when_only_its_time_differs():
    held = Intent(1, "BTCUSDT", 1, 0.5, "enter")
    assert held.same_as(Intent(2, "BTCUSDT", 1, 0.5, "hold"))
    assert not held.same_as(Intent(1, "BTCUSDT", 1, 0.4, "enter"))
    assert not held.same_as(Intent(1, "BTCUSDT", -1, 0.5, "enter"))


@pytest.mark.parametrize(
    ("equity", "gross", "leverage"),
    [(100.0, 250.0, 2.5), (100.0, 0.0, 0.0), (0.0, 0.0, 0.0), (-5.0, 10.0, float("inf"))],
)
def test_leverage_is_gross_over_equity(equity, gross, leverage):
    zero = Decimal(0)
    snapshot = PortfolioSnapshot(1, zero, {}, {}, equity, 0.0, gross, zero, zero)
    assert snapshot.leverage == leverage


def test_only_the_types_are_public():
    assert events.__all__ == sorted(events.__all__)
    assert Target.__doc__
    assert all(kind.__doc__ for kind in KINDS)
