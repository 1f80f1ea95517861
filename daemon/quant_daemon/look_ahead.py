"""Asks the channels that read streams about the bars of a whole stretch, moment by moment.

A stream's view is as of one moment and moves only forward, and two symbols may read the same stream. So
what is computed ahead for several symbols is computed in the order in which the steps would come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from quant_contracts.blocks import BarBlock
from quant_contracts.units import Nanos
from quant_daemon.as_of import known_bar
from quant_daemon.lane import Lane


def look_ahead(
    lanes: Sequence[Lane],
    blocks: Mapping[str, BarBlock],
    beside: Mapping[str, Mapping[str, BarBlock]],
    absorb: Callable[[Nanos], None] | None = None,
) -> None:
    """Let every lane that reads streams look at each row of its block, in order of time over all lanes.

    `beside` holds, per lane and other symbol, the last known bar at each row, as `as_of` makes it. Nothing
    later than a row is seen by it, so this is no look into its future. `absorb` takes in the streams up to
    a moment where their handlers must not do so themselves.
    """
    readers = [lane for lane in lanes if lane.watch is not None and lane.symbol in blocks]
    rows = [
        (ts, place, row)
        for place, lane in enumerate(readers)
        for row, ts in enumerate(blocks[lane.symbol].ts_known.tolist())
    ]
    if len(readers) > 1:
        rows.sort(key=itemgetter(0, 1))
    for ts, place, row in rows:
        if absorb is not None:
            absorb(ts)
        lane = readers[place]
        last = {symbol: known_bar(bars, row) for symbol, bars in beside[lane.symbol].items()}
        lane.parts.extractor.look_ahead(blocks[lane.symbol].bar(row), last)
