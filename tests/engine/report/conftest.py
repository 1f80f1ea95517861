"""Run records to report on: a seeded market, a trader with habits, and books kept in a plainer way."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from quant_contracts.events import Fill, OrderIntent, PortfolioSnapshot
from quant_contracts.instrument import CASH_UNIT, Instrument
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.record import Manifest, OrderRecord, PartRecord, RunRecord
from quant_contracts.strategy import AccountSpec, PartSpec, Strategy, SymbolSpec
from quant_contracts.units import DAY, HOUR, MINUTE, SECOND

START = 1_640_995_200 * SECOND  # 2022-01-01T00:00Z
ZERO = Decimal(0)


class Account:
    """Books with one list entry per lot, as slow and plain as the definition of first in first out."""

    def __init__(self, cash: Decimal) -> None:
        self.cash, self.fees, self.realised = cash, ZERO, ZERO
        self.lots: dict[str, list[list[Decimal]]] = {}
        self.marks: dict[str, float] = {}

    def apply(self, fill: Fill) -> None:
        self.cash -= fill.side * fill.price * fill.quantity + fill.fee
        self.fees += fill.fee
        lots = self.lots.setdefault(fill.symbol, [])
        signed = fill.side * fill.quantity
        while signed and lots and lots[0][0] * signed < 0:
            held, price = lots[0]
            closed = min(abs(held), abs(signed)) * (1 if held > 0 else -1)
            self.realised += closed * (fill.price - price)
            lots[0][0] -= closed
            signed += closed
            if not lots[0][0]:
                lots.pop(0)
        if signed:
            lots.append([signed, fill.price])

    def position(self, symbol: str) -> Decimal:
        total = ZERO
        for held, _ in self.lots.get(symbol, []):
            total += held
        return total

    def snapshot(self, ts: int) -> PortfolioSnapshot:
        values = [float(self.position(symbol)) * mark for symbol, mark in self.marks.items()]
        exact = self.cash
        for symbol, mark in self.marks.items():
            exact += self.position(symbol) * Decimal(str(mark))
        return PortfolioSnapshot(
            ts,
            self.cash,
            {symbol: self.position(symbol) for symbol in self.lots},
            dict(self.marks),
            float(exact),
            math.fsum(values),
            math.fsum(abs(value) for value in values),
            self.realised,
            self.fees,
        )


def spec(policy: str = "TWAPPolicy") -> SymbolSpec:
    return SymbolSpec(
        model=PartSpec("RSIModel", {"window": 14}),
        decision=PartSpec("ThresholdDecision", {"threshold": 0.0}),
        risk=[PartSpec("ATRSizer", {"atr_window": 14, "risk_fraction": 0.02})],
        execution=PartSpec(policy, {"segments": 5} if policy == "TWAPPolicy" else {}),
    )


def wrap(
    account: Account,
    symbols: Sequence[str],
    equity: list[PortfolioSnapshot],
    fills: list[Fill],
    orders: list[OrderRecord],
    *,
    seed: int = 7,
    policies: Sequence[str] = (),
    quality: tuple[QualityRow, ...] = (),
    mode: str = "backtest",
) -> RunRecord:
    """A record around what happened, with parts and inputs as a loader would list them."""
    chosen = policies or ["TWAPPolicy"] * len(symbols)
    strategies = {symbol: spec(policy) for symbol, policy in zip(symbols, chosen, strict=True)}
    parts = [
        PartRecord(f"{symbol}.{role}", part.name, part.params, "0.1.0", f"{role}{index:02d}".ljust(64, "0"))
        for symbol, chosen_spec in strategies.items()
        for index, (role, part) in enumerate(
            {
                "model": chosen_spec.model,
                "decision": chosen_spec.decision,
                "risk.0": chosen_spec.risk_stack[0],
                "execution": chosen_spec.execution,
            }.items()
        )
    ]
    count = len(equity)
    return RunRecord(
        strategy=Strategy(strategies, {}, AccountSpec(equity[0].cash)),
        manifest=Manifest(
            run_id="4f1c09d2a77b5e3c8d6a",
            mode=mode,
            config_hash="c" * 64,
            code_version="0.1.0",
            seed=seed,
            parts=(*parts, PartRecord("matching", "BarMatchingEngine", {"fee": "0.0004"}, "0.1.0", "m" * 64)),
            inputs={symbol: SourceInfo(f"binance/{symbol}/klines", "d" * 64) for symbol in symbols},
            overrides={},
            cursors=dict.fromkeys(symbols, equity[0].ts),
            decision_hash="e" * 64,
        ),
        start=equity[0].ts,
        end=equity[-1].ts,
        equity=equity,
        orders=orders,
        fills=fills,
        counts={
            symbol: {"bars": count, "steps": count, "intents": 120, "targets": 118, "orders": len(orders)}
            for symbol in symbols
        },
        limits={symbol: {"leverage": 11, "net_exposure": 3} for symbol in symbols},
        quality=quality,
    )


def simulate(
    *,
    days: int = 365,
    seed: int = 34,
    symbols: tuple[str, ...] = ("BTCUSDT",),
    start: int = START,
    step: int = 4 * HOUR,
    turn: float = 0.055,
    cash: Decimal = Decimal(100_000),
    quality: tuple[QualityRow, ...] = (),
) -> RunRecord:
    """A year of a trader who follows a noisy trend in five slices, sometimes stopped out."""
    source = random.Random(seed)
    account = Account(cash)
    tools = {symbol: Instrument(symbol, lot=Decimal("0.00001")) for symbol in symbols}
    prices = {symbol: 46_000.0 / (1 + 11 * index) for index, symbol in enumerate(symbols)}
    drift = dict.fromkeys(symbols, 0.0)
    account.marks = {symbol: round(price, 2) for symbol, price in prices.items()}
    equity = [account.snapshot(start)]
    fills: list[Fill] = []
    orders: list[OrderRecord] = []
    for number in range(1, days * DAY // step + 1):
        ts = start + number * step
        for symbol in symbols:
            drift[symbol] = 0.97 * drift[symbol] + source.gauss(0, 0.0011)
            before = prices[symbol]
            prices[symbol] = before * math.exp(0.35 * drift[symbol] + source.gauss(0, 0.0095))
            chance = source.random()
            if chance < turn:
                parent = f"{symbol}-{number}"
                right = source.random() < 0.55
                share = source.choice([0.0, 0.35, 0.6, 0.9]) * (1 if (drift[symbol] > 0) == right else -0.6)
                wanted = tools[symbol].size(share * float(cash) / len(symbols) / before)
                change = wanted - account.position(symbol)
                slices = 5 if source.random() < 0.8 else 1
                kind = "market" if slices > 1 or source.random() < 0.5 else "stop"
                trade(account, tools[symbol], parent, change, before, ts - step, slices, kind, fills, orders)
        for symbol in symbols:
            account.marks[symbol] = round(prices[symbol], 2)
        equity.append(account.snapshot(ts))
    return wrap(account, symbols, equity, fills, orders, seed=seed, quality=quality)


def trade(account, tool, parent, change, price, ts, slices, kind, fills, orders) -> None:
    """Work `change` in equal slices a quarter of an hour apart, each a little worse than shown."""
    lots = tool.lots(change)
    side = 1 if lots > 0 else -1
    for index in range(slices):
        share = round((index + 1) * abs(lots) / slices) - round(index * abs(lots) / slices)
        quantity = share * tool.lot
        if not quantity:
            continue
        due = ts + index * 15 * MINUTE + 3 * SECOND
        reference = tool.observed(round(price * (1 + 0.0004 * index), 2))
        paid = tool.price(float(reference) * (1 + side * (0.00008 + 0.00002 * index)), side)
        fee = (paid * quantity * Decimal("0.0004")).quantize(CASH_UNIT)
        order = OrderIntent(
            due,
            tool.symbol,
            f"{parent}-{index}",
            parent,
            side,
            quantity,
            kind,
            reference if kind == "stop" else None,
            "gtc" if kind == "stop" else "ioc",
            kind == "stop",
            price,
            float(reference),
        )
        fill = Fill(
            due,
            tool.symbol,
            order.order_id,
            f"T{len(fills) + 1}",
            side,
            paid,
            quantity,
            fee,
            "taker",
            reference,
            "stop_gap" if kind == "stop" else "open",
            quantity,
            ZERO,
            parent,
        )
        fills.append(fill)
        orders.append(OrderRecord(order, "filled", "", due))
        account.apply(fill)


def replay(
    fills: Sequence[Fill], marks: Sequence[tuple[int, dict[str, float]]], cash: Decimal = Decimal(100_000)
) -> RunRecord:
    """A record of given fills and of samples with given marks; a sample contains the fills before it."""
    account = Account(cash)
    equity, done = [], 0
    for ts, now in marks:
        while done < len(fills) and fills[done].ts < ts:
            account.apply(fills[done])
            done += 1
        account.marks |= now
        equity.append(account.snapshot(ts))
    symbols = list(dict.fromkeys(symbol for _, now in marks for symbol in now))
    return wrap(account, symbols, equity, list(fills), [])


def make_fill(number: int, side: int, quantity: str, price: str, **other) -> Fill:
    """A fill at minute `number`, without fee and at its reference unless told."""
    amount = Decimal(quantity)
    return Fill(
        other.get("ts", START + number * MINUTE),
        other.get("symbol", "BTCUSDT"),
        other.get("order_id", f"O{number}"),
        f"T{number}",
        side,
        Decimal(price),
        amount,
        Decimal(other.get("fee", "0")),
        "taker",
        Decimal(other.get("reference", price)),
        "open",
        amount,
        ZERO,
        other.get("parent_id", ""),
    )


@pytest.fixture(scope="session")
def simulated() -> Callable[..., RunRecord]:
    """`simulate` itself."""
    return simulate


@pytest.fixture(scope="session")
def replayed() -> Callable[..., RunRecord]:
    """`replay` itself."""
    return replay


@pytest.fixture(scope="session")
def fill() -> Callable[..., Fill]:
    """`make_fill` itself."""
    return make_fill


@pytest.fixture(scope="session")
def year() -> RunRecord:
    """A year of one symbol, a few hundred fills."""
    return simulate(
        quality=(
            QualityRow("BTCUSDT", "gap", 2, "-", START + 40 * DAY, "2 bars missing"),
            QualityRow("BTCUSDT", "zero_volume", 14, "-", START + 3 * DAY, ""),
        )
    )
