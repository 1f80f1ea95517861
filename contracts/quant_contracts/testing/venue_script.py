"""Plays a seeded script of orders to a matching engine and keeps everything it says."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
from typing import Final

import msgspec

from quant_contracts.blocks import BarBlock
from quant_contracts.events import Bar, OrderEvent, OrderIntent, OrderKind, TimeInForce
from quant_contracts.instrument import Instrument
from quant_contracts.protocols import FeatureSpec, MatchingEngine
from quant_contracts.testing.promise import BrokenPromise
from quant_contracts.testing.samples import markets
from quant_contracts.units import Fraction, Nanos, Side

MatchingFactory = Callable[[], MatchingEngine]

INSTRUMENT: Final = Instrument("BTCUSDT", min_notional=Decimal(5))
ROWS: Final = 200
TEMPERS: Final = ("a random walk", "wild jumps", "gaps in time", "no trading")


class Slippage(msgspec.Struct, frozen=True):
    """What the kit binds an engine to: a basis point, and more for size."""

    @property
    def needs(self) -> tuple[FeatureSpec, ...]:
        return ()

    def fraction(
        self, quantity: float, done: float, _volatility: Fraction, _daily_volume: float, /
    ) -> Fraction:
        return 1e-4 + 1e-6 * (quantity + 2 * done)


class Sent(msgspec.Struct, frozen=True):
    """An order of the script: after which bar it is sent, and after which it is cancelled if at all."""

    row: int
    order: OrderIntent
    cancel_row: int | None


class Heard(msgspec.Struct, frozen=True):
    """Something the engine said: on a bar, or at once when an order was sent or cancelled."""

    event: OrderEvent
    row: int
    bar: Bar | None
    """None when it was an answer and not a match."""


class Session(msgspec.Struct, frozen=True):
    """A script, the bars it ran through, and all that was said, in order."""

    engine: MatchingEngine
    name: str
    bars: tuple[Bar, ...]
    script: tuple[Sent, ...]
    heard: tuple[Heard, ...]

    def of(self, order: OrderIntent) -> list[Heard]:
        """What was said of one order."""
        return [it for it in self.heard if it.event.order_id == order.order_id]

    def told(self, sent: Sent) -> str:
        """An order as a message shows it."""
        ending = "" if sent.cancel_row is None else f", cancelled after row {sent.cancel_row}"
        return f"{self.name}: sent after row {sent.row}{ending}: {sent.order}"


def bound(factory: MatchingFactory) -> MatchingEngine:
    """A fresh engine that trades the kit's instrument at the kit's slippage."""
    engine = factory()
    engine.bind({INSTRUMENT.symbol: INSTRUMENT}, {INSTRUMENT.symbol: Slippage()})
    return engine


def sessions(factory: MatchingFactory, *, skipping: bool = False) -> list[Session]:
    """A session in every market and for a few seeds; `skipping` goes from touch to touch."""
    return [_play(bound(factory), temper, seed, skipping=skipping) for temper in TEMPERS for seed in range(2)]


def an_order(
    order_id: str,
    ts: Nanos,
    price: float,
    quantity: Decimal,
    *,
    side: Side = 1,
    kind: OrderKind = "market",
    level: Decimal | None = None,
    time_in_force: TimeInForce = "gtc",
    reduce_only: bool = False,
    oco: str = "",
) -> OrderIntent:
    """An order for the kit's instrument while the market is at `price`."""
    return OrderIntent(
        ts=ts,
        symbol=INSTRUMENT.symbol,
        order_id=order_id,
        parent_id=order_id.rpartition("-")[0],
        side=side,
        quantity=quantity,
        kind=kind,
        price=level,
        time_in_force=time_in_force,
        reduce_only=reduce_only,
        decision_price=price,
        arrival_price=price,
        volatility=0.03,
        daily_volume=20_000.0,
        oco=oco,
    )


def _play(engine: MatchingEngine, temper: str, seed: int, *, skipping: bool) -> Session:
    bars = markets(ROWS)[temper]
    block = BarBlock.of(list(bars))
    script = _script(temper, seed)
    due: dict[int | None, list[Sent]] = {}
    for sent in script:
        due.setdefault(sent.row, []).append(sent)
        due.setdefault(sent.cancel_row, []).append(sent)
    heard: list[Heard] = []
    touch: int | None = None
    for row, bar in enumerate(bars):
        if skipping and touch is None:
            touch = engine.next_touch(block, row)
            if not row <= touch <= len(bars):
                raise BrokenPromise(
                    engine,
                    "next_touch is a row of the block from `start` on, or its length",
                    given=f"{ROWS} rows, start={row}",
                    expected=f"{row} to {len(bars)}",
                    came=touch,
                )
        if not skipping or touch == row:
            heard += [Heard(event, row, bar) for event in engine.on_bar(bar)]
            touch = None
        for sent in due.get(row, ()):
            if sent.row == row:
                answers = engine.submit(sent.order)
            else:
                answers = engine.cancel(sent.order.order_id, bar.ts_known, "the script says so")
            heard += [Heard(event, row, None) for event in answers]
            touch = None
    return Session(engine, f"{temper!r}, seed {seed}", bars, script, tuple(heard))


@cache
def _script(temper: str, seed: int) -> tuple[Sent, ...]:
    """Orders of every kind, small and far beyond a bar's volume, some cancelled, some in pairs."""
    bars = markets(ROWS)[temper]
    source = random.Random(seed)  # noqa: S311 - repeatable, not secret
    script: list[Sent] = []
    for index in range(40):
        row = source.randrange(len(bars) - 20)
        bar = bars[row]
        # Most leave when a bar is known, some between two bars, when a clock says so.
        ts = bar.ts_known + source.choice((0, 0, 0, bar.interval // 2))
        side: Side = source.choice((1, -1))
        quantity = INSTRUMENT.size(source.choice((0.00021, 0.5, 3.0, 40.0, 700.0)) + 40 / bar.close)
        away = source.choice((0.0005, 0.002, 0.01))
        worse = INSTRUMENT.observed(bar.close * (1 + side * away))
        better = INSTRUMENT.observed(bar.close * (1 - side * away))
        cancel_row = row + 1 + source.randrange(8) if source.random() < 0.3 else None
        patience: TimeInForce = source.choice(("gtc", "gtc", "ioc"))
        name, make = (
            f"{seed}-{index}",
            partial(an_order, ts=ts, price=bar.close, quantity=quantity, side=side),
        )
        match source.choice(("market", "limit", "marketable limit", "stop", "pair")):
            case "market":
                orders = [make(f"{name}-m", time_in_force=patience)]
            case "limit":
                orders = [make(f"{name}-l", kind="limit", level=better, time_in_force=patience)]
            case "marketable limit":
                orders = [make(f"{name}-l", kind="limit", level=worse, time_in_force=patience)]
            case "stop":
                orders = [make(f"{name}-s", kind="stop", level=worse)]
            case _:
                # What protects a position: a stop and a target, of which one is enough.
                protect = partial(make, reduce_only=True, oco=name)
                orders = [
                    protect(f"{name}-s", kind="stop", level=worse),
                    protect(f"{name}-t", kind="take_profit", level=better),
                ]
        script += [Sent(row, order, cancel_row) for order in orders]
    return tuple(sorted(script, key=lambda sent: sent.row))
