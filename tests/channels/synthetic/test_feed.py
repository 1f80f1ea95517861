"""The synthetic stream feed: same settings, same rows; any range without what lies far before it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import pairwise

import msgspec
import pytest

from quant_channels.synthetic.feed import GENERATED
from quant_contracts.convert import convert
from quant_contracts.errors import ConfigError, DataError
from quant_contracts.events import BookSnapshot
from quant_contracts.protocols import StreamFeed
from quant_contracts.units import DAY, HOUR, MINUTE, SECOND

START = 1_640_995_200_000_000_000


@pytest.mark.parametrize("domain", GENERATED)
def test_blocks_of_any_size_hold_the_same_rows(domain, feed, rows):
    stream = feed(domain)
    assert isinstance(stream, StreamFeed)
    end = START + 3 * HOUR
    expected = rows(domain, end=end)
    for size in (1, 100, 1_000_000):
        blocks = list(stream.blocks(None, end, size))
        assert all(len(block) for block in blocks)
        assert [event for block in blocks for event in block.events()] == expected
        ends = [(block.ts_known.item(0), block.ts_known.item(-1)) for block in blocks]
        assert all(one[1] < other[0] for one, other in pairwise(ends))


@pytest.mark.parametrize("domain", GENERATED)
@pytest.mark.parametrize("moment", [DAY + 5 * HOUR, DAY + 5 * HOUR + 7 * MINUTE + 3 * SECOND, DAY, 3 * HOUR])
def test_a_range_is_a_piece_of_the_whole(domain, moment, rows):
    everything = rows(domain, days=2)
    start, end = START + moment, START + moment + 2 * HOUR
    expected = [row for row in everything if start <= row.ts_known <= end]
    found = rows(domain, start, end, days=2)
    ahead = found[: len(found) - len(expected)]
    assert found[len(ahead) :] == expected
    assert all(row.ts_known <= start for row in ahead)
    first = everything.index(found[0])
    assert found == everything[first : first + len(found)]
    if domain == "orderbook":
        assert isinstance(found[0], BookSnapshot)
    elif domain == "options":
        assert {row.ts_known for row in ahead} == {
            max(row.ts_known for row in everything if row.ts_known <= start)
        }
    else:
        assert not ahead


def test_more_days_leave_the_first_ones_as_they_were(rows):
    for domain in GENERATED:
        assert rows(domain, days=1) == rows(domain, end=START + DAY, days=3)


def test_another_seed_or_symbol_is_another_market(rows):
    end = START + HOUR
    one = rows("trades", end=end)
    assert one != rows("trades", end=end, seed=8)
    assert one != rows("trades", end=end, symbol="ETHUSDT")


def test_a_range_beside_the_days_is_refused(feed):
    with pytest.raises(DataError, match=r"no rows between .* covers 2022-01-01T00:00:00Z to 2022-01-02"):
        list(feed("trades").blocks(START + 10 * DAY, None, 100))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"domain": "surface"}, "domain"),
        ({"trades_per_minute": 2}, "trades_per_minute must be from 8 to 1,200, not 2"),
        ({"book_levels": 1}, "book_levels"),
        ({"gaps_per_day": -1}, "gaps_per_day"),
        ({"chain_interval": "7m"}, "chain_interval must be whole minutes that fill a day"),
        ({"chain_interval": "30s"}, "chain_interval"),
        ({"expiries": 0}, "expiries"),
        ({"strikes": 0}, "strikes"),
        ({"headlines_per_hour": 0}, "headlines_per_hour"),
        ({"days": 0}, "days must be at least 1"),
        ({"tick": "0"}, "tick must be above 0"),
        ({"level": 3}, "unknown key 'level'"),
    ],
)
def test_settings_are_checked(settings, says):
    from quant_channels.synthetic.feed import SyntheticStreamFeed

    with pytest.raises(ConfigError, match=says):
        convert({"domain": "trades", "symbol": "BTCUSDT", **settings}, SyntheticStreamFeed, "here")


def test_the_digest_is_of_everything_that_shapes_the_rows(feed):
    assert feed("trades").info() == feed("trades").info()
    digests = {
        feed("trades", **other).info().sha256 for other in ({}, {"seed": 8}, {"days": 2}, {"strikes": 9})
    }
    assert len(digests) == 4


def test_the_same_seed_gives_the_same_bits_for_ever(rows):
    """Also in another process: nothing depends on hashing, time or what was drawn elsewhere."""
    code = (
        "import hashlib, msgspec; from quant_channels.synthetic.feed import *\n"
        "for domain in GENERATED:\n"
        "    settings = {'trades_per_minute': 10, 'book_levels': 5}\n"
        "    feed = SyntheticStreamFeed(domain, 'BTCUSDT', seed=7, days=1, **settings)\n"
        f"    blocks = feed.blocks({START + 5 * HOUR}, {START + 6 * HOUR}, 999)\n"
        "    rows = [row for block in blocks for row in block.events()]\n"
        "    print(hashlib.sha256(msgspec.msgpack.encode(rows)).hexdigest()[:16])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [
        hashlib.sha256(msgspec.msgpack.encode(rows(domain, START + 5 * HOUR, START + 6 * HOUR))).hexdigest()[
            :16
        ]
        for domain in GENERATED
    ]
    assert done.stdout.split() == here
