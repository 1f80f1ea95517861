"""Facts, grouped by who says them."""

from typing import TypeAlias

from quant_contracts.events.account import PortfolioSnapshot
from quant_contracts.events.base import Event
from quant_contracts.events.market import Bar, FormingBar
from quant_contracts.events.order import (
    CancelIntent,
    Fill,
    Liquidity,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderIntent,
    OrderKind,
    OrderRejected,
    OrderUnknown,
    TimeInForce,
)
from quant_contracts.events.runtime import DataGap, Freshness, Halted, Readiness, StepSnapshot
from quant_contracts.events.signal import Features, Intent, Score, Target

AnyEvent: TypeAlias = (
    Bar
    | FormingBar
    | Features
    | Score
    | Intent
    | Target
    | OrderIntent
    | CancelIntent
    | OrderAccepted
    | OrderRejected
    | OrderCanceled
    | OrderExpired
    | OrderUnknown
    | Fill
    | PortfolioSnapshot
    | StepSnapshot
    | Readiness
    | DataGap
    | Halted
)
"""Every event there is: what a journal can hold."""

OrderEvent: TypeAlias = OrderAccepted | OrderRejected | OrderCanceled | OrderExpired | OrderUnknown | Fill
"""What a venue can answer."""

__all__ = [
    "AnyEvent",
    "Bar",
    "CancelIntent",
    "DataGap",
    "Event",
    "Features",
    "Fill",
    "FormingBar",
    "Freshness",
    "Halted",
    "Intent",
    "Liquidity",
    "OrderAccepted",
    "OrderCanceled",
    "OrderEvent",
    "OrderExpired",
    "OrderIntent",
    "OrderKind",
    "OrderRejected",
    "OrderUnknown",
    "PortfolioSnapshot",
    "Readiness",
    "Score",
    "StepSnapshot",
    "Target",
    "TimeInForce",
]
