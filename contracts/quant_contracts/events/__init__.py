"""Facts, grouped by who says them."""

from typing import TypeAlias

from quant_contracts.events.account import PortfolioSnapshot
from quant_contracts.events.base import Event
from quant_contracts.events.documents import Document
from quant_contracts.events.market import (
    Bar,
    BookDelta,
    BookGap,
    BookSnapshot,
    FormingBar,
    Levels,
    Liquidation,
    MarkPrice,
    Quote,
    Trade,
)
from quant_contracts.events.options import OptionQuote, Origin, Premium, Right, Surface, SurfaceSlice
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
    | Trade
    | Quote
    | BookSnapshot
    | BookDelta
    | BookGap
    | MarkPrice
    | Liquidation
    | OptionQuote
    | Surface
    | Document
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

StreamEvent: TypeAlias = Trade | Quote | BookSnapshot | BookDelta | BookGap | OptionQuote | Surface | Document
"""What a stream beside the bars can carry."""

MarketEvent: TypeAlias = Bar | FormingBar | StreamEvent | MarkPrice | Liquidation
"""What comes from outside: facts with the moment at which they could first be known."""

__all__ = [
    "AnyEvent",
    "Bar",
    "BookDelta",
    "BookGap",
    "BookSnapshot",
    "CancelIntent",
    "DataGap",
    "Document",
    "Event",
    "Features",
    "Fill",
    "FormingBar",
    "Freshness",
    "Halted",
    "Intent",
    "Levels",
    "Liquidation",
    "Liquidity",
    "MarkPrice",
    "MarketEvent",
    "OptionQuote",
    "OrderAccepted",
    "OrderCanceled",
    "OrderEvent",
    "OrderExpired",
    "OrderIntent",
    "OrderKind",
    "OrderRejected",
    "OrderUnknown",
    "Origin",
    "PortfolioSnapshot",
    "Premium",
    "Quote",
    "Readiness",
    "Right",
    "Score",
    "StepSnapshot",
    "StreamEvent",
    "Surface",
    "SurfaceSlice",
    "Target",
    "TimeInForce",
    "Trade",
]
