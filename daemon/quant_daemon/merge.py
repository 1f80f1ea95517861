"""Puts the bars of several symbols into the one lawful order: when known, then as declared.

A stretch holds every symbol's bars known within one span of time, so that what is computed ahead for
one symbol never needs a bar of another that has not been read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

from quant_contracts.blocks import BarBlock
from quant_contracts.events import Bar
from quant_contracts.protocols import DataHandler
from quant_contracts.units import Nanos


def stretches(handlers: Mapping[str, DataHandler]) -> Iterator[tuple[Nanos, dict[str, BarBlock]]]:
    """Yield (last moment, blocks by symbol), in order of time, until every handler is read to its end."""
    waiting: dict[str, BarBlock] = {}
    sources = {symbol: _whole_moments(handler) for symbol, handler in handlers.items()}
    while True:
        for symbol in [symbol for symbol in sources if symbol not in waiting]:
            block = next(sources[symbol], None)
            if block is None:
                del sources[symbol]
            else:
                waiting[symbol] = block
        if not waiting:
            return
        # Past the earliest end of a block that has a successor, somebody's bars are not read yet.
        end = min(block.ts_known.item(-1) for block in waiting.values())
        ready: dict[str, BarBlock] = {}
        for symbol in handlers:
            block = waiting.get(symbol)
            if block is None:
                continue
            cut = int(block.ts_known.searchsorted(end, side="right"))
            if cut:
                ready[symbol] = block.slice(0, cut)
            if cut == len(block):
                del waiting[symbol]
            else:
                waiting[symbol] = block.slice(cut, len(block))
        yield end, ready


def _whole_moments(handler: DataHandler) -> Iterator[BarBlock]:
    """The handler's blocks, cut so that bars which became known together stay together."""
    block = handler.read()
    while block is not None:
        after = handler.read()
        # Bars known at their close never share a moment.
        while after is not None and block.known is not None and after.ts_known[0] == block.known[-1]:
            block, after = BarBlock.join([block, after]), handler.read()
        yield block
        block = after


def moments(epoch: Mapping[str, BarBlock]) -> Iterator[tuple[Nanos, Sequence[Bar]]]:
    """Yield (moment, bars known then) of one stretch, in order."""
    block, *others = epoch.values()
    if not others and block.known is None:
        # zip of one iterable makes the tuple of one bar without a line of Python.
        return zip(block.ts_known.tolist(), zip(block.events(), strict=True), strict=True)
    return _merged(epoch)


def _merged(epoch: Mapping[str, BarBlock]) -> Iterator[tuple[Nanos, Sequence[Bar]]]:
    # The sort is stable: what one symbol says at one moment stays in its own order.
    bars = sorted(
        ((bar.ts_known, place, bar) for place, block in enumerate(epoch.values()) for bar in block.events()),
        key=itemgetter(0, 1),
    )
    group: list[Bar] = []
    for ts, _, bar in bars:
        if group and group[0].ts_known != ts:
            yield group[0].ts_known, group
            group = []
        group.append(bar)
    if group:
        yield group[0].ts_known, group
