"""What is there to be seen of each stream at one moment, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from quant_channels.options.chain_fit import expiry_quotes
from quant_channels.options.implied import implied_vols
from quant_channels.options.pricing import YEAR
from quant_channels.options.surface_event import surface_fit
from quant_channels.sentiment.standing import Standing
from quant_channels.sentiment.text.fusion import Fusion, Probabilities
from quant_contracts.events import Document, Freshness, Quote, Surface, Trade
from quant_contracts.events.options import Premium
from quant_contracts.units import DAY, HOUR, Fraction, Nanos, Price, Quantity, Side
from quant_contracts.views import Book, ExpiryChain, OptionChain

CURVE_POINTS: Final = 81
HALF_LIFE: Final[Nanos] = 6 * HOUR
"""Of the score that is drawn: the default of `SentimentScore`."""
LINE_POINTS: Final = 240
BEYOND: Final = 0.15
"""How far a curve is drawn beyond the quotes it was fitted to, as a share of their range."""


class StreamState(msgspec.Struct, frozen=True):
    """One stream at the moment: how far it is to be trusted, and where it comes from."""

    domain: str
    state: Freshness
    reason: str
    """Why it is not fresh; empty where it is."""
    last_known: Nanos | None
    max_age: str | None
    source: str


class BookSight(msgspec.Struct, frozen=True):
    """The book as a part would be handed it."""

    sequence: int
    ts_known: Nanos
    bids: tuple[tuple[Price, Quantity], ...]
    """Best first, as are the asks."""
    asks: tuple[tuple[Price, Quantity], ...]
    bids_below: int
    asks_above: int

    @property
    def mid(self) -> Price:
        """Half-way between best bid and best ask."""
        return (self.bids[0][0] + self.asks[0][0]) / 2

    @property
    def spread(self) -> Price:
        """Best ask less best bid."""
        return self.asks[0][0] - self.bids[0][0]


class TradesSight(msgspec.Struct, frozen=True):
    """Trades and best prices before the moment, and what came after it."""

    since: Nanos
    until: Nanos
    before: tuple[Trade, ...]
    """What was known at the moment, as are `quotes`."""
    after: tuple[Trade, ...]
    """What became known later: nothing that a run could have seen."""
    quotes: tuple[Quote, ...]
    is_whole: bool
    """False where trades in between were missed or are no longer kept."""


class VolPoint(msgspec.Struct, frozen=True):
    """The volatilities of the option out of the money at one strike; None where a price implies none."""

    strike: Price
    side: Side
    """+1 for a call, -1 for a put."""
    bid: Fraction | None
    ask: Fraction | None
    mark: Fraction | None
    """Of the venue's price, or the volatility that the venue names."""


class ExpirySight(msgspec.Struct, frozen=True):
    """One expiry: what is quoted, and the curve through it."""

    expiry: Nanos
    days: float
    forward: Price
    """0 where nobody tells it."""
    points: tuple[VolPoint, ...]
    curve: tuple[tuple[Price, Fraction], ...] = ()
    """Strike and fitted volatility; empty where nothing was fitted."""
    fitted_from: Price = 0.0
    """The quotes used were from this strike ..."""
    fitted_to: Price = 0.0
    """... to this one."""
    atm_vol: Fraction | None = None
    median_error: Fraction | None = None
    within_spread: Fraction | None = None
    used: int = 0
    offered: int = 0
    flags: tuple[str, ...] = ()
    is_refused: bool = False


class OptionsSight(msgspec.Struct, frozen=True):
    """The chain and the surface."""

    expiries: tuple[ExpirySight, ...]
    model: str = ""
    """Of the surface; empty where there is none."""
    origin: str = ""
    """`fitted` or `stored` where a surface was declared, `here` where it was fitted for this page."""
    surface_known: Nanos | None = None
    median_error: Fraction | None = None
    coverage: Fraction | None = None


class Scored(msgspec.Struct, frozen=True):
    """A document with the score that its models came to."""

    document: Document
    score: float | None
    """From -1 to 1; None where no model spoke."""


class SentimentSight(msgspec.Struct, frozen=True):
    """Documents up to the moment."""

    since: Nanos
    until: Nanos
    documents: tuple[Scored, ...]
    """In the order in which they became known, each in the last version known at the moment."""
    half_life: Nanos
    line: tuple[tuple[Nanos, float], ...]
    """What the channel `SentimentScore` makes of them, as it was known at each time."""


class Sight(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that a page shows."""

    symbol: str
    at: Nanos
    streams: tuple[StreamState, ...]
    book: BookSight | None = None
    trades: TradesSight | None = None
    options: OptionsSight | None = None
    sentiment: SentimentSight | None = None


def book_sight(book: Book) -> BookSight:
    """The sealed levels of a book."""
    return BookSight(
        book.sequence,
        book.ts_known,
        tuple(zip(book.bid_prices.tolist(), book.bid_sizes.tolist(), strict=True)),
        tuple(zip(book.ask_prices.tolist(), book.ask_sizes.tolist(), strict=True)),
        book.bids_below,
        book.asks_above,
    )


def options_sight(chain: OptionChain | None, surface: Surface | None, at: Nanos, origin: str) -> OptionsSight:
    """Quotes of `chain` as volatilities at the moment, and the curves of `surface`; either may be absent."""
    found: dict[Nanos, ExpirySight] = {}
    if chain is not None:
        found = {each.expiry: _expiry_sight(each, at, chain.premium) for each in chain.expiries}
    if surface is None:
        return OptionsSight(tuple(found.values()))
    fit = surface_fit(surface)
    for place, one in enumerate(surface.slices):
        seen = found.get(one.expiry) or ExpirySight(one.expiry, (one.expiry - at) / DAY, one.forward, ())
        margin = BEYOND * (one.highest_k - one.lowest_k) or BEYOND
        k = np.linspace(one.lowest_k - margin, one.highest_k + margin, CURVE_POINTS)
        vol = np.sqrt(np.maximum(fit.smile(place).total_variance(k), 0.0) / one.years)
        found[one.expiry] = msgspec.structs.replace(
            seen,
            curve=tuple(zip((one.forward * np.exp(k)).tolist(), vol.tolist(), strict=True)),
            fitted_from=one.forward * math.exp(one.lowest_k),
            fitted_to=one.forward * math.exp(one.highest_k),
            atm_vol=fit.slices[place].atm_vol,
            median_error=one.median_error,
            within_spread=one.within_spread,
            used=one.quotes,
            offered=one.offered,
            flags=one.flags,
        )
    for one in surface.refused:
        seen = found.get(one.expiry) or ExpirySight(one.expiry, (one.expiry - at) / DAY, one.forward, ())
        found[one.expiry] = msgspec.structs.replace(
            seen, used=one.quotes, offered=one.offered, flags=one.flags, is_refused=True
        )
    return OptionsSight(
        tuple(found[expiry] for expiry in sorted(found)),
        surface.model,
        origin or surface.origin,
        surface.ts_known,
        surface.median_error if surface.slices else None,
        surface.coverage,
    )


def _expiry_sight(chain: ExpiryChain, at: Nanos, premium: Premium) -> ExpirySight:
    """Quotes of one expiry, of each strike the option that is out of the money."""
    years = (chain.expiry - at) / YEAR
    quotes = expiry_quotes(chain, years, premium)
    if quotes is None:
        return ExpirySight(chain.expiry, years * 365, 0.0, ())
    is_out = quotes.is_call == (quotes.strikes >= quotes.forward)
    rows = np.flatnonzero(is_out)[np.argsort(quotes.strikes[is_out], kind="stable")]
    assert quotes.mark is not None
    prices = np.concatenate([column[rows] for column in (quotes.bid, quotes.ask, quotes.mark)])
    calls, strikes = np.tile(quotes.is_call[rows], 3), np.tile(quotes.strikes[rows], 3)
    vols = implied_vols(calls, prices, quotes.forward, strikes, years, quotes.discount).vol
    bid, ask, mark = vols.reshape(3, -1).tolist()
    points = tuple(
        VolPoint(
            quotes.strikes.item(row),
            1 if quotes.is_call.item(row) else -1,
            _number(bid[place]),
            _number(ask[place]),
            _first(chain.quotes[row].mark_iv, _number(mark[place])),
        )
        for place, row in enumerate(rows.tolist())
    )
    return ExpirySight(chain.expiry, years * 365, quotes.forward, points)


def sentiment_sight(documents: Sequence[Document], since: Nanos, until: Nanos) -> SentimentSight:
    """Documents with their scores, and the score as it moved."""
    last = {document.doc_id: document for document in documents}
    scored = tuple(
        Scored(document, _score(document)) for document in documents if last[document.doc_id] is document
    )
    return SentimentSight(since, until, scored, HALF_LIFE, _moving(documents, since, until))


def _score(document: Document) -> float | None:
    """As the models see it together."""
    if document.is_deleted or document.vader is None:
        return None
    shares = None if document.finbert is None else Probabilities(*document.finbert)
    return Fusion().fuse(document.vader, shares)


def _moving(documents: Sequence[Document], since: Nanos, until: Nanos) -> tuple[tuple[Nanos, float], ...]:
    """The score wherever a document came, and often enough in between to see it fade."""
    moments = {since + (until - since) * place // LINE_POINTS for place in range(1, LINE_POINTS + 1)}
    moments.update(document.ts_known for document in documents)
    standing = Standing(Fusion(), [HALF_LIFE])
    line: list[tuple[Nanos, float]] = []
    taken = 0
    for moment in sorted(moments):
        while taken < len(documents) and documents[taken].ts_known <= moment:
            standing.take(documents[taken : taken + 1])
            taken += 1
        if standing.last is not None:
            line.append((moment, standing.averages[0].faded(moment)))
    return tuple(line)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _first(value: float | None, other: float | None) -> float | None:
    return other if value is None else value
