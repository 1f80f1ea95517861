"""Sentiment over time against sums over all documents, computed anew at each moment."""

from __future__ import annotations

import math
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_channels.sentiment import standing
from quant_channels.sentiment.features import (
    SentimentScore,
    SentimentVelocity,
    SentimentVolatility,
    SentimentVolume,
)
from quant_contracts.events import Bar, Document
from quant_contracts.protocols import Stream
from quant_contracts.testing import features as kit
from quant_contracts.units import DAY, HOUR, MINUTE
from quant_contracts.views import DocumentsView

START = 1_759_492_800_000_000_000
ALL = (SentimentScore, SentimentVolatility, SentimentVelocity, SentimentVolume)


def bar_at(ts):
    return Bar(ts, ts, "BTCUSDT", MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0)


def document(name, ts, vader=0.0, *, finbert=None, weight=1.0, relevance=1.0, revision=0, is_deleted=False):
    return Document(
        ts_event=ts,
        ts_known=ts,
        symbol="BTCUSDT",
        relevance=relevance,
        doc_id=str(name),
        source="rss:a",
        url="",
        text="",
        first_seen=ts,
        ingested=ts,
        revision=revision,
        is_deleted=is_deleted,
        weight=weight,
        vader=vader,
        finbert=finbert,
    )


def values(channel, documents, steps):
    """What the channel says at each of `steps`, looked at there and nowhere else."""
    said, since = [], 0
    for ts in steps:
        new = tuple(each for each in documents if since < each.ts_known <= ts)
        seen = DocumentsView(ts, since, new) if any(each.ts_known <= ts for each in documents) else None
        said.append(channel.update(bar_at(ts), seen))
        since = ts
    return said


def some_documents(count, seed=0, edits=True):
    """Documents at irregular times, some at one moment, some edited, taken back or about other things."""
    chance = random.Random(seed)
    made, ts = [], START
    for number in range(count):
        ts += chance.choice((0, chance.randrange(20 * MINUTE), chance.randrange(5 * HOUR)))
        shares = np.array([chance.random() for _ in range(3)]) + 0.01
        finbert = tuple((shares / shares.sum()).tolist()) if chance.random() < 0.5 else None
        vader = chance.uniform(-1, 1)
        settings_ = {"weight": chance.choice((0.5, 1.0)), "relevance": chance.choice((0.25, 1.0))}
        if edits and made and chance.random() < 0.25:
            before = chance.choice(made)
            last = max(each.revision for each in made if each.doc_id == before.doc_id)
            kind = {"is_deleted": True} if chance.random() < 0.4 else settings_
            vader = None if "is_deleted" in kind else vader
            made.append(document(before.doc_id, ts, vader, revision=last + 1, **kind))
        else:
            made.append(document(number, ts, vader, finbert=finbert, **settings_))
    return made


class Oracle:
    """Everything from the definitions, over all documents, in numpy."""

    def __init__(self, documents, ts):
        known = [each for each in documents if each.ts_known <= ts]
        first, last = {}, {}
        for each in known:
            first.setdefault(each.doc_id, each.ts_known)
            last[each.doc_id] = each
        standing_ = [
            (first[name], each.weight * each.relevance, self.fused(each))
            for name, each in last.items()
            if not each.is_deleted and each.vader is not None
        ]
        self.ts = ts
        self.times, self.weights, self.values = (
            (np.array(column) for column in zip(*standing_, strict=True))
            if (standing_)
            else (np.array([]),) * 3
        )
        self.arrivals = np.array(sorted(first.values()))

    @staticmethod
    def fused(each):
        if each.finbert is None:
            return each.vader
        positive, negative, neutral = each.finbert
        sure = 1 - neutral
        return (each.vader + (positive - negative) * sure) / (1 + sure)

    def mean(self, half_life):
        kept = self.weights * 2.0 ** ((self.times - self.times.max()) / half_life)
        return (kept * self.values).sum() / kept.sum()

    def score(self, half_life):
        return self.mean(half_life) * 2.0 ** ((self.times.max() - self.ts) / half_life)

    def volatility(self, half_life, spread):
        kept = self.weights * 2.0 ** ((self.times - self.times.max()) / spread)
        return math.sqrt((kept * (self.values - self.mean(half_life)) ** 2).sum() / kept.sum())

    def velocity(self, fast, slow):
        return (self.score(fast) - self.score(slow)) / ((slow - fast) / HOUR / math.log(2))

    def volume(self, fast, slow):
        begin, later = self.arrivals[0], self.arrivals[1:]
        rates, kernels = [], []
        # The variance of the difference by Campbell's theorem, by numbers instead of in closed form.
        ages = (np.arange(200_000) + 0.5) * ((self.ts - begin) / 200_000)
        for half_life in (fast, slow):
            k = math.log(2) / half_life
            seen = 1 - 2.0 ** (-(self.ts - begin) / half_life)
            rates.append(k * (2.0 ** ((later - self.ts) / half_life)).sum() / seen)
            kernels.append(k * 2.0 ** (-ages / half_life) / seen)
        variance = rates[1] * ((kernels[0] - kernels[1]) ** 2).sum() * (ages[1] - ages[0])
        return (rates[0] - rates[1]) / math.sqrt(variance)


@pytest.mark.parametrize("seed", range(4))
def test_every_value_is_that_of_the_sums_over_all_documents(seed):
    documents = some_documents(120, seed)
    end = documents[-1].ts_known
    steps = [*range(START + HOUR, end + 3 * DAY, 7 * HOUR + 13 * MINUTE)]
    scores, spreads, speeds, volumes = (
        values(kind, documents, steps)
        for kind in (
            SentimentScore("6h"),
            SentimentVolatility("6h", "1d"),
            SentimentVelocity("1h", "6h"),
            SentimentVolume("6h", "2d"),
        )
    )
    compared = 0
    for ts, score, spread, speed, volume in zip(steps, scores, spreads, speeds, volumes, strict=True):
        oracle = Oracle(documents, ts)
        if not len(oracle.times):
            assert score is spread is speed is None
            continue
        compared += 1
        assert score[0] == pytest.approx(oracle.score(6 * HOUR), abs=1e-12)
        assert score[1] == pytest.approx((ts - oracle.times.max()) / HOUR)
        assert spread[0] == pytest.approx(oracle.volatility(6 * HOUR, DAY), abs=1e-9)
        assert speed[0] == pytest.approx(oracle.velocity(HOUR, 6 * HOUR), abs=1e-12)
        if len(oracle.arrivals) > 1:
            assert volume[0] == pytest.approx(oracle.volume(6 * HOUR, 2 * DAY), rel=1e-4, abs=1e-6)
    assert compared > 20


@settings(max_examples=30)
@given(data=st.data())
def test_any_partition_into_steps_gives_the_same_bits(data):
    documents = some_documents(40, data.draw(st.integers(0, 5)))
    asked = documents[-1].ts_known + 5 * HOUR
    for make in ALL:
        (whole,) = values(make(), documents, [asked])
        ways = data.draw(st.lists(st.integers(START, asked - 1), max_size=20, unique=True))
        assert values(make(), documents, [*sorted(ways), asked])[-1] == whole


@pytest.mark.parametrize("make", ALL)
def test_a_document_that_is_not_known_yet_changes_nothing(make):
    documents = some_documents(60)
    cut = documents[40].ts_known
    steps = [*range(START, cut, HOUR), cut]
    known = [each for each in documents if each.ts_known <= cut]
    # Of the same names, so that some are edits of what is known.
    noise = [
        msgspec.structs.replace(each, ts_known=each.ts_known - START + cut + 1, revision=9)
        for each in some_documents(20, 99)
    ]
    poisoned = known + noise
    assert values(make(), documents, steps) == values(make(), poisoned, steps)


@pytest.mark.parametrize("make", ALL)
def test_no_news_is_missing_and_not_neutral(make):
    assert values(make(), [], [START, START + DAY]) == [None, None]
    unscored = [document(1, START, None)]
    if make is not SentimentVolume:
        assert values(make(), unscored, [START + DAY]) == [None]


def test_the_score_halves_without_documents_and_says_how_old_it_is():
    score = SentimentScore("6h")
    said = values(score, [document(1, START, 0.8)], [START, START + 6 * HOUR, START + 12 * HOUR])
    assert said == [(0.8, 0.0), (0.4, 6.0), (0.2, 12.0)]


def test_newer_and_more_relevant_documents_weigh_more():
    documents = [document(1, START, 1.0), document(2, START + 6 * HOUR, -1.0, relevance=0.5)]
    assert values(SentimentScore("6h"), documents, [START + 6 * HOUR]) == [(0.0, 0.0)]


def test_an_edit_counts_from_when_it_was_seen_and_a_deletion_takes_back():
    documents = [
        document(1, START, 1.0),
        document(1, START + 6 * HOUR, -1.0, revision=1),
        document(1, START + 12 * HOUR, None, revision=2, is_deleted=True),
    ]
    steps = [START, START + 6 * HOUR - 1, START + 6 * HOUR, START + 12 * HOUR, START + 13 * HOUR]
    said = values(SentimentScore("6h"), documents, steps)
    assert said[0] == (1.0, 0.0)
    assert said[1][0] == pytest.approx(0.5)
    assert said[2:] == [(-0.5, 6.0), None, None]


def test_an_edit_is_no_second_document():
    once = [document(1, START, 0.5), document(2, START, -0.5)]
    edited = [document(1, START, 0.1), document(2, START, -0.5), document(1, START + 1, 0.5, revision=1)]
    for make in ALL:
        assert values(make(), once, [START + 2 * DAY]) == values(make(), edited, [START + 2 * DAY])


def test_a_version_that_comes_again_changes_nothing():
    score = SentimentScore()
    view = DocumentsView(START, 0, (document(1, START, 0.5), document(2, START, -0.5)))
    first = score.update(bar_at(START), view)
    assert score.update(bar_at(START), view) == first


def test_documents_past_editing_stand_as_they_are(monkeypatch):
    documents = some_documents(60, edits=False)
    late = document(documents[0].doc_id, documents[-1].ts_known, 1.0, revision=1)
    whole = values(SentimentScore(), documents, [documents[-1].ts_known])
    monkeypatch.setattr(standing, "EDITABLE", 10)
    assert values(SentimentScore(), [*documents, late], [documents[-1].ts_known]) == whole
    # One that can still be edited moves the average of all.
    recent = document(documents[-2].doc_id, documents[-1].ts_known, 1.0, revision=1)
    (moved,) = values(SentimentScore(), [*documents, recent], [documents[-1].ts_known])
    oracle = Oracle([*documents, recent], documents[-1].ts_known)
    assert moved[0] == pytest.approx(oracle.score(6 * HOUR), abs=1e-12)


def test_volatility_is_0_where_all_agree_and_1_where_half_is_good_and_half_bad():
    agreed = [document(n, START + n * MINUTE, 0.3) for n in range(50)]
    assert values(SentimentVolatility(), agreed, [START + DAY])[0][0] == pytest.approx(0, abs=1e-12)
    divided = [document(n, START, (-1.0) ** n) for n in range(50)]
    assert values(SentimentVolatility(), divided, [START + DAY])[0][0] == pytest.approx(1.0)


def test_velocity_is_the_rise_of_an_hour():
    steady = [document(n, START + n * MINUTE, -0.9 + n / 60 * 0.02) for n in range(80 * 60)]
    assert values(SentimentVelocity("1h", "6h"), steady, [steady[-1].ts_known])[0][0] == pytest.approx(
        0.02, rel=0.02
    )


def test_volume_has_deviation_1_where_chance_alone_decides():
    chance = np.random.default_rng(3)
    times = START + np.cumsum(chance.exponential(10 * MINUTE, size=20_000)).astype(np.int64)
    documents = [document(n, int(ts)) for n, ts in enumerate(times)]
    volume = SentimentVolume("1h", "1d")
    said, at = [], 0
    for ts in range(START + 2 * DAY, documents[-1].ts_known, HOUR):
        upto = int(np.searchsorted(times, ts, side="right"))
        (value,) = volume.update(bar_at(ts), DocumentsView(ts, 0, tuple(documents[at:upto])))
        said.append(value)
        at = upto
    assert np.mean(said) == pytest.approx(0, abs=0.1)
    assert np.std(said) == pytest.approx(1, abs=0.07)


def test_volume_is_high_in_a_rush_and_finite_in_a_long_silence():
    quiet = [document(n, START + n * HOUR) for n in range(72)]
    rush = [document(f"r{n}", START + 72 * HOUR + n * MINUTE) for n in range(30)]
    steps = [START + 71 * HOUR, START + 73 * HOUR, START + 80 * HOUR, START + 3000 * DAY]
    before, in_rush, after, silence = values(SentimentVolume("1h", "1d"), [*quiet, *rush], steps)
    assert abs(before[0]) < 1
    assert in_rush[0] > 5
    assert after[0] < 0
    assert silence[0] == pytest.approx(0, abs=1e-6)


def test_nothing_after_the_first_document_is_nothing_unusual():
    assert values(SentimentVolume(), [document(1, START)], [START, START + DAY]) == [(0.0,), (0.0,)]
    burst = [document(n, START + n) for n in range(9)]
    assert values(SentimentVolume(), burst, [START + 9]) == [(0.0,)]


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        (SentimentScore(), ("sentiment_6h", "sentiment_hours_6h")),
        (SentimentScore("1h", finbert_weight=2.5), ("sentiment_1h_v1_b2.5", "sentiment_hours_1h_v1_b2.5")),
        (SentimentScore(symbol="ETHUSDT"), ("sentiment_6h_ETHUSDT", "sentiment_hours_6h_ETHUSDT")),
        (SentimentVolatility(), ("sentiment_volatility_6h_1d",)),
        (SentimentVelocity(), ("sentiment_velocity_1h_6h",)),
        (SentimentVolume(), ("sentiment_volume_1h_1d",)),
    ],
)
def test_outputs_carry_the_settings(channel, names):
    assert channel.outputs == names
    assert channel.reads == (Stream("sentiment", getattr(channel, "symbol", "")),)


@pytest.mark.parametrize(
    ("make", "given_"),
    [
        (SentimentScore, {"half_life": "soon"}),
        (SentimentScore, {"vader_weight": 0.0}),
        (SentimentVolatility, {"spread_half_life": ""}),
        (SentimentVelocity, {"fast": "6h", "slow": "6h"}),
        (SentimentVolume, {"fast": "2d"}),
    ],
)
def test_senseless_settings_are_refused(make, given_):
    with pytest.raises(ValueError, match=r"interval|above|shorter"):
        make(**given_)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("check", [*kit.CHECKS, *kit.READING_CHECKS], ids=lambda check: check.__name__)
def test_the_promises_of_a_channel_hold(make, check):
    check(make)
