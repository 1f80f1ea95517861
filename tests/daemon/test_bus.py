"""The bus: wiring errors at wiring time, and every event to everybody in order."""

from __future__ import annotations

import pytest

from quant_contracts.errors import ContractBroken
from quant_contracts.events import Intent, Score, Target
from quant_daemon.bus import Bus


def score(value: float = 0.5, symbol: str = "BTCUSDT") -> Score:
    return Score(1, symbol, value)


def test_subscribers_are_called_in_the_order_they_subscribed():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.subscribe(Score, lambda _: heard.append("first"), "first")
    bus.subscribe(Score, lambda _: heard.append("second"), "second")
    bus.seal()
    bus.publisher(Score, "BTCUSDT")(score())
    assert heard == ["first", "second"]


def test_a_subscriber_to_one_symbol_hears_of_no_other():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.subscribe(Score, heard.append, "decision", "BTCUSDT")
    bus.seal()
    bus.publisher(Score, "BTCUSDT")(score(0.1))
    bus.publisher(Score, "ETHUSDT")(score(0.2, "ETHUSDT"))
    assert [event.value for event in heard] == [0.1]


def test_what_a_subscriber_publishes_waits_until_the_current_event_has_reached_everybody():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.allow(Intent, "decision")
    bus.subscribe(Score, lambda _: say_intent(Intent(1, "BTCUSDT", 1, 1.0, "enter")), "decision")
    bus.subscribe(Score, lambda _: heard.append("score"), "late")
    bus.subscribe(Intent, lambda _: heard.append("intent"), "risk")
    bus.seal()
    say_intent = bus.publisher(Intent, "BTCUSDT")
    bus.publisher(Score, "BTCUSDT")(score())
    assert heard == ["score", "intent"]


def test_subscribing_to_what_nobody_may_publish_fails_when_wiring_ends():
    bus = Bus()
    bus.allow(Score, "model")
    bus.subscribe(Target, print, "execution")
    with pytest.raises(ContractBroken, match="execution subscribes to Target, which nobody may publish"):
        bus.seal()


def test_publishing_what_no_contract_allows_fails_before_any_event():
    bus = Bus()
    bus.seal()
    with pytest.raises(ContractBroken, match="Target may be published by nobody"):
        bus.publisher(Target, "BTCUSDT")


def test_a_publisher_is_not_handed_out_before_wiring_has_ended():
    bus = Bus()
    bus.allow(Score, "model")
    with pytest.raises(ContractBroken, match=r"call seal\(\) first"):
        bus.publisher(Score, "BTCUSDT")


def test_a_late_subscription_is_refused():
    bus = Bus()
    bus.seal()
    with pytest.raises(ContractBroken, match="too late"):
        bus.subscribe(Score, print, "latecomer")


def test_something_that_cannot_be_called_is_no_subscriber():
    bus = Bus()
    bus.allow(Score, "model")
    with pytest.raises(ContractBroken, match="cannot be called"):
        bus.subscribe(Score, "print", "typo")


def test_after_an_error_nothing_of_the_broken_cascade_is_delivered():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.allow(Intent, "decision")

    def fail_once(event: Score) -> None:
        say_intent(Intent(event.ts, event.symbol, 1, 1.0, "enter"))
        if event.value < 0:
            raise ZeroDivisionError

    bus.subscribe(Score, fail_once, "decision")
    bus.subscribe(Intent, heard.append, "risk")
    bus.seal()
    say_intent, say_score = bus.publisher(Intent, "BTCUSDT"), bus.publisher(Score, "BTCUSDT")
    with pytest.raises(ZeroDivisionError):
        say_score(score(-0.5))
    say_score(score(0.5))
    assert len(heard) == 1


def test_what_a_stage_returns_is_published_when_it_is_done():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.allow(Intent, "decision")

    def decide(event: Score) -> Intent:
        heard.append("deciding")
        return Intent(event.ts, event.symbol, 1, 1.0, "enter")

    bus.stage(Score, decide, "decision")
    bus.subscribe(Score, lambda _: heard.append("score"), "late")
    bus.subscribe(Intent, lambda event: heard.append(event.reason), "risk")
    bus.seal()
    bus.publisher(Score, "BTCUSDT")(score())
    assert heard == ["deciding", "score", "enter"]


def test_what_a_stage_returns_comes_after_what_it_published():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.allow(Intent, "decision")

    def decide(event: Score) -> Intent:
        say_intent(Intent(event.ts, event.symbol, 1, 1.0, "published"))
        return Intent(event.ts, event.symbol, 1, 1.0, "returned")

    bus.stage(Score, decide, "decision")
    bus.subscribe(Intent, lambda event: heard.append(event.reason), "risk")
    bus.seal()
    say_intent = bus.publisher(Intent, "BTCUSDT")
    bus.publisher(Score, "BTCUSDT")(score())
    assert heard == ["published", "returned"]


def test_a_stage_may_only_return_what_somebody_may_publish():
    bus = Bus()
    bus.allow(Score, "model")
    bus.stage(Score, lambda event: Intent(event.ts, event.symbol, 1, 1.0, "enter"), "decision")
    bus.seal()
    with pytest.raises(ContractBroken, match=r"returned Intent.*which nobody may publish"):
        bus.publisher(Score, "BTCUSDT")(score())


def test_what_a_plain_subscriber_returns_is_lost():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.subscribe(Score, lambda event: event, "echo")
    bus.subscribe(Score, lambda _: heard.append("once"), "late")
    bus.seal()
    bus.publisher(Score, "BTCUSDT")(score())
    assert heard == ["once"]


def test_several_events_are_published_in_order_and_before_what_comes_after_them():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    bus.allow(Intent, "decision")

    def intent(reason: str) -> Intent:
        return Intent(1, "BTCUSDT", 1, 1.0, reason)

    bus.stage(Score, lambda _: (intent("first"), intent("second")), "decision")
    bus.subscribe(Score, lambda _: say_intent(intent("third")), "another")
    bus.subscribe(Intent, lambda event: heard.append(event.reason), "risk")
    bus.seal()
    say_intent = bus.publisher(Intent, "BTCUSDT")
    bus.publisher(Score, "BTCUSDT")(score())
    assert heard == ["first", "second", "third"]


def test_a_stage_that_says_nothing_publishes_nothing():
    bus, heard = Bus(), []
    bus.allow(Score, "model")
    for nothing in (None, (), []):
        bus.stage(Score, lambda _, nothing=nothing: nothing, "quiet")
    bus.subscribe(Score, heard.append, "listener")
    bus.seal()
    bus.publisher(Score, "BTCUSDT")(score())
    assert len(heard) == 1
