"""Feature channels over trades and best prices: what happened between one step and the next.

    flow         SignedVolume, TradeFlowImbalance, TradeCount, VWAP
    order_flow   OrderFlowImbalance (of quotes)
    toxicity     VPIN
    impact       KyleLambda
    spreads      EffectiveSpread, RealisedSpread (of trades and quotes)

All count over steps: what became known since the symbol's last one.
"""

from quant_channels.trades.features.flow import VWAP, SignedVolume, TradeCount, TradeFlowImbalance
from quant_channels.trades.features.impact import KyleLambda
from quant_channels.trades.features.order_flow import OrderFlowImbalance
from quant_channels.trades.features.spreads import EffectiveSpread, RealisedSpread
from quant_channels.trades.features.toxicity import VPIN

__all__ = [
    "VPIN",
    "VWAP",
    "EffectiveSpread",
    "KyleLambda",
    "OrderFlowImbalance",
    "RealisedSpread",
    "SignedVolume",
    "TradeCount",
    "TradeFlowImbalance",
]
