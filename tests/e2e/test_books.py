"""The result of a real year worked out again from its rows and its bars, by other means."""

from __future__ import annotations

import csv
import json
import warnings
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest

from quant_contracts.config import override

QUARTER = 15 * 60
STOPS = [
    {"class": "ATRSizer", "params": {"risk_fraction": 0.02, "max_leverage": 0.5}},
    {"class": "StopLossTakeProfit", "params": {"stop_loss": 0.01, "take_profit": 0.02}},
]


class Quarter(NamedTuple):
    """A quarter of an hour as the file's own minutes make it."""

    low: Decimal
    high: Decimal
    volume: float


@pytest.fixture(scope="module")
def report(attempts, mean_reversion, year_2022):
    config = override(mean_reversion, {"BTCUSDT.strategy.risk": STOPS})
    words = ["backtest", "s.json", "--data", year_2022, "--interval", "15m", "--out", "report"]
    return attempts({"year": ({"s.json": config}, words)})["year"].report()


@pytest.fixture(scope="module")
def summary(report):
    return json.loads((report / "summary.json").read_text())


@pytest.fixture(scope="module")
def table(report):
    """A function from the name of a table to its rows."""

    def read(name: str) -> list[dict[str, str]]:
        with (report / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture(scope="module")
def fills(table):
    return table("fills")


@pytest.fixture(scope="module")
def minutes(year_2022):
    import pyarrow.parquet as pq

    return pq.read_table(year_2022).to_pydict()


@pytest.fixture(scope="module")
def quarters(minutes):
    """Every quarter of an hour by its close, in seconds."""
    made = {}
    for first in range(0, len(minutes["open"]), 15):
        rows = slice(first, first + 15)
        made[minutes["open_time_ms"][first] // 1000 + QUARTER] = Quarter(
            Decimal(str(min(minutes["low"][rows]))),
            Decimal(str(max(minutes["high"][rows]))),
            float(np.sum(minutes["volume"][rows])),
        )
    return made


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_there_is_something_to_work_out(fills):
    assert len(fills) > 1_000
    assert {"open", "stop", "take_profit"} <= {fill["rule"] for fill in fills}
    assert {fill["liquidity"] for fill in fills} == {"maker", "taker"}


def test_the_net_profit_follows_from_the_fills_to_the_last_unit(fills, minutes, summary):
    cash = position = Decimal(0)
    for fill in fills:
        signed = int(fill["side"]) * Decimal(fill["quantity"])
        cash -= signed * Decimal(fill["price"]) + Decimal(fill["fee"])
        position += signed
    net = cash + position * Decimal(str(minutes["close"][-1]))
    assert net == Decimal(summary["headline"]["net_profit"])
    assert float(net) == pytest.approx(summary["run"]["final_equity"] - 100_000, rel=1e-12)


def test_fees_and_slippage_follow_from_the_fills_to_the_last_unit(fills, summary):
    fees = slippage = Decimal(0)
    for fill in fills:
        fees += Decimal(fill["fee"])
        worse = int(fill["side"]) * (Decimal(fill["price"]) - Decimal(fill["reference"]))
        assert worse >= 0, "slippage never helps"
        slippage += worse * Decimal(fill["quantity"])
        assert Decimal(fill["fee"]) == round(
            Decimal("0.001") * Decimal(fill["price"]) * Decimal(fill["quantity"]), 8
        )
    assert fees == Decimal(summary["headline"]["fees"])
    assert slippage == Decimal(summary["headline"]["slippage"])


def test_every_fill_was_possible_in_its_bar(fills, quarters):
    """Before slippage a price lies within the bar, and all fills of a bar are a tenth of its volume."""
    taken: dict[int, Decimal] = {}
    for fill in fills:
        moment = seconds(fill["ts"])
        bar = quarters[moment]
        assert bar.low <= Decimal(fill["reference"]) <= bar.high
        taken[moment] = taken.get(moment, Decimal(0)) + Decimal(fill["quantity"])
    for moment, quantity in taken.items():
        assert float(quantity) <= 0.1 * quarters[moment].volume * (1 + 1e-12)


def test_no_order_fills_in_a_bar_that_opened_before_it(fills, table):
    sent = {order["order_id"]: seconds(order["ts"]) for order in table("orders")}
    for fill in fills:
        assert sent[fill["order_id"]] <= seconds(fill["ts"]) - QUARTER


def test_a_limit_fills_at_its_price_and_only_when_the_market_went_through_it(fills, table, quarters):
    limits = {
        order["order_id"]: Decimal(order["price"])
        for order in table("orders")
        if order["kind"] == "take_profit"
    }
    hit = [fill for fill in fills if fill["order_id"] in limits and fill["rule"] == "take_profit"]
    assert hit
    for fill in hit:
        limit, bar = limits[fill["order_id"]], quarters[seconds(fill["ts"])]
        assert Decimal(fill["price"]) == limit
        assert bar.low < limit if fill["side"] == "1" else bar.high > limit


def test_what_an_order_fills_adds_up(fills, table):
    filled: dict[str, Decimal] = {}
    for fill in fills:
        filled[fill["order_id"]] = filled.get(fill["order_id"], Decimal(0)) + Decimal(fill["quantity"])
        assert Decimal(fill["cumulative"]) == filled[fill["order_id"]]
    for order in table("orders"):
        total = filled.get(order["order_id"], Decimal(0))
        assert Decimal(order["filled"]) == total <= Decimal(order["quantity"])
        assert (order["state"] == "filled") == (total == Decimal(order["quantity"]))


METRICS = {
    "total_return": lambda of, returns: of.cum_returns_final(returns),
    "cagr": lambda of, returns: of.annual_return(returns, annualization=365),
    "volatility": lambda of, returns: of.annual_volatility(returns, annualization=365),
    "sharpe": lambda of, returns: of.sharpe_ratio(returns, annualization=365),
    "sortino": lambda of, returns: of.sortino_ratio(returns, annualization=365),
    "max_drawdown": lambda of, returns: of.max_drawdown(returns),
    "calmar": lambda of, returns: of.calmar_ratio(returns, annualization=365),
    "omega": lambda of, returns: of.omega_ratio(returns),
    "var_95": lambda of, returns: -of.value_at_risk(returns, cutoff=0.05),
}


@pytest.fixture(scope="module")
def empyrical():
    with warnings.catch_warnings():
        # It asks pandas for what pandas is about to take away.
        warnings.simplefilter("ignore")
        return pytest.importorskip("empyrical")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("series", "column"), [("net", "equity"), ("gross", "gross_equity"), ("benchmark",) * 2]
)
def test_a_metric_is_what_empyrical_makes_of_the_saved_equity(
    empyrical, table, summary, metric, series, column
):
    import pandas as pd

    rows = table("daily")
    equity = pd.Series([float(row[column]) for row in rows], pd.DatetimeIndex([row["ts"] for row in rows]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = METRICS[metric](empyrical, equity.pct_change().iloc[1:])
    assert summary[series][metric]["value"] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_the_daily_series_has_every_midnight_of_the_year(table, summary):
    midnights = [row["ts"] for row in table("daily")[1:]]
    assert len(midnights) == 365 == summary["net"]["days"]
    assert all(text.endswith("T00:00:00Z") for text in midnights)
    assert midnights[-1] == "2023-01-01T00:00:00Z"
