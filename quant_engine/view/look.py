"""Opens the declared streams of a symbol and lets them be known up to a moment, as a run would."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

import msgspec

from quant_channels.options.chain_fit import fit_chain
from quant_contracts.blocks import BLOCK_ROWS
from quant_contracts.duration import parse_interval, time_name
from quant_contracts.errors import ConfigError, DataError, nearest
from quant_contracts.events import Document, Quote, Surface, Trade
from quant_contracts.protocols import QualityRow, StreamFeed, StreamHandler
from quant_contracts.strategy import DataSpec, StreamSpec
from quant_contracts.units import DAY, HOUR, MINUTE, Nanos
from quant_contracts.views import Book, DocumentsView, OptionChain, QuotesView, Seen, TradesView
from quant_daemon.registry import Registry
from quant_daemon.stream_loader import StreamLoader
from quant_engine.view.sight import (
    OptionsSight,
    Sight,
    StreamState,
    TradesSight,
    book_sight,
    options_sight,
    sentiment_sight,
)

PICTURES: Final = {
    "book": ("orderbook",),
    "trades": ("trades", "quotes"),
    "surface": ("options", "surface"),
    "sentiment": ("sentiment",),
}
"""Which streams each picture shows; it needs one of them."""

WINDOWS: Final[dict[str, Nanos]] = {
    "orderbook": HOUR,
    "trades": 15 * MINUTE,
    "quotes": 15 * MINUTE,
    "options": HOUR,
    "surface": HOUR,
    "sentiment": 2 * DAY,
}
"""How long before the moment a stream is read from. One of which nothing became known in that time is read
from its beginning."""

AFTERWARDS: Final = 5
"""Trades are shown for a fifth of the window after the moment, marked as what nobody could know."""
MOST_AFTER: Final = 20_000

LONGEST_SILENCE: Final[Nanos] = DAY
"""A moment this long after everything there is lies outside the data."""


class Look(msgspec.Struct, frozen=True):
    """What there is to be seen, and what was found wrong in the rows that were read for it."""

    sight: Sight
    quality: tuple[tuple[str, QualityRow], ...]
    """Each finding with the stream it is of."""


class _Opened(msgspec.Struct, frozen=True):
    """One stream as of the moment."""

    handler: StreamHandler
    feed: StreamFeed
    seen: Seen | None
    state: StreamState


def chosen_streams(symbol: str, data: DataSpec, pictures: Sequence[str]) -> tuple[str, ...]:
    """The declared streams that `pictures` show; ConfigError where one of them has none."""
    declared = data.streams
    if not declared:
        raise ConfigError(f"{symbol}: no stream is declared beside its bars; there is nothing to look at")
    found: list[str] = []
    for picture in pictures:
        domains = [domain for domain in PICTURES[picture] if domain in declared]
        if not domains:
            raise ConfigError(
                f"{symbol}: a picture of the {picture} needs a stream of {' or '.join(PICTURES[picture])}; "
                f"declared: {', '.join(declared)}"
            )
        found += domains
    return tuple(found)


def declared_pictures(data: DataSpec) -> tuple[str, ...]:
    """The pictures that the declared streams allow."""
    return tuple(
        name for name, domains in PICTURES.items() if any(domain in data.streams for domain in domains)
    )


def look(
    symbol: str,
    data: DataSpec,
    at: Nanos,
    domains: Sequence[str],
    *,
    window: Nanos | None = None,
    registry: Registry | None = None,
) -> Look:
    """What a run would see of `domains` at `at`; DataError where that lies outside their data.

    `window` replaces `WINDOWS` where trades and documents are drawn over time.
    """
    registry = registry or Registry()
    opened = {domain: _open(registry, symbol, data, domain, at, window) for domain in domains}
    _require_data(registry, symbol, data, at, opened)
    seen = {domain: one.seen for domain, one in opened.items()}
    book, documents = seen.get("orderbook"), seen.get("sentiment")
    since = at - (window or WINDOWS["sentiment"])
    sight = Sight(
        symbol,
        at,
        tuple(one.state for one in opened.values()),
        book_sight(book) if isinstance(book, Book) else None,
        _trades(opened, at, window or WINDOWS["trades"]),
        _options(seen, at),
        sentiment_sight(_known_since(documents, since), since, at)
        if isinstance(documents, DocumentsView)
        else None,
    )
    return Look(sight, tuple((domain, row) for domain, one in opened.items() for row in one.feed.quality()))


def _open(
    registry: Registry, symbol: str, data: DataSpec, domain: str, at: Nanos, window: Nanos | None
) -> _Opened:
    back = max(window or 0, WINDOWS[domain])
    until = at + (window or WINDOWS[domain]) // AFTERWARDS if domain == "trades" else at
    handler, feed = _shell(registry, symbol, data, domain)
    try:
        handler.load_history(at - back, until, BLOCK_ROWS)
        handler.advance(at)
        is_found = handler.last_known is not None
    except DataError:
        is_found = False
    if not is_found:
        # Nothing in so short a time is no news; what is wrong with the data is found again from the start.
        handler, feed = _shell(registry, symbol, data, domain)
        handler.load_history(None, until, BLOCK_ROWS)
        handler.advance(at)
    spec = data.streams[domain]
    max_age = None if spec.max_age is None else parse_interval(spec.max_age)
    state, reason = handler.freshness(at, max_age)
    settings = ", ".join(f"{name}={value}" for name, value in spec.source.params.items())
    source = f"{spec.source.name}({settings})"
    return _Opened(
        handler,
        feed,
        handler.observe(at - back, at),
        StreamState(domain, state, reason, handler.last_known, spec.max_age, source),
    )


def _shell(registry: Registry, symbol: str, data: DataSpec, domain: str) -> tuple[StreamHandler, StreamFeed]:
    for stream in StreamLoader(registry, {symbol: data}).streams(every_declared=True):
        if stream.handler.domain == domain:
            return stream.handler, stream.feed
    raise ConfigError(f"{symbol}: {domain} is not declared; {nearest(domain, data.streams)}")


def _require_data(
    registry: Registry, symbol: str, data: DataSpec, at: Nanos, opened: dict[str, _Opened]
) -> None:
    """Refuse a moment before the first row of every stream, or long after the last."""
    known = {domain: one.state.last_known for domain, one in opened.items()}
    last = {domain: ts for domain, ts in known.items() if ts is not None}
    if not last:
        begins: list[str] = []
        for domain in opened:
            _, feed = _shell(registry, symbol, data, domain)
            first = next(feed.blocks(None, None, 1), None)
            begin = "nothing" if first is None else f"from {time_name(first.ts_known.item(0))} on"
            begins.append(f"{domain} {begin}")
        raise DataError(f"{symbol}: nothing was known at {time_name(at)}; there is {', '.join(begins)}")
    newest = max(last, key=lambda domain: last[domain])
    if at - last[newest] > LONGEST_SILENCE:
        raise DataError(
            f"{symbol}: nothing became known in the day before {time_name(at)}; the last was its {newest} at "
            f"{time_name(last[newest])}"
        )


def _trades(opened: dict[str, _Opened], at: Nanos, window: Nanos) -> TradesSight | None:
    trades, quotes = opened.get("trades"), opened.get("quotes")
    since, until = at - window, at + window // AFTERWARDS
    before: tuple[Trade, ...] = ()
    after: list[Trade] = []
    is_whole = True
    if trades is not None and isinstance(trades.seen, TradesView):
        before = tuple(trade for trade in trades.seen.trades.events() if trade.ts_known > since)
        is_whole = trades.seen.is_whole
        later = islice(trades.handler.read(until), MOST_AFTER)
        after = [event for event in later if isinstance(event, Trade)]
    changes: tuple[Quote, ...] = ()
    if quotes is not None and isinstance(quotes.seen, QuotesView):
        changes = tuple(quote for quote in quotes.seen.quotes.events() if quote.ts_known > since)
    if not before and not after and not changes:
        return None
    return TradesSight(since, until, before, tuple(after), changes, is_whole)


def _options(seen: dict[str, Seen | None], at: Nanos) -> OptionsSight | None:
    chain, surface = seen.get("options"), seen.get("surface")
    if not isinstance(chain, OptionChain):
        chain = None
    if not isinstance(surface, Surface):
        surface = None
    origin = ""
    if surface is None and "surface" not in seen and chain is not None:
        # Without the extra there is no curve, and the page says how to get one.
        with suppress(ConfigError):
            surface, origin = fit_chain(chain), "here"
    return None if chain is None and surface is None else options_sight(chain, surface, at, origin)


def _known_since(view: DocumentsView, since: Nanos) -> list[Document]:
    return [document for document in view.documents if document.ts_known > since]


def stream_of(domain: str, source: StreamSpec) -> DataSpec:
    """A description of nothing but one stream."""
    return msgspec.structs.replace(DataSpec(), **{domain: source})
