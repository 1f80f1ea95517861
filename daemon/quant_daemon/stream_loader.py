"""Builds the declared streams beside the bars: their feeds, their handlers, and who watches which."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from quant_contracts.config import naming
from quant_contracts.convert import convert
from quant_contracts.duration import parse_interval
from quant_contracts.errors import ConfigError, nearest
from quant_contracts.protocols import AnyChannel, DerivedFeed, StreamFeed, StreamHandler
from quant_contracts.strategy import DOMAINS, DataSpec, StreamSpec
from quant_contracts.units import Nanos
from quant_daemon.extractor import stream_keys
from quant_daemon.registry import Registry
from quant_daemon.streams import DeclaredStream, StreamKey, Watch, WatchedStream


class StreamLoader:
    """Makes each declared stream once, so that every declaration is checked. Opens nothing."""

    def __init__(self, registry: Registry, data: Mapping[str, DataSpec]) -> None:
        self._registry = registry
        self._data = data
        self._declared: dict[StreamKey, DeclaredStream] = {
            (domain, symbol): self._made(symbol, domain, stream)
            for symbol, spec in data.items()
            for domain, stream in spec.streams.items()
        }
        self._read: dict[StreamKey, DeclaredStream] = {}

    @property
    def feeds(self) -> dict[str, StreamFeed]:
        """The feeds of the streams that are read, by the name under which the manifest knows them."""
        return {stream.key: stream.feed for stream in self._read.values()}

    def watch(self, symbol: str, channels: Sequence[AnyChannel], path: str) -> Watch | None:
        """What `channels` of `symbol` read beside bars, None where that is nothing."""
        watched: dict[StreamKey, WatchedStream] = {}
        for channel in channels:
            for key in stream_keys(symbol, channel):
                if key not in watched:
                    watched[key] = self._watched(symbol, key, f"{path} ({type(channel).__name__})")
        return Watch(symbol, watched) if watched else None

    def streams(self, *, every_declared: bool) -> list[DeclaredStream]:
        """The streams that are read, or all that are declared, in the order of one moment's events."""
        if every_declared:
            for symbol, spec in self._data.items():
                for domain in spec.streams:
                    self._stream((domain, symbol))
        order = [(domain, symbol) for domain in DOMAINS for symbol in self._data]
        return [self._read[key] for key in order if key in self._read]

    def _watched(self, reader: str, key: StreamKey, path: str) -> WatchedStream:
        domain, symbol = key
        if symbol not in self._data:
            raise ConfigError(
                f"{path}: reads the {domain} of {symbol}, which is not declared in $.data; "
                f"{nearest(symbol, self._data)}"
            )
        if domain not in DOMAINS:
            raise ConfigError(f"{path}: reads {domain!r}, which is no domain; {nearest(domain, DOMAINS)}")
        spec = self._data[symbol].streams.get(domain)
        if spec is None:
            raise ConfigError(
                f"{path}: reads the {domain} of {symbol}; declare where they come from: "
                f'"data": {{"{symbol}": {{"{domain}": {{"source": {{"class": ...}}}}}}}}'
            )
        name = domain if symbol == reader else f"{domain} of {symbol}"
        stream = self._stream(key)
        return WatchedStream(name, stream.handler, stream.max_age, spec.when_stale)

    def _stream(self, key: StreamKey) -> DeclaredStream:
        """A stream that somebody reads."""
        return self._read.setdefault(key, self._declared[key])

    def _made(self, symbol: str, domain: str, spec: StreamSpec) -> DeclaredStream:
        path = f"$.data.{symbol}.{domain}"
        feed = self._feed(symbol, domain, spec)
        handler = self._handler(domain, feed, spec.handler, f"{path}.handler")
        max_age = _length(f"{path}.max_age", spec.max_age)
        return DeclaredStream(feed, handler, _length(f"{path}.lookback", spec.lookback) or 0, max_age)

    def _feed(self, symbol: str, domain: str, spec: StreamSpec) -> StreamFeed:
        data, path = self._data[symbol], f"$.data.{symbol}.{domain}.source"
        common = {
            "domain": domain,
            "symbol": symbol,
            "venue": data.venue,
            "tick": str(data.tick),
            "lot": str(data.lot),
        }
        for name in ("domain", "symbol"):
            if name in spec.source.params:
                raise ConfigError(f"{path}: {name!r} follows from where it is declared; leave it out")
        params = {**common, **spec.source.params}
        feed: StreamFeed = self._registry.build("streams", spec.source.name, params, path)
        if isinstance(feed, DerivedFeed):
            source = data.streams.get(feed.derives_from)
            if source is None or feed.derives_from == domain:
                raise ConfigError(
                    f"{path}: {spec.source.name} is made from the {feed.derives_from} of {symbol}, "
                    f"which are not declared; add {feed.derives_from!r} to $.data.{symbol}"
                )
            feed.derive(self._feed(symbol, feed.derives_from, source))
        return feed

    def _handler(
        self, domain: str, feed: StreamFeed, settings: Mapping[str, Any], path: str
    ) -> StreamHandler:
        kind = self._registry.find("stream_handlers", domain, path)
        try:
            parameters = inspect.signature(kind, eval_str=True).parameters
        except NameError as error:
            raise ConfigError(
                f"{path}: {kind.__name__} does not say of what types its settings are: {error}; "
                "import what its annotations name outside of TYPE_CHECKING"
            ) from None
        known = list(parameters)[1:]
        for name, value in settings.items():
            if name not in known:
                raise ConfigError(f"{path}: unknown setting {name!r}; {nearest(name, known)}")
            if parameters[name].annotation is not inspect.Parameter.empty:
                convert(value, parameters[name].annotation, f"{path}.{name}")
        with naming(path):
            handler: StreamHandler = kind(feed, **settings)
        return handler


def _length(path: str, text: str | None) -> Nanos | None:
    with naming(path):
        return None if text is None else parse_interval(text)
