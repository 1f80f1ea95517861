"""What to trade: the parts that hold an opinion, a limit or a price of trading, and the public face.

    models      features -> score
    decision    score    -> intent
    risk        intent   -> target
    execution   target   -> orders -> fills
    portfolio   fills    -> books
    report      all of it, for people

A name is imported when it is first asked for: a run loads the parts it names and nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_engine.decision.threshold import ThresholdDecision
    from quant_engine.engine import StrategyEngine
    from quant_engine.execution.policy import ImmediatePolicy, TWAPPolicy
    from quant_engine.execution.router import MarketRouter
    from quant_engine.execution.slippage import LinearSlippage, NoSlippage
    from quant_engine.models.linear import LinearModel
    from quant_engine.models.momentum import MomentumModel
    from quant_engine.models.pairs import PairsModel
    from quant_engine.models.rsi import RSIModel
    from quant_engine.models.zscore import ZScoreModel
    from quant_engine.report import Report
    from quant_engine.risk.atr_sizer import ATRSizer
    from quant_engine.risk.exposure import ExposureLimit
    from quant_engine.risk.protection import StopLossTakeProfit

_HOME = {
    "ATRSizer": "risk.atr_sizer",
    "ExposureLimit": "risk.exposure",
    "ImmediatePolicy": "execution.policy",
    "LinearModel": "models.linear",
    "LinearSlippage": "execution.slippage",
    "MarketRouter": "execution.router",
    "MomentumModel": "models.momentum",
    "NoSlippage": "execution.slippage",
    "PairsModel": "models.pairs",
    "RSIModel": "models.rsi",
    "Report": "report",
    "StopLossTakeProfit": "risk.protection",
    "StrategyEngine": "engine",
    "TWAPPolicy": "execution.policy",
    "ThresholdDecision": "decision.threshold",
    "ZScoreModel": "models.zscore",
}

__all__ = [
    "ATRSizer",
    "ExposureLimit",
    "ImmediatePolicy",
    "LinearModel",
    "LinearSlippage",
    "MarketRouter",
    "MomentumModel",
    "NoSlippage",
    "PairsModel",
    "RSIModel",
    "Report",
    "StopLossTakeProfit",
    "StrategyEngine",
    "TWAPPolicy",
    "ThresholdDecision",
    "ZScoreModel",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
