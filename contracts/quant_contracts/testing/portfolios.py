"""The promises of a portfolio: books that are a fold over fills, each counted once, to the last unit."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from quant_contracts.events import Fill, PortfolioSnapshot
from quant_contracts.instrument import ZERO
from quant_contracts.protocols import Portfolio
from quant_contracts.testing.promise import BrokenPromise, check_is_lawful, same
from quant_contracts.testing.samples import FIRST_OPEN
from quant_contracts.units import Side

PortfolioFactory = Callable[[], Portfolio]

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")


def check_position_is_the_sum_of_fills(factory: PortfolioFactory) -> None:
    """A position is the sum of its signed fills, exactly, and 0 where nothing was traded."""
    book = factory()
    wanted = dict.fromkeys((*SYMBOLS, "NEVERUSDT"), ZERO)
    for fill in _fills():
        applied = book.apply(fill)
        wanted[fill.symbol] += fill.side * fill.quantity
        came = {symbol: book.position(symbol) for symbol in wanted}
        if applied is not True or came != wanted:
            raise BrokenPromise(
                book,
                "a new fill is booked, and positions are the sums of the signed fills",
                given=fill,
                expected=(True, wanted),
                came=(applied, came),
            )


def check_fills_count_once(factory: PortfolioFactory) -> None:
    """A trade id that was booked before changes nothing, and `apply` says so."""
    book = factory()
    fills = _fills()
    for fill in fills:
        book.apply(fill)
    before = _snapshot(book, fills)
    for fill in reversed(fills):
        applied = book.apply(fill)
        after = _snapshot(book, fills)
        if applied is not False or not same(before, after):
            raise BrokenPromise(
                book, "a trade id counts once", given=fill, expected=(False, before), came=(applied, after)
            )


def check_equity_is_cash_and_marks(factory: PortfolioFactory) -> None:
    """Equity is cash plus the positions at their marks; cash moves by price, quantity and fee, exactly."""
    book = factory()
    cash = book.snapshot(FIRST_OPEN).cash
    marks = dict.fromkeys(SYMBOLS, 0.0)
    for fill in _fills():
        book.apply(fill)
        cash -= fill.side * fill.price * fill.quantity + fill.fee
        marks[fill.symbol] = float(fill.price) * 1.01
        book.mark(fill.symbol, marks[fill.symbol])
        came = book.snapshot(fill.ts)
        check_is_lawful(book, "snapshot", fill, came, PortfolioSnapshot)
        values = [float(book.position(symbol)) * marks[symbol] for symbol in SYMBOLS]
        equity = float(cash) + math.fsum(values)
        numbers = {
            "cash": (cash, came.cash),
            "ts": (fill.ts, came.ts),
            "equity of the snapshot": (True, math.isclose(equity, came.equity, rel_tol=1e-9)),
            "equity": (came.equity, book.equity),
            "net": (True, math.isclose(math.fsum(values), came.net, rel_tol=1e-9, abs_tol=1e-6)),
            "gross": (True, math.isclose(math.fsum(map(abs, values)), came.gross, rel_tol=1e-9)),
        }
        for name, (expected, given) in numbers.items():
            if expected != given:
                raise BrokenPromise(
                    book,
                    f"the books agree with the fills: {name}",
                    given=fill,
                    expected=f"cash {cash}, values {values}, equity {equity}",
                    came=came,
                )


def check_exposure_is_of_the_others(factory: PortfolioFactory) -> None:
    """`exposure_beside` is net and gross of all other symbols."""
    book = factory()
    for fill in _fills():
        book.apply(fill)
        book.mark(fill.symbol, float(fill.price))
    own, other = SYMBOLS
    marks = book.snapshot(FIRST_OPEN).marks
    value = float(book.position(other)) * marks[other]
    came = book.exposure_beside(own)
    if came != (value, abs(value)):
        raise BrokenPromise(
            book,
            "exposure_beside leaves the symbol itself out",
            given=f"{own!r} beside {other!r}",
            expected=(value, abs(value)),
            came=came,
        )


def check_order_of_fills_does_not_matter(factory: PortfolioFactory) -> None:
    """Cash, positions and fees come out the same in whatever order fills are booked."""
    fills = _fills()
    expected = _totals(factory(), fills)
    shuffled = list(fills)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - repeatable, not secret
        book = factory()
        came = _totals(book, shuffled)
        if came != expected:
            raise BrokenPromise(
                book,
                "the order of booking changes no cash, position or fee",
                given=f"{len(fills)} fills in another order",
                expected=expected,
                came=came,
            )


def check_snapshots_stay_as_they_are(factory: PortfolioFactory) -> None:
    """A snapshot is a fact: what is booked afterwards does not change it."""
    book = factory()
    fills = _fills()
    for fill in fills[:10]:
        book.apply(fill)
    snapshot = book.snapshot(FIRST_OPEN)
    before = repr(snapshot)
    for fill in fills[10:]:
        book.apply(fill)
        book.mark(fill.symbol, 1.0)
    if repr(snapshot) != before:
        raise BrokenPromise(
            book,
            "a snapshot does not change after it was taken",
            given=f"{len(fills) - 10} fills later",
            expected=before,
            came=snapshot,
        )


def _totals(book: Portfolio, fills: Sequence[Fill]) -> object:
    for fill in fills:
        book.apply(fill)
    snapshot = book.snapshot(FIRST_OPEN)
    return snapshot.cash, snapshot.fees, [book.position(symbol) for symbol in SYMBOLS]


def _snapshot(book: Portfolio, fills: Sequence[Fill]) -> PortfolioSnapshot:
    return book.snapshot(fills[-1].ts)


def _fills() -> list[Fill]:
    """Seeded fills that open, add, reduce, close and turn, in two symbols, with fees and rebates."""
    source = random.Random(3)  # noqa: S311 - repeatable, not secret
    made = []
    for index in range(60):
        side: Side = source.choice((1, -1))
        price = Decimal(source.randrange(3_000_000, 5_000_000)) / 100
        quantity = Decimal(source.randrange(1, 100_000)) / 100_000
        fee = (price * quantity * Decimal(source.choice(("0.001", "-0.0001")))).quantize(Decimal("1e-8"))
        made.append(
            Fill(
                ts=FIRST_OPEN + index,
                symbol=source.choice(SYMBOLS),
                order_id=f"o{index}",
                trade_id=f"t{index}",
                side=side,
                price=price,
                quantity=quantity,
                fee=fee,
                liquidity="taker",
                reference=price,
                rule="open",
                cumulative=quantity,
                remaining=ZERO,
            )
        )
    return made


CHECKS: Final = (
    check_position_is_the_sum_of_fills,
    check_fills_count_once,
    check_equity_is_cash_and_marks,
    check_exposure_is_of_the_others,
    check_order_of_fills_does_not_matter,
    check_snapshots_stay_as_they_are,
)
