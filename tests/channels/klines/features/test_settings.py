"""Which settings are refused, with what words, and that no two share a name."""

from __future__ import annotations

from importlib.metadata import entry_points

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_channels.klines import features
from quant_channels.klines.features import (
    ADX,
    ATR,
    EMA,
    MACD,
    RSI,
    SMA,
    Bollinger,
    CloseToClose,
    DailyVolume,
    EWMAVolatility,
    Return,
    Spread,
    Stochastic,
    YangZhang,
    ZScore,
)
from quant_channels.klines.features.settings import written
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RSI(window=1), "window must be a whole number of bars from 2 to 1000000, not 1"),
        (lambda: RSI(window=14.0), "window must be a whole number of bars from 2 to 1000000, not 14.0"),
        (lambda: ATR(window=0), "window must be .* from 2 to .* not 0"),
        (lambda: ADX(window=-3), "window must be .* from 2 to .* not -3"),
        (lambda: SMA(window=0), "window must be .* from 1 to .* not 0"),
        (lambda: SMA(window=True), "window must be .* not True"),
        (lambda: EMA(window=1), "window must be .* from 2 to .* not 1"),
        (lambda: EMA(window=10**9), "window must be .* to 1000000, not 1000000000"),
        (lambda: ZScore(window=1), "window must be .* from 2 to .* not 1"),
        (lambda: CloseToClose(window=1), "window must be .* from 2 to .* not 1"),
        (lambda: YangZhang(window=1), "window must be .* from 2 to .* not 1"),
        (lambda: Return(window=0), "window must be .* from 1 to .* not 0"),
        (lambda: DailyVolume(window=0), "window must be .* from 1 to .* not 0"),
        (lambda: MACD(fast=26, slow=12), "fast must be less than slow, not fast=26, slow=12"),
        (lambda: MACD(signal=1), "signal must be .* from 2 to .* not 1"),
        (lambda: Bollinger(width=0.0), "width must be more than 0 and at most 100 deviations, not 0.0"),
        (lambda: Bollinger(width=float("nan")), "width must be more than 0 .* not nan"),
        (lambda: Stochastic(smooth_k=0), "smooth_k must be .* from 1 to .* not 0"),
        (lambda: Stochastic(smooth_d=0), "smooth_d must be .* from 1 to .* not 0"),
        (lambda: EWMAVolatility(decay=1.0), "decay must be from 0.01 to 0.9999, not 1.0"),
        (lambda: EWMAVolatility(decay=0.0), "decay must be from 0.01 to 0.9999, not 0.0"),
        (lambda: Spread(other=""), "other must name the symbol on the other side"),
        (lambda: Spread("ETHUSDT", window=1), "window must be .* from 2 to .* not 1"),
        (lambda: Spread("ETHUSDT", max_age_bars=0), "max_age_bars must be .* from 1 to .* not 0"),
    ],
)
def test_bad_settings_are_refused_in_words(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_settings_from_a_file_are_refused_with_their_path() -> None:
    with pytest.raises(ConfigError, match=r"\$\.params: window must be a whole number of bars"):
        convert({"window": 1}, RSI, "$.params")
    with pytest.raises(ConfigError, match="unknown key 'periods'"):
        convert({"periods": 14}, RSI, "$.params")


@pytest.mark.parametrize(
    ("channel", "outputs"),
    [
        (RSI(), ("rsi_14",)),
        (ATR(), ("atr_14",)),
        (SMA(), ("sma_20",)),
        (EMA(), ("ema_20",)),
        (MACD(), ("macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9")),
        (Bollinger(), ("bb_upper_20_2", "bb_middle_20_2", "bb_lower_20_2", "bb_percent_20_2")),
        (
            Bollinger(width=2.5),
            ("bb_upper_20_2.5", "bb_middle_20_2.5", "bb_lower_20_2.5", "bb_percent_20_2.5"),
        ),
        (ZScore(), ("zscore_20",)),
        (ADX(), ("adx_14", "plus_di_14", "minus_di_14")),
        (Stochastic(), ("stoch_k_14_3_3", "stoch_d_14_3_3")),
        (Return(), ("return_1",)),
        (Spread("ETHUSDT"), ("spread_ETHUSDT_96", "spread_z_ETHUSDT_96")),
        (Spread("ETHUSDT", max_age_bars=4), ("spread_ETHUSDT_96_age4", "spread_z_ETHUSDT_96_age4")),
        (CloseToClose(), ("vol_cc_96",)),
        (features.Parkinson(), ("vol_parkinson_96",)),
        (features.GarmanKlass(), ("vol_gk_96",)),
        (features.RogersSatchell(), ("vol_rs_96",)),
        (YangZhang(), ("vol_yz_96",)),
        (EWMAVolatility(), ("vol_ewma_94",)),
        (EWMAVolatility(decay=0.975), ("vol_ewma_97.5",)),
        (DailyVolume(), ("daily_volume_96",)),
    ],
)
def test_outputs_carry_the_settings(channel, outputs) -> None:
    assert channel.outputs == outputs


@given(st.floats(1e-6, 100.0), st.floats(1e-6, 100.0))
def test_numbers_are_written_alike_only_when_they_are_equal(a, b) -> None:
    assert (written(a) == written(b)) == (a == b)
    assert float(written(a)) == a


def test_every_setting_changes_the_name() -> None:
    changed = {
        int: lambda value: value + 1,
        float: lambda value: value * 0.999,
        str: lambda value: value + "X",
    }
    for name in features.__all__:
        kind = getattr(features, name)
        channel = kind("ETHUSDT") if kind is Spread else kind()
        for field in kind.__struct_fields__:
            value = getattr(channel, field)
            other = msgspec.structs.replace(channel, **{field: changed[type(value)](value)})
            assert not set(other.outputs) & set(channel.outputs), f"{name}.{field}"


def test_every_channel_is_found_by_its_name() -> None:
    found = {
        entry.name: entry.load()
        for entry in entry_points(group="quant_engine.features")
        if entry.value.startswith("quant_channels.klines.features.")
    }
    assert found == {name: getattr(features, name) for name in features.__all__}
