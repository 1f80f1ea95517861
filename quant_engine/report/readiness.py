"""How far the streams beside the bars could be trusted, and what the account made meanwhile."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import msgspec

from quant_contracts.events import PortfolioSnapshot, Readiness
from quant_contracts.instrument import ZERO
from quant_contracts.protocols import QualityRow
from quant_contracts.record import RunRecord
from quant_contracts.units import DAY, Money, Nanos
from quant_engine.report.costs import account_value
from quant_engine.report.exact import exactly

State: TypeAlias = Literal["fresh", "stale", "missing", "unknown"]
"""Of a stream, as the last look found it. `unknown` before the first look, and behind the last change that
was recorded where there were too many of them."""

STATES: Final[tuple[State, ...]] = ("fresh", "stale", "missing", "unknown")
"""From the best to the worst."""

ASSUMED: Final = "assumed"
"""How the name of a check begins that stands for something nobody recorded and the user declared."""


class Span(msgspec.Struct, frozen=True):
    """A time in which a stream was in one state."""

    start: Nanos
    end: Nanos
    state: State


class StreamStates(msgspec.Struct, frozen=True):
    """How often one symbol found one stream that it reads in each state."""

    symbol: str
    """Who reads it."""
    stream: str
    fresh: int
    stale: int
    missing: int

    @property
    def looks(self) -> int:
        """How often it was looked at: at each bar of the symbol, those of the warm-up included."""
        return self.fresh + self.stale + self.missing


class SymbolOutcomes(msgspec.Struct, frozen=True):
    """What one symbol did in view of its streams, in numbers of its bars."""

    symbol: str
    go: int
    """Went on."""
    hold: int
    """Kept its intent as it was."""
    flatten: int
    """Wanted to be flat."""
    missing: dict[str, int]
    """Per value, how often it was missing."""
    changes: int
    """How often a stream changed its state."""
    changes_left_out: int
    """Those of them that were not recorded."""


class StateProfit(msgspec.Struct, frozen=True):
    """What the account made, before anything is said of why, while its worst stream was in one state."""

    state: State
    days: float
    """Elapsed, 24 hours each."""
    profit: Money
    """Change of equity, exact: over all states it adds up to the net profit."""


class BesideBars(msgspec.Struct, frozen=True):
    """What is to be said of the streams beside the bars."""

    streams: tuple[StreamStates, ...]
    outcomes: tuple[SymbolOutcomes, ...]
    profit_by_state: tuple[StateProfit, ...]
    """Each interval between two equity samples counts as the state in force at its start."""
    gaps: dict[str, int]
    """Holes that were found, per stream that had any: `BTCUSDT.trades`."""


def beside_bars(record: RunRecord) -> BesideBars | None:
    """What a run met beside its bars; None where it read nothing else."""
    if not record.readiness and not record.gaps:
        return None
    gaps: dict[str, int] = {}
    for gap in record.gaps:
        name = f"{gap.symbol}.{gap.domain}"
        gaps[name] = gaps.get(name, 0) + 1
    return BesideBars(
        streams=tuple(
            StreamStates(symbol, stream, *(looks.get(state, 0) for state in STATES[:3]))
            for symbol, met in record.readiness.items()
            for stream, looks in met.states.items()
        ),
        outcomes=tuple(
            SymbolOutcomes(
                symbol,
                met.outcomes.get("go", 0),
                met.outcomes.get("hold", 0),
                met.outcomes.get("flatten", 0),
                met.missing,
                len(met.changes) + met.dropped,
                met.dropped,
            )
            for symbol, met in record.readiness.items()
        ),
        profit_by_state=profit_by_state(record.equity, timelines(record)),
        gaps=gaps,
    )


def timelines(record: RunRecord) -> dict[tuple[str, str], tuple[Span, ...]]:
    """By reading symbol and stream, its states from the start of the run to its end, without a hole."""
    found: dict[tuple[str, str], tuple[Span, ...]] = {}
    for symbol, met in record.readiness.items():
        known_until = met.changes[-1].ts if met.dropped and met.changes else record.end
        for stream in met.states:
            changes = [change for change in met.changes if change.domain == stream]
            found[symbol, stream] = _spans(changes, record.start, record.end, known_until)
    return found


def _spans(changes: Sequence[Readiness], start: Nanos, end: Nanos, known_until: Nanos) -> tuple[Span, ...]:
    marks: list[tuple[Nanos, State]] = [(start, "unknown")]
    marks += [(max(change.ts, start), change.state) for change in changes if change.ts < end]
    if known_until < end:
        marks.append((max(known_until, start), "unknown"))
    ends = [*(ts for ts, _ in marks[1:]), end]
    return tuple(Span(ts, until, state) for (ts, state), until in zip(marks, ends, strict=True) if until > ts)


def profit_by_state(
    equity: Sequence[PortfolioSnapshot], spans: Mapping[tuple[str, str], Sequence[Span]]
) -> tuple[StateProfit, ...]:
    """Change of equity and time elapsed by the worst state of any stream, without states that never held."""
    if not spans:
        return ()
    profits: dict[State, Money] = {}
    times: dict[State, Nanos] = {}
    starts = {stream: [span.start for span in row] for stream, row in spans.items()}
    before = account_value(equity[0])
    with exactly():
        for sample, later in pairwise(equity):
            state = max(
                (_state_at(row, starts[stream], sample.ts) for stream, row in spans.items()),
                key=STATES.index,
            )
            after = account_value(later)
            profits[state] = profits.get(state, ZERO) + after - before
            times[state] = times.get(state, 0) + later.ts - sample.ts
            before = after
    return tuple(
        StateProfit(state, times[state] / DAY, profits[state]) for state in STATES if state in profits
    )


def _state_at(spans: Sequence[Span], starts: Sequence[Nanos], ts: Nanos) -> State:
    place = bisect_right(starts, ts) - 1
    return spans[place].state if place >= 0 else "unknown"


def assumptions(quality: Sequence[QualityRow]) -> tuple[str, ...]:
    """What the data rest on that nobody recorded, a sentence for each source that says so."""
    return tuple(
        f"{row.symbol} rests on an assumption ({row.check.replace('_', ' ')}, {row.count:,} "
        f"time{'s' * (row.count != 1)}): {row.example or 'declared in the configuration'}."
        for row in quality
        if row.check.startswith(ASSUMED) and row.count
    )
