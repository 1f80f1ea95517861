"""Mean reversion on the RSI, sliced over time: the ten lines of the README."""
# fmt: off
# ruff: noqa: I001, INP001 - what follows is kept as it was first written down, to the letter

from quant_engine import (
    RSIModel,
    ThresholdDecision,
    ATRSizer,
    TWAPPolicy,
    StrategyEngine,
)

strategy = StrategyEngine(
    model=RSIModel(window=14),
    decision=ThresholdDecision(threshold=0.0),
    risk=ATRSizer(atr_window=14, risk_fraction=0.02),
    execution=TWAPPolicy(segments=5),
)

strategy.backtest(
    symbol="BTCUSDT",
    start="2022-01-01",
    end="2023-01-01"
)

strategy.report.save("reports/btc_rsi_twap/")
