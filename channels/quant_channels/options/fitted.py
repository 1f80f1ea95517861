"""Surfaces that are fitted to a stream of option quotes as it goes by."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import numpy as np

from quant_channels.options.calibrate import PARAMETERS
from quant_channels.options.chain_fit import fit_chain
from quant_channels.options.handler import OptionChainDataHandler
from quant_channels.options.quotes import Source
from quant_channels.options.surface import Model
from quant_channels.streams.findings import Findings
from quant_contracts.blocks import ChainBlock, EventBlock
from quant_contracts.duration import Length, parse_interval
from quant_contracts.errors import LifecycleError
from quant_contracts.events import Surface
from quant_contracts.protocols import QualityRow, SourceInfo, StreamFeed
from quant_contracts.units import Fraction, Nanos


class FittedSurfaceFeed(msgspec.Struct, dict=True, forbid_unknown_fields=True):
    """A surface at every multiple of `refit` since the epoch before which a quote came.

    It is fitted to the chain as of that moment, and known at it. Where no quote came since the last multiple
    there is no new surface: the last one ages. Where nothing can be fitted the surface has no slices, and the
    expiries stand in `refused` with their reasons. Fitting needs the extra `options`.
    """

    domain: str
    symbol: str
    model: Model = "ssvi"
    """ssvi, sabr or svi."""
    refit: Length = "5m"
    """How often, such as 5m; the cost of a fit is some 10 ms."""
    source: Source = "quotes"
    """`quotes` fits the middle of bid and ask, weighed by their spread; `mark` the venue's own price."""
    min_quotes: int = 5
    """An expiry with fewer usable quotes is refused."""
    poor_fit: float = 2.0
    """An expiry with a median error above this many volatility points is flagged."""
    beta: Fraction = 1.0
    """Of sabr, held: 0 is normal, 1 log-normal."""
    rate: Fraction = 0.0
    """Interest a year that premiums are discounted with."""
    max_contracts: int = 20_000
    """As of `OptionChainDataHandler`, as is the next."""
    max_quote_age: Length | None = None
    venue: str = ""
    """Not used, as are tick and lot: all there is comes from the options."""
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")

    def __post_init__(self) -> None:
        if self.domain != "surface":
            raise ValueError(f"a fitted surface serves the domain surface, not {self.domain}")
        if self.model not in PARAMETERS:
            raise ValueError(f"model must be one of {', '.join(PARAMETERS)}, not {self.model!r}")
        if self.min_quotes < 1:
            raise ValueError(f"min_quotes must be 1 or more, not {self.min_quotes}")
        if not 0.0 < self.poor_fit < math.inf:
            raise ValueError(f"poor_fit must be above 0 volatility points, not {self.poor_fit}")
        if not 0.0 <= self.beta <= 1.0:
            raise ValueError(f"beta must be from 0 to 1, not {self.beta}")
        if not -1.0 < self.rate < 1.0:
            raise ValueError(f"rate must be a fraction a year such as 0.03, not {self.rate}")
        self._refit = parse_interval(self.refit)
        self._options: StreamFeed | None = None
        self._found = Findings(self.symbol)

    @property
    def derives_from(self) -> str:
        return "options"

    def derive(self, feed: StreamFeed, /) -> None:
        self._options = feed
        # Refused here rather than at the first fit.
        self._handler()

    def blocks(self, start: Nanos | None, end: Nanos | None, rows: int, /) -> Iterator[EventBlock[Surface]]:
        self._found = Findings(self.symbol)
        handler = self._handler()
        waiting: Nanos | None = None
        for block in self._source().blocks(start, end, rows):
            # A feed of options delivers no other blocks.
            assert isinstance(block, ChainBlock)
            for moment, part in self._by_moment(block):
                if waiting is not None and moment > waiting:
                    yield from self._fitted(handler, waiting, start, end)
                waiting = moment
                handler.absorb(part)
        if waiting is not None:
            yield from self._fitted(handler, waiting, start, end)

    def _by_moment(self, block: ChainBlock) -> Iterator[tuple[Nanos, ChainBlock]]:
        """The rows of a block by the first refit that may read them: at the moment itself they are known."""
        moments = -(-block.known // self._refit) * self._refit
        cuts = (np.flatnonzero(np.diff(moments)) + 1).tolist()
        for first, stop in zip([0, *cuts], [*cuts, len(block)], strict=True):
            yield moments.item(first), block.slice(first, stop)

    def _fitted(
        self, handler: OptionChainDataHandler, moment: Nanos, start: Nanos | None, end: Nanos | None
    ) -> Iterator[EventBlock[Surface]]:
        """The surface of `moment` in a block of its own: it is not fitted before it is asked for."""
        if (start is not None and moment < start) or (end is not None and moment > end):
            return
        chain = handler.observe(0, moment)
        if chain is None:
            return
        surface = fit_chain(
            chain,
            self.model,
            source=self.source,
            rate=self.rate,
            min_quotes=self.min_quotes,
            poor_fit=self.poor_fit,
            beta=self.beta,
        )
        if not surface.slices:
            self._found.add("no_surface", 1, "no expiry could be fitted", first_ts=moment)
        for one in surface.refused:
            self._found.add(
                f"refused_{one.flags[0]}", 1, "an expiry that could not be fitted", first_ts=moment
            )
        for one in surface.slices:
            for flag in one.flags:
                self._found.add(f"flagged_{flag}", 1, "a fitted expiry with this flag", first_ts=moment)
        yield EventBlock(self.symbol, (surface,))

    def info(self) -> SourceInfo:
        source = self._source().info()
        settings = msgspec.json.encode([source.sha256, msgspec.to_builtins(self)])
        name = f"{self.model} fitted every {self.refit} to {source.name}"
        return SourceInfo(name, hashlib.sha256(settings).hexdigest())

    def quality(self) -> tuple[QualityRow, ...]:
        return self._found.table()

    def _handler(self) -> OptionChainDataHandler:
        return OptionChainDataHandler(self._source(), self.max_contracts, self.max_quote_age)

    def _source(self) -> StreamFeed:
        if self._options is None:
            raise LifecycleError(f"{self.symbol} surface: derive must be called with the feed of its options")
        return self._options
