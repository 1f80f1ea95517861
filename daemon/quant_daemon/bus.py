"""Carries events from those who may say them to those who asked for them.

A topic is an event type, for one symbol or for all. Wiring comes first: `allow` names who may publish
a type, `subscribe` who wants it. `seal` checks that the two fit and resolves every topic to a plain
list of calls, so that a mistake shows when the engine is built and a publication costs next to nothing.

Dispatch is run-to-completion: what a subscriber publishes is delivered after the current event has
reached everybody, in the order of publication.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from quant_contracts.errors import ContractBroken
from quant_contracts.events import Event

E = TypeVar("E", bound=Event)
Call: TypeAlias = Callable[[Any], object]

EVERY_SYMBOL = ""


def _ignore(_event: Event) -> None:
    """What publishing to a topic without listeners does."""


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
        self._subscriptions: list[tuple[type[Event], str, Call, str]] = []
        self._pending: deque[tuple[Call, Event]] = deque()
        self._is_delivering = [False]
        self._sealed = False

    def allow(self, kind: type[Event], who: str) -> None:
        """Let `who` publish events of `kind`."""
        self._refuse_if_sealed(f"{who} may publish {kind.__name__}")
        self._allowed.setdefault(kind, who)

    def subscribe(self, kind: type[Event], call: Call, who: str, symbol: str = EVERY_SYMBOL) -> None:
        """Have `call` receive every event of `kind` about `symbol`, or about any."""
        self._refuse_if_sealed(f"{who} subscribes to {kind.__name__}")
        if not callable(call):
            raise ContractBroken(f"{who} subscribes to {kind.__name__} with {call!r}, which cannot be called")
        self._subscriptions.append((kind, symbol, call, who))

    def seal(self) -> None:
        """End wiring; refuse a subscription to something nobody may publish."""
        for kind, _, _, who in self._subscriptions:
            if kind not in self._allowed:
                said = ", ".join(sorted(other.__name__ for other in self._allowed)) or "nothing"
                raise ContractBroken(
                    f"{who} subscribes to {kind.__name__}, which nobody may publish; published are: {said}"
                )
        self._sealed = True

    def heard(self, kind: type[Event], symbol: str) -> tuple[str, ...]:
        """Who receives events of `kind` about `symbol`, in the order they are called."""
        return tuple(
            who
            for other, about, _, who in self._subscriptions
            if other is kind and about in {symbol, EVERY_SYMBOL}
        )

    def publisher(self, kind: type[E], symbol: str) -> Callable[[E], None]:
        """The call that publishes events of `kind` about `symbol`. Only after wiring has ended."""
        if not self._sealed:
            raise ContractBroken(f"asked to publish {kind.__name__} before wiring ended; call seal() first")
        if kind not in self._allowed:
            raise ContractBroken(f"{kind.__name__} may be published by nobody; allow it when wiring")
        calls = tuple(
            call
            for other, about, call, _ in self._subscriptions
            if other is kind and about in {symbol, EVERY_SYMBOL}
        )
        if not calls:
            return _ignore
        append, popleft, pending = self._pending.append, self._pending.popleft, self._pending
        is_delivering = self._is_delivering

        # Everything an event costs is in these calls, so all they touch is local to the closure.
        def deliver() -> None:
            is_delivering[0] = True
            try:
                while pending:
                    call, event = popleft()
                    call(event)
            finally:
                is_delivering[0] = False
                # After an error nothing of the broken cascade may leak into what comes next.
                pending.clear()

        def publish_to_one(event: E) -> None:
            append((only, event))
            if not is_delivering[0]:
                deliver()

        def publish(event: E) -> None:
            for call in calls:
                append((call, event))
            if not is_delivering[0]:
                deliver()

        only = calls[0]
        return publish_to_one if len(calls) == 1 else publish

    def _refuse_if_sealed(self, what: str) -> None:
        if self._sealed:
            raise ContractBroken(f"{what}: too late, wiring has ended")
