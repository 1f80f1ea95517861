"""It never ends wrong: frames dropped, doubled, reordered or cut leave the venue's book, or say none."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_channels.orderbook.builder import BookBuilder
from quant_channels.orderbook.checksum import DEPTH
from quant_channels.orderbook.ladder import ASK, BID, Ladder
from quant_channels.orderbook.rows import Change
from quant_channels.orderbook.sequence import rule_of
from quant_contracts.blocks import GAP, RESET

NOW = 1_784_000_000_000_000_000
NUMBERED = ("binance_spot", "binance_usdm", "deribit", "okx_numbered", "bybit", "hyperliquid")


@st.composite
def disturbances(draw):
    """What happens to frames on their way: up to 4 things, each at a place given as a share of the way."""
    return [
        (
            draw(st.sampled_from(["drop", "repeat", "move", "swap", "cut"])),
            draw(st.floats(0, 1, exclude_max=True)),
            draw(st.floats(0, 1, exclude_max=True)),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]


def disturbed(texts, what):
    """The frames as they arrive."""
    texts = list(texts)
    for kind, at, to in what:
        place, other = int(at * len(texts)), int(to * len(texts))
        if kind == "drop":
            del texts[place]
        elif kind == "repeat":
            texts.insert(other, texts[place])
        elif kind == "move":
            texts.insert(other, texts.pop(place))
        elif kind == "swap" and place + 1 < len(texts):
            texts[place], texts[place + 1] = texts[place + 1], texts[place]
        elif kind == "cut":
            texts[place] = texts[place][: int(to * len(texts[place]))]
    return texts


def run(session, texts):
    """The builder after each frame, and everything that it handed on."""
    parser, builder = session.parser(), BookBuilder("SYMBOL", rule_of(session.venue))
    for place, text in enumerate(texts):
        changes = []
        for said in parser.parse(text, NOW + place):
            outcome = builder.take(said, NOW + place)
            changes += [each for each in outcome if isinstance(each, Change)]
        yield builder, changes


SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", NUMBERED)
@SLOW
@given(what=disturbances())
def test_a_valid_book_is_the_venues_book_as_of_its_number(session_of, name, what):
    session = session_of(name)
    for builder, _ in run(session, disturbed(session.texts, what)):
        if builder.state == "valid":
            assert builder.ladder.sides == session.truth[builder.at]
        else:
            assert builder.reason
            assert builder.ladder.sides == {BID: {}, ASK: {}}


@pytest.mark.parametrize("name", NUMBERED)
@SLOW
@given(what=disturbances())
def test_whoever_follows_the_rows_has_the_same_book(session_of, name, what):
    session = session_of(name)
    follower, is_whole, last = Ladder[int](), False, 0
    for builder, changes in run(session, disturbed(session.texts, what)):
        for change in changes:
            assert change.known >= last
            last = change.known
            if change.action == GAP:
                is_whole = False
                continue
            if change.action == RESET:
                follower.clear()
                is_whole = True
            follower.put_levels(BID, change.bids)
            follower.put_levels(ASK, change.asks)
        assert is_whole == (builder.state == "valid")
        if is_whole:
            assert follower.sides == builder.ladder.sides


@SLOW
@given(what=disturbances())
def test_a_checksum_alone_proves_the_levels_that_it_covers(session_of, what):
    session = session_of("okx")
    for builder, _ in run(session, disturbed(session.texts, what)):
        if builder.state == "valid":
            true = session.truth[builder.at]
            for side in (BID, ASK):
                best = sorted(true[side], reverse=side > 0)[:DEPTH]
                assert builder.ladder.top(side, DEPTH) == (best, [true[side][ticks] for ticks in best])


@SLOW
@given(at=st.floats(0, 1, exclude_max=True), to=st.floats(0, 1, exclude_max=True))
def test_a_cut_frame_ends_a_book_that_has_no_numbers(session_of, at, to):
    session = session_of("coinbase")
    place = int(at * len(session.texts))
    states = [builder.state for builder, _ in run(session, disturbed(session.texts, [("cut", at, to)]))]
    assert "valid" not in states[place:]


@SLOW
@given(at=st.floats(0, 1, exclude_max=True))
def test_a_snapshot_that_comes_again_ends_a_book_that_has_no_numbers(session_of, at):
    session = session_of("coinbase")
    place = 1 + int(at * (len(session.texts) - 1))
    texts = [*session.texts[:place], session.texts[0], *session.texts[place:]]
    states = [builder.state for builder, _ in run(session, texts)]
    assert "valid" not in states[place:]
