"""Beliefs: features in, a score from -1 to +1 out."""

from quant_engine.models.linear import LinearModel, Term
from quant_engine.models.momentum import MomentumModel
from quant_engine.models.pairs import PairsModel
from quant_engine.models.rsi import RSIModel
from quant_engine.models.zscore import ZScoreModel

__all__ = ["LinearModel", "MomentumModel", "PairsModel", "RSIModel", "Term", "ZScoreModel"]
