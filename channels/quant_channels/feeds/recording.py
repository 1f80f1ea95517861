"""Rows from recorded frames: what a venue sent, line by line, through the parsers that live would use."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from quant_channels.feeds.gathering import NO_FRAMES, Gather, gather_of
from quant_channels.feeds.held import holds, setting, settings_for
from quant_channels.frames.arrival import Arrival, offset_for, parse_assumed, parse_offset
from quant_channels.frames.exact import Misfit, size_step
from quant_channels.frames.parser import Parser
from quant_channels.frames.recorded import Line, frame_of, is_frame_for, read_lines
from quant_channels.frames.said import Depth, Kind, Lost, Said
from quant_channels.frames.venues import READERS, parser_of
from quant_channels.frames.witnesses import Witnesses
from quant_channels.klines.historical import file_digest
from quant_channels.streams.findings import Findings
from quant_contracts.blocks import Block
from quant_contracts.duration import Length
from quant_contracts.errors import DataError, nearest
from quant_contracts.events import FormingBar, Quote
from quant_contracts.instrument import Grid
from quant_contracts.protocols import QualityRow, SourceInfo
from quant_contracts.units import SECOND, Nanos

READ_FROM: Final[dict[str, tuple[Kind, ...]]] = {
    "orderbook": ("depth",),
    "quotes": ("quote",),
    "trades": ("trade",),
    "options": ("ticker", "summary"),
}
"""Domains, and the kinds of messages that their rows are made of unless `kind` says otherwise."""

OTHERWISE: Final[dict[str, tuple[Kind, ...]]] = {
    "orderbook": ("depth",),
    "quotes": ("quote", "ticker", "partial_depth"),
    "trades": ("trade", "agg_trade"),
    "options": ("ticker", "summary"),
}
"""All kinds that each domain could be made of."""

REFUSED: Final = {
    "time_ahead": "the venue's time lies more than 2 s ahead of the receiving clock; declare clock_offset",
    "off_grid": "a price or size between two steps; declare tick and lot, or price_step and size_step",
    "no_time": "neither a receive time nor a time of the venue's own, nor anything ahead of it that has one",
    "broken_json": "cut or damaged text",
    "wrong_type": "a field is missing or of another type",
    "crossed": "a bid at or above an ask",
}

UNREADABLE: Final = ("broken_json", "not_utf8", "nested_too_deep", "wrong_type")
"""Reasons that do not tell whose frame it was."""


class RecordingFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """Order book, quotes, trades or options of one instrument, out of a file of recorded frames.

    Each line of the file, plain or gzipped, is a JSON object with `recv_ns` and `frame`, the frame as it
    came (an object, or a string where it was no JSON). It may have `kind` (recv, http, connect, send),
    `conn` and `url`. A row is known when its frame was received, by `Arrival`'s rules. A file of frames
    as they came, without that, is refused unless `assume_received` declares what to take for it; data
    quality then says so. Where the frames have no time of the venue, others of the file show whether the
    receiving clock ran behind; then everything is refused until `clock_offset` mends it.
    """

    domain: str
    symbol: str
    path: str
    venue: str = "binance"
    """One of binance, binance_spot, binance_usdm, deribit, coinbase, okx, bybit, hyperliquid."""
    tick: Decimal = Decimal("0.01")
    """Frames with a price between two ticks are refused; see `price_step`."""
    lot: Decimal = Decimal("0.00001")
    instrument: str | None = None
    """The venue's own name where it differs: BTC-USDT, BTC-PERPETUAL; for options the coin, BTC."""
    clock_offset: Length = "0s"
    """How far the receiving clock ran behind the venue's, such as 1.27s; it is added to receive times."""
    assume_received: str | None = None
    """Such as `venue+100ms`: when a frame without a receive time is taken to have come."""
    kind: Kind | None = None
    """Which messages to read where several would do: agg_trade for trades, ticker or partial_depth for
    quotes."""
    price_step: Decimal | None = None
    """Steps in which prices are read; None takes the tick. Books keep orders from before a tick grew."""
    size_step: Decimal | None = None
    """Steps in which sizes are read; None takes a millionth of the lot, not below 1e-8."""

    def __post_init__(self) -> None:
        if self.domain not in READ_FROM:
            raise ValueError(f"a recording holds no {self.domain!r}; {nearest(self.domain, READ_FROM)}")
        if self.venue not in READERS:
            raise ValueError(
                f"no reader for the frames of venue {self.venue!r}; {nearest(self.venue, READERS)}"
            )
        if self.kind is not None and self.kind not in OTHERWISE[self.domain]:
            raise ValueError(
                f"{self.domain} are not made of {self.kind!r}; {nearest(self.kind, OTHERWISE[self.domain])}"
            )
        self._offset = parse_offset(self.clock_offset)
        self._delay = 0 if self.assume_received is None else parse_assumed(self.assume_received)
        steps = size_step(self.lot) if self.size_step is None else self.size_step
        self._grid = Grid(self.tick if self.price_step is None else self.price_step, steps)
        self._kinds = frozenset(READ_FROM[self.domain] if self.kind is None else (self.kind,))
        self._reading = self._begin()

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[Block]:
        """Rows known from `start` to `end`; a damaged file raises DataError behind the rows before."""
        if rows < 1:
            raise ValueError(f"a block has at least 1 row, not {rows}")
        reading = self._reading = self._begin()
        gather = reading.gather
        keep = start is None
        lines = read_lines(Path(self.path), takes_bare=self.assume_received is not None)
        for line in lines:
            if isinstance(line, DataError):
                if len(gather):
                    yield gather.block()
                raise line
            for said, known in reading.read(line):
                if end is not None and known > end:
                    if len(gather):
                        yield gather.block()
                    return
                if start is not None and not keep and known >= start:
                    keep = True
                    gather.begin(known)
                gather.take(said, known, keep=keep)
            if reading.witnesses.contradict:
                raise self._ran_behind(lines, reading.witnesses)
            if len(gather) >= rows:
                yield gather.block()
        if len(gather):
            yield gather.block()
        if lack := gather.lack():
            raise self._holds_not(lack, reading)

    def info(self) -> SourceInfo:
        return SourceInfo(Path(self.path).name, file_digest(Path(self.path)))

    def quality(self) -> tuple[QualityRow, ...]:
        """What was refused, by reason, and what the rows tell; a count of 0 is left out."""
        reading = self._reading
        found = Findings(self.symbol)
        found.add("assumed_received", reading.arrival.assumed, f"taken as received at {self.assume_received}")
        for why, count in reading.parser.refused.items():
            found.add(f"refused_{why}", count, meaning(why, reading.parser))
        went_back = "receive time below the one before; time stood still"
        found.add("clock_went_back", reading.arrival.went_back, went_back)
        lead = reading.arrival.lead
        early = (
            f"received up to {seconds(lead)} before it happened by the venue's clock; known then; "
            f"declare {setting('clock_offset', offset_for(self._offset, lead))}"
        )
        found.add("early", reading.arrival.early, early)
        reading.gather.report(found)
        return found.table()

    def _begin(self) -> Reading:
        return Reading(
            parser_of(self.venue, self.symbol, self._grid, self.instrument, self._kinds),
            Arrival(self._offset, self._delay),
            Witnesses(self.instrument or self.symbol, self._offset),
            gather_of(self.domain, self.symbol, self.venue, self._grid),
        )

    def _holds_not(self, lack: str, reading: Reading) -> DataError:
        """The error for a recording without what was asked for; says what it holds instead."""
        name = self.instrument or self.symbol
        causes = [lack]
        if reading.parser.refused:
            why, count = max(reading.parser.refused.items(), key=lambda item: item[1])
            frames = "1 frame" if count == 1 else f"{count:,} frames"
            refused = f"{frames} refused, {why}: {meaning(why, reading.parser)}"
            if why in UNREADABLE:
                causes.append(refused)
            else:
                # There were frames of that kind, then.
                causes = [refused] if lack == NO_FRAMES else [refused, lack]
        wanted = reading.parser.wanted
        if wanted.passed:
            causes.append(f"it holds {holds(wanted)}")
        # Tickers of Coinbase that have their kind are those without sizes: no quotes.
        kinds = [kind for kind in OTHERWISE[self.domain] if (self.venue, kind) != ("coinbase", "ticker")]
        if lack == NO_FRAMES and (declare := settings_for(wanted, kinds)):
            causes.append(f"declare {declare}")
        return DataError(f"{self.path}: no {self.domain} of {name} in it: {'; '.join(causes)}")

    def _ran_behind(self, rest: Iterator[Line | DataError], witnesses: Witnesses) -> DataError:
        """The error for a receiving clock that ran behind; reads the `rest` for how much at most."""
        for line in rest:
            if isinstance(line, Line):
                witnesses.hear(line)
        by = f" by clock_offset={self.clock_offset}" if self._offset else ""
        mended = setting("clock_offset", offset_for(self._offset, witnesses.lead))
        return DataError(
            f"{self.path}: {self.domain} of {self.instrument or self.symbol} would be known before they "
            "happened: they have no time of the venue's own, and other frames of the file were sent up to "
            f"{seconds(witnesses.lead)} after they were received{by}; declare {mended} for every stream of it"
        )


class Reading:
    """One pass over a recording."""

    __slots__ = ("arrival", "gather", "parser", "witnesses")

    def __init__(self, parser: Parser, arrival: Arrival, witnesses: Witnesses, gather: Gather) -> None:
        self.parser = parser
        self.arrival = arrival
        self.witnesses = witnesses
        self.gather = gather

    def read(self, line: Line) -> list[tuple[Said, Nanos]]:
        """What a line says, and when that became known."""
        if line.recv_ns is None:
            return self._assumed(line)
        now = self.arrival.at(line.recv_ns)
        self.gather.note(line, now)
        if not is_frame_for(line, self.parser.wanted.instrument):
            return []
        heard = self.parser.parse(frame_of(line), now)
        if not heard:
            # Another stream's: it may have been recorded by another clock, and must not move this one's time.
            self.witnesses.hear(line)
            return []
        self.arrival.now(line.recv_ns)
        # Quotes without a time are given the one at which they came, to the nanosecond.
        self.witnesses.own(line, is_timed=any(not isinstance(e, Quote) or e.ts_event != now for e in heard))
        found: list[tuple[Said, Nanos]] = []
        for said in heard:
            known = self.arrival.known(happened(said), now)
            if known is None:
                # A frame is taken whole or not at all.
                return [(lost, now) for lost in self.parser.refuse("time_ahead", now)]
            found.append((said, known))
        return found

    def _assumed(self, line: Line) -> list[tuple[Said, Nanos]]:
        """The same of a line without a receive time: all of its frame is known at one time."""
        before = self.arrival.last
        self.gather.note(line, before)
        # Told no time, the parser gives none to what has none of its own.
        said = self.parser.parse(frame_of(line), 0)
        if all(isinstance(each, Lost) for each in said):
            return [(lost, before) for lost in said]
        known = self.arrival.assume(max(happened(each) for each in said))
        if known is None:
            return [(lost, before) for lost in self.parser.refuse("no_time", before)]
        return [(dated(each, known), known) for each in said]


def dated(said: Said, known: Nanos) -> Said:
    """The same; an event that has no time of its own is taken to have happened when it was known."""
    if isinstance(said, Depth | Lost | FormingBar) or said.ts_event:
        return said
    return msgspec.structs.replace(said, ts_event=known)


def seconds(time: Nanos) -> str:
    """A length of time to be read, to the tenth of a millisecond."""
    return f"{time / SECOND:.4f}".rstrip("0").rstrip(".") + " s"


def meaning(why: str, parser: Parser) -> str:
    """What it means that a frame was refused, and what to declare."""
    said = REFUSED.get(why, why.replace("_", " "))
    if why != "off_grid":
        return said
    return "; ".join(misfit(each) for each in parser.misfits.values()) or said


def misfit(found: Misfit) -> str:
    """What does not fit the declared steps, and steps that would."""
    text = f"{found.name} {found.text} lies between two steps of {found.step:f}"
    fits = f"{found.fits:f}"
    whole = {"price": "tick", "size": "lot"}[found.name]
    return (
        f"{text}; declare {whole} {fits} if that is the venue's, else {setting(found.name + '_step', fits)}"
    )


def happened(said: Said) -> Nanos:
    """When it was so at the venue, 0 where that is not said."""
    if isinstance(said, Depth):
        return said.ts
    return 0 if isinstance(said, Lost | FormingBar) else said.ts_event
