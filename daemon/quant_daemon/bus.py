"""Carries events from those who may say them to those who asked for them.

A topic is an event type, for one symbol or for all. Wiring comes first: `allow` names who may publish
a type, `subscribe` who wants it. `seal` checks that the two fit and resolves every topic to plain calls,
so that a mistake shows when the engine is built and a publication costs next to nothing.

A subscriber may publish while it works. A stage is a subscriber that is a function from one event to what
follows from it: what it returns is published when it is done. Dispatch is run-to-completion: an event is
delivered when the one before it has reached everybody, in the order of publication.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from quant_contracts.errors import ContractBroken
from quant_contracts.events import Event

E = TypeVar("E", bound=Event)
Said: TypeAlias = Event | Sequence[Event]
Stage: TypeAlias = Callable[[Any], Said | None]
"""Takes an event, returns what to publish next: an event, a tuple or list of events, or nothing."""

Routes: TypeAlias = dict[type[Said], Stage]
"""Where the events of one symbol go, by type. A tuple or list goes to who takes it apart."""

EVERY_SYMBOL = ""


class _Subscription(NamedTuple):
    kind: type[Event]
    symbol: str
    call: Callable[[Any], Any]
    who: str
    speaks: bool
    """Whether what the call returns is published."""


class Bus:
    """Typed publish and subscribe within one process and one thread.

    >>> from quant_contracts.events import Score
    >>> bus, heard = Bus(), []
    >>> bus.allow(Score, "model")
    >>> bus.subscribe(Score, heard.append, "decision")
    >>> bus.seal()
    >>> bus.publisher(Score, "BTCUSDT")(Score(1, "BTCUSDT", 0.5))
    >>> heard
    [Score(ts=1, symbol='BTCUSDT', value=0.5)]
    """

    def __init__(self) -> None:
        self._allowed: dict[type[Event], str] = {}
        self._subscriptions: list[_Subscription] = []
        self._routes: dict[str, Routes] = {}
        self._pending: deque[tuple[Routes, Said]] = deque()
        self._is_delivering = [False]
        self._sealed = False

    def allow(self, kind: type[Event], who: str) -> None:
        """Let `who` publish events of `kind`."""
        self._refuse_if_sealed(f"{who} may publish {kind.__name__}")
        self._allowed.setdefault(kind, who)

    def subscribe(
        self, kind: type[Event], call: Callable[[Any], object], who: str, symbol: str = EVERY_SYMBOL
    ) -> None:
        """Have `call` receive every event of `kind` about `symbol`, or about any. What it returns is lost."""
        self._add(_Subscription(kind, symbol, call, who, speaks=False))

    def stage(self, kind: type[Event], call: Stage, who: str, symbol: str = EVERY_SYMBOL) -> None:
        """The same, and publish what `call` returns, about the same symbol."""
        self._add(_Subscription(kind, symbol, call, who, speaks=True))

    def _add(self, subscription: _Subscription) -> None:
        kind, _, call, who, _ = subscription
        self._refuse_if_sealed(f"{who} subscribes to {kind.__name__}")
        if not callable(call):
            raise ContractBroken(f"{who} subscribes to {kind.__name__} with {call!r}, which cannot be called")
        self._subscriptions.append(subscription)

    def seal(self) -> None:
        """End wiring; refuse a subscription to something nobody may publish."""
        for kind, _, _, who, _ in self._subscriptions:
            if kind not in self._allowed:
                said = ", ".join(sorted(other.__name__ for other in self._allowed)) or "nothing"
                raise ContractBroken(
                    f"{who} subscribes to {kind.__name__}, which nobody may publish; published are: {said}"
                )
        self._sealed = True

    def publisher(self, kind: type[E], symbol: str) -> Callable[[E], None]:
        """The call that publishes events of `kind` about `symbol`. Only after wiring has ended."""
        if not self._sealed:
            raise ContractBroken(f"asked to publish {kind.__name__} before wiring ended; call seal() first")
        if kind not in self._allowed:
            raise ContractBroken(f"{kind.__name__} may be published by nobody; allow it when wiring")
        routes = self._routes_of(symbol)
        first = routes[kind]
        if first is _ignore:
            return _ignore
        # Everything an event costs is below, so all it touches is local to the closure.
        pending, is_delivering = self._pending, self._is_delivering
        append, popleft = pending.append, pending.popleft

        def publish(event: E) -> None:
            if is_delivering[0]:
                append((routes, event))
                return
            is_delivering[0] = True
            about, call = routes, first
            current: Said = event
            try:
                while True:
                    said = call(current)
                    if said:
                        if not pending:
                            current = said
                            call = about[said.__class__]
                            continue
                        append((about, said))
                    if not pending:
                        return
                    about, current = popleft()
                    call = about[current.__class__]
            except KeyError:
                if current.__class__ in about:
                    raise
                raise ContractBroken(f"a subscriber returned {current!r}, which nobody may publish") from None
            finally:
                is_delivering[0] = False
                if pending:
                    # After an error nothing of the broken cascade may leak into what comes next.
                    pending.clear()

        return publish

    def _routes_of(self, symbol: str) -> Routes:
        """The one call behind every type about `symbol`."""
        routes = self._routes.get(symbol)
        if routes is None:
            routes = self._routes[symbol] = {}
            for kind in self._allowed:
                routes[kind] = self._route(kind, symbol, routes)
            pending = self._pending

            def take_apart(events: Sequence[Event]) -> None:
                # To the front: they were published before whatever has come in meanwhile.
                pending.extendleft([(routes, event) for event in reversed(events)])

            routes[tuple] = routes[list] = take_apart
        return routes

    def _route(self, kind: type[Event], symbol: str, routes: Routes) -> Stage:
        calls = [
            (each.call, each.speaks)
            for each in self._subscriptions
            if each.kind is kind and each.symbol in {symbol, EVERY_SYMBOL}
        ]
        if not calls:
            return _ignore
        (first, speaks), *others = calls
        if speaks and not others:
            return first
        if not any(speaks for _, speaks in calls):
            return _to_listeners([call for call, _ in calls])
        pending = self._pending

        def to_everybody(event: Event) -> None:
            for call, speaks in calls:
                said = call(event)
                if speaks and said:
                    pending.append((routes, said))

        return to_everybody

    def _refuse_if_sealed(self, what: str) -> None:
        if self._sealed:
            raise ContractBroken(f"{what}: too late, wiring has ended")


def _to_listeners(calls: list[Callable[[Any], Any]]) -> Stage:
    """The one call behind several that have nothing to publish."""
    if len(calls) == 1:
        (only,) = calls

        def to_one(event: Event) -> None:
            only(event)

        return to_one
    if len(calls) == 2:
        # A handler and one who listens: what every event of a stream goes through.
        first, second = calls

        def to_both(event: Event) -> None:
            first(event)
            second(event)

        return to_both

    def to_all(event: Event) -> None:
        for call in calls:
            call(event)

    return to_all


def _ignore(_event: Event) -> None:
    """What publishing to a topic without listeners does."""
