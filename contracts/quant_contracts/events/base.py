"""The shape every event has."""

import msgspec


class Event(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """A fact and the moment it became true. Facts never change; publish a new one.

    On the wire an event is an array whose first element is its class name. Fields are only ever
    appended, each with a default, so that an old journal stays readable for ever.
    """
