"""The one door for frames: what cannot be taken is refused and counted, and nothing is ever raised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from quant_channels.frames.exact import MOST_LOTS, Misfit, Refusal, Steps
from quant_channels.frames.said import Kind, Lost, Said
from quant_contracts.events import Quote
from quant_contracts.instrument import Grid
from quant_contracts.units import Nanos

Frame: TypeAlias = bytes | str | msgspec.Raw

MOST_OTHERS: Final = 256
"""Instruments and kinds that are counted by name; those after it together."""


class Wanted:
    """What is to be read: one instrument, on its grid, and some kinds of messages.

    It also remembers what was passed over, so that somebody who asked for the wrong thing can be told
    what there is.
    """

    __slots__ = ("_lot", "_tick", "instrument", "kinds", "lots", "passed", "reading", "symbol", "ticks")

    def __init__(self, symbol: str, grid: Grid, instrument: str, kinds: frozenset[Kind]) -> None:
        self.symbol = symbol
        self.instrument = instrument
        """The venue's own name, or the coin whose options are meant."""
        self.kinds = kinds
        self._tick = grid.tick.as_integer_ratio()
        self._lot = grid.lot.as_integer_ratio()
        self.ticks = Steps(grid.tick, least=1)
        # No more than what times the lot's numerator still fits 64 bits.
        self.lots = Steps(grid.lot, least=0, most=MOST_LOTS // self._lot[0], name="size")
        self.reading: Kind | None = None
        """What the frame in hand is, once that is known."""
        self.passed: dict[tuple[str, str], int] = {}
        """Frames of other instruments and kinds, by both."""

    def skips(self, instrument: str, kind: Kind) -> bool:
        """True for a frame that nobody asked for."""
        if kind in self.kinds and instrument == self.instrument:
            self.reading = kind
            return False
        known = (instrument, kind) in self.passed or len(self.passed) < MOST_OTHERS
        name = instrument if known else "others"
        self.passed[name, kind] = self.passed.get((name, kind), 0) + 1
        return True

    def priced(self, text: str | bytes) -> float:
        """The price that a text is; it lies on the grid."""
        over, under = self._tick
        return self.ticks[text] * over / under

    def sized(self, text: str | bytes) -> float:
        """The size that a text is; it is whole lots, perhaps none."""
        over, under = self._lot
        return self.lots[text] * over / under

    def traded(self, price: str | bytes, size: str | bytes) -> tuple[float, float]:
        """Price and size of a trade, which is of at least one lot."""
        if not self.lots[size]:
            raise Refusal("not_positive")
        return self.priced(price), self.sized(size)

    def best(self, price: str | bytes, size: str | bytes) -> tuple[float, float]:
        """Price and size of the best level; both 0 where nothing stands there, whatever the price says."""
        return (self.priced(price), self.sized(size)) if size and self.lots[size] else (0.0, 0.0)

    def top(self, ticks: int, lots: int) -> tuple[float, float]:
        """The same of whole ticks and lots."""
        return ticks * self._tick[0] / self._tick[1], lots * self._lot[0] / self._lot[1]

    def quote(self, ts: Nanos, recv_ns: Nanos, bid: tuple[float, float], ask: tuple[float, float]) -> Quote:
        """Best bid and ask, each a price and a size."""
        if bid[1] and ask[1] and bid[0] >= ask[0]:
            raise Refusal("crossed")
        return Quote(ts, recv_ns, self.symbol, *bid, *ask)


class Reader(Protocol):
    """Knows the messages of one venue. Raises `Refusal` or one of msgspec's errors for a bad frame."""

    @property
    def wanted(self) -> Wanted:
        """What it was told to read."""
        ...

    def read(self, frame: Frame, recv_ns: Nanos, /) -> Sequence[Said]:
        """What the frame says, nothing where it says nothing that is wanted."""
        ...


class Parser:
    """Reads the frames of one instrument of one venue.

    A frame is taken whole or not at all. A refused one is counted in `refused` under its reason; where it
    may have been the book's, a `Lost` stands in its place, since a book that misses a change is wrong. A
    frame of another instrument or kind is counted in `wanted.passed` and otherwise nothing.

    The only other memory is what `Steps` remembers, the connection's number at Coinbase, and the price and
    the size that lay off the grid by most decimals.
    """

    __slots__ = ("_reader", "misfits", "refused")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.refused: dict[str, int] = {}
        """How many frames were refused, by reason."""
        self.misfits: dict[str, Misfit] = {}
        """What was off the grid, by its name: of all refused the one that needs the finest steps."""

    @property
    def wanted(self) -> Wanted:
        """What it reads, and what it passed over."""
        return self._reader.wanted

    def parse(self, frame: Frame, recv_ns: Nanos) -> Sequence[Said]:
        """What `frame`, received at `recv_ns`, says. Never raises."""
        self._reader.wanted.reading = None
        try:
            return self._reader.read(frame, recv_ns)
        except Refusal as refusal:
            if refusal.misfit is not None:
                self._remember(refusal.misfit)
            return self.refuse(refusal.reason, recv_ns)
        except msgspec.ValidationError:
            return self.refuse("wrong_type", recv_ns)
        except msgspec.DecodeError:
            return self.refuse("broken_json", recv_ns)
        except UnicodeError:
            return self.refuse("not_utf8", recv_ns)
        except RecursionError:
            return self.refuse("nested_too_deep", recv_ns)

    def _remember(self, misfit: Misfit) -> None:
        known = self.misfits.get(misfit.name)
        if known is None or misfit.fits < known.fits:
            self.misfits[misfit.name] = misfit

    def refuse(self, reason: str, recv_ns: Nanos) -> Sequence[Said]:
        """Count the frame that was parsed last as refused, for a reason that only the caller could see."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
        wanted = self._reader.wanted
        if "depth" in wanted.kinds and wanted.reading in {None, "depth"}:
            return (Lost(recv_ns, reason),)
        return ()
