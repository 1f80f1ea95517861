"""Who was in a hurry: aggressive buying and selling over the last steps, and how much was traded."""

from __future__ import annotations

from math import fsum

import msgspec

from quant_channels.klines.features.settings import check_window
from quant_channels.trades.features.steps import StepWindow, quotient, whole
from quant_contracts.blocks import Column, TradeBlock
from quant_contracts.events import Bar
from quant_contracts.protocols import Stream
from quant_contracts.units import Quantity
from quant_contracts.views import TradesView

TRADES = (Stream("trades"),)


def signed(trades: TradeBlock) -> Column:
    """Quantities, negative where the seller was the aggressor."""
    return trades.quantity * trades.side


def net_volume(trades: TradeBlock) -> Quantity:
    """What aggressive buyers took less what aggressive sellers hit."""
    return fsum(signed(trades).tolist())


class SignedVolume(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Volume that aggressive buyers took less what aggressive sellers hit, in base units.

    Over the last `window` steps; 0 where nothing was traded. Missing while trades are, and for `window`
    steps after some were missed. The first look at a stream covers more than a step and does not count.

    >>> import numpy as np
    >>> from quant_contracts.events import Trade
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> trades = [Trade(5, 5, "BTCUSDT", 100.0, 3.0, 1), Trade(6, 6, "BTCUSDT", 99.0, 1.0, -1)]
    >>> seen = TradesView(10, 1, TradeBlock.of("BTCUSDT", trades), trades[-1], True)
    >>> SignedVolume(window=1).update(bars_from_closes(100)[0], seen)
    (2.0,)
    """

    window: int = 20
    """Number of steps, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._totals = StepWindow(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"signed_volume_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES

    def update(self, _bar: Bar, seen: TradesView | None, /) -> tuple[float, ...] | None:
        view = whole(seen)
        return self._totals.push(None if view is None else (net_volume(view.trades),))


class TradeFlowImbalance(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Signed volume over volume of the last `window` steps, from -1 (all sold) to +1 (all bought).

    As `SignedVolume`, and missing too where nothing was traded in all those steps.

    >>> from quant_contracts.events import Trade
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> trades = [Trade(5, 5, "BTCUSDT", 100.0, 3.0, 1), Trade(6, 6, "BTCUSDT", 99.0, 1.0, -1)]
    >>> seen = TradesView(10, 1, TradeBlock.of("BTCUSDT", trades), trades[-1], True)
    >>> TradeFlowImbalance(window=1).update(bars_from_closes(100)[0], seen)
    (0.5,)
    """

    window: int = 20
    """Number of steps, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._totals = StepWindow(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"trade_flow_imbalance_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES

    def update(self, _bar: Bar, seen: TradesView | None, /) -> tuple[float, ...] | None:
        view = whole(seen)
        if view is None:
            return self._totals.push(None)
        trades = view.trades
        share = quotient(self._totals.push((net_volume(trades), fsum(trades.quantity.tolist()))))
        # Each total was rounded, the larger one perhaps down.
        return None if share is None else (max(-1.0, min(1.0, share[0])),)


class TradeCount(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """How many trades the last `window` steps saw. Missing as `SignedVolume` is.

    >>> from quant_contracts.events import Trade
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> trades = [Trade(5, 5, "BTCUSDT", 100.0, 3.0, 1), Trade(6, 6, "BTCUSDT", 99.0, 1.0, -1)]
    >>> seen = TradesView(10, 1, TradeBlock.of("BTCUSDT", trades), trades[-1], True)
    >>> TradeCount(window=1).update(bars_from_closes(100)[0], seen)
    (2.0,)
    """

    window: int = 20
    """Number of steps, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._totals = StepWindow(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"trade_count_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES

    def update(self, _bar: Bar, seen: TradesView | None, /) -> tuple[float, ...] | None:
        view = whole(seen)
        return self._totals.push(None if view is None else (float(len(view.trades)),))


class VWAP(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Mean price of the last `window` steps' trades, weighted by quantity.

    Missing as `SignedVolume` is, and where nothing was traded in all those steps.

    >>> from quant_contracts.events import Trade
    >>> from quant_contracts.testing.samples import bars_from_closes
    >>> trades = [Trade(5, 5, "BTCUSDT", 100.0, 3.0, 1), Trade(6, 6, "BTCUSDT", 99.0, 1.0, -1)]
    >>> seen = TradesView(10, 1, TradeBlock.of("BTCUSDT", trades), trades[-1], True)
    >>> VWAP(window=1).update(bars_from_closes(100)[0], seen)
    (99.75,)
    """

    window: int = 20
    """Number of steps, at least 1."""

    def __post_init__(self) -> None:
        check_window(self.window, 1)
        self._totals = StepWindow(self.window)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"vwap_{self.window}",)

    @property
    def warmup(self) -> int:
        return self.window + 1

    @property
    def reads(self) -> tuple[Stream, ...]:
        return TRADES

    def update(self, _bar: Bar, seen: TradesView | None, /) -> tuple[float, ...] | None:
        view = whole(seen)
        if view is None:
            return self._totals.push(None)
        trades = view.trades
        paid, quantity = fsum((trades.price * trades.quantity).tolist()), fsum(trades.quantity.tolist())
        return quotient(self._totals.push((paid, quantity)))
