"""What frames say, gathered into the rows of one domain until there are enough for a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import msgspec

from quant_channels.frames.recorded import Line
from quant_channels.frames.said import Depth, Lost, Said
from quant_channels.orderbook.builder import BookBuilder, Outcome
from quant_channels.orderbook.rows import BookRows, Change
from quant_channels.orderbook.sequence import rule_of
from quant_channels.streams.findings import Findings
from quant_channels.streams.trade_ids import TradeIds
from quant_contracts.blocks import Block, ChainBlock, QuoteBlock, TradeBlock
from quant_contracts.events import OptionQuote, Quote, Trade
from quant_contracts.instrument import Grid
from quant_contracts.units import Nanos

NO_FRAMES: Final = "no frame of that kind"

E = TypeVar("E", Trade, Quote, OptionQuote)


class Gather(Protocol):
    """Gathers the rows of one domain. Its rows are those since the last `block`."""

    def note(self, line: Line, now: Nanos, /) -> None:
        """A line of the recording comes, whatever it holds."""
        ...

    def take(self, said: Said, known: Nanos, /, *, keep: bool) -> None:
        """Something became known; it makes rows only if `keep`, and is remembered in any case."""
        ...

    def begin(self, known: Nanos, /) -> None:
        """From here on rows are kept: add what is needed for them to be whole."""
        ...

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def block(self) -> Block:
        """The rows, which are then no longer there."""
        ...

    def lack(self) -> str:
        """Why there could be no rows at all in what was taken; empty where there could."""
        ...

    def report(self, found: Findings, /) -> None:
        """Add what was found in all that was taken."""
        ...


class GatherBook:
    """Runs the book builder. What it asks for cannot be had of a recording; the answers may be in it."""

    MEANINGS: Final = {
        "gap": "changes of the book are missing",
        "crossed": "a bid at or above an ask after a frame",
        "checksum": "the book is not the one the venue has",
        "stale_snapshot": "a snapshot older than the changes at hand",
        "second snapshot": "a snapshot that nobody asked for",
        "unreadable frame": "a frame that may have been the book's could not be read",
        "old": "changes or snapshots that the book held already; ignored",
        "before_snapshot": "changes while no snapshot had come; ignored",
        "empty_snapshot": "a snapshot without levels of a side",
        "near_edge": "few levels of a side left within the snapshot; those beyond it are only partly known",
        "reconnected": "the connection of the book was made anew",
    }

    def __init__(self, symbol: str, venue: str, grid: Grid) -> None:
        self._rule = rule_of(venue)
        self._builder = BookBuilder(symbol, self._rule)
        self._rows = BookRows(symbol, grid)
        self._keep = False
        self._frames = 0
        self._was_valid = False
        self._reconnected = 0
        # The connection in hand, and the one that the book comes over.
        self._conn = ""
        self._own_conn: str | None = None

    def note(self, line: Line, now: Nanos, /) -> None:
        self._conn = line.conn
        again = line.kind == "connect" and line.conn == self._own_conn
        # Where snapshots have no date, only a new subscription tells a fresh one.
        asked = line.kind == "send" and not self._rule.dates_snapshots and self._builder.state == "invalid"
        if again or asked:
            self._restart(now)

    def take(self, said: Said, known: Nanos, /, *, keep: bool) -> None:
        self._keep = keep
        if isinstance(said, Lost):
            self._add(self._builder.take(said, known))
        elif isinstance(said, Depth):
            self._frames += 1
            if not (said.is_snapshot and self._rule.is_fetched):
                if self._own_conn not in {None, self._conn}:
                    self._restart(known)
                self._own_conn = self._conn
            self._add(self._builder.take(said, known))
            self._was_valid |= self._builder.state == "valid"

    def begin(self, known: Nanos, /) -> None:
        del known
        whole = self._builder.whole()
        if whole is not None:
            self._rows.add(whole)

    def __len__(self) -> int:
        return len(self._rows)

    def block(self) -> Block:
        return self._rows.take()

    def lack(self) -> str:
        if self._was_valid:
            return ""
        return "no snapshot that its changes follow" if self._frames else NO_FRAMES

    def report(self, found: Findings, /) -> None:
        counts = {**self._builder.counts, "reconnected": self._reconnected}
        for check, meaning in self.MEANINGS.items():
            found.add(check.replace(" ", "_"), counts.get(check, 0), meaning)

    def _restart(self, now: Nanos) -> None:
        self._reconnected += 1
        self._add(self._builder.restart(now))

    def _add(self, outcome: Outcome) -> None:
        if self._keep:
            for each in outcome:
                if isinstance(each, Change):
                    self._rows.add(each)


class GatherTrades:
    """Each trade once."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._rows: list[Trade] = []
        self._ids = TradeIds()
        self._frames = 0

    def note(self, line: Line, now: Nanos, /) -> None:
        del line, now

    def take(self, said: Said, known: Nanos, /, *, keep: bool) -> None:
        if isinstance(said, Trade):
            self._frames += 1
            if self._ids.is_new(said.trade_id) and keep:
                self._rows.append(known_at(said, known))

    def begin(self, known: Nanos, /) -> None:
        del known

    def __len__(self) -> int:
        return len(self._rows)

    def block(self) -> Block:
        rows, self._rows = self._rows, []
        return TradeBlock.of(self._symbol, rows)

    def lack(self) -> str:
        return "" if self._frames else NO_FRAMES

    def report(self, found: Findings, /) -> None:
        self._ids.report(found)


class GatherQuotes:
    """A quote where it differs from the one before."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._rows: list[Quote] = []
        self._last: tuple[float, ...] = ()
        self._frames = 0
        self._unchanged = 0

    def note(self, line: Line, now: Nanos, /) -> None:
        del line, now

    def take(self, said: Said, known: Nanos, /, *, keep: bool) -> None:
        if not isinstance(said, Quote):
            return
        self._frames += 1
        top = (said.bid, said.bid_size, said.ask, said.ask_size)
        if top == self._last:
            self._unchanged += 1
            return
        self._last = top
        if keep:
            self._rows.append(known_at(said, known))

    def begin(self, known: Nanos, /) -> None:
        del known

    def __len__(self) -> int:
        return len(self._rows)

    def block(self) -> Block:
        rows, self._rows = self._rows, []
        return QuoteBlock.of(self._symbol, rows)

    def lack(self) -> str:
        return "" if self._frames else NO_FRAMES

    def report(self, found: Findings, /) -> None:
        found.add("unchanged", self._unchanged, "the best prices again as they were; left out")


class GatherChain:
    """Every quote of every option; before the range begins, the last of each that has not expired."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._rows: list[OptionQuote] = []
        self._last: dict[tuple[Nanos, float, int], OptionQuote] = {}
        self._frames = 0

    def note(self, line: Line, now: Nanos, /) -> None:
        del line, now

    def take(self, said: Said, known: Nanos, /, *, keep: bool) -> None:
        if not isinstance(said, OptionQuote):
            return
        self._frames += 1
        quote = known_at(said, known)
        if keep:
            self._rows.append(quote)
        else:
            key = (quote.expiry, quote.strike, quote.right)
            # Taken out first, so that the order is the one in which they became known.
            self._last.pop(key, None)
            self._last[key] = quote

    def begin(self, known: Nanos, /) -> None:
        self._rows += [quote for quote in self._last.values() if quote.expiry > known]
        self._last.clear()

    def __len__(self) -> int:
        return len(self._rows)

    def block(self) -> Block:
        rows, self._rows = self._rows, []
        return ChainBlock.of(self._symbol, rows)

    def lack(self) -> str:
        return "" if self._frames else NO_FRAMES

    def report(self, found: Findings, /) -> None:
        del found


def gather_of(domain: str, symbol: str, venue: str, grid: Grid) -> Gather:
    """What gathers the rows of `domain`."""
    if domain == "orderbook":
        return GatherBook(symbol, venue, grid)
    kinds: dict[str, Callable[[str], Gather]] = {
        "trades": GatherTrades,
        "quotes": GatherQuotes,
        "options": GatherChain,
    }
    return kinds[domain](symbol)


def known_at(event: E, known: Nanos) -> E:
    """The event with the time at which it became known; mostly it has that already."""
    return event if event.ts_known == known else msgspec.structs.replace(event, ts_known=known)
