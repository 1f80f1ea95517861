"""Streams beside the bars: how far they could be trusted, what was done about it, where they had holes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quant_contracts.duration import age_name, time_name
from quant_contracts.events import DataGap
from quant_contracts.strategy import Strategy, StreamSpec
from quant_contracts.units import MINUTE, SECOND, Nanos
from quant_engine.report.analysis import Analysis
from quant_engine.report.encode import iso_time
from quant_engine.report.numbers import percent, plain, signed
from quant_engine.report.page.markup import Markup, figure, join, number, section, table, tag
from quant_engine.report.page.strip import strip
from quant_engine.report.readiness import (
    STATES,
    BesideBars,
    StateProfit,
    StreamStates,
    assumptions,
    timelines,
)

OLD: Final = 100
"""Bars behind the last row of a stream that is never stale, from where on a reader is told."""

FIRST, LAST = 10, 25
"""How many gaps the page lists from either end; the rest is in the file."""

WORDS: Final = {
    "fresh": "all fresh",
    "stale": "something stale",
    "missing": "something missing",
    "unknown": "not known",
}


def beside_section(analysis: Analysis) -> Markup:
    """The whole section; nothing where nothing but bars was read."""
    beside, record = analysis.beside, analysis.record
    if beside is None:
        return Markup()
    parts: list[Markup] = []
    said = assumptions(record.quality)
    if said:
        parts.append(tag("ul", join(tag("li", words) for words in said), "warnings"))
    if beside.streams:
        parts += [
            _streams(beside.streams, record.strategy),
            *_old(analysis),
            tag("h3", "Over the run"),
            _strips(analysis, beside.streams),
            tag("div", join((_outcomes(beside), _profits(beside, record.strategy))), "columns"),
        ]
    parts += _missing(beside)
    parts += [tag("h3", "Gaps"), _gaps(record.gaps, beside)]
    return section(
        "beside",
        "Data beside the bars",
        *parts,
        note="Each symbol looks at the streams it reads once a bar, in the warm-up too. Every change of "
        "state is in readiness.csv, every gap in gaps.csv.",
    )


def _streams(streams: Sequence[StreamStates], strategy: Strategy) -> Markup:
    return table(
        ("Symbol", "Stream", "When not fresh", "Stale after", "Looks", "Fresh", "Stale", "Missing"),
        (
            (
                row.symbol,
                row.stream,
                *_declared(row, strategy),
                f"{row.looks:,}",
                *(_share(count, row.looks) for count in (row.fresh, row.stale, row.missing)),
            )
            for row in streams
        ),
        text=4,
    )


def _old(analysis: Analysis) -> list[Markup]:
    """A note on each stream that counted as fresh to the end, long after its last row."""
    record = analysis.record
    notes: list[Markup] = []
    for symbol, met in record.readiness.items():
        for stream, last in met.last_rows.items():
            spec = _spec(symbol, stream, record.strategy)
            if last.bars > OLD and spec is not None and spec.max_age is None:
                words = (
                    f"{symbol} {stream}: the last row became known {age_name(record.end - last.known)} "
                    f"({last.bars:,} bars) before the end of the run and counted as fresh until then: "
                    "without max_age it is never stale."
                )
                notes.append(tag("p", words, "note"))
    return notes


def _declared(row: StreamStates, strategy: Strategy) -> tuple[str, str]:
    """What the strategy says of a stream: its policy and the age it may have."""
    spec = _spec(row.symbol, row.stream, strategy)
    return ("", "") if spec is None else (spec.when_stale, spec.max_age or "never")


def _spec(symbol: str, stream: str, strategy: Strategy) -> StreamSpec | None:
    domain, _, other = stream.partition(" of ")
    data = strategy.data.get(other or symbol)
    return None if data is None else data.streams.get(domain)


def _share(count: int, of: int) -> Markup:
    if not count:
        return tag("span", "0", "na")
    return join((f"{count:,}", tag("small", number(percent(count / of)))))


def _strips(analysis: Analysis, streams: Sequence[StreamStates]) -> Markup:
    found = timelines(analysis.record)
    several = len({row.symbol for row in streams}) > 1
    cells: list[Markup] = []
    for row in streams:
        spans = found[row.symbol, row.stream]
        name = f"{row.symbol} {row.stream}" if several else row.stream
        words = ", ".join(f"{getattr(row, state):,} {state}" for state in STATES[:3] if getattr(row, state))
        cells += [tag("span", name, "name"), strip(spans, f"{name}: {words} of {row.looks:,} looks")]
    start, end = analysis.record.start, analysis.record.end
    shown = {span.state for row in found.values() for span in row}
    legend = join(
        Markup(
            f'<span class="key"><i class="{state}"></i>{state if state != "unknown" else "not known"}</span>'
        )
        for state in STATES
        if state in shown
    )
    ends = join((tag("span", _minute(start)), tag("span", f"{_minute(end)} UTC")))
    return join(
        (
            tag("p", legend, "keys"),
            tag("div", join((*cells, tag("span", ""), tag("div", ends, "ends"))), "strips"),
        )
    )


def _outcomes(beside: BesideBars) -> Markup:
    return table(
        ("What the bars led to", "Go on", "Hold", "Flatten"),
        (
            (
                row.symbol,
                *(
                    _share(count, row.go + row.hold + row.flatten)
                    for count in (row.go, row.hold, row.flatten)
                ),
            )
            for row in beside.outcomes
        ),
    )


def _profits(beside: BesideBars, strategy: Strategy) -> Markup:
    rows = [_profit(row) for row in beside.profit_by_state]
    if not rows:
        return Markup()
    head = ("Net profit while streams were", "Days", f"In {strategy.account.currency}")
    note = "By the worst state of any stream at the start of each interval between equity samples."
    return tag("div", join((table(head, rows), tag("p", note, "note"))))


def _profit(row: StateProfit) -> tuple[str, ...]:
    return WORDS[row.state], number(plain(row.days)), figure(signed(row.profit))


def _missing(beside: BesideBars) -> list[Markup]:
    rows = [(row, name, count) for row in beside.outcomes for name, count in row.missing.items()]
    if not rows:
        return []
    return [
        tag("h3", "Values that were missing"),
        table(
            ("Symbol", "Value", "Times"),
            ((row.symbol, name, _share(count, row.go + row.hold + row.flatten)) for row, name, count in rows),
            text=2,
        ),
    ]


def _gaps(gaps: Sequence[DataGap], beside: BesideBars) -> Markup:
    if not gaps:
        return tag("p", "None was found.", "note")
    counted = ", ".join(f"{name} {count:,}" for name, count in beside.gaps.items())
    left_out = len(gaps) - FIRST - LAST
    listed = [*enumerate(gaps, 1)]
    if left_out > 0:
        listed = listed[:FIRST] + listed[-LAST:]
        counted += f". Listed are the first {FIRST} and the last {LAST}"
    return join(
        (
            tag("p", f"{counted}.", "note"),
            table(
                ("", "Symbol", "Stream", "Found", "Missing from", "Length", "Reason"),
                (
                    (
                        str(place),
                        gap.symbol,
                        gap.domain,
                        iso_time(gap.ts)[:19].replace("T", " "),
                        iso_time(gap.missing_from)[:19].replace("T", " "),
                        _length(gap.missing_to - gap.missing_from),
                        gap.reason,
                    )
                    for place, gap in listed
                ),
                text=7,
            ),
        )
    )


def _length(length: Nanos) -> str:
    return f"{plain(length / SECOND, 1)} s" if length < 2 * MINUTE else f"{plain(length / MINUTE, 1)} min"


def _minute(ts: Nanos) -> str:
    return time_name(ts)[:16].replace("T", " ")
