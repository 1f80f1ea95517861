"""The synthetic market looks like one, and is the same market wherever and however it is read."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from quant_channels.feeds.synthetic import SyntheticFeed
from quant_channels.klines.market_path import MarketPath, exp, traits_of
from quant_contracts.blocks import COLUMNS, BarBlock
from quant_contracts.duration import parse_time
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.units import DAY, HOUR, MINUTE

DIGEST = """
import hashlib
from quant_channels.feeds.synthetic import SyntheticFeed
digest = hashlib.sha256()
for block in SyntheticFeed("BTCUSDT", seed=7, days=3).blocks(None, None, 1000):
    for column in (block.ts, block.open, block.high, block.low, block.close, block.volume):
        digest.update(column.tobytes())
print(digest.hexdigest())
"""


def bars(symbol="BTCUSDT", rows=65_536, start=None, end=None, **settings):
    return BarBlock.join(list(SyntheticFeed(symbol, **{"seed": 7, **settings}).blocks(start, end, rows)))


def returns(block, every=1):
    return np.diff(np.log(block.close[::every]))


@pytest.fixture(scope="module")
def market():
    return {symbol: bars(symbol, days=90) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")}


def autocorrelation(values, lag):
    return np.corrcoef(values[:-lag], values[lag:])[0, 1]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
def test_bars_are_lawful_and_on_the_tick(market, symbol):
    block = market[symbol]
    assert len(block) == 90 * 1_440
    assert bool((np.diff(block.ts) == MINUTE).all())
    assert bool((block.low > 0).all())
    assert bool((block.low <= np.minimum(block.open, block.close)).all())
    assert bool((block.high >= np.maximum(block.open, block.close)).all())
    assert bool((block.volume > 0).all())
    for name in ("open", "high", "low", "close"):
        ticks = [Decimal(repr(value)) / Decimal("0.01") for value in getattr(block, name)[::997].tolist()]
        assert all(tick == tick.to_integral_value() for tick in ticks)


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
@pytest.mark.parametrize("every", [1, 15])
def test_tails_are_fat(market, symbol, every):
    moves = returns(market[symbol], every)
    assert np.mean((moves - moves.mean()) ** 4) / moves.var() ** 2 > 4


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
def test_volatility_comes_in_clusters_and_returns_do_not(market, symbol):
    moves = returns(market[symbol])
    noise = 4 / np.sqrt(len(moves))
    assert all(autocorrelation(np.abs(moves), lag) > 0.05 for lag in range(1, 21))
    assert all(abs(autocorrelation(np.sign(moves), lag)) < noise for lag in range(1, 6))


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [("BTCUSDT", "ETHUSDT", 0.6, 0.9), ("BTCUSDT", "SOLUSDT", 0.5, 0.85), ("ETHUSDT", "SOLUSDT", 0.5, 0.85)],
)
def test_symbols_of_one_seed_move_together(market, one, other, low, high):
    for every in (1, 60):
        assert low < np.corrcoef(returns(market[one], every), returns(market[other], every))[0, 1] < high


def test_symbols_of_different_seeds_do_not(market):
    other = bars("ETHUSDT", seed=8, days=90)
    assert abs(np.corrcoef(returns(market["BTCUSDT"]), returns(other))[0, 1]) < 0.03


@pytest.mark.parametrize("seed", range(4))
def test_it_is_a_fair_game(seed):
    moves = np.expm1(returns(bars(seed=seed, days=60)))
    assert abs(moves.mean()) < 4 * moves.std() / np.sqrt(len(moves))


def test_volatility_is_what_was_asked_for_by_closes_and_by_ranges():
    block = bars(days=365, volatility=0.6)
    minutes = np.sqrt(365.25 * 1_440)
    by_closes = returns(block).std() * minutes
    # Parkinson (1980), "The Extreme Value Method for Estimating the Variance of the Rate of Return".
    by_ranges = np.sqrt(np.mean(np.log(block.high / block.low) ** 2) / (4 * np.log(2))) * minutes
    assert by_closes == pytest.approx(0.6, rel=0.25)
    assert by_ranges == pytest.approx(by_closes, rel=0.03)


def test_the_day_has_busy_and_calm_hours_and_volume_follows(market):
    block = market["BTCUSDT"]
    hour = ((block.ts - MINUTE) // HOUR % 24)[1:]
    moves = np.abs(returns(block))
    busy, calm = np.isin(hour, [13, 14, 15]), np.isin(hour, [4, 5, 6])
    assert moves[busy].mean() > 1.4 * moves[calm].mean()
    assert block.volume[1:][busy].mean() > 1.3 * block.volume[1:][calm].mean()
    assert np.corrcoef(moves, block.volume[1:])[0, 1] > 0.3


@pytest.mark.parametrize("rows", [1, 7, 4_096])
def test_the_size_of_blocks_changes_nothing(rows):
    days = 1 if rows == 1 else 4
    whole, cut = bars(days=days), bars(days=days, rows=rows)
    for name in ("ts", *COLUMNS):
        assert np.array_equal(getattr(whole, name), getattr(cut, name))


def test_where_reading_starts_changes_nothing():
    whole = bars(days=5)
    start, end = parse_time("2022-01-03T07:30"), parse_time("2022-01-05T00:00")
    part = bars(days=5, start=start, end=end)
    inside = (whole.ts > start) & (whole.ts <= end)
    for name in ("ts", *COLUMNS):
        assert np.array_equal(getattr(whole, name)[inside], getattr(part, name))


def test_more_days_go_on_where_fewer_end():
    short, long = bars(days=2), bars(days=4)
    assert np.array_equal(short.close, long.close[: len(short)])


def test_longer_bars_are_those_of_the_same_path():
    minutes, quarters = bars(days=2), bars(days=2, timeframe="15m")
    assert len(quarters) == 2 * 96
    assert np.array_equal(quarters.close, minutes.close[14::15])
    assert np.array_equal(quarters.high, minutes.high.reshape(-1, 15).max(axis=1))


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_another_process_makes_the_same_bytes(hash_seed):
    other = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    mine = hashlib.sha256()
    for part in SyntheticFeed("BTCUSDT", seed=7, days=3).blocks(None, None, 1_000):
        for name in ("ts", *COLUMNS):
            mine.update(getattr(part, name).tobytes())
    assert other.stdout.strip() == mine.hexdigest()


def test_the_market_of_seed_7_is_the_one_it_always_was():
    """A golden value: whoever changes the generator must raise its version too."""
    block = bars(days=2)
    assert block.close[[0, 1, 1_439, 2_879]].tolist() == [40017.13, 40043.5, 39846.54, 40077.34]


def test_the_path_is_one_and_bars_lie_on_it():
    path = MarketPath("BTCUSDT", 7, parse_time("2022-01-01"), 3)
    days = list(path.walk())
    assert all(earlier.mid[-1] == later.before for earlier, later in pairwise(days))
    block = bars(days=3)
    mids = np.concatenate([day.mid for day in days])[3::4]
    assert np.abs(block.close / mids - 1).max() < 2e-5
    again = list(path.walk())
    assert all(np.array_equal(one.mid, two.mid) for one, two in zip(days, again, strict=True))


def test_jumps_are_where_the_path_moved_most():
    path = MarketPath("ETHUSDT", 3, 0, 60)
    jumps, largest = 0, []
    for day in path.walk():
        moves = np.abs(np.diff(np.log(day.mid), prepend=np.log(day.before)))
        moves /= day.volatility
        jumps += len(day.jumps)
        largest.extend(zip(moves.tolist(), np.isin(day.ts, day.jumps).tolist(), strict=True))
    assert 10 < jumps < 60
    largest.sort(reverse=True)
    assert sum(jumped for _, jumped in largest[:10]) >= 9


def test_the_exponential_is_right_where_it_is_used():
    values = np.linspace(-12, 12, 2_001)
    np.testing.assert_allclose(exp(values), np.exp(values), rtol=1e-9)


def test_an_unknown_symbol_gets_traits_of_its_own():
    assert traits_of("ABCUSDT") == traits_of("ABCUSDT")
    assert traits_of("ABCUSDT") != traits_of("XYZUSDT")
    assert traits_of("BTC/USDT") == traits_of("BTCUSDT")


def test_the_digest_is_of_everything_that_shapes_the_bars():
    infos = [
        SyntheticFeed("BTCUSDT", **settings).info()
        for settings in (
            {},
            {"seed": 1},
            {"days": 91},
            {"start": "2022-01-02"},
            {"price": 1.0},
            {"tick": Decimal("0.1")},
        )
    ]
    assert len({info.sha256 for info in infos}) == len(infos)
    assert infos[0].name == "synthetic BTCUSDT, seed 0, 90 days from 2022-01-01"
    assert SyntheticFeed("BTCUSDT").info() == infos[0]


def test_a_range_outside_the_path_is_refused():
    feed = SyntheticFeed("BTCUSDT", days=2)
    end = parse_time("2022-01-03")
    assert feed.last_close() == end
    noon = parse_time("2022-01-01T12:00")
    outside = (end, None), (None, parse_time("2022-01-01")), (end + DAY, end + 2 * DAY)
    for start, stop in (*outside, (noon + 1, noon + 2 * MINUTE - 1)):
        with pytest.raises(DataError, match="covers 2022-01-01T00:00:00Z to 2022-01-03T00:00:00Z"):
            list(feed.blocks(start, stop, 100))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"days": 0}, "days must be at least 1, not 0"),
        ({"start": "2022-01-01T12:00"}, "start must be a midnight from 1970 on"),
        ({"price": -1.0}, "price must be from 1e-9 to 1e9, as prices are, not -1.0"),
        ({"volatility": float("inf")}, "at most 10 .* not inf"),
        ({"timeframe": "30s"}, "interval must be whole minutes, not 30s"),
    ],
)
def test_settings_that_make_no_market_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        SyntheticFeed("BTCUSDT", **settings)


def test_a_start_that_is_no_date_is_refused():
    with pytest.raises(ConfigError, match="is not a date"):
        SyntheticFeed("BTCUSDT", start="soon")
