"""Intentions: a score in, what we want to be out."""

from quant_engine.decision.threshold import ThresholdDecision

__all__ = ["ThresholdDecision"]
