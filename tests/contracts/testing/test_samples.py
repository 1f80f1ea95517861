"""Sample streams are lawful, seeded, and never ahead of the bars they go with."""

from __future__ import annotations

from itertools import pairwise

import pytest

from quant_contracts.blocks import GAP, RESET
from quant_contracts.testing import streams
from quant_contracts.testing.reference import views
from quant_contracts.testing.samples import CALM, TEMPERS, SampleStream, markets, random_bars, sample_events
from quant_contracts.units import DAY

BARS = random_bars(120)
EVERY = [(domain, temper) for domain, tempers in TEMPERS.items() for temper in tempers]


@pytest.mark.parametrize(("domain", "temper"), EVERY)
def test_every_sample_stream_is_lawful(domain, temper):
    for check in streams.CHECKS:
        check(lambda: SampleStream.of(domain, BARS, temper))


@pytest.mark.parametrize(("domain", "temper"), EVERY)
def test_a_block_holds_the_events_it_was_made_of(domain, temper):
    feed = SampleStream.of(domain, BARS, temper)
    came = [event for block in feed.blocks(None, None, 64) for event in block.events()]
    assert came == [*sample_events(domain, BARS, temper)]


@pytest.mark.parametrize(("domain", "temper"), EVERY)
def test_what_is_known_when_a_bar_closes_is_made_of_the_bars_up_to_it(domain, temper):
    whole = sample_events(domain, BARS, temper)
    for cut in (1, 60, 90):
        known = [event for event in whole if event.ts_known <= BARS[cut - 1].ts_known]
        assert [*sample_events(domain, BARS[:cut], temper)][: len(known)] == known


@pytest.mark.parametrize("domain", TEMPERS)
def test_something_is_seen_at_every_bar_of_a_calm_market(domain):
    for market in ("a random walk", "another walk", "bars known late"):
        bars = markets(300)[market]
        seen = views(domain, sample_events(domain, bars), [bar.ts_known for bar in bars])
        assert None not in seen
    assert TEMPERS[domain][0] == CALM


@pytest.mark.parametrize("domain", TEMPERS)
def test_samples_are_seeded(domain):
    assert sample_events(domain, BARS, seed=3) == sample_events(domain, BARS, seed=3)
    assert sample_events(domain, BARS, seed=3) != sample_events(domain, BARS, seed=4)


def test_the_book_has_every_kind_of_trouble():
    def seen(temper):
        return views("orderbook", sample_events("orderbook", BARS, temper), [bar.ts_known for bar in BARS])

    for temper in ("gaps", "crossed", "one side empties"):
        missing = [view is None for view in seen(temper)]
        assert any(missing)
        assert sum(one != other for one, other in pairwise(missing)) > 10
    (block,) = SampleStream.of("orderbook", BARS, "gaps").blocks(None, None, 10**6)
    assert {GAP, RESET} < {*block.action.tolist()}
    ticks = [SampleStream.of("orderbook", BARS, temper) for temper in ("wide ticks", "tiny ticks")]
    wide, tiny = (next(iter(feed.blocks(None, None, 10))).ticks.max() for feed in ticks)
    assert wide < 100
    assert tiny > 10**9


def test_options_expire_and_others_are_listed():
    bars = markets(60)["daily bars"]
    chains = views("options", sample_events("options", bars), [bar.ts_known for bar in bars])
    assert all(each.expiry > chain.ts for chain in chains for each in chain.expiries)
    assert len({each.expiry for chain in chains for each in chain.expiries}) > 20
    assert max(each.expiry - chain.ts for chain in chains for each in chain.expiries) > 60 * DAY


def test_documents_are_edited_deleted_and_said_twice():
    edited = sample_events("sentiment", BARS, "edits and deletions")
    assert {document.is_deleted for document in edited} == {True, False}
    assert max(document.revision for document in edited) > 1
    twice = sample_events("sentiment", BARS, "said twice")
    assert len({document.doc_id for document in twice}) < len(twice)
    at_once = sample_events("sentiment", BARS, "all at one moment")
    assert len({document.ts_known for document in at_once}) == len(BARS)
