"""The rules between wanting and doing: size, protection, limits. They apply in the order declared."""

from quant_engine.risk.atr_sizer import ATRSizer
from quant_engine.risk.exposure import ExposureLimit
from quant_engine.risk.protection import StopLossTakeProfit

__all__ = ["ATRSizer", "ExposureLimit", "StopLossTakeProfit"]
