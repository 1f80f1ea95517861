"""The promises of a risk rule: it bounds and protects, and never turns a position around."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quant_contracts.events import Intent, Target
from quant_contracts.protocols import ContinuousRisk, Proposal, RiskContext, RiskProto
from quant_contracts.testing.promise import BrokenPromise, check_answers_are_pure, check_is_lawful
from quant_contracts.testing.rows import Row, Step, check_needs, read_steps
from quant_contracts.testing.samples import FIRST_OPEN
from quant_contracts.units import Direction, Price

RiskFactory = Callable[[], RiskProto]
Question = tuple[Intent, RiskContext]

SYMBOL: Final = "BTCUSDT"
EXTRA: Final = "a_feature_nobody_asked_for"


class Account(msgspec.Struct, frozen=True):
    """An account in which a rule is asked; values are multiples of 10,000 of quote currency."""

    equity: float
    position: float = 0.0
    other_net: float = 0.0
    other_gross: float = 0.0


ACCOUNTS: Final = (
    Account(1.0),
    Account(1.0, position=0.7),
    Account(1.0, position=-0.2, other_net=0.5, other_gross=0.9),
    Account(1.0, other_net=-1.5, other_gross=1.5),
    Account(250.0, other_net=10.0, other_gross=60.0),
    Account(0.001),
    Account(0.0),
    Account(-0.1, position=0.3, other_net=0.2, other_gross=0.2),
)


def check_proposal_is_lawful(factory: RiskFactory, rows: Sequence[Row] | None = None) -> None:
    """A proposal is finite, and its stop and limit lie on their own sides of the price."""
    rule = factory()
    for intent, context in _questions(rule, rows):
        proposal = rule.adjust(intent, context)
        check_is_lawful(rule, "adjust", (intent, context), proposal, Proposal)
        if not proposal.quantity:
            continue
        below, above = (
            (proposal.stop, proposal.take_profit)
            if proposal.quantity > 0
            else (
                proposal.take_profit,
                proposal.stop,
            )
        )
        if not (below is None or 0 < below < context.price) or not (above is None or context.price < above):
            raise BrokenPromise(
                rule,
                "a stop is on the losing side of the price and a take-profit on the winning one",
                given=(intent, context),
                expected=f"what is below between 0 and {context.price}, what is above beyond it",
                came=proposal,
            )


def check_sign_is_never_turned(factory: RiskFactory, rows: Sequence[Row] | None = None) -> None:
    """The quantity has the intent's sign or is 0; an intent to be flat gives exactly 0."""
    rule = factory()
    for intent, context in _questions(rule, rows):
        proposal = rule.adjust(intent, context)
        if proposal.quantity * intent.direction < 0 or (not intent.direction and proposal.quantity):
            raise BrokenPromise(
                rule,
                "no rule turns the sign of a position, and flat is flat",
                given=(intent, context),
                expected={1: "0 or more", -1: "0 or less", 0: "0"}[intent.direction],
                came=proposal,
            )


def check_adjustment_is_pure(factory: RiskFactory, rows: Sequence[Row] | None = None) -> None:
    """The same intent and context give the same proposal, whatever was asked in between."""
    check_answers_are_pure(
        factory, lambda it, asked: it.adjust(*asked), _questions(factory(), rows), "adjust"
    )


def check_reads_only_what_it_needs(factory: RiskFactory, rows: Sequence[Row] | None = None) -> None:
    """The features it reads are all it needs; it ignores others and writes to none."""
    rule = factory()
    for intent, context in _questions(rule, rows):
        expected = rule.adjust(intent, context)
        among_others = {EXTRA: 0.5, **context.features}
        handed = dict(among_others)
        came = rule.adjust(intent, msgspec.structs.replace(context, features=handed))
        if came != expected or handed != among_others:
            raise BrokenPromise(
                rule,
                "other features change nothing, and none is written to",
                given=(intent, msgspec.structs.replace(context, features=among_others)),
                expected=f"{expected} and the features as they were",
                came=f"{came} and {handed}",
            )


def check_protection_is_kept(factory: RiskFactory, rows: Sequence[Row] | None = None) -> None:
    """A stop, a take-profit or a limit that an earlier rule named is still there, unless nothing is held."""
    rule = factory()
    for intent, context in _questions(rule, rows):
        before, after = context.proposal, rule.adjust(intent, context)
        if after.quantity and (
            (before.stop is not None and after.stop is None)
            or (before.take_profit is not None and after.take_profit is None)
            or after.limits[: len(before.limits)] != before.limits
        ):
            raise BrokenPromise(
                rule,
                "a rule starts from what the rules before it said",
                given=(intent, context),
                expected="a stop, a take-profit and limits where there were some, its own limits after them",
                came=after,
            )


def check_buying_mirrors_selling(factory: RiskFactory, rows: Sequence[Row] | None = None) -> None:
    """A short is treated like the long in its mirror; a rule that never allows a side at all may do so."""
    rule = factory()
    asked = [it for it in _questions(rule, rows) if it[0].direction > 0]
    mirrors = [_mirror(*it) for it in asked]
    longs = [rule.adjust(*it) for it in asked]
    shorts = [rule.adjust(*it) for it in mirrors]
    if not any(it.quantity for it in longs) or not any(it.quantity for it in shorts):
        return
    for question, long, mirror, short in zip(asked, longs, mirrors, shorts, strict=True):
        price = question[1].price
        if (
            long.quantity != -short.quantity
            or long.limits != short.limits
            or not _mirrored(long.stop, short.stop, price)
            or not _mirrored(long.take_profit, short.take_profit, price)
        ):
            raise BrokenPromise(
                rule,
                "buying mirrors selling",
                given=mirror,
                expected=f"the mirror of {long}",
                came=short,
            )


def check_every_step_is_constant(factory: Callable[[], ContinuousRisk]) -> None:
    """`every_step` is a constant bool."""
    rule = factory()
    said: tuple[object, object] = (rule.every_step, factory().every_step)
    if [type(it) for it in said] != [bool, bool] or said[0] is not said[1]:
        raise BrokenPromise(
            rule,
            "every_step is a constant bool",
            given="two fresh rules with the same settings",
            expected="True or False, the same for both",
            came=said,
        )


def check_size_goes_with_the_price(
    factory: RiskFactory, in_price_units: Sequence[str], rows: Sequence[Row] | None = None
) -> None:
    """Opt-in: with prices and the features `in_price_units` k times as large, it holds the same value.

    For a sizer: the units of base shrink as the price grows, to 1e-9 relative.
    """
    rule = factory()
    for intent, context in _questions(rule, rows):
        before = rule.adjust(intent, context)
        for factor in (2.0**-20, 0.01, 100.0, 2.0**20):
            proposal = context.proposal
            features = {
                name: value * factor if name in in_price_units else value
                for name, value in context.features.items()
            }
            scaled = msgspec.structs.replace(
                context,
                price=context.price * factor,
                features=features,
                position=context.position / factor,
                proposal=Proposal(
                    proposal.quantity / factor,
                    _times(proposal.stop, factor),
                    _times(proposal.take_profit, factor),
                    proposal.limits,
                ),
                held=None,
            )
            expected = rule.adjust(intent, msgspec.structs.replace(context, held=None)).quantity / factor
            after = rule.adjust(intent, scaled)
            if not math.isclose(after.quantity, expected, rel_tol=1e-9):
                raise BrokenPromise(
                    rule,
                    "the value of a position does not depend on the scale of the price",
                    given=(intent, scaled),
                    expected=f"{expected} units, because at {context.price} it was {before}",
                    came=after,
                )


def _questions(rule: RiskProto, rows: Sequence[Row] | None) -> list[Question]:
    def ask(step: Step) -> object:
        return [rule.adjust(*it) for it in _situations(step, 0)]

    steps = read_steps(rule, rows, ask)
    return [it for row, step in enumerate(steps) for it in _situations(step, row)]


def _situations(step: Step, row: int) -> Iterator[Question]:
    """Every account, with a wish for each side and for none, and with and without earlier rules."""
    ts = FIRST_OPEN + row
    directions: tuple[Direction, ...] = (1, -1, 0)
    for account in ACCOUNTS:
        for direction in directions:
            strength = (1.0, 0.3)[row % 2] if direction else 0.0
            intent = Intent(ts, SYMBOL, direction, strength, "a test")
            for proposal, held in _before(intent, account, step.price, ts):
                context = RiskContext(
                    ts=ts,
                    symbol=SYMBOL,
                    price=step.price,
                    features=step.features,
                    equity=account.equity * 10_000,
                    position=account.position * 10_000 / step.price,
                    other_net=account.other_net * 10_000,
                    other_gross=account.other_gross * 10_000,
                    proposal=proposal,
                    held=held,
                )
                yield intent, context


def _before(
    intent: Intent, account: Account, price: Price, ts: int
) -> Iterator[tuple[Proposal, Target | None]]:
    """What may have gone before: nothing, or rules that cut and protected and a target in force."""
    wish = intent.direction * intent.strength * max(account.equity, 0.0) * 10_000 / price
    side = intent.direction or 1
    yield Proposal(wish), None
    held = Target(
        ts - 1,
        SYMBOL,
        Decimal(repr(round(account.position * 10_000 / price, 5))),
        Decimal(repr(round(price * (1 - 0.03 * math.copysign(1, account.position)), 2))),
        None,
        "earlier",
    )
    yield (
        Proposal(wish * 0.4, price * (1 - 0.02 * side), price * (1 + 0.05 * side), ("an_earlier_limit",)),
        held,
    )


def _mirror(intent: Intent, context: RiskContext) -> Question:
    """The same situation seen from the other side: signs turned, levels as far on the other side."""
    price, proposal, held = context.price, context.proposal, context.held
    flipped: Direction = -1 if intent.direction > 0 else 1
    return msgspec.structs.replace(intent, direction=flipped), msgspec.structs.replace(
        context,
        position=-context.position,
        other_net=-context.other_net,
        proposal=Proposal(
            -proposal.quantity,
            None if proposal.stop is None else 2 * price - proposal.stop,
            None if proposal.take_profit is None else 2 * price - proposal.take_profit,
            proposal.limits,
        ),
        held=None
        if held is None
        else msgspec.structs.replace(
            held,
            quantity=-held.quantity,
            stop=None if held.stop is None else 2 * Decimal(repr(price)) - held.stop,
        ),
    )


def _mirrored(one: Price | None, other: Price | None, price: Price) -> bool:
    """True when two levels are as far from the price, on opposite sides.

    A level whose mirror would be below 0 has none, so nothing is said of it.
    """
    if one is not None and one >= 2 * price:
        return True
    if one is None or other is None:
        return one is other
    return math.isclose(one - price, price - other, rel_tol=1e-9, abs_tol=1e-9 * price)


def _times(level: Price | None, factor: float) -> Price | None:
    return None if level is None else level * factor


CHECKS: Final = (
    check_needs,
    check_proposal_is_lawful,
    check_sign_is_never_turned,
    check_adjustment_is_pure,
    check_reads_only_what_it_needs,
    check_protection_is_kept,
    check_buying_mirrors_selling,
)

CONTINUOUS_CHECKS: Final = (check_every_step_is_constant,)
