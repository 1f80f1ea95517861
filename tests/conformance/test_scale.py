"""What some parts promise beyond their contract: how they go with the unit that prices are quoted in."""

from __future__ import annotations

import pytest

from quant_contracts.testing.features import check_scale_of_prices
from quant_contracts.testing.risk import check_size_goes_with_the_price
from quant_daemon.registry import Registry

POWERS = {
    "ADX": 0,
    "ATR": 1,
    "CloseToClose": 0,
    "DailyVolume": 0,
    "EMA": 1,
    "EWMAVolatility": 0,
    "GarmanKlass": 0,
    "MACD": 1,
    "Parkinson": 0,
    "RSI": 0,
    "Return": 0,
    "RogersSatchell": 0,
    "SMA": 1,
    "Spread": 0,
    "Stochastic": 0,
    "YangZhang": 0,
    "ZScore": 0,
}
"""Channels of which every output goes with this power of the price."""

BANDS = {"bb_upper_20_2": 1, "bb_middle_20_2": 1, "bb_lower_20_2": 1, "bb_percent_20_2": 0}


@pytest.mark.parametrize("name", [*POWERS, "Bollinger"])
def test_a_channel_goes_with_the_price_as_its_unit_says(name, settings_table):
    params = settings_table.get(name, [{}])[0]

    def factory():
        return Registry().build("features", name, params, "test")

    powers = BANDS if name == "Bollinger" else dict.fromkeys(factory().outputs, POWERS[name])
    check_scale_of_prices(factory, powers)


def test_a_sizer_holds_the_same_value_at_any_scale_of_the_price():
    """Dividing by the raw average range alone would buy far too many units of a cheap asset."""
    for params in ({}, {"place_stop": True}):
        check_size_goes_with_the_price(
            lambda params=params: Registry().build("risk", "ATRSizer", params, "test"), ["atr_14"]
        )
