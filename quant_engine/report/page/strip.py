"""The states of a stream over time as a strip: the worse the state, the taller and the louder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quant_contracts.units import Nanos
from quant_engine.report.page.markup import Markup, escape
from quant_engine.report.readiness import STATES, Span, State

SLOTS: Final = 1_000
"""Places along a strip; where a stream was in several states within one, the worst is drawn."""
HEIGHTS: Final = {"fresh": 6, "stale": 13, "missing": 20, "unknown": 2}
TALLEST: Final = 20


def strip(spans: Sequence[Span], words: str) -> Markup:
    """The strip of one stream, with `words` for those who do not see it."""
    rects = "".join(
        f'<rect class="{state}" x="{first}" y="{TALLEST - HEIGHTS[state]}" '
        f'width="{stop - first}" height="{HEIGHTS[state]}"/>'
        for first, stop, state in _runs(spans)
    )
    return Markup(
        f'<svg class="strip" viewBox="0 0 {SLOTS} {TALLEST}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}">{rects}</svg>'
    )


def _runs(spans: Sequence[Span]) -> list[tuple[int, int, State]]:
    """First slot, slot behind the last, and state of each stretch of equal slots."""
    if not spans:
        return []
    start, length = spans[0].start, spans[-1].end - spans[0].start
    slots: list[State] = ["fresh"] * SLOTS
    for span in spans:
        for slot in range(_slot(span.start - start, length), _slot(span.end - 1 - start, length) + 1):
            slots[slot] = max(slots[slot], span.state, key=STATES.index)
    runs: list[tuple[int, int, State]] = []
    first = 0
    for slot in range(1, SLOTS + 1):
        if slot == SLOTS or slots[slot] != slots[first]:
            runs.append((first, slot, slots[first]))
            first = slot
    return runs


def _slot(elapsed: Nanos, length: Nanos) -> int:
    return elapsed * SLOTS // length
