"""What a check says when a promise is broken: the promise, the input, what was expected and what came."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

PartT = TypeVar("PartT")
InputT = TypeVar("InputT")

LONGEST: Final = 400
"""Characters of an input that a message shows; the rest says nothing more to a reader."""


class BrokenPromise(AssertionError):
    """A part did not do what its contract says.

    >>> raise BrokenPromise("Part(window=3)", "a score is from -1 to 1", given="{}", expected="1", came="2")
    Traceback (most recent call last):
        ...
    quant_contracts.testing.promise.BrokenPromise: Part(window=3): a score is from -1 to 1
      given     {}
      expected  1
      came      2
    """

    def __init__(self, part: object, promise: str, *, given: object, expected: object, came: object) -> None:
        self.promise = promise
        self.given = shown(given)
        self.expected = shown(expected)
        self.came = shown(came)
        super().__init__(
            f"{name_of(part)}: {promise}\n"
            f"  given     {self.given}\n"
            f"  expected  {self.expected}\n"
            f"  came      {self.came}"
        )


class NotChecked(Exception):
    """A promise cannot be looked at, because the part breaks another one that this rests on; says which."""


def shown(value: object) -> str:
    """`value` as a message shows it: text as it is, anything else by its repr, cut when it is long."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters)"


def name_of(part: object) -> str:
    """A part as a message names it: with its settings where its repr shows them."""
    if isinstance(part, str) or type(part).__repr__ is not object.__repr__:
        return shown(part)
    return type(part).__name__


def same(one: object, other: object) -> bool:
    """True when two answers are equal to the last bit: 0.0 differs from -0.0, NaN equals NaN."""
    return exact(one) == exact(other)


def exact(value: object) -> bytes:
    """Bytes that two values share only when every bit of every number in them is the same."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    return msgspec.msgpack.encode(value)


def check_is_lawful(part: object, method: str, given: object, answer: object, kind: type) -> None:
    """`answer` is a `kind` whose fields hold what their types say: a journal could write and read it."""
    try:
        lawful = (
            type(answer) is kind and msgspec.json.decode(msgspec.json.encode(answer), type=kind) == answer
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise BrokenPromise(
            part,
            f"{method} returns a {kind.__name__} that a journal can hold",
            given=given,
            expected="plain finite values of the types that the fields declare",
            came=f"{answer!r}: {error}",
        ) from None
    if not lawful:
        raise BrokenPromise(
            part,
            f"{method} returns a {kind.__name__}",
            given=given,
            expected=f"a {kind.__name__} with finite values",
            came=f"{answer!r}, a {type(answer).__name__}",
        )


def check_answers_are_pure(
    factory: Callable[[], PartT],
    call: Callable[[PartT, InputT], object],
    inputs: Sequence[InputT],
    name: str,
) -> None:
    """The same input gives the same answer: asked again, in another order, or of a fresh part."""
    part = factory()
    settings = repr(part)
    first = [call(part, given) for given in inputs]
    for row in reversed(range(len(inputs))):
        again = call(part, inputs[row])
        if not same(first[row], again):
            raise BrokenPromise(
                part,
                f"{name} is pure: the same input gives the same answer, whatever was asked in between",
                given=inputs[row],
                expected=f"{shown(first[row])}, as the first time",
                came=again,
            )
    if repr(part) != settings:
        raise BrokenPromise(
            part, f"{name} leaves the settings alone", given=inputs, expected=settings, came=repr(part)
        )
    other = factory()
    for given, expected in zip(reversed(inputs), reversed(first), strict=True):
        came = call(other, given)
        if not same(expected, came):
            raise BrokenPromise(
                part,
                f"{name} is pure: two parts with the same settings give the same answer",
                given=given,
                expected=f"{shown(expected)}, as another fresh part",
                came=came,
            )
