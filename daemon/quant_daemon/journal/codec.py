"""Events as bytes: MessagePack arrays that start with the name of the event's class.

Fields are only ever appended, each with a default, so both ways stay open: fields that this version does
not know are skipped, and those that an older version did not write take their defaults.
"""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from quant_contracts.errors import ContractBroken, DataError
from quant_contracts.events import AnyEvent, Event

EVENT_TYPES: Final = frozenset(get_args(AnyEvent))
MAX_PAYLOAD: Final = 16 * 1024 * 1024

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)


def encode_event(event: Event) -> bytes:
    """The bytes of an event; `ContractBroken` for what could not be read back.

    >>> from quant_contracts.events import Score
    >>> decode_event(encode_event(Score(0, "BTCUSDT", 0.5)))
    Score(ts=0, symbol='BTCUSDT', value=0.5)
    """
    kind = type(event)
    if kind not in EVENT_TYPES:
        raise ContractBroken(f"a journal cannot hold a {kind.__name__}: it is not one of AnyEvent")
    try:
        payload = _encode(event)
    except (TypeError, ValueError, OverflowError) as error:
        raise ContractBroken(f"a journal cannot hold this {kind.__name__}: {error}") from None
    if len(payload) > MAX_PAYLOAD:
        raise ContractBroken(
            f"a {kind.__name__} of {len(payload):,} bytes; at most {MAX_PAYLOAD:,} fit a journal"
        )
    return payload


def decode_event(payload: bytes) -> AnyEvent:
    """The event that `payload` holds; `DataError` when it holds none."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"the event cannot be understood: {error}") from None
