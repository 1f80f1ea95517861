"""Puts everybody on the bus: who may say what, who hears it, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, get_args

from quant_contracts.events import (
    Bar,
    CancelIntent,
    DataGap,
    Event,
    Features,
    Fill,
    Intent,
    OrderAccepted,
    OrderIntent,
    Readiness,
    Score,
    StepSnapshot,
    StreamEvent,
    Target,
)
from quant_contracts.protocols import ExecutionEngine, MatchingEngine
from quant_daemon.engine import Engine
from quant_daemon.gateway import ANSWERS, connect_venue
from quant_daemon.journal.trace import Trace
from quant_daemon.recorder import RunRecorder
from quant_daemon.streams import Delivery

EVERY_STEP: Final[tuple[type[Event], ...]] = (Bar, Features, Score, Intent, Target, StepSnapshot)
"""What every step says whether or not anything changes."""

STREAM_EVENTS: Final[tuple[type[Event], ...]] = (*get_args(StreamEvent), DataGap, Readiness)
"""What streams beside the bars say; built one by one only where somebody asked."""

STAGE_EVENTS: Final[tuple[type[Event], ...]] = (*EVERY_STEP[1:], DataGap, Readiness)
"""What is made on the way."""

Observer = tuple[type[Event], Callable[[Any], object]]


def wire(
    engine: Engine,
    venue: MatchingEngine,
    execution: ExecutionEngine,
    recorder: RunRecorder,
    trace: Trace,
    observers: Sequence[Observer],
    delivery: Delivery | None = None,
) -> None:
    """Subscribe everybody, seal the bus, hand out the calls that publish.

    Subscribers of one event are called in the order of subscription: the journal first, since inputs and
    orders are remembered before anybody acts on them; the books before the desk that reads them.
    """
    bus = engine.bus
    orders: tuple[type[Event], ...] = (OrderIntent, CancelIntent)
    for kind in (*EVERY_STEP, *orders, *STREAM_EVENTS):
        bus.allow(kind, "engine")
    for kind in ANSWERS:
        bus.allow(kind, "venue")
    if trace.level == "full":
        for kind in (Bar, *get_args(StreamEvent)):
            bus.subscribe(kind, partial(trace.append, "input"), "journal")
        for kind in STAGE_EVENTS:
            bus.subscribe(kind, partial(trace.append, "stage"), "journal")
        bus.subscribe(OrderAccepted, partial(trace.append, "stage"), "journal")
    for kind in (*orders, *ANSWERS):
        # That the venue has an order changes nothing yet; that it refused, ended or filled it does.
        if kind is not OrderAccepted:
            bus.subscribe(kind, partial(trace.append, "decision"), "journal")
    if delivery is not None:
        delivery.subscribe(bus)
    bus.subscribe(Fill, engine.portfolio.apply, "portfolio")
    connect_venue(bus, venue, [lane.symbol for lane in engine.lanes])
    for kind in ANSWERS:
        bus.subscribe(kind, execution.on_event, "execution")
    recorder.subscribe(bus)
    for lane in engine.lanes:
        lane.subscribe(bus)
    for kind, call in observers:
        bus.subscribe(kind, call, "observer")
    bus.seal()
    engine.connect()
    for lane in engine.lanes:
        lane.connect(bus)
    send = {(kind, lane.symbol): bus.publisher(kind, lane.symbol) for kind in orders for lane in engine.lanes}
    execution.connect(lambda event: send[type(event), event.symbol](event))
