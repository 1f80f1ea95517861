"""What liquidity takers paid: the spread at the trade, and what of it was left a while later."""

from __future__ import annotations

from math import fsum
from typing import NamedTuple

import msgspec
import numpy as np

from quant_channels.klines.features.settings import check_window
from quant_channels.orderbook.features.prices import BPS
from quant_channels.trades.features.steps import StepWindow, in_force, quotient, whole
from quant_contracts.blocks import Column, Times, TradeBlock
from quant_contracts.duration import Length, parse_setting
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.units import HOUR
from quant_contracts.views import QuotesView, TradesView

TRADES_AND_QUOTES = (Stream("trades"), Stream("quotes"))


class Mids(NamedTuple):
    """Middles of the quotes of a step, the one before it first."""

    known: Times
    mid: Column
    """NaN where a side is empty or the prices are crossed."""

    @classmethod
    def of(cls, view: QuotesView) -> Mids:
        """Every quote that was in force in the step."""
        quotes, sound = in_force(view)
        return cls(quotes.known, np.where(sound, (quotes.bid + quotes.ask) / 2, np.nan))

    def before(self, moments: Times) -> Column:
        """The middle in force just before each moment: quotes known at it may follow from what happened."""
        return self._at(self.known.searchsorted(moments, side="left"))

    def at(self, moments: Times) -> Column:
        """The middle in force at each moment."""
        return self._at(self.known.searchsorted(moments, side="right"))

    def _at(self, places: Times) -> Column:
        return np.concatenate([[np.nan], self.mid])[places]


class EffectiveSpread(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """What takers paid for crossing to the other side, in basis points: twice the way from the middle.

    2 s (p - m) / m of each trade, with p its price, s = +1 where the buyer was the aggressor and -1 where
    the seller was, and m the middle of the quotes in force just before it was known; their mean over the
    last `window` steps, weighted by quantity (Huang and Stoll, Dealer versus auction markets, Journal of
    Financial Economics 41, 1996; SEC Rule 605). Negative where trades were better than the middle. Trades
    without a sound quote before them are left out. Missing while trades or quotes are, for `window` steps
    after some were missed, and where no trade was left. The first look at the streams covers more than a
    step and does not count.

    >>> EffectiveSpread(window=20).outputs, EffectiveSpread(window=20).warmup
    (('effective_spread_bps_20',), 21)
    """

    window: int = 20
    """Number of steps, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._totals = StepWindow(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"effective_spread_bps_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES_AND_QUOTES

    def update(
        self, _bar: Bar, trades: TradesView | None, quotes: QuotesView | None, /
    ) -> tuple[float, ...] | None:
        traded, quoted = whole(trades), whole(quotes)
        if traded is None or quoted is None:
            return self._totals.push(None)
        mids = Mids.of(quoted).before(traded.trades.known)
        return quotient(self._totals.push(_paid(traded.trades, mids, mids)))


class RealisedSpread(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """What was left of the effective spread `delay` after the trade, in basis points: what a maker earned.

    2 s (p - m') / m of each trade, as `EffectiveSpread` with m' the middle in force `delay` after the trade
    became known; their mean, weighted by quantity, over the trades whose m' became known in the last
    `window` steps. The effective spread less it is the price impact. Missing as `EffectiveSpread` is.

    >>> RealisedSpread(window=20, delay="5s").outputs
    ('realised_spread_bps_20_5s',)
    """

    window: int = 20
    """Number of steps, at least 1."""
    delay: Length = "5s"
    """How long after a trade the middle is looked at, up to 1h; trades of that time are remembered."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._delay = parse_setting("delay", self.delay)
        if self._delay > HOUR:
            raise ValueError(f"delay must be at most 1h, not {self.delay}")
        self._totals = StepWindow(self.window)
        # Trades of which the later middle is not known yet, with the middle before each.
        self._waiting: tuple[TradeBlock, Column] | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"realised_spread_bps_{self.window}_{self.delay}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES_AND_QUOTES

    def update(
        self, _bar: Bar, trades: TradesView | None, quotes: QuotesView | None, /
    ) -> tuple[float, ...] | None:
        traded, quoted = whole(trades), whole(quotes)
        if traded is None or quoted is None:
            self._waiting = None
            return self._totals.push(None)
        middles = Mids.of(quoted)
        made, mids = traded.trades, middles.before(traded.trades.known)
        if self._waiting is not None:
            made = TradeBlock.join(made.symbol, [self._waiting[0], made])
            mids = np.concatenate([self._waiting[1], mids])
        due = int(made.known.searchsorted(traded.ts - self._delay, side="right"))
        self._waiting = made.slice(due, len(made)), mids[due:]
        ripe = made.slice(0, due)
        later = middles.at(ripe.known + self._delay)
        return quotient(self._totals.push(_paid(ripe, mids[:due], later)))


def _paid(trades: TradeBlock, mids: Column, later: Column) -> tuple[float, float]:
    """Sum of 2 s (p - later) / m in basis points times quantity, and the sum of those quantities.

    Trades of which either middle is not known are left out.
    """
    spreads = 2 * BPS * trades.side * (trades.price - later) / mids
    has = ~np.isnan(spreads)
    quantity = trades.quantity[has]
    return fsum((spreads[has] * quantity).tolist()), fsum(quantity.tolist())
