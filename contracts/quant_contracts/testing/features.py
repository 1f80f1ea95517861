"""The promises of a feature channel: when it speaks, what it says, and what it cannot know."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

import msgspec
import numpy as np

from quant_contracts.events import Bar
from quant_contracts.protocols import AnyChannel, BlockChannel, ReadingChannel, Stream
from quant_contracts.testing.parts import from_its_settings
from quant_contracts.testing.promise import BrokenPromise, NotChecked
from quant_contracts.testing.samples import TEMPERS, delayed, scaled
from quant_contracts.testing.tape import CLEAN, SINGLE, Table, Tape, first_difference, play, tapes
from quant_contracts.units import DAY, HOUR, Nanos
from quant_contracts.views import Seen

ChannelFactory: TypeAlias = Callable[[], AnyChannel]

SIZES: Final[Mapping[str, tuple[int, ...]]] = {
    "in blocks of 1": (1,),
    "in blocks of 7": (7,),
    "in blocks of 64": (64,),
    "in blocks of 4096": (4096,),
    "in blocks and single bars by turns": (3, SINGLE, 64, SINGLE, SINGLE, 1, 511),
}


def check_reads_are_streams(factory: Callable[[], ReadingChannel]) -> None:
    """`reads` is a tuple of streams that there are, not empty; nothing else can be checked without it."""
    channel = factory()
    if not _are_streams(channel.reads):
        raise BrokenPromise(
            channel,
            "reads is a tuple of streams, not empty",
            given="the channel as it was made",
            expected='such as (Stream("orderbook"), Stream("klines", "ETHUSDT"))',
            came=channel.reads,
        )


def check_outputs_are_named(factory: ChannelFactory) -> None:
    """`outputs` is a constant tuple of names that are unique and not empty."""
    channel = factory()
    names = channel.outputs
    if not _are_names(names):
        raise BrokenPromise(
            channel,
            "outputs is a tuple of names",
            given="the channel as it was made",
            expected='unique names that are not empty, such as ("rsi_14",)',
            came=names,
        )
    play(channel, _tape(channel, "a random walk"))
    for later in (channel, factory()):
        if later.outputs != names:
            raise BrokenPromise(
                channel,
                "outputs is constant",
                given="the same settings, before and after bars came in",
                expected=names,
                came=later.outputs,
            )


def check_warmup_is_exact(factory: ChannelFactory) -> None:
    """The first value comes with bar number `warmup`, neither sooner nor later, and then with every bar."""
    warmup = factory().warmup
    # A bool is an int to `isinstance`, and numpy's integers are none.
    if type(warmup) is not int or warmup < 1:
        raise BrokenPromise(
            factory(),
            "warmup is a number of bars, the one with the first value included",
            given="the channel as it was made",
            expected="a whole number, 1 or more",
            came=warmup,
        )
    for name in CLEAN:
        channel = factory()
        tape = _tape(channel, name)
        cold = np.array([np.isnan(row).any() for row in play(channel, tape)])
        values = np.flatnonzero(~cold)
        first = int(values[0]) + 1 if len(values) else None
        if first != warmup:
            raise BrokenPromise(
                channel,
                "the first value comes with bar number `warmup`",
                given=tape,
                expected=f"None {warmup - 1} times, then values",
                came="None every time" if first is None else f"None {first - 1} times, then a value",
            )
        if cold[warmup:].any():
            raise BrokenPromise(
                channel,
                "once warm it has a value for every bar of a market in which nothing is missing",
                given=tape.row(warmup + int(np.argmax(cold[warmup:]))),
                expected="a value",
                came="None",
            )
        if channel.warmup != warmup:
            raise BrokenPromise(
                channel, "warmup is constant", given=f"after {tape}", expected=warmup, came=channel.warmup
            )


def check_values_are_finite(factory: ChannelFactory) -> None:
    """In any lawful market the values are finite floats, or None where something is missing."""
    for tape in tapes(factory(), _length(factory())):
        play(factory(), tape)


def check_same_bars_give_the_same_values(factory: ChannelFactory) -> None:
    """Channels with the same settings say the same to the bit, also when one was made from a file."""
    for tape in (_tape(factory(), name) for name in ("a random walk", "wild jumps", "gaps in time")):
        expected = play(factory(), tape)
        for make, which in (
            (factory, "another fresh channel"),
            (lambda: from_its_settings(factory()), "a channel made from the written settings"),
        ):
            came = play(make(), tape)
            _compare(factory(), "the same bars give the same values", tape, expected, came, which)


def check_memory_is_its_own(factory: ChannelFactory) -> None:
    """A channel shares its memory with nobody: another one beside it changes nothing."""
    channel, other = factory(), factory()
    tape, noise = _tape(channel, "a random walk"), _tape(channel, "wild jumps")
    expected = play(factory(), tape)
    rows = []
    for row in range(0, len(tape), 5):
        rows.append(play(channel, tape.cut(row, row + 5)))
        play(other, noise.cut(row, row + 5))
    _compare(
        channel,
        "it shares its memory with nobody",
        tape,
        expected,
        np.concatenate(rows),
        "while another channel took bars in between",
    )


def check_no_look_ahead(factory: ChannelFactory) -> None:
    """Poison: whatever comes after a moment, what was said up to it stays the same."""
    channel = factory()
    cut = channel.warmup + 100
    offered: dict[str, tuple[int, ...]] = {"one by one": (SINGLE,)}
    if isinstance(channel, BlockChannel):
        offered["as one block"] = (_length(channel),)
    for name in ("a random walk", "wild jumps"):
        tape = _tape(channel, name)
        poisoned = tape.changed("poisoned", partial(_poison, cut))
        for way, sizes in offered.items():
            _compare(
                channel,
                "what comes later changes nothing that was said before",
                tape,
                play(factory(), tape, sizes)[:cut],
                play(factory(), poisoned, sizes)[:cut],
                f"{way}, with every bar from row {cut} on replaced",
            )


def check_gaps_do_not_break_it(factory: ChannelFactory) -> None:
    """After a gap in time it has values again within `warmup` bars."""
    warmup = factory().warmup
    for name, gap in (("three hours", 3 * HOUR), ("a month", 30 * DAY)):
        channel = factory()
        before = warmup + 50
        tape = (
            _tape(channel, "a random walk")
            .changed(f"a gap of {name} before row {before}", partial(_after, before, gap))
            .cut(0, before + warmup)
        )
        if np.isnan(play(channel, tape)[-1]).any():
            raise BrokenPromise(
                channel,
                "it has values again within `warmup` bars of a gap in time",
                given=tape,
                expected=f"a value at row {len(tape) - 1}",
                came="None",
            )


def check_blocks_equal_one_by_one(factory: ChannelFactory) -> None:
    """`update_many` gives the bits of `update`, in blocks of any size and single bars in any mix."""
    for tape in tapes(factory(), _length(factory())):
        _compare_blocks(factory, tape, ("in blocks and single bars by turns",))
    walk = _tape(factory(), "another walk")
    _compare_blocks(factory, walk, ("in blocks of 1", "in blocks of 7", "in blocks of 64"))
    # Enough rows for a block of 4096 and something after it.
    _compare_blocks(factory, _tape(factory(), "a random walk", 4_608), ("in blocks of 4096",))


def check_blocks_are_let_go(factory: ChannelFactory) -> None:
    """It copies what it remembers of a block: writing over the block afterwards changes nothing."""
    tape = _tape(factory(), "a random walk")
    for way in ("in blocks of 1", "in blocks of 64", "in blocks and single bars by turns"):
        _compare(
            factory(),
            "its memory is its own, not a view into a block",
            tape,
            play(factory(), tape),
            play(factory(), tape, SIZES[way], spoil=True),
            f"{way}, each written over once it was answered",
        )


def check_what_it_reads_may_be_missing(factory: Callable[[], ReadingChannel]) -> None:
    """`reads` is constant; where one of the streams is missing, the answer is a value or None."""
    channel = factory()
    reads = _reads(channel)
    if isinstance(channel, BlockChannel) and any(stream.domain != "klines" for stream in reads):
        raise BrokenPromise(
            channel,
            "only a channel that reads nothing but bars has a block form",
            given="the channel as it was made",
            expected=f"no update_many, since it reads {reads}",
            came="update_many",
        )
    tape = _tape(channel, "a random walk")
    for patchy in _patchy(tape, channel.warmup):
        play(channel, patchy)
        if channel.reads != reads:
            raise BrokenPromise(
                channel, "reads is constant", given=f"after {patchy}", expected=reads, came=channel.reads
            )
        channel = factory()
        if isinstance(channel, BlockChannel):
            _compare_blocks(factory, patchy, tuple(SIZES))


def check_scale_of_prices(factory: ChannelFactory, powers: Mapping[str, float]) -> None:
    """Opt-in: with prices k times as large, each output in `powers` is k to that power times as large.

    An RSI has power 0, an average true range 1. The tolerance is 1e-9, relative.
    """
    channel = factory()
    tape = _tape(channel, "a random walk")
    expected = play(channel, tape)
    for factor in (2.0**-10, 0.1, 2.0**10):
        came = play(factory(), tape.changed("scaled", partial(_scale, factor)))
        for name, power in powers.items():
            index = channel.outputs.index(name)
            wanted = expected[:, index] * factor**power
            close = np.isclose(came[:, index], wanted, rtol=1e-9, atol=1e-12 * factor**power, equal_nan=True)
            if not close.all():
                row = int(np.argmin(close))
                raise BrokenPromise(
                    channel,
                    f"{name} goes with the price to the power {power:g}",
                    given=f"{tape.row(row)}, all prices times {factor:g}",
                    expected=float(wanted[row]),
                    came=float(came[row, index]),
                )


def _are_names(value: object) -> bool:
    """True for a tuple of names that are unique and not empty."""
    return (
        isinstance(value, tuple)
        and len(value) > 0
        and all(isinstance(name, str) and name for name in value)
        and len(set(value)) == len(value)
    )


def _length(channel: AnyChannel) -> int:
    """Rows that take in the warm-up twice over, in steps so that channels share their samples."""
    # What goes with streams takes longer: there are more of them, and no shorter way in blocks.
    more, step = (120, 128) if any(stream.domain != "klines" for stream in _reads(channel)) else (200, 256)
    return math.ceil((2 * channel.warmup + more) / step) * step


def _tape(channel: AnyChannel, name: str, count: int | None = None) -> Tape:
    return next(tape for tape in tapes(channel, count or _length(channel)) if tape.name == name)


def _after(first: int, gap: Nanos, row: int, bar: Bar) -> Bar:
    return delayed(bar, gap) if row >= first else bar


def _scale(factor: float, _row: int, bar: Bar) -> Bar:
    return scaled(bar, factor)


def _poison(first: int, row: int, bar: Bar) -> Bar:
    """Prices and volumes that no walk leads to, from row `first` on."""
    if row < first:
        return bar
    return msgspec.structs.replace(scaled(bar, (7.0, 0.01, 300.0)[row % 3]), volume=bar.volume * 1000.0)


def _reads(channel: AnyChannel) -> tuple[Stream, ...]:
    """What it reads beside its bars; raises NotChecked where that is nothing that could be played."""
    if not isinstance(channel, ReadingChannel):
        return ()
    if not _are_streams(channel.reads):
        raise NotChecked("reads is not a tuple of Stream")
    return channel.reads


def _are_streams(reads: object) -> bool:
    return (
        isinstance(reads, tuple)
        and len(reads) > 0
        and all(isinstance(stream, Stream) and stream.domain in (*TEMPERS, "klines") for stream in reads)
    )


def _patchy(tape: Tape, warmup: int) -> Iterator[Tape]:
    """The tape with streams that are missing at first, for a while or from then on: one of them, or all."""
    length = len(tape)
    alone = [(place,) for place in range(len(tape.seen))]
    for first, last in ((0, length), (warmup // 2 + 3, length), (length, length), (0, warmup + 20)):
        for which in [*alone, tuple(range(len(tape.seen)))][: len(alone) + (len(alone) > 1)]:
            seen = tuple(
                _missing(column, first, last) if place in which else column
                for place, column in enumerate(tape.seen)
            )
            names = " and ".join(tape.streams[place].domain for place in which)
            yield tape.seeing(f"with {names} from row {first} to {last}, on and off", seen)


def _missing(column: Sequence[Seen | None], first: int, last: int) -> Sequence[Seen | None]:
    """What is known of a stream that starts at row `first`, comes unevenly and stops before `last`."""
    last = min(last, first + len(column) // 2)
    seen: list[Seen | None] = []
    for row, view in enumerate(column):
        is_there = first <= row < last and row % 5 != 0
        # The last bar of another symbol stays known; of anything else nothing is good any more.
        known = seen[-1] if seen and isinstance(view, Bar) else None
        seen.append(view if is_there else known)
    return seen


def _compare_blocks(factory: ChannelFactory, tape: Tape, ways: tuple[str, ...]) -> None:
    expected = play(factory(), tape)
    for way in ways:
        came = play(factory(), tape, SIZES[way])
        _compare(factory(), "blocks give the bits of one by one", tape, expected, came, way)


def _compare(channel: AnyChannel, promise: str, tape: Tape, expected: Table, came: Table, way: str) -> None:
    row = first_difference(expected, came)
    if row is not None:
        raise BrokenPromise(
            channel,
            promise,
            given=f"{way}: {tape.row(row)}",
            expected=dict(zip(channel.outputs, expected[row].tolist(), strict=True)),
            came=dict(zip(channel.outputs, came[row].tolist(), strict=True)),
        )


CHECKS: Final = (
    check_outputs_are_named,
    check_warmup_is_exact,
    check_values_are_finite,
    check_same_bars_give_the_same_values,
    check_memory_is_its_own,
    check_no_look_ahead,
    check_gaps_do_not_break_it,
)

BLOCK_CHECKS: Final = (check_blocks_equal_one_by_one, check_blocks_are_let_go)

FIRST_CHECKS: Final = (check_reads_are_streams,)

READING_CHECKS: Final = (check_what_it_reads_may_be_missing,)
