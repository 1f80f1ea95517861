"""The same bars in blocks of the size somebody asked for."""

from __future__ import annotations

from collections.abc import Iterator

from quant_contracts.blocks import BarBlock


def rebatched(blocks: Iterator[BarBlock], rows: int) -> Iterator[BarBlock]:
    """The bars of `blocks` in blocks of `rows`, the last one shorter; holds no more than one block more."""
    waiting: list[BarBlock] = []
    held = 0
    for block in blocks:
        waiting.append(block)
        held += len(block)
        if held >= rows:
            joined = BarBlock.join(waiting)
            rest = held % rows
            for start in range(0, held - rest, rows):
                yield joined.slice(start, start + rows)
            waiting, held = [joined.slice(held - rest, held)], rest
    if held:
        yield BarBlock.join(waiting)
